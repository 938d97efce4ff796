"""What a visitor did: whether, how often, with how many and which values.

`events` is the simple form, of the times that every profile keeps anyway: nothing is declared for
it, so a rule with it is live at once. The others are read from declared features.
"""

from bisect import bisect_right

from personalization.rules.conditions.base import (
    COUNTS,
    DAYS,
    OPTIONAL_NUMBERS,
    Condition,
    count_fields,
    instead_of_never,
    instead_of_presence,
    number_fields,
    text_fields,
)
from personalization.rules.conditions.event_features import (
    MAX_TIMES,
    WHAT,
    WINDOW,
    count_in_window,
    event_condition,
    feature_of,
)
from personalization.rules.context import Context
from personalization.rules.event_reading import first, number, text
from personalization.rules.event_values import window_of
from personalization.rules.fields import Field
from personalization.rules.operators import TEXT_OPERATORS, Params
from profiles.features.definition import DISTINCT_VALUES, Feature
from profiles.features.values import MAX_NUMBER
from profiles.state import RECENT_EVENTS


def _events(context: Context, params: Params) -> int | None:
    """Events of a type (and category) in `(now − days, now]`, by when they happened."""
    if context.state is None:
        return None
    times = context.state.recent.get(f"{params['type']}|{params['category']}", ())
    now_ms = context.now * 1000.0
    start_ms = now_ms - params["days"] * 86_400_000.0
    return bisect_right(times, now_ms) - bisect_right(times, start_ms)


def _distinct(params: Params) -> tuple[Feature, ...]:
    return (feature_of(params, "distinct", window_of(params["window"]), params["field"]),)


def _aggregate(params: Params) -> tuple[Feature, ...]:
    window = window_of(params["window"])
    return (feature_of(params, params["aggregation"], window, params["field"]),)


def _latest(params: Params) -> tuple[Feature, ...]:
    return (feature_of(params, "latest", window_of(params["window"]), params["field"]),)


EVENTS: tuple[Condition, ...] = (
    Condition(
        "events",
        "Did something, so many times",
        "Behavior",
        (
            Field("type", "Event", "event_type", default="page_view"),
            Field("category", "In category", "category", optional=True, default=""),
            *count_fields(COUNTS, "Times", RECENT_EVENTS, default=3, said=("once", "{} times")),
            Field(
                "days", "Within", "number", low=0.01, high=365, default=7, unit="days", said=DAYS
            ),
        ),
        _events,
        "{type}{category} {test} within {days}",
        instead=(
            *instead_of_never("{type}{category} within {days}"),
            *instead_of_presence("how often somebody {type}{category} within {days}"),
        ),
        operators=COUNTS,
    ),
    event_condition(
        "event_did",
        "Did something, or did not",
        (
            Field(
                *("answer", "Visitor", "choice"),
                choices={"did": "did this", "did_not": "did not do this"},
                default="did",
            ),
            *WHAT,
            WINDOW,
        ),
        features=count_in_window,
        read=first,
        sentence="{type}{category}{where} {window}",
        instead=(
            (
                {"answer": "did_not", "type": "exposure"},
                "has not been shown something personal{category}{where} {window}",
            ),
            ({"answer": "did_not"}, "has not {type}{category}{where} {window}"),
        ),
        test=lambda times, params: (times > 0) == (params["answer"] == "did"),
    ),
    event_condition(
        "event_count",
        "Did something so often, with filters",
        (
            *WHAT,
            *count_fields(COUNTS, "Times", MAX_TIMES, default=3, said=("once", "{} times")),
            WINDOW,
        ),
        features=count_in_window,
        read=first,
        sentence="{type}{category}{where} {test} {window}",
        instead=(
            *instead_of_never("{type}{category}{where} {window}"),
            *instead_of_presence("how often somebody {type}{category}{where} {window}"),
        ),
        operators=COUNTS,
    ),
    event_condition(
        "event_distinct",
        "Number of different values",
        (
            Field("field", "Different values of", "event_field", default="item"),
            *WHAT,
            *count_fields(COUNTS, "Values", DISTINCT_VALUES - 1, default=3),
            WINDOW,
        ),
        features=_distinct,
        read=first,
        sentence="{type}{category}{where} with {test} different values of {field} {window}",
        instead=instead_of_presence(
            "how many values of {field} there are when somebody {type}{category}{where} {window}"
        ),
        operators=COUNTS,
    ),
    event_condition(
        "event_value",
        "Sum, mean, smallest, largest or latest number",
        (
            Field(
                *("aggregation", "Number", "choice"),
                choices={
                    "sum": "the sum of",
                    "mean": "the mean of",
                    "min": "the smallest",
                    "max": "the largest",
                    "latest": "the latest",
                },
                default="sum",
            ),
            Field("field", "Of", "event_field", default="value"),
            *(Field("type", "Event", "event_type", default="purchase"), *WHAT[1:]),
            *number_fields(OPTIONAL_NUMBERS, "Number", MAX_NUMBER, low=-MAX_NUMBER, default=100),
            WINDOW,
        ),
        features=_aggregate,
        read=number,
        sentence="{aggregation} {field} is {test} when {type}{category}{where} {window}",
        instead=instead_of_presence("{aggregation} {field} when {type}{category}{where} {window}"),
        operators=OPTIONAL_NUMBERS,
    ),
    event_condition(
        "event_latest",
        "Latest text of a field",
        (
            Field("field", "Latest", "event_field", default="category"),
            *WHAT,
            *text_fields("Text", operator="equals"),
            WINDOW,
        ),
        features=_latest,
        read=text,
        sentence="the latest {field} {test} when {type}{category}{where} {window}",
        operators=TEXT_OPERATORS,
    ),
)
