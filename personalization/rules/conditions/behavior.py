"""How a visitor behaves: the behavioral vector (docs/profiles.md has the formulas)."""

from personalization.rules import measures
from personalization.rules.conditions.base import (
    NUMBERS,
    Condition,
    instead_of_presence,
    number_fields,
)
from personalization.rules.fields import Field


def _level(
    kind: str, label: str, noun: str, *, field: str = "Level, 0 to 1", low: int = 0
) -> Condition:
    """A value of the vector that is a level."""
    return Condition(
        kind,
        label,
        "Behavior",
        number_fields(NUMBERS, field, 1, low=low, default=0.5),
        measures.vector_of(kind),
        noun + " is {test}",
        instead=instead_of_presence(noun),
        operators=NUMBERS,
    )


def _rate(
    kind: str, label: str, noun: str, *, field: str, high: float, default: float
) -> Condition:
    """A value of the vector that is a rate."""
    return Condition(
        kind,
        label,
        "Behavior",
        number_fields(NUMBERS, field, high, default=default),
        measures.vector_of(kind),
        noun + " is {test}",
        instead=instead_of_presence(noun),
        operators=NUMBERS,
    )


BEHAVIOR: tuple[Condition, ...] = (
    _level("engagement_level", "Engagement level", "the engagement level"),
    _level("recency_score", "Recency score", "the recency score", field="Score, 0 to 1"),
    _level("frequency", "Frequency level", "the frequency level"),
    _rate(
        "visits_per_week",
        "Visits a week",
        "the number of visits a week",
        field="Visits a week",
        high=1000,
        default=1,
    ),
    _level("consistency", "Regularity", "the regularity of visits"),
    _level("momentum", "Momentum", "the momentum", field="Momentum, -1 to 1", low=-1),
    _rate(
        "scroll_velocity",
        "Scroll speed",
        "the scroll speed in pages a minute",
        field="Pages a minute",
        high=10_000,
        default=3,
    ),
    Condition(
        "trend",
        "Trend from day to day",
        "Behavior",
        (
            Field(
                "measure",
                "Of",
                "choice",
                choices={
                    "dwell_time": "reading time",
                    "clicks": "clicks",
                    "visits": "visits",
                },
                default="dwell_time",
            ),
            *number_fields(NUMBERS, "Change a day", 100, low=-100, default=1, unit="%"),
        ),
        measures.trend,
        "the daily change of {measure} is {test} % of a usual day",
        instead=instead_of_presence("the daily change of {measure}"),
        operators=NUMBERS,
        unit="%",
    ),
    Condition(
        "percentile",
        "Rank among all visitors",
        "Behavior",
        (
            Field(
                "measure",
                "By",
                "choice",
                choices={
                    "engagement": "engagement",
                    "visits_per_week": "visits a week",
                    "scroll_velocity": "scroll speed",
                },
                default="engagement",
            ),
            *number_fields(NUMBERS, "Ahead of", 100, default=75, unit="%"),
        ),
        measures.percentile,
        "ahead of {test} % of all visitors by {measure}",
        instead=instead_of_presence("the rank by {measure}"),
        operators=NUMBERS,
        unit="%",
    ),
)
