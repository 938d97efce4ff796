"""The fields of conditions: what type of value each holds, and what is wrong with one.

FIELD_TYPES is the document: the parser, the form and the JSON Schema read it. No value is ever
taken for another type's: "3" is no number and 3 no text.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple
from unicodedata import category

from personalization.rules import event_values
from personalization.rules.dates import (
    DATE_PATTERN,
    MOMENT_PATTERN,
    TIME_PATTERN,
    date_read,
    moment_read,
    time_read,
    zone_names,
)
from personalization.rules.versions import MAX_VERSION, VERSION_PATTERN, version_key
from personalization.rules.wildcards import MAX_PATTERN
from profiles.features.definition import MAX_MINUTES, MAX_VISITS, OPERATORS, PERIODS, PROPERTY

MAX_TEXT = 200
MAX_VALUES = 50
MAX_ZONE = 64
#: The id of a campaign.
CAMPAIGN_PATTERN = "^[0-9]{1,12}$"
#: The key of a segment.
SEGMENT_PATTERN = "^[a-z0-9][a-z0-9-]*$"
MAX_SEGMENT_KEY = 64
EVENT_TYPE_PATTERN = "^[a-z][a-z0-9_]{0,39}$"

FieldType = Literal[
    "number",
    "integer",
    "text",
    "texts",
    "pattern",
    "flag",
    "choice",
    "choices",
    "operator",
    "category",
    "event_type",
    "purpose",
    "date",
    "moment",
    "time",
    "zone",
    "version",
    "campaign",
    "model",
    "segment",
    "event_field",
    "where",
    "window",
]


@dataclass(frozen=True)
class Field:
    """One field of a condition as form and parser see it. `low`/`high` bound numbers, edges in.

    `said` is how a sentence says 1, and any other number: ("once", "{} times"); of a flag, yes and
    no. A `default` of
    None means that the field has to be given. An `optional` one may hold an empty text.
    """

    name: str
    label: str
    type: FieldType
    choices: Mapping[str, str] | None = None
    low: float | None = None
    high: float | None = None
    optional: bool = False
    default: Any = None
    unit: str = ""
    said: tuple[str, str] | None = None


class FieldKind(NamedTuple):
    """A type of value. `error` says what is wrong with one, None where nothing is; `schema` is
    its JSON Schema."""

    error: Callable[[Field, Any], str | None]
    schema: Callable[[Field], dict[str, Any]]


def field_error(field: Field, value: Any) -> str | None:
    """What is wrong with a field's value, in words for the person who typed it; None if fine."""
    message = FIELD_TYPES[field.type].error(field, value)
    return f"{field.label}: {message}" if message else None


def field_normal(field: Field, value: Any) -> Any:
    """A checked value in its one spelling: choices in the order of their table, windows with all
    that they have."""
    if field.type == "choices" and field.choices is not None:
        return [choice for choice in field.choices if choice in value]
    return event_values.window_normal(value) if field.type == "window" else value


# --- What is wrong -----------------------------------------------------------------------------


def _number_error(field: Field, value: Any) -> str | None:
    if type(value) not in (int, float):
        return "use a number."
    return _bounds_error(field, value)


def _integer_error(field: Field, value: Any) -> str | None:
    if type(value) is not int:
        return "use a whole number."
    return _bounds_error(field, value)


def _bounds_error(field: Field, value: float) -> str | None:
    low, high = _bounds(field)
    return None if low <= value <= high else f"use a number from {low:g} to {high:g}."


def _bounds(field: Field) -> tuple[float, float]:
    return field.low or 0, field.high or 0


def text_error(value: Any, *, most: int = MAX_TEXT) -> str | None:
    """What is wrong with one line of text."""
    if not isinstance(value, str):
        return "choose one." if value is None else "use text."
    if len(value) > most:
        return f"at most {most} characters."
    if any(category(character) in ("Cc", "Cs") for character in value):
        return "one line, without control characters."
    return None


def _text_error(field: Field, value: Any) -> str | None:
    return text_error(value)


def _name_error(field: Field, value: Any) -> str | None:
    if value == "" and not field.optional:
        return "choose one."
    return text_error(value)


