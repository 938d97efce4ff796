"""A feature made ready to be kept: which events go into it, what each is worth, and where to."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from profiles.features.cells import JOIN, Cell, Lift, lift_of
from profiles.features.definition import (
    Calendar,
    Condition,
    Dates,
    Feature,
    LatestVisits,
    Order,
    Rolling,
    Since,
    Visit,
)
from profiles.features.filters import Test, condition_test
from profiles.features.keeping import (
    Keep,
    LastSeen,
    Latest,
    LatestEvents,
    Moments,
    Newest,
    Periods,
    Visits,
    Whole,
    edge_rolling,
    edge_visits,
)
from profiles.features.order import FIRST, THEN, WITHOUT, Ordered
from profiles.features.periods import dates_edges
from profiles.features.since import SinceKeep, SinceMoments, SinceNewest, SinceSeen
from profiles.features.state import FeatureState


@dataclass(frozen=True, slots=True)
class Plan:
    """Events of one type for one feature: their tests, what one is worth, and how that is kept."""

    key: str
    type: str
    tests: tuple[Test, ...]
    lift: Lift
    put: Callable[[FeatureState, int, int | None, Cell], None]
    keep: Keep


def plans_of(feature: Feature) -> tuple[Plan, ...]:
    """The plans of a checked feature, first the one of its own events."""
    window = feature.window
    if isinstance(window, Order):
        return _order_plans(feature, window)
    if isinstance(window, Since):
        return _since_plans(feature, window)
    keep, lift = keep_of(feature), lift_of(feature)
    return (Plan(feature.key, feature.type, tuple(_tests(feature)), lift, keep.put, keep),)


def keep_of(feature: Feature) -> Keep:
    """How the feature's window keeps its past."""
    if feature.aggregation == "seen":
        return LatestEvents()
    window, join = feature.window, JOIN[feature.aggregation]
    if isinstance(window, Calendar):
        return Periods(join, window)
    if isinstance(window, Visit):
        return Visits(join)
    if not isinstance(window, Rolling | LatestVisits):
        return Whole(join)
    edge = edge_rolling(window) if isinstance(window, Rolling) else edge_visits(window)
    if feature.aggregation == "latest":
        return Newest(join, edge)
    if feature.aggregation == "distinct":
        return LastSeen(edge)
    return Moments(join, window) if isinstance(window, Rolling) else Latest(join, window)


def _tests(feature: Feature) -> list[Test]:
    tests = [condition_test(condition) for condition in feature.where]
    if isinstance(feature.window, Visit | LatestVisits):
        tests.append(_has_visit)
    if isinstance(feature.window, Dates):
        tests.insert(0, _between(feature.window))
    return tests


def _has_visit(event: Any) -> bool:
    return event.visit is not None


def _between(window: Dates) -> Test:
    start, end = dates_edges(window.start, window.end, window.zone)
    return lambda event: start <= int(event.occurred_ms) < end


# --- Of more than one type of events -------------------------------------------------------------


def _since_plans(feature: Feature, window: Since) -> tuple[Plan, ...]:
    keep = _since_keep(feature)

    def mark(state: FeatureState, when: int, visit: int | None, cell: Cell) -> None:
        keep.mark(state, when)

    own = Plan(feature.key, feature.type, tuple(_tests(feature)), lift_of(feature), keep.put, keep)
    tests = _category_tests(window.category)
    return own, Plan(feature.key, window.type, tests, _once(1), mark, keep)


def _since_keep(feature: Feature) -> SinceKeep:
    join = JOIN[feature.aggregation]
    if feature.aggregation == "latest":
        return SinceNewest(join)
    return SinceSeen() if feature.aggregation == "distinct" else SinceMoments(join)


def _order_plans(feature: Feature, window: Order) -> tuple[Plan, ...]:
    keep = Ordered(window)
    plan = partial(Plan, feature.key, put=keep.put, keep=keep)
    plans = [
        plan(type=feature.type, tests=tuple(_tests(feature)), lift=_once(FIRST)),
        plan(type=window.then, tests=_category_tests(window.then_category), lift=_once(THEN)),
    ]
    if window.without:
        tests = _category_tests(window.without_category)
        plans.append(plan(type=window.without, tests=tests, lift=_once(WITHOUT)))
    return tuple(plans)


def _category_tests(category: str) -> tuple[Test, ...]:
    return (condition_test(Condition("category", "eq", (category,))),) if category else ()


def _once(cell: Cell) -> Lift:
    """The cell for an event, nothing for its later parts."""
    return lambda event: cell if event.part == 0 else None
