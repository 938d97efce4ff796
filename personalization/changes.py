"""What changed from one published version to the next, in plain sentences. Pure."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from personalization.frequency_words import frequency_sentence, limit_changes
from personalization.rule_words import rule_sentence
from personalization.rules.tree import RuleError, rule_parse

Payload = Mapping[str, Any]


def ruleset_changes(before: Payload | None, after: Payload) -> list[str]:
    """The differences of two payloads (personalization.services.ruleset_payload), in order."""
    if before is None:
        return ["First version."]
    return [
        *_campaign_changes(before, after),
        *limit_changes(before, after),
        *_slot_changes(before, after),
        *_variant_changes(before, after),
        *_weight_changes(before, after),
        *_card_changes(before, after),
    ]


def _campaign_changes(before: Payload, after: Payload) -> Iterator[str]:
    old, new = _campaigns(before), _campaigns(after)
    for key in sorted(old.keys() | new.keys()):
        if key not in old:
            yield f"“{new[key]['name']}” went live."
        elif key not in new:
            yield f"“{old[key]['name']}” is no longer live."
        else:
            yield from _fields_changed(old[key], new[key], before["variants"] | after["variants"])
            yield from _frequency_changed(old[key], new[key], before, after)


def _campaigns(payload: Payload) -> dict[int, dict[str, Any]]:
    return {
        campaign["id"]: {**campaign, "slot": slot["name"]}
        for slot in payload["slots"]
        for campaign in slot["campaigns"]
    }


def _fields_changed(old: Payload, new: Payload, variants: Payload) -> Iterator[str]:
    name = new["name"]
    says: dict[str, Callable[[Any], str]] = {
        "name": lambda value: f"“{value}”",
        "slot": str,
        "priority": str,
        "starts": _when,
        "ends": _when,
        "rule": _rule,
        "variant": lambda value: _headline(variants, value),
    }
    for field, say in says.items():
        if old[field] != new[field]:
            label = {"rule": "rule", "variant": "shows"}.get(field, field)
            yield f"“{name}”, {label}: {say(old[field])} → {say(new[field])}"


def _frequency_changed(
    old: Payload, new: Payload, before: Payload, after: Payload
) -> Iterator[str]:
    was, now = old.get("frequency", {}), new.get("frequency", {})
    if was != now:
        sentences = (
            frequency_sentence(own, payload.get("exclusion_groups", {}))
            for own, payload in ((was, before), (now, after))
        )
        yield f"“{new['name']}”, how often: {' → '.join(sentences)}"


def _when(seconds: float | None) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M}" if seconds else "open"


def _rule(tree: Any) -> str:
    try:
        return rule_sentence(rule_parse(tree))
    except RuleError:
        return "a rule of an older form"


def _headline(variants: Payload, variant: int) -> str:
    found = variants.get(str(variant))
    return f"“{found['headline']}”" if found else "a variant since deleted"


def _slot_changes(before: Payload, after: Payload) -> Iterator[str]:
    old = {slot["key"]: slot for slot in before["slots"]}
    new = {slot["key"]: slot for slot in after["slots"]}
    for key in sorted(old.keys() | new.keys()):
        if key not in old:
            yield f"Slot “{new[key]['name']}” added."
        elif key not in new:
            yield f"Slot “{old[key]['name']}” removed."
        elif old[key]["default"] != new[key]["default"]:
            shown = _headline(after["variants"], new[key]["default"])
            yield f"Slot “{new[key]['name']}” shows {shown} by default."


def _variant_changes(before: Payload, after: Payload) -> Iterator[str]:
    """What was edited; variants come and go with campaigns and defaults, which are said already."""
    old, new = before["variants"], after["variants"]
    for key in sorted(old.keys() & new.keys(), key=int):
        fields = [name for name in new[key] if old[key].get(name) != new[key][name]]
        if fields:
            listed = ", ".join(name.replace("_", " ") for name in fields)
            yield f"Variant “{new[key]['headline']}” edited: {listed}."


def _weight_changes(before: Payload, after: Payload) -> Iterator[str]:
    old, new = before["weights"], after["weights"]
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            was, now = (
                f"{pair[0]:g}" if pair else "none" for pair in (old.get(name), new.get(name))
            )
            yield f"Weight of {name.replace('_', ' ')}: {was} → {now}"


def _card_changes(before: Payload, after: Payload) -> Iterator[str]:
    old, new = before["cards"], after["cards"]
    changed = [key for key in sorted(old.keys() & new.keys()) if old[key] != new[key]]
    if changed:
        yield f"Newest content changed: {', '.join(changed)}."
