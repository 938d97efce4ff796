"""Keeping declared features up to date, event by event, and reading them at a moment.

    compiled = feature_compile(features)
    features_add(states, compiled, event)          # for every event, in any order
    feature_read(states.get(feature.key), feature, now)

Adding in any order, in any batches, or merging the states of parts gives the same state. Twice the
same event counts twice: duplicates are sorted out before. How exact a reading is says
`Feature.exactness`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from profiles.features.cells import EMPTY, FINISH, Cell
from profiles.features.definition import Feature
from profiles.features.events import FeatureEvent
from profiles.features.plans import Plan, plans_of
from profiles.features.state import FeatureState
from profiles.features.values import Value


@dataclass(frozen=True, slots=True)
class Compiled:
    """Features made ready, by the types of events they look at and by key."""

    by_type: Mapping[str, tuple[Plan, ...]]
    by_key: Mapping[str, tuple[Plan, ...]]


def feature_compile(features: Iterable[Feature]) -> Compiled:
    """Make checked features ready to be kept; those that ask the same are kept once."""
    by_key = {feature.key: _plans_of(feature) for feature in features}
    by_type: dict[str, tuple[Plan, ...]] = {}
    for plans in by_key.values():
        for plan in plans:
            by_type[plan.type] = (*by_type.get(plan.type, ()), plan)
    return Compiled(by_type, by_key)


#: By key and not by equality, to which 1 and True are one value.
_plans: dict[str, tuple[Plan, ...]] = {}
_PLANS = 4096


def _plans_of(feature: Feature) -> tuple[Plan, ...]:
    """Made once per process, as long as there are not too many."""
    plans = _plans.get(feature.key)
    if plans is None:
        if len(_plans) >= _PLANS:
            _plans.clear()
        plans = _plans[feature.key] = plans_of(feature)
    return plans


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
    for plan in _plans_of(feature):
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
        plans = compiled.by_key.get(key)
        if plans is not None:
            states[key] = _merged(plans[0], states.get(key) or FeatureState(), other)


def feature_merge(a: FeatureState, b: FeatureState, feature: Feature) -> FeatureState:
    """A new state of both states' events."""
    return _merged(_plans_of(feature)[0], a, b)


def _merged(plan: Plan, a: FeatureState, b: FeatureState) -> FeatureState:
    state = FeatureState(list(a.times), list(a.held), dict(a.cells), a.mark)
    plan.keep.merge(state, b)
    return state


def feature_read(
    state: FeatureState | None,
    feature: Feature,
    now: float,
    *,
    visit: int | None = None,
    starts: Sequence[int] = (),
) -> Value | None:
    """The feature's value at `now` (seconds since 1970 UTC); None when no event gives it one.

    Counts, distinct values and sums of nothing are 0. `visit` is the visit that goes on at `now`,
    None when there is none; only windows of this visit look at it. `starts` are when the latest
    MAX_VISITS visits began (milliseconds, ascending), for windows of the latest visits. No state is
    one without events. A moment before the latest event that was added is read as that event's
    time.
    """
    if state is None:
        return EMPTY.get(feature.aggregation)
    cell = _plans_of(feature)[0].keep.read(state, round(now * 1000), visit, starts)
    return EMPTY.get(feature.aggregation) if cell is None else FINISH[feature.aggregation](cell)