def _pattern_error(field: Field, value: Any) -> str | None:
    if value == "":
        return "write a pattern, as /blog/*."
    return text_error(value, most=MAX_PATTERN)


def _texts_error(field: Field, value: Any) -> str | None:
    if not isinstance(value, list):
        return "list at least one." if value is None else "use a list of texts."
    if not 1 <= len(value) <= MAX_VALUES:
        return f"list 1 to {MAX_VALUES} values."
    for text in value:
        if message := "no empty ones." if text == "" else text_error(text):
            return "each value: " + message
    return None


def _flag_error(field: Field, value: Any) -> str | None:
    return None if isinstance(value, bool) else "use true or false."


def _choice_error(field: Field, value: Any) -> str | None:
    if not isinstance(value, str):
        return "choose one." if value is None else "use text."
    choices = field.choices or {}
    return None if value in choices else f"choose one of {', '.join(choices)}."


def _choices_error(field: Field, value: Any) -> str | None:
    choices = field.choices or {}
    if not isinstance(value, list) or not value:
        return "choose at least one."
    if not all(isinstance(one, str) and one in choices for one in value):
        return f"choose from {', '.join(choices)}."
    return "choose each once." if len(set(value)) < len(value) else None


def _read_error(read: Callable[[str], object], wanted: str, most: int) -> Any:
    def error(field: Field, value: Any) -> str | None:
        is_one = isinstance(value, str) and len(value) <= most and read(value) is not None
        return None if is_one else wanted

    return error


def _zone_error(field: Field, value: Any) -> str | None:
    if not isinstance(value, str) or len(value) > MAX_ZONE:
        return "name a time zone, as Europe/Berlin."
    return (
        None if value in zone_names() else "there is no such time zone; use one as Europe/Berlin."
    )


def _campaign_error(field: Field, value: Any) -> str | None:
    is_id = isinstance(value, str) and re.fullmatch(CAMPAIGN_PATTERN, value, re.ASCII)
    return None if is_id else "choose one."


def _segment_error(field: Field, value: Any) -> str | None:
    is_key = isinstance(value, str) and re.fullmatch(SEGMENT_PATTERN, value, re.ASCII)
    return None if is_key and len(value) <= MAX_SEGMENT_KEY else "choose one."


# --- The same as JSON Schema -------------------------------------------------------------------

#: Control characters and halves of characters.
CONTROL = "[\\u0000-\\u001f\\u007f-\\u009f\\ud800-\\udfff]"


def text_schema(*, least: int = 0, most: int = MAX_TEXT) -> dict[str, Any]:
    """One line of text."""
    length = {"minLength": least} if least else {}
    return {"type": "string", **length, "maxLength": most, "not": {"pattern": CONTROL}}


def _numeric(name: str) -> Callable[[Field], dict[str, Any]]:
    def schema(field: Field) -> dict[str, Any]:
        low, high = _bounds(field)
        return {"type": name, "minimum": low, "maximum": high}

    return schema


def _name_schema(field: Field) -> dict[str, Any]:
    return text_schema(least=0 if field.optional else 1)


def _texts_schema(field: Field) -> dict[str, Any]:
    items = text_schema(least=1)
    return {"type": "array", "minItems": 1, "maxItems": MAX_VALUES, "items": items}


def _choice_schema(field: Field) -> dict[str, Any]:
    return {"enum": list(field.choices or {})}


def _choices_schema(field: Field) -> dict[str, Any]:
    return {"type": "array", "minItems": 1, "uniqueItems": True, "items": _choice_schema(field)}


def _spelled(pattern: str, most: int) -> Callable[[Field], dict[str, Any]]:
    return lambda field: {"type": "string", "maxLength": most, "pattern": pattern}


def _event_field(field: Field) -> dict[str, Any]:
    names = "|".join(event_values.FIELD_WORDS)
    pattern = f"^(?:{names}|{re.escape(PROPERTY)}[\\s\\S]{{1,{MAX_TEXT}}})$"
    return {**text_schema(), "maxLength": MAX_TEXT + len(PROPERTY), "pattern": pattern}


