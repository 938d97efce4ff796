"""When a visitor did something: first and last, regularly, no more, again, more than before, in
order, and not to the end. Every one is read from declared features."""

from collections.abc import Sequence
from math import inf
from typing import Any

from personalization.rules import event_reading as reading
from personalization.rules.conditions.base import (
    DAYS,
    NUMBERS,
    ZONE,
    Condition,
    instead_of_presence,
    number_fields,
)
from personalization.rules.conditions.event_features import (
    DAY_MINUTES,
    MAX_DAYS,
    WHAT,
    days_field,
    event_condition,
    feature_of,
    last_days,
    time_of,
)
from personalization.rules.fields import Field
from personalization.rules.operators import Params
from profiles.features.definition import Calendar, Feature, Lifetime, Order

#: As far back as anything is asked of a first or last time: ten years.
MAX_AGE_DAYS = 3650
#: The most days that are told apart.
MAX_REGULAR_DAYS = 63

#: What is compared with what came before it: a period of the calendar, or so many rolling days.
TREND_WORDS = {
    "day": "today as yesterday",
    "week": "this week as last week",
    "month": "this month as last month",
    "7_days": "in the last 7 days as in the 7 days before",
    "28_days": "in the last 28 days as in the 28 days before",
}
ROLLING_TRENDS = {"7_days": 7, "28_days": 28}
_TREND = "{type}{category}{where} {test} times as often"
_FOLLOWED = "{type}{category}{where} and after that {then}{then_category}"
_BOTH = "both within {days}"
_OTHER = (
    Field("then", "Then", "event_type", default="purchase"),
    Field("then_category", "In category", "category", optional=True, default=""),
)


def _age_field(name: str, label: str, *, default: int, said: tuple[str, str]) -> Field:
    return Field(
        name, label, "number", low=0.01, high=MAX_AGE_DAYS, default=default, unit="days", said=said
    )


def _first_or_last(params: Params) -> tuple[Feature, ...]:
    return (time_of(params, "min" if params["which"] == "first" else "max"),)


def _age_test(days: float, params: Params) -> bool:
    if params["when"] == "within":
        return bool(days < params["days"])
    return bool(params["days"] <= days < inf)


def _days_on(params: Params) -> tuple[Feature, ...]:
    of = f"{params['period']}.{params['zone']}"
    return (feature_of(params, "distinct", last_days(params["days"]), of),)


