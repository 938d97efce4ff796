"""Filters and windows in the rule form: one value of a condition as several fields, and back.

A window's fields are `window_unit` and, by what that is, `window_amount`, `window_visits`,
`window_type`, `window_category`, `window_from`, `window_to` and `window_zone`; a filter's
`where0_field`, `where0_operator` and `where0_values`, with one value per line. A field is posted
with the kind its values are of, `property.price|number`, so that what is typed becomes a value of
that kind or is refused. What never gets in: requests, widgets, storage.
"""

import re
from collections.abc import Mapping
from math import isnan, nan
from typing import Any

import msgspec

from personalization.rules.conditions import Field
from personalization.rules.event_values import (
    CALENDAR_WORDS,
    FIELD_WORDS,
    LIFETIME_WORDS,
    MAX_FILTERS,
    UNITS,
    VISIT_WORDS,
    field_words,
    window_amount,
    window_of,
)
from profiles.features.definition import (
    AMOUNT,
    FIELDS,
    OPERATORS,
    PROPERTY,
    Calendar,
    Dates,
    LatestVisits,
    Rolling,
    Since,
)
from profiles.features.values import kind_of

WINDOW_CHOICES = {
    "days": "the last days",
    "hours": "the last hours",
    "minutes": "the last minutes",
    "visit": "this visit",
    "visits": "the last visits",
    "since": "since the last …",
    **{f"{period}:{offset}": words for (period, offset), words in CALENDAR_WORDS.items()},
    "dates": "between dates",
    "lifetime": LIFETIME_WORDS,
}
#: What a window's fields hold before somebody chooses it.
WINDOW_PARTS: Mapping[str, str] = {
    "unit": "days",
    "amount": "14",
    "visits": "3",
    "type": "purchase",
    "category": "",
    "from": "",
    "to": "",
    "zone": "UTC",
}
OPERATOR_CHOICES = {name: operator.words.replace(" {}", "") for name, operator in OPERATORS.items()}
#: The kinds of a filter's values by the kinds of properties (tracking.pipeline.properties). An id
#: is a text or a whole number.
PROPERTY_KINDS = {
    "text": ("text",),
    "id": ("text", "number"),
    "number": ("number",),
    "integer": ("number",),
    "boolean": ("boolean",),
}
_WHOLE = re.compile(r"-?[0-9]{1,18}")
_LINES = re.compile(r"\r\n|\r|\n")
_BOOLEANS = {"true": True, "false": False}


def number_from(text: str) -> Any:
    """The number a text is, whole if written so; anything else stays text, to be refused."""
    text = text.strip()
    if _WHOLE.fullmatch(text):
        return int(text)
    try:
        return float(text) if text.isascii() and "_" not in text else text
    except ValueError:
        return text


# --- What can be chosen -------------------------------------------------------------------------


def field_choices(properties: Mapping[str, str]) -> dict[str, str]:
    """The fields of an event that can be aggregated; `properties` by name with their kind."""
    known = {f"{PROPERTY}{name}": _property_label(name) for name in properties}
    return FIELD_WORDS | known


def filter_choices(properties: Mapping[str, str]) -> dict[str, str]:
    """The fields that can be filtered by, each with the kind of its values."""
    choices = {f"{name}|{kind}": field_words(name) for name, kind in FIELDS.items()}
    for name, given in properties.items():
        for kind in PROPERTY_KINDS.get(given, ()):
            more = " (number)" if given == "id" and kind == "number" else ""
            choices[f"{PROPERTY}{name}|{kind}"] = _property_label(name) + more
    return choices


def _property_label(name: str) -> str:
    return f"property: {field_words(name)}"


# --- From fields to a value ---------------------------------------------------------------------


def value_from_parts(field: Field, parts: Mapping[str, str]) -> Any:
    """The value of a field of type window or where, from what was posted of a row."""
    if field.type == "window":
        return _window_from(field, parts)
    # One more than there may be is read, so that too many are refused, not cut.
    return [
        _filter_from(parts, f"{field.name}{number}_")
        for number in range(MAX_FILTERS + 1)
        if parts.get(f"{field.name}{number}_field")
    ]


