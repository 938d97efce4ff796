"""What a visitor did: whether, how often, with how many and which values.

`events` is the simple form, of the times that every profile keeps anyway: nothing is declared for
it, so a rule with it is live at once. The others are read from declared features.
"""

from personalization.rules import measures
from personalization.rules.conditions.base import (
    DAYS,
    Condition,
    Field,
    count_field,
    instead_of_none,
    operator_field,
)
from personalization.rules.conditions.event_features import (
    WHAT,
    WINDOW,
    count_in_window,
    event_condition,
    feature_of,
)
from personalization.rules.event_reading import first, number, text
from personalization.rules.event_values import window_of
from personalization.rules.measures import Params
from personalization.rules.operators import (
    COMPARE,
    COUNT_OPERATORS,
    NUMBER_OPERATORS,
    TEXT_OPERATORS,
)
from profiles.features.definition import DISTINCT_VALUES, Feature
from profiles.state import RECENT_EVENTS

MAX_TIMES = 1_000_000
TIMES_OPERATORS = COUNT_OPERATORS | {"!=": "not exactly", "between": "between"}


def _between_check(params: Params) -> tuple[str, str] | None:
    if params["operator"] == "between" and params["to"] < params["value"]:
        return "to", "To: the larger number comes last."
    return None


def _times_test(times: int, params: Params) -> bool:
    if params["operator"] == "between":
        return bool(params["value"] <= times <= params["to"])
    if params["operator"] == "!=":
        return bool(times != params["value"])
    return COMPARE[params["operator"]](times, params["value"])


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
        instead=(({"answer": "did_not"}, "never {type}{category}{where} {window}"),),
        test=lambda times, params: (times > 0) == (params["answer"] == "did"),
    ),
    event_condition(
        "event_count",
        "Did something so often, with filters",
        (
            *WHAT,
            operator_field(TIMES_OPERATORS, ">="),
            count_field("Times", MAX_TIMES, default=3, said=("once", "{} times")),
            Field(
                *("to", "To", "integer"),
                low=0,
                high=MAX_TIMES,
                default=10,
                said=("once", "{} times"),
            ),
            WINDOW,
        ),
        features=count_in_window,
        read=first,
        sentence="{type}{category}{where} {operator} {value} {window}",
        instead=(
            (
                {"operator": "between"},
                "{type}{category}{where} between {value} and {to} {window}",
            ),
            *instead_of_none("never {type}{category}{where} {window}"),
        ),
        test=_times_test,
        check=_between_check,
    ),
    event_condition(
        "event_distinct",
        "Number of different values",
        (
            Field("field", "Different values of", "event_field", default="item"),
            *WHAT,
            operator_field(COUNT_OPERATORS, ">="),
            count_field("Values", DISTINCT_VALUES - 1, default=3),
            WINDOW,
        ),
        features=_distinct,
        read=first,
        sentence="{type}{category}{where} with {operator} {value} different values of {field}"
        " {window}",
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
            operator_field(NUMBER_OPERATORS | {"=": "exactly"}, ">="),
            Field("value", "Number", "number", low=-1e12, high=1e12, default=100),
            WINDOW,
        ),
        features=_aggregate,
        read=number,
        sentence="{aggregation} {field} is {operator} {value}"
        " when {type}{category}{where} {window}",
    ),
    event_condition(
        "event_latest",
        "Latest text of a field",
        (
            Field("field", "Latest", "event_field", default="category"),
            *WHAT,
            operator_field(TEXT_OPERATORS, "equals"),
            Field("value", "Text", "text", default=""),
            WINDOW,
        ),
        features=_latest,
        read=text,
        sentence="the latest {field} {operator} “{value}” when {type}{category}{where} {window}",
    ),
)
