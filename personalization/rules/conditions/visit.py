"""When and how often a visitor comes."""

from personalization.rules import measures
from personalization.rules.conditions.base import (
    DAYS,
    Condition,
    count_field,
    instead_of_none,
    number_field,
    operator_field,
)
from personalization.rules.operators import COUNT_OPERATORS, NUMBER_OPERATORS
from profiles.state import RECENT_EVENTS

VISIT: tuple[Condition, ...] = (
    Condition(
        "visits",
        "Number of visits",
        "Visit",
        (
            operator_field(COUNT_OPERATORS, ">="),
            count_field("Visits", 10_000, default=2, said=("1 visit", "{} visits")),
        ),
        measures.visits,
        "made {operator} {value}",
        instead=instead_of_none("made no visits"),
    ),
    Condition(
        "pages_in_visit",
        "Pages in this visit",
        "Visit",
        (
            operator_field(COUNT_OPERATORS, ">="),
            count_field("Pages", RECENT_EVENTS, default=3, said=("1 page", "{} pages")),
        ),
        lambda context, params: context.pages_in_visit,
        "saw {operator} {value} in this visit",
        instead=instead_of_none("saw no pages in this visit"),
    ),
    Condition(
        "days_since_last_event",
        "Days since last seen",
        "Visit",
        (operator_field(NUMBER_OPERATORS, ">="), number_field("Days", 365, default=7, said=DAYS)),
        measures.days_since_last,
        "last seen {operator} {value} ago",
    ),
)