def _window_from(field: Field, parts: Mapping[str, str]) -> Any:
    unit = parts.get(f"{field.name}_unit")
    if unit is None:
        return field.default
    if unit in UNITS:
        amount = number_from(parts.get(f"{field.name}_amount", ""))
        if isinstance(amount, str):
            return {"kind": "rolling", "minutes": amount}
        minutes = amount * UNITS[unit]
        is_whole = isinstance(minutes, float) and minutes.is_integer()
        return {"kind": "rolling", "minutes": int(minutes) if is_whole else minutes}
    given = {name: parts.get(f"{field.name}_{name}", "") for name in WINDOW_PARTS}
    period, _, offset = unit.partition(":")
    if offset:
        zone = given["zone"]
        return {
            "kind": "calendar", "period": period, "zone": zone, "offset": number_from(offset)
        }  # fmt: skip
    if unit == "visits":
        return {"kind": unit, "visits": number_from(given["visits"])}
    taken = {"since": ("type", "category"), "dates": ("zone", "from", "to")}.get(unit, ())
    return {"kind": unit, **{name: given[name] for name in taken}}


def _filter_from(parts: Mapping[str, str], start: str) -> dict[str, Any]:
    name, _, kind = parts[f"{start}field"].rpartition("|")
    operator = parts.get(f"{start}operator", "eq")
    lines = [line for line in _LINES.split(parts.get(f"{start}values", "")) if line]
    values = [] if operator == "is_set" else [_typed(line, kind) for line in lines]
    return {"field": name, "operator": operator, "values": values}


def _typed(text: str, kind: str) -> Any:
    """A value of the kind that was chosen, or one that is refused."""
    if kind == "number":
        number = number_from(text)
        return nan if isinstance(number, str) else number
    return _BOOLEANS.get(text.strip().lower()) if kind == "boolean" else text


# --- From a value to fields ---------------------------------------------------------------------


def parts_of_window(value: Any) -> dict[str, str]:
    """What the form's fields hold for a window, also for one that is not valid."""
    return {**WINDOW_PARTS, **_given_parts(value)}


def _given_parts(value: Any) -> dict[str, str]:
    try:
        window = window_of(value)
    except msgspec.ValidationError:
        return _odd_parts(value if isinstance(value, dict) else {})
    if isinstance(window, Rolling):
        amount, unit = window_amount(window.minutes)
        return {"unit": unit, "amount": str(amount)}
    if isinstance(window, Calendar):
        return {"unit": f"{window.period}:{window.offset}", "zone": window.zone}
    if isinstance(window, LatestVisits):
        return {"unit": "visits", "visits": str(window.visits)}
    if isinstance(window, Since):
        return {"unit": "since", "type": window.type, "category": window.category}
    if isinstance(window, Dates):
        return {"unit": "dates", "from": window.start, "to": window.end, "zone": window.zone}
    return {"unit": type(window).__name__.lower()}


def _odd_parts(given: Mapping[str, Any]) -> dict[str, str]:
    """What was typed, of a window that is not even spelled as one."""
    kind = given.get("kind")
    if isinstance(kind, str) and kind in WINDOW_CHOICES:
        typed = {name: str(given[name]) for name in WINDOW_PARTS if name in given}
        return {**typed, "unit": kind}
    minutes = given.get("minutes", "")
    return {"unit": "minutes" if minutes else "days", "amount": str(minutes)}


def parts_of_filters(value: Any) -> list[dict[str, str]]:
    """What the form's fields hold for each filter, also for ones that are not valid."""
    if not isinstance(value, list):
        return []
    return [_parts_of_filter(one) for one in value if isinstance(one, dict)]


def _parts_of_filter(one: Mapping[str, Any]) -> dict[str, str]:
    given = one.get("values", ())
    values = list(given) if isinstance(given, list | tuple) else []
    name = str(one.get("field", ""))
    kinds = [kind for kind in map(kind_of, values) if kind]
    kind = kinds[0] if kinds else FIELDS.get(name, "text")
    return {
        "field": f"{name}|{kind}",
        "operator": str(one.get("operator", "eq")),
        "values": "\n".join(_value_text(value) for value in values),
    }


def _value_text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None or (isinstance(value, float) and isnan(value)) else str(value)


def part_words(categories: Mapping[str, str]) -> dict[str, Any]:
    """What the browser needs to say filters and windows as personalization.rules.event_values;
    `categories` are names by slug."""
    return {
        "categories": dict(categories),
        "fields": {name: field_words(name) for name in (*FIELDS, AMOUNT)},
        "property": PROPERTY,
        "operators": {name: operator.words for name, operator in OPERATORS.items()},
        "operator_kinds": {name: operator.kinds for name, operator in OPERATORS.items()},
        "units": UNITS,
        "windows": {name: words for name, words in WINDOW_CHOICES.items() if name not in UNITS}
        | {"visit": VISIT_WORDS},
        "max_filters": MAX_FILTERS,
    }
