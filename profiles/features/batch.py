"""The value of a feature from a plain list of events, by definition.

No states, no buckets, no shortcuts, and nothing in common with the fold but the values: the fold
is tested against this, and replays read it. Every event is looked at for every reading.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from profiles.features.definition import (
    PROPERTY,
    SEEN_EVENTS,
    TIME,
    Calendar,
    Condition,
    Dates,
    Feature,
    LatestVisits,
    Order,
    Rolling,
    Since,
    Visit,
    date_of,
)
from profiles.features.events import FeatureEvent
from profiles.features.values import (
    UNITS,
    Value,
    kind_of,
    number_units,
    text_fold,
    value_hash,
    value_kept,
    value_rank,
)


def feature_value(
    events: Iterable[FeatureEvent],
    feature: Feature,
    now: float,
    *,
    visit: int | None = None,
    starts: Sequence[int] = (),
) -> Value | None:
    """The value at `now` (seconds since 1970 UTC), as if nothing later had happened yet.

    `visit` is the visit that goes on at `now`, `starts` are when the latest visits began
    (milliseconds, ascending). Without limits: every window is exact, and distinct values are
    counted however many there are.
    """
    until = round(now * 1000)
    past = [event for event in events if int(event.occurred_ms) <= until]
    own = [
        event
        for event in past
        if event.type == feature.type
        and all(_holds(condition, event) for condition in feature.where)
    ]
    window = feature.window
    if isinstance(window, Order):
        return _followed(past, own, window, until)
    if isinstance(window, Since):
        marks = _happened(past, window.type, window.category)
        counted = [e for e in own if marks and int(e.occurred_ms) > marks[-1]]
    elif isinstance(window, LatestVisits):
        since = starts[-window.visits] if len(starts) >= window.visits else float("-inf")
        counted = [e for e in own if e.visit is not None and int(e.occurred_ms) >= since]
    else:
        counted = [e for e in own if _is_inside(feature, int(e.occurred_ms), until, e.visit, visit)]
    return _AGGREGATE[feature.aggregation](feature, counted)


def _happened(events: Iterable[FeatureEvent], type: str, category: str) -> list[int]:
    """When events of a type happened, in a category if it is named; ascending."""
    return sorted(
        int(event.occurred_ms)
        for event in events
        if event.type == type
        and event.part == 0
        and (not category or text_fold(event.category) == text_fold(category))
    )


def _followed(
    past: Sequence[FeatureEvent], own: Sequence[FeatureEvent], window: Order, now: int
) -> bool:
    start = now - window.minutes * 60_000
    then = _happened(past, window.then, window.then_category)
    without = _happened(past, window.without, window.without_category) if window.without else []
    return any(
        start < int(event.occurred_ms) < later
        and not any(int(event.occurred_ms) < between < later for between in without)
        for event in _whole(own)
        for later in then
    )


def _is_inside(
    feature: Feature, when: int, now: int, visit: int | None, current: int | None
) -> bool:
    window = feature.window
    if isinstance(window, Rolling):
        return when > now - window.minutes * 60_000
    if isinstance(window, Calendar):
        first = _period_begins(now, window)
        if window.offset == -1:
            first = _first_day(first - timedelta(days=1), window.period)
        return _period_begins(when, window) == first
    if isinstance(window, Dates):
        return not (
            (window.start and when < _midnight(window.start, window.zone))
            or (window.end and when >= _midnight(window.end, window.zone, days=1))
        )
    if isinstance(window, Visit):
        return visit is not None and visit == current
    return True


def _midnight(day: str, zone: str, *, days: int = 0) -> float:
    midnight = datetime.fromisoformat(day) + timedelta(days=days)
    return midnight.replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000


def _period_begins(when: int, window: Calendar) -> date:
    return _first_day(
        datetime.fromtimestamp(when / 1000, ZoneInfo(window.zone)).date(), window.period
    )


def _first_day(day: date, period: str) -> date:
    if period == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if period == "month" else day


def _field(event: FeatureEvent, name: str) -> Any:
    if name == TIME:
        return int(event.occurred_ms) / 1000
    if date := date_of(name):
        period, zone = date
        return _period_begins(int(event.occurred_ms), Calendar(period, zone)).toordinal()
    if name.startswith(PROPERTY):
        return (event.properties or {}).get(name[len(PROPERTY) :])
    return getattr(event, name)


def _holds(condition: Condition, event: FeatureEvent) -> bool:
    value = _field(event, condition.field)
    kind = kind_of(value)
    if kind is None or condition.operator == "is_set":
        return kind is not None
    if any(kind_of(wanted) != kind for wanted in condition.values):
        return False
    values: Sequence[Any] = condition.values
    if kind == "text":
        value, values = text_fold(value), [text_fold(wanted) for wanted in values]
    match condition.operator:
        case "eq" | "in":
            return value in values
        case "ne" | "not_in":
            return value not in values
        case "contains":
            return values[0] in value
        case "starts_with":
            return bool(value[: len(values[0])] == values[0])
        case _:
            return _compares(condition.operator, value, values)


def _compares(operator: str, value: float, values: Sequence[float]) -> bool:
    match operator:
        case "lt":
            return value < values[0]
        case "lte":
            return value <= values[0]
        case "gt":
            return value > values[0]
        case "gte":
            return value >= values[0]
        case _:
            return values[0] <= value <= values[1]


def _whole(events: Iterable[FeatureEvent]) -> list[FeatureEvent]:
    return [event for event in events if event.part == 0]


def _units(feature: Feature, events: Iterable[FeatureEvent]) -> list[int]:
    return [
        units for event in events if (units := number_units(_field(event, feature.of))) is not None
    ]


def _growing(feature: Feature, events: list[FeatureEvent]) -> list[FeatureEvent]:
    """What is summed: later parts only carry what grows."""
    return _whole(events) if feature.of.startswith(PROPERTY) else events


def _count(feature: Feature, events: list[FeatureEvent]) -> Value | None:
    return len(_whole(events))


def _sum(feature: Feature, events: list[FeatureEvent]) -> Value | None:
    return sum(_units(feature, _growing(feature, events))) / UNITS


def _mean(feature: Feature, events: list[FeatureEvent]) -> Value | None:
    number = len(_units(feature, _whole(events)))
    return sum(_units(feature, _growing(feature, events))) / (number * UNITS) if number else None


def _min(feature: Feature, events: list[FeatureEvent]) -> Value | None:
    units = _units(feature, _whole(events))
    return min(units) / UNITS if units else None


def _max(feature: Feature, events: list[FeatureEvent]) -> Value | None:
    units = _units(feature, _whole(events))
    return max(units) / UNITS if units else None


def _dated(feature: Feature, events: list[FeatureEvent]) -> list[tuple[int, tuple[int, Value]]]:
    return [
        (int(event.occurred_ms), value_rank(value))
        for event in _whole(events)
        if (value := value_kept(_field(event, feature.of))) is not None
    ]


def _latest(feature: Feature, events: list[FeatureEvent]) -> Value | None:
    dated = _dated(feature, events)
    return max(dated)[1][1] if dated else None


def _first(feature: Feature, events: list[FeatureEvent]) -> Value | None:
    dated = _dated(feature, events)
    return min(dated)[1][1] if dated else None


def _distinct(feature: Feature, events: list[FeatureEvent]) -> Value | None:
    values = [_field(event, feature.of) for event in _whole(events)]
    return len({_identity(value) for value in values if kind_of(value) is not None})


def _seen(feature: Feature, events: list[FeatureEvent]) -> Value | None:
    """Of events at once, those whose values have the larger hashes are the later ones."""
    hashed = [
        (int(event.occurred_ms), value)
        for event in _whole(events)
        if (value := value_hash(_field(event, feature.of))) is not None
    ]
    return len({value for _, value in sorted(hashed)[-SEEN_EVENTS:]})


def _identity(value: Any) -> tuple[str | None, object]:
    if isinstance(value, str):
        return "text", text_fold(value)
    return kind_of(value), value if isinstance(value, bool) else number_units(value)


_AGGREGATE: Mapping[str, Callable[[Feature, list[FeatureEvent]], Value | None]] = {
    "count": _count,
    "distinct": _distinct,
    "sum": _sum,
    "mean": _mean,
    "min": _min,
    "max": _max,
    "latest": _latest,
    "first": _first,
    "seen": _seen,
}
