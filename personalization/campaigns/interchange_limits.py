"""The limits of a campaign in a file of campaigns: read with an error beside each field. Pure.

As a version holds them (frequency.models.Limited.frequency), with two differences: an exclusion
group goes by its name, which is the same everywhere, and the event of a pause has named parts.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from personalization.frequency.capacity import COUNTED, DAY, MOST
from personalization.frequency.limits import CAP_LENGTH, KEPT, LONGEST, UNIT_MS

UNITS = (*UNIT_MS, "visit", "ever")
DAYS = f"Use a whole number of days from 1 to {LONGEST}."

Errors = dict[str, str]
#: Reads one field at its place, or writes an error there and returns None.
Read = Callable[[Any, str, Errors], Any]


def limits_read(given: Any, errors: Errors) -> dict[str, Any]:
    """The usable limits of a file's `frequency`; `group` is still a name."""
    found = _parts(given, "frequency", PARTS, errors)
    return {key: value for key, value in found.items() if value}


def limits_write(limits: Mapping[str, Any], group_name: str) -> dict[str, Any]:
    """Limits as a file holds them; {} for none.

    >>> limits_write({"after_event": ["purchase", 14], "group": 3}, "Sales")
    {'after_event': {'type': 'purchase', 'days': 14}, 'group': 'Sales'}
    """
    written = dict(limits)
    if "after_event" in written:
        written["after_event"] = dict(zip(("type", "days"), written["after_event"], strict=True))
    if "group" in written:
        written["group"] = group_name
    return written


def _parts(given: Any, where: str, parts: Mapping[str, Read], errors: Errors) -> dict[str, Any]:
    """The fields of an object, each read by its part; those left out or null are left out."""
    if not isinstance(given, dict):
        errors[where] = f"Use an object with any of: {', '.join(parts)}."
        return {}
    for key in sorted(set(given) - set(parts))[:5]:
        shown = "".join(c if c.isprintable() else "?" for c in key[:60])
        errors[f"{where}.{shown}"] = f"There is no such field; known are: {', '.join(parts)}."
    return {
        key: read(given[key], f"{where}.{key}", errors)
        for key, read in parts.items()
        if given.get(key) is not None
    }


def _number(most: int, says: str) -> Read:
    def read(given: Any, where: str, errors: Errors) -> int | None:
        if isinstance(given, int) and not isinstance(given, bool) and 1 <= given <= most:
            return given
        errors[where] = says
        return None

    return read


def _text(length: int) -> Read:
    def read(given: Any, where: str, errors: Errors) -> str | None:
        if isinstance(given, str) and len(given) <= length and given.isprintable():
            return given.strip()
        errors[where] = f"Use text of one line, at most {length} characters."
        return None

    return read


def _cap(given: Any, where: str, errors: Errors) -> dict[str, Any] | None:
    found = _parts(given, where, CAP, errors)
    if isinstance(given, dict) and given.get("count") is None:
        errors[f"{where}.count"] = "This is needed."
    unit = found.get("unit") or "days"
    length = 1 if unit in ("visit", "ever") else found.get("length") or CAP_LENGTH
    return {"count": found.get("count"), "unit": unit, "length": length}


def _after_event(given: Any, where: str, errors: Errors) -> list[Any] | None:
    found = _parts(given, where, AFTER_EVENT, errors)
    if isinstance(given, dict):
        for key in AFTER_EVENT:
            if not found.get(key):
                errors.setdefault(f"{where}.{key}", "This is needed.")
    return [found.get("type"), found.get("days")]


def _one_of(choices: Collection[str]) -> Read:
    def read(given: Any, where: str, errors: Errors) -> str | None:
        if isinstance(given, str) and given in choices:
            return given
        errors[where] = f"Use one of: {', '.join(choices)}."
        return None

    return read


def _capacity(given: Any, where: str, errors: Errors) -> dict[str, Any] | None:
    found = _parts(given, where, CAPACITY, errors)
    if isinstance(given, dict) and given.get("count") is None:
        errors[f"{where}.count"] = "This is needed."
    return {
        "count": found.get("count"),
        "counted": found.get("counted") or "visitors",
        "per": found.get("per") or "ever",
    }


CAP: dict[str, Read] = {
    "count": _number(KEPT, f"Use a whole number from 1 to {KEPT}."),
    "unit": _one_of(UNITS),
    "length": _number(LONGEST, f"Use a whole number from 1 to {LONGEST}."),
}
AFTER_EVENT: dict[str, Read] = {"type": _text(40), "days": _number(LONGEST, DAYS)}
CAPACITY: dict[str, Read] = {
    "count": _number(MOST, f"Use a whole number from 1 to {MOST}."),
    "counted": _one_of(tuple(COUNTED)),
    "per": _one_of(("ever", DAY)),
}
PARTS: dict[str, Read] = {
    "cap": _cap,
    "after_dismissal": _number(LONGEST, DAYS),
    "after_click": _number(LONGEST, DAYS),
    "after_event": _after_event,
    "group": _text(80),
    "capacity": _capacity,
    "exempt": _text(200),
}