def _where_schema(field: Field) -> dict[str, Any]:
    value = {"type": ["string", "number", "boolean"]}
    one = {
        "field": {"type": "string"},
        "operator": {"enum": list(OPERATORS)},
        "values": {"type": "array", "items": value},
    }
    filters = _closed(one, required=["field", "operator"])
    return {"type": "array", "maxItems": event_values.MAX_FILTERS, "items": filters}


def window_schema() -> dict[str, Any]:
    """A window, which the schema of rules defines once under this name."""
    minutes = {"type": "integer", "minimum": 1, "maximum": MAX_MINUTES}
    calendar = {
        "period": {"enum": list(PERIODS)},
        "zone": text_schema(least=1, most=MAX_ZONE),
        "offset": {"enum": [0, -1]},
    }
    day = {"type": "string", "pattern": f"^(?:{DATE_PATTERN[1:-1]})?$"}
    dates = {"zone": text_schema(least=1, most=MAX_ZONE), "from": day, "to": day}
    visits = {"visits": {"type": "integer", "minimum": 1, "maximum": MAX_VISITS}}
    since = {
        "type": {"type": "string", "pattern": EVENT_TYPE_PATTERN},
        "category": text_schema(),
    }
    kinds = [
        ("rolling", {"minutes": minutes}, ["minutes"]),
        ("calendar", calendar, ["period", "zone"]),
        ("visit", {}, []),
        ("lifetime", {}, []),
        ("dates", dates, ["zone"]),
        ("visits", visits, ["visits"]),
        ("since", since, ["type"]),
    ]
    windows = [
        _closed({"kind": {"const": kind}, **properties}, required=["kind", *required])
        for kind, properties, required in kinds
    ]
    return {"oneOf": windows}


def _window(field: Field) -> dict[str, Any]:
    return {"$ref": "#/$defs/window"}


def _closed(properties: dict[str, Any], *, required: list[str]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


_CHOICE = FieldKind(_choice_error, _choice_schema)
_NAME = FieldKind(_name_error, _name_schema)

FIELD_TYPES: Mapping[FieldType, FieldKind] = {
    "number": FieldKind(_number_error, _numeric("number")),
    "integer": FieldKind(_integer_error, _numeric("integer")),
    "text": FieldKind(_text_error, lambda field: text_schema()),
    "texts": FieldKind(_texts_error, _texts_schema),
    "pattern": FieldKind(_pattern_error, lambda field: text_schema(least=1, most=MAX_PATTERN)),
    "flag": FieldKind(_flag_error, lambda field: {"type": "boolean"}),
    "choice": _CHOICE,
    "choices": FieldKind(_choices_error, _choices_schema),
    "operator": _CHOICE,
    "category": _NAME,
    "event_type": _NAME,
    "purpose": _NAME,
    "model": _NAME,
    "date": FieldKind(
        _read_error(date_read, "use a day, as 2026-12-24.", 10), _spelled(DATE_PATTERN, 10)
    ),
    "moment": FieldKind(
        _read_error(moment_read, "use a day and time, as 2026-12-24T18:00.", 16),
        _spelled(MOMENT_PATTERN, 16),
    ),
    "time": FieldKind(
        _read_error(time_read, "use a time of day, as 18:00.", 5), _spelled(TIME_PATTERN, 5)
    ),
    "zone": FieldKind(_zone_error, lambda field: text_schema(least=1, most=MAX_ZONE)),
    "campaign": FieldKind(_campaign_error, _spelled(CAMPAIGN_PATTERN, 12)),
    "segment": FieldKind(_segment_error, _spelled(SEGMENT_PATTERN, MAX_SEGMENT_KEY)),
    "event_field": FieldKind(lambda field, value: event_values.field_error(value), _event_field),
    "where": FieldKind(lambda field, value: event_values.filters_error(value), _where_schema),
    "window": FieldKind(lambda field, value: event_values.window_error(value), _window),
    "version": FieldKind(
        _read_error(version_key, "use a version, as 17.5 or 2.0.1-beta.", MAX_VERSION),
        _spelled(VERSION_PATTERN, MAX_VERSION),
    ),
}
