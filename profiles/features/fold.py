"""Keeping declared features up to date, event by event, and reading them at a moment.

    compiled = feature_compile(features)
    features_add(states, compiled, event)          # for every event, in any order
    feature_read(states.get(feature.key), feature, now)

Adding in any order, in any batches, or merging the states of parts gives the same state. Twice the
same event counts twice: duplicates are sorted out before. How exact a reading is says
`Feature.exactness`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from profiles.features.cells import EMPTY, FINISH, Cell, Lift, lift_of
from profiles.features.definition import Feature, Visit
from profiles.features.events import FeatureEvent
from profiles.features.filters import Test, condition_test
from profiles.features.keeping import Keep, keep_of
from profiles.features.state import FeatureState
from profiles.features.values import Value


@dataclass(frozen=True, slots=True)
class Plan:
    """A feature made ready: its tests, what an event is worth, and how that is kept."""

    key: str
    type: str
    tests: tuple[Test, ...]
    lift: Lift
    put: Callable[[FeatureState, int, int | None, Cell], None]
    keep: Keep


@dataclass(frozen=True, slots=True)
class Compiled:
    """Features made ready, by event type and by key."""

    by_type: Mapping[str, tuple[Plan, ...]]
    by_key: Mapping[str, Plan]


def feature_compile(features: Iterable[Feature]) -> Compiled:
    """Make checked features ready to be kept; those that ask the same are kept once."""
    by_key = {feature.key: _plan(feature) for feature in features}
    by_type: dict[str, tuple[Plan, ...]] = {}
    for plan in by_key.values():
        by_type[plan.type] = (*by_type.get(plan.type, ()), plan)
    return Compiled(by_type, by_key)


#: By key and not by equality, to which 1 and True are one value.
_plans: dict[str, Plan] = {}
_PLANS = 4096


def _plan(feature: Feature) -> Plan:
    """Made once per process, as long as there are not too many."""
    plan = _plans.get(feature.key)
    if plan is None:
        if len(_plans) >= _PLANS:
            _plans.clear()
        plan = _plans[feature.key] = _plan_make(feature)
    return plan


def _plan_make(feature: Feature) -> Plan:
    tests = [condition_test(condition) for condition in feature.where]
    if isinstance(feature.window, Visit):
        tests.append(_has_visit)
    keep = keep_of(feature)
    lift = lift_of(feature)
    return Plan(feature.key, feature.type, tuple(tests), lift, keep.put, keep)


def _has_visit(event: Any) -> bool:
    return event.visit is not None


def features_add(states: dict[str, FeatureState], compiled: Compiled, event: FeatureEvent) -> None:
    """Add one event to the states of the features it counts for, by key, in place."""
    for plan in compiled.by_type.get(event.type, ()):
        cell = _worth(plan, event)
        if cell is None:
            continue
        state = states.get(plan.key)
        if state is None:
            state = states[plan.key] = FeatureState()
        plan.put(state, int(event.occurred_ms), event.visit, cell)


def feature_add(state: FeatureState, feature: Feature, event: FeatureEvent) -> None:
    """Add one event to the state of a feature, in place, if it counts for it."""
    plan = _plan(feature)
    if event.type == plan.type and (cell := _worth(plan, event)) is not None:
        plan.put(state, int(event.occurred_ms), event.visit, cell)


def _worth(plan: Plan, event: FeatureEvent) -> Cell | None:
    for test in plan.tests:
        if not test(event):
            return None
    return plan.lift(event)


def features_merge(
    states: dict[str, FeatureState], others: Mapping[str, FeatureState], compiled: Compiled
) -> None:
    """Add everything `others` keep of these features, in place: as if their events were added."""
    for key, other in others.items():
        plan = compiled.by_key.get(key)
        if plan is not None:
            states[key] = _merged(plan, states.get(key) or FeatureState(), other)


def feature_merge(a: FeatureState, b: FeatureState, feature: Feature) -> FeatureState:
    """A new state of both states' events."""
    return _merged(_plan(feature), a, b)


def _merged(plan: Plan, a: FeatureState, b: FeatureState) -> FeatureState:
    state = FeatureState(list(a.times), list(a.held), dict(a.cells))
    plan.keep.merge(state, b)
    return state


def feature_read(
    state: FeatureState | None, feature: Feature, now: float, *, visit: int | None = None
) -> Value | None:
    """The feature's value at `now` (seconds since 1970 UTC); None when no event gives it one.

    Counts, distinct values and sums of nothing are 0. `visit` is the visit that goes on at `now`,
    None when there is none; only windows of this visit look at it. No state is one without
    events. A moment before the latest event that was added is read as that event's time.
    """
    if state is None:
        return EMPTY.get(feature.aggregation)
    cell = _plan(feature).keep.read(state, round(now * 1000), visit)
    return EMPTY.get(feature.aggregation) if cell is None else FINISH[feature.aggregation](cell)