def _days_on_check(params: Params) -> tuple[str, str] | None:
    days, length = params["days"], {"day": 1, "week": 7}[params["period"]]
    if params["period"] == "day" and days > MAX_REGULAR_DAYS:
        return "days", f"Within: at most {MAX_REGULAR_DAYS} days when days are counted."
    # A window of 14 days touches 15 dates, and 3 weeks.
    if params["value"] > (most := -(-days // length) + 1):
        return "value", f"How many: at most {most} can lie in {days} days."
    return None


def _last_time(params: Params) -> tuple[Feature, ...]:
    return (time_of(params, "max"),)


def _stopped_test(days: float, params: Params) -> bool:
    return bool(params["days"] <= days < params["days"] + params["earlier"])


def _around_pause(params: Params) -> tuple[Feature, ...]:
    windows = (last_days(params["days"]), last_days(params["days"] + params["pause"]), Lifetime())
    return tuple(feature_of(params, "count", window) for window in windows)


def _pause_check(params: Params) -> tuple[str, str] | None:
    if params["days"] + params["pause"] > MAX_DAYS:
        return "pause", f"Pause: together with the days since at most {MAX_DAYS} days."
    return None


def _two_periods(params: Params) -> tuple[Feature, ...]:
    if days := ROLLING_TRENDS.get(params["period"]):
        return tuple(feature_of(params, "count", last_days(n)) for n in (days, 2 * days))
    return tuple(
        feature_of(params, "count", Calendar(params["period"], params["zone"], offset))
        for offset in (0, -1)
    )


def _trend(values: Sequence[float], now: float, params: Params) -> Any:
    is_rolling = params["period"] in ROLLING_TRENDS
    return (reading.ratio_of_rolling if is_rolling else reading.ratio)(values, now, params)


def _then(params: Params) -> Params:
    return {"type": params["then"], "category": params["then_category"], "where": []}


def _one_then_other(params: Params) -> tuple[Feature, ...]:
    """Two times where anything may lie between, which says it without keeping both in full."""
    if params["without"]:
        window = Order(
            params["days"] * DAY_MINUTES,
            params["then"],
            params["then_category"],
            params["without"],
            params["without_category"],
        )
        return (feature_of(params, "followed", window),)
    begun = feature_of(params, "min", last_days(params["days"]), "time")
    return begun, time_of(_then(params), "max")


def _between_check(params: Params) -> tuple[str, str] | None:
    if params["without_category"] and not params["without"]:
        said = "choose the event that may not lie between as well, or no category."
        return "without_category", f"In category: {said}"
    return None


def _last_of_both(params: Params) -> tuple[Feature, ...]:
    return time_of(params, "max"), time_of(_then(params), "max")


EVENT_TIMES: tuple[Condition, ...] = (
    event_condition(
        "event_time",
        "First or last time",
        (
            *WHAT,
            Field(
                *("which", "The", "choice"),
                choices={"first": "for the first time", "last": "for the last time"},
                default="last",
            ),
            Field(
                *("when", "Was", "choice"),
                choices={"within": "within", "before": "longer ago than"},
                default="within",
            ),
            _age_field("days", "Days", default=7, said=DAYS),
        ),
        features=_first_or_last,
        read=reading.days_ago,
        sentence="{type}{category}{where} {which} {when} {days}",
        test=_age_test,
    ),
    event_condition(
        "event_days",
        "Regularly: on so many days or weeks",
        (
            *WHAT,
            Field("value", "On at least", "integer", low=2, high=MAX_REGULAR_DAYS, default=3),
            Field(
                *("period", "Different", "choice"),
                choices={"day": "different days", "week": "different weeks"},
                default="day",
            ),
            days_field("days", "Within", default=14),
            ZONE,
        ),
        features=_days_on,
        read=reading.first,
        sentence="{type}{category}{where} on at least {value} {period} within {days} ({zone})",
        test=lambda days, params: days >= params["value"],
        check=_days_on_check,
    ),
    event_condition(
        "event_stopped",
        "Stopped doing it",
        (
            *WHAT,
            _age_field("days", "Not within", default=30, said=DAYS),
            _age_field(
                "earlier",
                "But before that, within",
                default=60,
                said=("in the day before", "in the {} days before"),
            ),
        ),
        features=_last_time,
        read=reading.days_ago,
        sentence="not {type}{category}{where} within {days}, but {earlier}",
        test=_stopped_test,
    ),
    event_condition(
        "event_resumed",
        "Did it again after a pause",
        (
            *WHAT,
            days_field("days", "Again within", default=7),
            days_field("pause", "After a pause of", default=30),
        ),
        features=_around_pause,
        read=reading.resumed,
        sentence="{type}{category}{where} again within {days}, after a pause of {pause}",
        test=lambda again, params: again,
        check=_pause_check,
    ),
    event_condition(
        "event_trend",
        "More or less often than before",
        (
            *WHAT,
            *number_fields(NUMBERS, "Times as often", 1000, default=1.5),
            Field(*("period", "Comparing", "choice"), choices=TREND_WORDS, default="7_days"),
            ZONE,
        ),
        features=_two_periods,
        read=_trend,
        sentence=f"{_TREND} {{period}} ({{zone}})",
        instead=(
            *instead_of_presence("whether somebody {type}{category}{where} more often than before"),
            *(({"period": period}, f"{_TREND} {{period}}") for period in ROLLING_TRENDS),
        ),
        operators=NUMBERS,
    ),
    event_condition(
        "event_sequence",
        "Did one thing, then another",
        (
            *WHAT,
            *_OTHER,
            Field("without", "With none of", "event_type", optional=True, default=""),
            Field("without_category", "In category", "category", optional=True, default=""),
            days_field("days", "Both within", default=14),
        ),
        features=_one_then_other,
        read=reading.followed,
        sentence=f"{_FOLLOWED}, not having {{without}}{{without_category}} in between, {_BOTH}",
        instead=(
            ({"without": ""}, f"{_FOLLOWED}, {_BOTH}"),
            (
                {"without": "exposure"},
                f"{_FOLLOWED}, not having been shown something personal{{without_category}}"
                f" in between, {_BOTH}",
            ),
        ),
        test=lambda followed, params: followed,
        check=_between_check,
    ),
    event_condition(
        "event_unfinished",
        "Began and did not finish",
        (
            *(Field("type", "Began", "event_type", default="add_to_cart"), *WHAT[1:]),
            Field("then", "Did not finish by", "event_type", default="purchase"),
            _OTHER[1],
            _age_field("days", "Began within", default=7, said=DAYS),
        ),
        features=_last_of_both,
        read=reading.unfinished,
        sentence="{type}{category}{where} within {days} and not {then}{then_category} since",
        test=lambda days, params: days < params["days"],
    ),
)
