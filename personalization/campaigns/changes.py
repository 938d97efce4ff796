"""What changed from one version to the next, of all rules or of one campaign, in words. Pure."""

import re
from collections.abc import Callable, Iterator, Mapping
from html import unescape
from typing import Any

from personalization.campaigns.zones import instant_text
from personalization.frequency.words import frequency_sentence, limit_changes
from personalization.rule_form.words import rule_sentence
from personalization.rules.tree import RuleError, rule_parse, rule_same

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


def _campaigns(payload: Payload) -> dict[int, dict[str, Any]]:
    """The campaigns of a payload by id, with the names of what they refer to."""
    groups = payload.get("exclusion_groups", {})
    found = {}
    for slot in payload["slots"]:
        for campaign in slot["campaigns"]:
            limits = campaign.get("frequency", {})
            group = groups.get(str(limits.get("group")), {}).get("name", "")
            shown = {"zone": "UTC", **campaign, "frequency": limits, "group_name": group}
            found[campaign["id"]] = {**shown, "slot": slot["name"]}
    return found


def _fields_changed(old: Payload, new: Payload, variants: Payload) -> Iterator[str]:
    def say(key: str, campaign: Payload) -> str:
        if key == "variant":
            return _headline(variants, campaign["variant"])
        return str(campaign["slot"]) if key == "slot" else _say(key, campaign)

    for label, was, now in _differences(old, new, say):
        yield f"“{new['name']}”, {label}: {was} → {now}"


def campaign_changes(before: Payload | None, after: Payload) -> list[str]:
    """The differences of two versions of a campaign (campaigns.versions), in order."""
    if before is None:
        return []
    said = [f"{_upper(label)}: {was} → {now}" for label, was, now in _differences(before, after)]
    if before["variant"] == after["variant"]:
        said += content_changes(before["content"], after["content"])
    return said


def content_changes(before: Payload, after: Payload) -> list[str]:
    """What was edited in what a variant shows.

    >>> content_changes({"headline": "Hello", "text": ""}, {"headline": "Hi", "text": "You."})
    ['Headline: “Hello” → “Hi”', 'Text: nothing → “You.”']
    """
    return [
        f"{_upper(CONTENT_LABELS.get(key, key.replace('_', ' ')))}: "
        f"{_quoted(before.get(key, ''))} → {_quoted(after.get(key, ''))}"
        for key in after
        if before.get(key, "") != after[key]
    ]


def campaign_lines(payload: Payload) -> list[tuple[str, str]]:
    """Everything a version says, as (label, words)."""
    return [
        (_upper(_label(key)), _say(key, payload)) for key in _in_order(payload) if key not in _INNER
    ]


def _differences(
    before: Payload, after: Payload, say: Callable[[str, Payload], str] | None = None
) -> Iterator[tuple[str, str, str]]:
    """(label, was, now) of each field that differs; `say` puts a field into words."""
    words = say or _say
    for key in _in_order(after):
        is_young = key not in before and not after[key]  # younger than the version, and not used
        if key in _INNER or is_young or field_same(key, before.get(key), after[key]):
            continue
        yield _label(key), words(key, before), words(key, after)


def field_same(key: str, one: Any, other: Any) -> bool:
    """Whether a field of two versions says the same."""
    return rule_same(one, other) if key == "rule" else bool(one == other)


def _in_order(payload: Payload) -> list[str]:
    """PostgreSQL keeps the fields of a payload in no order of ours."""
    first = [key for key in ORDER if key in payload]
    return [*first, *sorted(payload.keys() - set(ORDER))]


def _label(key: str) -> str:
    return LABELS.get(key, key.replace("_", " "))


def _say(key: str, campaign: Payload) -> str:
    value = campaign.get(key)
    if key in ("starts", "ends"):
        without = "at once" if key == "starts" else "never"
        return instant_text(value, campaign.get("zone") or "UTC") if value else without
    if key == "slot":
        return str(campaign["slot_name"])
    if key == "variant":
        return f"“{campaign['content']['headline']}” ({campaign['variant_name']})"
    if key == "frequency":
        limits = value or {}
        group = {str(limits.get("group")): {"name": campaign.get("group_name") or GONE}}
        return frequency_sentence(limits, group)
    return SAYS.get(key, _plain)(value)


def rule_changes(before: Any, after: Any) -> list[str]:
    """What changed of a rule, in words: nothing, or one line."""
    return [] if rule_same(before, after) else [f"Rule: {_rule(before)} → {_rule(after)}"]


def _plain(value: Any) -> str:
    return "none" if value in (None, "") else str(value)


def _quoted(value: Any) -> str:
    return f"“{_without_tags(str(value))}”" if value else "nothing"


def _without_tags(html: str) -> str:
    """The words of a variant's HTML.

    >>> _without_tags("<p>Dig <strong>in</strong> &amp; sow</p><img src=\"bed.svg\" alt=\"a bed\">")
    'Dig in & sow [picture: a bed]'
    """
    pictures = re.sub(r'<img[^>]*?alt="([^"]*)"[^>]*>', r" [picture: \1]", html)
    return " ".join(unescape(re.sub(r"</?(?!\d)[a-z]+[^>]*>", "", pictures)).split())


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _rule(tree: Any) -> str:
    if not tree:
        return "nobody yet"
    try:
        return rule_sentence(rule_parse(tree, is_inlined=True), opens_segments=True)
    except RuleError:
        return "a rule of an older form"


#: How the fields of campaigns.versions.FIELDS are called and said; others go by their key.
ORDER = ("name", "slot", "variant", "rule", "priority", "starts", "ends", "zone", "frequency")
LABELS = {"variant": "shows", "frequency": "how often"}
GONE = "no longer there"
SAYS: dict[str, Callable[[Any], str]] = {"name": lambda value: f"“{value}”", "rule": _rule}
CONTENT_LABELS = {"eyebrow": "small line", "body": "more words", "items_from": "items"}
#: Parts of a payload that are no field of the campaign.
_INNER = frozenset({"id", "published", "slot_name", "variant_name", "group_name", "content"})


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
