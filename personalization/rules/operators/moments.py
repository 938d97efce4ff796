"""Dates and times: instants in seconds, windows half-open, by the clocks of the field `zone`."""

from collections.abc import Callable
from datetime import time

from personalization.rules.dates import (
    UNITS,
    instant_of,
    is_anniversary,
    is_within_day,
    is_within_week,
    local_at,
    month_at,
    time_read,
    weekday_at,
)
from personalization.rules.operators.base import PRESENCE, Operator, Operators, Params

TimedTest = Callable[[float, float], bool]


def _timed(
    label: str,
    words: str,
    fields: tuple[str, ...],
    test: Callable[[Params], TimedTest],
) -> Operator:
    return Operator(label, words, fields, test, "timed")


def _before(params: Params) -> TimedTest:
    moment = instant_of(params["moment"], params["zone"]) or 0.0
    return lambda at, now: at < moment


def _after(params: Params) -> TimedTest:
    moment = instant_of(params["moment"], params["zone"]) or 0.0
    return lambda at, now: at >= moment


def _on(params: Params) -> TimedTest:
    day, zone = params["date"], params["zone"]

    def test(at: float, now: float) -> bool:
        local = local_at(at, zone)
        return local is not None and local.date().isoformat() == day

    return test


def _between_moments(params: Params) -> TimedTest:
    start = instant_of(params["moment"], params["zone"]) or 0.0
    end = instant_of(params["to_moment"], params["zone"]) or 0.0
    return lambda at, now: start <= at < end


def _span(params: Params) -> float:
    return float(params["amount"] * UNITS[params["unit"]])


def _within_last(params: Params) -> TimedTest:
    span = _span(params)
    return lambda at, now: now - span < at <= now


def _more_than_ago(params: Params) -> TimedTest:
    span = _span(params)
    return lambda at, now: at <= now - span


def _within_next(params: Params) -> TimedTest:
    span = _span(params)
    return lambda at, now: now < at <= now + span


def _weekday(params: Params) -> TimedTest:
    days, zone = frozenset(params["weekdays"]), params["zone"]
    return lambda at, now: weekday_at(at, zone) in days


def _month(params: Params) -> TimedTest:
    months, zone = frozenset(params["months"]), params["zone"]
    return lambda at, now: month_at(at, zone) in months


def _times(params: Params) -> tuple[time, time]:
    return time_read(params["time"]) or time(), time_read(params["to_time"]) or time()


def _time_of_day(params: Params) -> TimedTest:
    start, end, zone = *_times(params), params["zone"]
    return lambda at, now: is_within_day(at, zone, start, end)


def _weekly(params: Params) -> TimedTest:
    start, end, zone = *_times(params), params["zone"]
    days = frozenset(params["weekdays"])
    return lambda at, now: is_within_week(at, zone, days, start, end)


def _anniversary(params: Params) -> TimedTest:
    zone = params["zone"]
    return lambda at, now: is_anniversary(at, now, zone)


#: What can be asked of any instant.
CALENDAR_OPERATORS: Operators = {
    "before": _timed("is before", "is before {moment}", ("moment",), _before),
    "after": _timed("is at or after", "is at or after {moment}", ("moment",), _after),
    "on": _timed("is on", "is on {date}", ("date",), _on),
    "between": _timed(
        "is between",
        "is from {moment} until {to_moment}",
        ("moment", "to_moment"),
        _between_moments,
    ),
    "weekday": _timed("is on these weekdays", "is on a {weekdays}", ("weekdays",), _weekday),
    "time_of_day": _timed(
        "is at a time of day", "is from {time} to {to_time}", ("time", "to_time"), _time_of_day
    ),
    "weekly": _timed(
        "is in a weekly window",
        "is from {time} to {to_time} on a {weekdays}",
        ("weekdays", "time", "to_time"),
        _weekly,
    ),
    "month": _timed("is in these months", "is in {months}", ("months",), _month),
}
#: What can be asked of an instant that is not now itself.
DATE_OPERATORS: Operators = {
    **CALENDAR_OPERATORS,
    "within_last": _timed(
        "is within the last", "is within the last {amount} {unit}", ("amount", "unit"), _within_last
    ),
    "more_than_ago": _timed(
        "is longer ago than", "is {amount} {unit} ago or longer", ("amount", "unit"), _more_than_ago
    ),
    "within_next": _timed(
        "is within the next", "is within the next {amount} {unit}", ("amount", "unit"), _within_next
    ),
    "anniversary": _timed(
        "has its anniversary today", "has its anniversary today", (), _anniversary
    ),
    **PRESENCE,
}
