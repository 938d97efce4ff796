"""Values of event conditions that have parts: filters over an event's fields, and windows.

Both are stored as a declared feature has them (docs/features.md):

    {"where": [{"field": "property.price", "operator": "gte", "values": [10]}],
     "window": {"kind": "rolling", "minutes": 20160}}

What is wrong with one is said by the functions below, and how it is said by WORDS. What never gets
in: contexts, requests, storage.
"""

from collections.abc import Callable, Mapping
from typing import Any
from unicodedata import category

import msgspec

from profiles.features.checks import FeatureError, feature_check
from profiles.features.definition import (
    AMOUNT,
    FIELDS,
    OPERATORS,
    PROPERTY,
    Calendar,
    Condition,
    Dates,
    Feature,
    LatestVisits,
    Lifetime,
    Rolling,
    Since,
    Window,
)
from profiles.features.values import Value

MAX_FILTERS = 3
#: Minutes in what a rolling window is said in, the longest first.
UNITS = {"days": 1440, "hours": 60, "minutes": 1}
#: A window of a zone's calendar in words, by period and offset.
CALENDAR_WORDS = {
    ("day", 0): "today",
    ("day", -1): "yesterday",
    ("week", 0): "this week",
    ("week", -1): "last week",
    ("month", 0): "this month",
    ("month", -1): "last month",
}
VISIT_WORDS = "in this visit"
LIFETIME_WORDS = "so far"
#: What a field of an event is called; a property goes by its name.
FIELD_WORDS = {name: name.replace("_", " ") for name in FIELDS} | {
    "path": "page address",
    "medium": "kind of source",
    AMOUNT: "amount",
}


def filters_of(value: Any) -> tuple[Condition, ...]:
    """Filters as features have them; raises msgspec.ValidationError for anything else."""
    return msgspec.convert(value, tuple[Condition, ...])


def window_of(value: Any) -> Window:
    """A window as features have it; raises msgspec.ValidationError for anything else."""
    window: Window = msgspec.convert(value, Window)
    return window


def window_normal(value: Any) -> dict[str, Any]:
    """A checked window in its one spelling, with all it can have.

    >>> window_normal({"kind": "since", "type": "purchase"})
    {'kind': 'since', 'type': 'purchase', 'category': ''}
    """
    spelled: dict[str, Any] = msgspec.to_builtins(window_of(value))
    return spelled


# --- What is wrong ------------------------------------------------------------------------------


def filters_error(value: Any) -> str | None:
    """What is wrong with filters, in words; None if nothing is.

    >>> filters_error([{"field": "category", "operator": "gte", "values": ["a"]}])
    'filter 1: gte takes no text.'
    """
    if not isinstance(value, list):
        return "use a list of filters."
    if len(value) > MAX_FILTERS:
        return f"at most {MAX_FILTERS} filters."
    for number, one in enumerate(value, start=1):
        try:
            filters = filters_of([one])
            feature_check(Feature("event", "count", Lifetime(), where=filters))
        except msgspec.ValidationError:
            return f"filter {number}: choose a field and how it compares, and give its value."
        except FeatureError as error:
            return f"filter {number}: {error.message}"
        texts = [filters[0].field, *filters[0].values]
        if not all(_is_line(text) for text in texts if isinstance(text, str)):
            return f"filter {number}: one line, without control characters."
    return None


def _is_line(text: str) -> bool:
    return not any(category(character) in ("Cc", "Cs") for character in text)


def window_error(value: Any) -> str | None:
    """
    >>> window_error({"kind": "rolling", "minutes": 0})
    'a rolling window has 1 to 132,480 minutes.'
    >>> window_error({"kind": "visits", "visits": "many"})
    'use a whole number of visits.'
    """
    try:
        window = window_of(value)
        feature_check(Feature("event", "count", window))
    except msgspec.ValidationError:
        kind = value.get("kind") if isinstance(value, dict) else None
        return _SPELLED.get(kind if isinstance(kind, str) else "", _SPELLED[""])
    except FeatureError as error:
        return error.message[:1].lower() + error.message[1:]
    if isinstance(window, Since) and not _is_line(window.category):
        return "of a category one line, without control characters."
    return None


