"""When and how often a visitor comes."""

from personalization.rules import measures
from personalization.rules.conditions.base import (
    COUNTS,
    DAYS,
    NUMBERS,
    OPTIONAL_NUMBERS,
    Condition,
    count_fields,
    date_fields,
    instead_of_none,
    instead_of_presence,
    number_fields,
)
from personalization.rules.fields import Field
from personalization.rules.operators import DATE_OPERATORS
from profiles.state import RECENT_EVENTS

#: What is past is not ahead.
PAST = {name: found for name, found in DATE_OPERATORS.items() if name != "within_next"}

VISIT: tuple[Condition, ...] = (
    Condition(
        "visitor_type",
        "New or returning",
        "Visit",
        (
            Field(
                "value",
                "Visitor",
                "choice",
                choices={"new": "first visit", "returning": "returning visitor"},
                default="new",
            ),
        ),
        measures.visitor_type,
        "{value}",
        equals="value",
    ),
    Condition(
        "visits",
        "Number of visits",
        "Visit",
        count_fields(COUNTS, "Visits", 10_000, default=2, said=("1 visit", "{} visits")),
        measures.visits,
        "made {test}",
        instead=(*instead_of_none("made no visits"), *instead_of_presence("the number of visits")),
        operators=COUNTS,
    ),
    Condition(
        "pages_in_visit",
        "Pages in this visit",
        "Visit",
        count_fields(COUNTS, "Pages", RECENT_EVENTS, default=3, said=("1 page", "{} pages")),
        "pages_in_visit",
        "saw {test} in this visit",
        instead=(
            *instead_of_none("saw no pages in this visit"),
            *instead_of_presence("the number of pages in this visit"),
        ),
        operators=COUNTS,
    ),
    Condition(
        "minutes_in_visit",
        "Minutes since this visit began",
        "Visit",
        number_fields(NUMBERS, "Minutes", 1440, default=5, said=("1 minute", "{} minutes")),
        "minutes_in_visit",
        "here for {test}",
        instead=instead_of_presence("the time since this visit began"),
        operators=NUMBERS,
    ),
    Condition(
        "days_since_first_event",
        "Days since first seen",
        "Visit",
        number_fields(OPTIONAL_NUMBERS, "Days", 3650, default=30, said=DAYS),
        measures.days_since_first,
        "first seen {test} ago",
        instead=instead_of_presence("when first seen"),
        operators=OPTIONAL_NUMBERS,
    ),
    Condition(
        "days_since_last_event",
        "Days since last seen",
        "Visit",
        number_fields(OPTIONAL_NUMBERS, "Days", 365, default=7, said=DAYS),
        measures.days_since_last,
        "last seen {test} ago",
        instead=instead_of_presence("when last seen"),
        operators=OPTIONAL_NUMBERS,
    ),
    Condition(
        "days_between_visits",
        "Days between the last two visits",
        "Visit",
        number_fields(OPTIONAL_NUMBERS, "Days", 3650, default=30, said=DAYS),
        measures.days_between_visits,
        "the last two visits began {test} apart",
        instead=instead_of_presence("the time between the last two visits"),
        operators=OPTIONAL_NUMBERS,
    ),
    Condition(
        "first_seen",
        "First seen on a date",
        "Visit",
        date_fields(PAST, operator="within_last"),
        measures.first_seen,
        "the first visit {test} ({zone})",
        operators=PAST,
    ),
    Condition(
        "last_seen",
        "Last seen on a date",
        "Visit",
        date_fields(PAST, operator="within_last"),
        measures.last_seen,
        "the last activity {test} ({zone})",
        operators=PAST,
    ),
)
