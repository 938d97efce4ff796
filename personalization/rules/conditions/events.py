"""What a visitor did, and how often."""

from personalization.rules import measures
from personalization.rules.conditions.base import (
    DAYS,
    Condition,
    Field,
    count_field,
    instead_of_none,
    operator_field,
)
from personalization.rules.operators import COUNT_OPERATORS
from profiles.state import RECENT_EVENTS

EVENTS: tuple[Condition, ...] = (
    Condition(
        "events",
        "Did something, so many times",
        "Behavior",
        (
            Field("type", "Event", "event_type", default="page_view"),
            Field("category", "In category", "category", optional=True, default=""),
            operator_field(COUNT_OPERATORS, ">="),
            count_field("Times", RECENT_EVENTS, default=3, said=("once", "{} times")),
            Field(
                "days", "Within", "number", low=0.01, high=365, default=7, unit="days", said=DAYS
            ),
        ),
        measures.events,
        "{type}{category} {operator} {value} within {days}",
        instead=instead_of_none("never {type}{category} within {days}"),
    ),
)
