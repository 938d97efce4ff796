"""How this visit began and how long it had attention, read from declared features of the visit.

Unknown is what profiles do not keep yet; not set is what no event of a visit that goes on has.
"""

from typing import Any

from personalization.rules.conditions.base import (
    NUMBERS,
    Condition,
    instead_of_presence,
    number_fields,
    text_fields,
)
from personalization.rules.conditions.request import MEDIA
from personalization.rules.event_reading import Features, first, measure_of, text
from personalization.rules.fields import Field
from personalization.rules.operators import TEXT_OPERATORS, Params
from profiles.features.definition import AMOUNT, Feature, Visit
from profiles.state import DWELL

SECONDS = ("1 second", "{} seconds")
MAX_SECONDS = 86_400


def _first_of(field: str) -> Features:
    feature = Feature("page_view", "first", Visit(), of=field)
    return lambda params: (feature,)


def _attention(params: Params) -> tuple[Feature, ...]:
    return (Feature(DWELL, "sum", Visit(), of=AMOUNT),)


def _condition(
    kind: str, label: str, fields: tuple[Field, ...], features: Features, sentence: str, **more: Any
) -> Condition:
    measure = measure_of(features, more.pop("read", text))
    return Condition(kind, label, "Visit", fields, measure, sentence, features=features, **more)


VISIT_EVENTS: tuple[Condition, ...] = (
    _condition(
        "active_seconds_in_visit",
        "Seconds of attention in this visit",
        number_fields(NUMBERS, "Seconds", MAX_SECONDS, default=60, said=SECONDS),
        _attention,
        "active for {test} in this visit",
        read=first,
        operators=NUMBERS,
        instead=instead_of_presence("the attention in this visit"),
    ),
    _condition(
        "entry_page",
        "First page of this visit",
        text_fields("Page address", operator="starts_with", default="/"),
        _first_of("path"),
        "the first page of this visit {test}",
        operators=TEXT_OPERATORS,
    ),
    _condition(
        "entry_source",
        "UTM source of this visit",
        text_fields("Source", operator="equals"),
        _first_of("property.utm_source"),
        "the first UTM source of this visit {test}",
        operators=TEXT_OPERATORS,
    ),
    _condition(
        "entry_medium",
        "How this visit began",
        (Field("value", "Came", "choice", choices=MEDIA, default="direct"),),
        _first_of("medium"),
        "this visit began {value}",
        equals="value",
    ),
)
