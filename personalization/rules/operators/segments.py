"""Operators of segments: being in one is asked of its rule, coming and leaving of what is kept."""

from collections.abc import Callable
from typing import Any

from personalization.rules.operators.base import Operator, Operators, Params

#: Seconds.
DAY = 86_400.0
UNITS = {"hours": 3600.0, "days": DAY, "weeks": 7 * DAY}
SPAN = ("amount", "unit")


def within_seconds(params: Params) -> float:
    """The span that a condition asks of."""
    return float(params["amount"] * UNITS[params["unit"]])


def _is_within(params: Params) -> Callable[[Any], bool]:
    span = within_seconds(params) / DAY
    return lambda days_ago: days_ago < span


def _of_the_rule(params: Params) -> Callable[[Any], bool]:
    """Never asked: the segment's rule stands in its place (rules.inlining), or it is unknown."""
    return lambda measured: False


SEGMENT_OPERATORS: Operators = {
    "in": Operator("is in", "in the segment “{segment}”", (), _of_the_rule),
    "not_in": Operator("is not in", "not in the segment “{segment}”", (), _of_the_rule),
    "entered_within": Operator(
        "came in within the last",
        "came into the segment “{segment}” within the last {amount} {unit}",
        SPAN,
        _is_within,
    ),
    "left_within": Operator(
        "left within the last",
        "left the segment “{segment}” within the last {amount} {unit}",
        SPAN,
        _is_within,
    ),
}