#: What is said of a window that is spelled wrong, by its kind.
_SPELLED: Mapping[str, str] = {
    "": "choose a window; of a rolling one use a whole number of minutes, up to 92 days.",
    "dates": "of dates give the zone, and the first day, the last one, or both.",
    "visits": "use a whole number of visits.",
    "since": "choose the event since which it counts.",
}


def field_error(value: Any) -> str | None:
    """Whether an event can have such a field."""
    if isinstance(value, str) and _is_line(value):
        name = value.removeprefix(PROPERTY)
        if value in FIELD_WORDS or (name != value and 0 < len(name) <= 200):
            return None
    return "choose one."


# --- How it is said -----------------------------------------------------------------------------


def filters_words(value: Any) -> str:
    """
    >>> filters_words([{"field": "content_type", "operator": "eq", "values": ["article"]}])
    ' where content type is “article”'
    """
    said = [
        f"{field_words(one['field'])} {_operator_words(one['operator'], one.get('values', ()))}"
        for one in value
    ]
    return f" where {' and '.join(said)}" if said else ""


def field_words(field: str) -> str:
    """
    >>> field_words("property.unit_price"), field_words("path")
    ('unit price', 'page address')
    """
    return FIELD_WORDS.get(field) or field.removeprefix(PROPERTY).replace("_", " ")


def _operator_words(operator: str, values: list[Value]) -> str:
    joint = " and " if operator == "between" else ", "
    return OPERATORS[operator].words.replace("{}", joint.join(map(value_words, values)))


def value_words(value: Value) -> str:
    """
    >>> value_words("a"), value_words(2.5), value_words(True)
    ('“a”', '2.5', 'true')
    """
    if isinstance(value, str):
        return f"“{value}”"
    return f"{value:g}" if isinstance(value, float) else str(value).lower()


def window_words(value: Any, category: Callable[[str], str] = str) -> str:
    """`category` makes a category's name of its slug.

    >>> window_words({"kind": "rolling", "minutes": 20160}), window_words({"kind": "visit"})
    ('within 14 days', 'in this visit')
    >>> window_words({"kind": "calendar", "period": "week", "zone": "Europe/Oslo", "offset": -1})
    'last week (Europe/Oslo)'
    >>> window_words({"kind": "dates", "zone": "UTC", "from": "2026-11-01", "to": "2026-11-30"})
    'from 2026-11-01 to 2026-11-30 (UTC)'
    >>> window_words({"kind": "since", "type": "add_to_cart", "category": "music"})
    'since the last add to cart in music'
    """
    window = window_of(value)
    if isinstance(window, Rolling):
        number, unit = window_amount(window.minutes)
        return f"within {number} {unit[:-1] if number == 1 else unit}"
    if isinstance(window, Calendar):
        return f"{CALENDAR_WORDS[window.period, window.offset]} ({window.zone})"
    if isinstance(window, Dates):
        return f"{_dates_words(window)} ({window.zone})"
    if isinstance(window, LatestVisits):
        many = window.visits > 1
        return f"in the last {window.visits} visits" if many else "in the last visit"
    if isinstance(window, Since):
        where = f" in {category(window.category)}" if window.category else ""
        return f"since the last {window.type.replace('_', ' ')}{where}"
    return LIFETIME_WORDS if isinstance(window, Lifetime) else VISIT_WORDS


def _dates_words(window: Dates) -> str:
    if not window.end:
        return f"from {window.start} on"
    return f"from {window.start} to {window.end}" if window.start else f"until {window.end}"


def window_amount(minutes: int) -> tuple[int, str]:
    """
    >>> window_amount(20160), window_amount(90)
    ((14, 'days'), (90, 'minutes'))
    """
    unit = next(unit for unit, length in UNITS.items() if minutes % length == 0)
    return minutes // UNITS[unit], unit


#: The words of a value that has parts, by the type of its field: of the value, and what makes a
#: category's name of its slug.
WORDS: Mapping[str, Callable[[Any, Callable[[str], str]], str]] = {
    "where": lambda value, category: filters_words(value),
    "window": window_words,
    "event_field": lambda value, category: field_words(value),
}
