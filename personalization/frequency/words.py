"""Limits in plain words, from the values of a published payload. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

Payload = Mapping[str, Any]

NO_LIMIT = "As often as the rule matches."
#: How long ago at most, with a duration in words.
AGO = "less than {} ago"
ONE = {"minutes": "a minute", "hours": "an hour", "days": "a day"}


def window_words(unit: str, length: int) -> str:
    """A duration as people say it.

    >>> window_words("days", 7), window_words("days", 3), window_words("hours", 1)
    ('a week', '3 days', 'an hour')
    >>> window_words("visit", 1), window_words("ever", 1)
    ('a visit', 'ever')
    """
    if unit in ("visit", "ever"):
        return "a visit" if unit == "visit" else "ever"
    if (unit, length) == ("days", 7):
        return "a week"
    return ONE[unit] if length == 1 else f"{length} {unit}"


def often_words(count: int, unit: str, length: int) -> str:
    """At most so often.

    >>> often_words(3, "days", 7), often_words(1, "visit", 1), often_words(2, "hours", 6)
    ('at most 3 times a week', 'at most once a visit', 'at most twice in 6 hours')
    >>> often_words(1, "ever", 1)
    'at most once ever'
    """
    times = {1: "once", 2: "twice"}.get(count, f"{count} times")
    words = window_words(unit, length)
    within = words if words.startswith("a") or unit == "ever" else f"in {words}"
    return f"at most {times} {within}"


def frequency_sentence(frequency: Payload, groups: Payload = {}) -> str:  # noqa: B006, read only
    """A campaign's limits as one sentence; `groups` are the payload's exclusion groups.

    >>> frequency_sentence({"cap": {"count": 3, "unit": "days", "length": 7}, "after_dismissal": 7})
    "At most 3 times a week, 7 days' pause after it was dismissed."
    """
    parts = list(_parts(frequency, groups))
    if not parts:
        return NO_LIMIT
    sentence = ", ".join(parts)
    return sentence[0].upper() + sentence[1:] + "."


def _parts(frequency: Payload, groups: Payload) -> Iterator[str]:
    if cap := frequency.get("cap"):
        yield often_words(cap["count"], cap["unit"], cap["length"])
    if days := frequency.get("after_dismissal"):
        yield f"{_days(days)} pause after it was dismissed"
    if days := frequency.get("after_click"):
        yield f"{_days(days)} pause after it was clicked"
    if after := frequency.get("after_event"):
        yield f"{_days(after[1])} pause after “{after[0].replace('_', ' ')}”"
    if number := frequency.get("group"):
        group = groups.get(str(number), {"name": "no longer there"})
        yield f"never with another of “{group['name']}”"
    if capacity := frequency.get("capacity"):
        yield places_words(capacity["count"], capacity["counted"], capacity["per"])
    if reason := frequency.get("exempt"):
        yield f"outside the pressure budget ({reason})"


def places_words(count: int, counted: str, per: str) -> str:
    """How many it may be given to, all together.

    >>> places_words(500, "visitors", "ever"), places_words(1, "visitors", "day")
    ('for the first 500 visitors', 'for the first visitor of each day')
    >>> places_words(1000, "exposures", "day")
    'for the first 1,000 exposures of each day'
    """
    number = f"first {counted[:-1]}" if count == 1 else f"first {count:,} {counted}"
    return f"for the {number}{' of each day' if per == 'day' else ''}"


def _days(count: int) -> str:
    return "1 day's" if count == 1 else f"{count} days'"


def group_sentence(group: Payload) -> str:
    """What an exclusion group does.

    >>> group_sentence({"unit": "days", "length": 7})
    'Whoever was shown one of them is shown no other within a week.'
    """
    within = {"visit": "in the same visit", "ever": "ever after"}
    words = window_words(group["unit"], group["length"])
    after = within.get(group["unit"], f"within {words}")
    return f"Whoever was shown one of them is shown no other {after}."


def budget_sentence(budget: Payload | None) -> str:
    """What a visitor may be shown in all.

    >>> budget_sentence({"count": 5, "unit": "days", "length": 1}), budget_sentence(None)
    ('at most 5 times a day', 'no budget')
    """
    return often_words(budget["count"], budget["unit"], budget["length"]) if budget else "no budget"


def limit_changes(before: Payload, after: Payload) -> Iterator[str]:
    """What changed in the limits that several campaigns share, in sentences."""
    old, new = before.get("exclusion_groups", {}), after.get("exclusion_groups", {})
    for key in sorted(old.keys() | new.keys(), key=int):
        if key not in old:
            yield f"Exclusion group “{new[key]['name']}” added. {group_sentence(new[key])}"
        elif key not in new:
            yield f"Exclusion group “{old[key]['name']}” removed."
        elif _group_facts(old[key]) != _group_facts(new[key]):
            yield f"Exclusion group “{new[key]['name']}” changed. {group_sentence(new[key])}"
    budgets = [budget_sentence(payload.get("pressure_budget")) for payload in (before, after)]
    if budgets[0] != budgets[1]:
        yield f"Pressure budget of a visitor: {budgets[0]} → {budgets[1]}"


def _group_facts(group: Payload) -> tuple[Any, ...]:
    """Without its campaigns, which say so themselves."""
    return group["name"], group["unit"], group["length"]
