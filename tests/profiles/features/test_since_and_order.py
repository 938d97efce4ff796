"""Windows that begin with an event, and orders, with more events than a state tells apart."""

import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiles.features.batch import feature_value
from profiles.features.definition import EXACT_MOMENTS, Feature, Lifetime, Order, Since
from profiles.features.events import FeatureEvent
from profiles.features.fold import feature_merge, feature_read
from profiles.features.since import BLOCK_MS, DAY_MS, OLD_BLOCKS
from profiles.features.state import FeatureState
from tests.profiles.features.histories import state_of

START_MS = 1_763_800_000_000
SINCE = tuple(
    Feature("view", aggregation, Since("click"), of=of)
    for aggregation, of in (
        ("count", ""), ("sum", "value"), ("mean", "value"), ("max", "value"),
        ("distinct", "item"), ("latest", "item"),
    )
)  # fmt: skip
ORDER = Feature("view", "followed", Order(7 * 1440, "buy", without="click"))
SEEDS = st.integers(0, 2**32)


def crowd(rng: random.Random, *, reach_ms: int) -> list[FeatureEvent]:
    """Up to 400 events of three types; marks are few, views and what follows them many."""
    marks = rng.choice((0.0, 0.01, 0.1))
    step = rng.choice((1, 60_000, DAY_MS))
    return [
        FeatureEvent(
            "click" if rng.random() < marks else rng.choice(("view", "view", "view", "buy")),
            START_MS + rng.randrange(reach_ms + 1) // step * step,
            part=int(rng.random() < 0.05),
            value=rng.choice((None, 0.1, 2.5, -3.0)),
            item=f"item {rng.randrange(rng.choice((3, 200)))}",
        )
        for _ in range(rng.randrange(1, 400))
    ]


@given(feature=st.sampled_from([*SINCE, ORDER]), seed=SEEDS)
@settings(max_examples=120, deadline=None)
def test_late_marks_and_late_events_give_the_same_in_any_order_and_from_any_parts(
    feature: Feature, seed: int
) -> None:
    rng = random.Random(seed)
    events = crowd(rng, reach_ms=rng.choice((3_600_000, 5 * DAY_MS, 300 * DAY_MS, 1500 * DAY_MS)))
    whole = state_of(feature, events)
    assert state_of(feature, sorted(events, key=lambda event: event.occurred_ms)) == whole
    assert state_of(feature, sorted(events, key=lambda event: event.type)) == whole
    assert state_of(feature, sorted(events, key=lambda event: event.type, reverse=True)) == whole
    cuts = sorted(rng.randrange(len(events) + 1) for _ in range(2))
    a, b, c = (
        msgspec.json.decode(msgspec.json.encode(state_of(feature, part)), type=FeatureState)
        for part in (events[: cuts[0]], events[cuts[0] : cuts[1]], events[cuts[1] :])
    )
    assert feature_merge(feature_merge(a, b, feature), c, feature) == whole
    assert feature_merge(c, feature_merge(b, a, feature), feature) == whole


def since_limited(feature: Feature, events: list[FeatureEvent], now: float) -> object:
    """The true value, or where there are too many moments since the mark that from the beginning of
    the mark's bucket on."""
    value = feature_value(events, feature, now)
    if feature.exactness.values is not None:
        return min(int(value or 0), feature.exactness.values)
    if feature.exactness.moments is None:
        return value
    marks = [int(event.occurred_ms) for event in events if event.type == "click" and not event.part]
    alone = [e for e in events if state_of(feature, [e]) != FeatureState() and e.type == "view"]
    times = {int(event.occurred_ms) for event in alone}
    if not marks or len([time for time in times if time > max(marks)]) <= feature.exactness.moments:
        return value
    mark, newest = max(marks), max(times) // BLOCK_MS
    width = DAY_MS if mark // BLOCK_MS >= newest - 1 else BLOCK_MS
    edge = max(mark // width * width, (newest - OLD_BLOCKS) * BLOCK_MS)
    latest = sorted(times)[-EXACT_MOMENTS - 1]
    within = [e for e in alone if e.occurred_ms >= min(edge, latest)]
    return feature_value(within, msgspec.structs.replace(feature, window=Lifetime()), now)


@given(feature=st.sampled_from(SINCE), seed=SEEDS)
@settings(max_examples=150, deadline=None)
def test_a_crowd_since_an_event_reads_as_its_exactness_says(feature: Feature, seed: int) -> None:
    rng = random.Random(seed)
    events = crowd(rng, reach_ms=rng.choice((3_600_000, 20 * DAY_MS, 300 * DAY_MS, 1500 * DAY_MS)))
    now = max(event.occurred_ms for event in events) / 1000
    assert feature_read(state_of(feature, events), feature, now) == since_limited(
        feature, events, now
    )


@given(seed=SEEDS)
@settings(max_examples=80, deadline=None)
def test_a_crowded_order_looks_back_as_far_as_all_kinds_are_known(seed: int) -> None:
    rng = random.Random(seed)
    assert isinstance(ORDER.window, Order)
    events = crowd(rng, reach_ms=rng.choice((3_600_000, 20 * DAY_MS)))
    state = state_of(ORDER, events)
    now = max(int(event.occurred_ms) for event in events) + rng.choice((0, 3 * DAY_MS))
    edge = now - ORDER.window.span_ms
    for kind in ("view", "buy", "click"):
        times = sorted({int(e.occurred_ms) for e in events if e.type == kind and not e.part})
        inside = [time for time in times if time > edge]
        if len(inside) > EXACT_MOMENTS:
            edge = inside[-EXACT_MOMENTS - 1]
    within = [event for event in events if event.occurred_ms > edge]
    assert feature_read(state, ORDER, now / 1000) is feature_value(within, ORDER, now / 1000)


def test_an_interruption_that_was_forgotten_makes_no_order() -> None:
    kinds = ["view", "click", "buy"] + ["click"] * 200
    events = [FeatureEvent(kind, START_MS + number) for number, kind in enumerate(kinds)]
    now = (START_MS + len(kinds)) / 1000
    assert feature_value(events, ORDER, now) is False
    assert feature_read(state_of(ORDER, events), ORDER, now) is False
    later = [FeatureEvent(kind, START_MS + 300 + n) for n, kind in enumerate(("view", "buy"))]
    assert feature_read(state_of(ORDER, [*later, *events]), ORDER, now + 1) is True


def test_a_late_mark_takes_away_what_came_before_it() -> None:
    feature = SINCE[0]
    views = [FeatureEvent("view", START_MS + number * DAY_MS) for number in range(10)]
    now = START_MS / 1000 + 20 * 86_400
    assert feature_read(state_of(feature, views), feature, now) == 0, "it never happened"
    early, late = FeatureEvent("click", START_MS - 1), FeatureEvent("click", START_MS + 7 * DAY_MS)
    assert feature_read(state_of(feature, [*views, early]), feature, now) == 10
    assert feature_read(state_of(feature, [*views, late, early]), feature, now) == 2


@pytest.mark.parametrize("days", [0, 5, 300])
def test_so_many_moments_since_an_event_are_exact_whatever_came_before(days: int) -> None:
    feature = SINCE[0]
    mark = FeatureEvent("click", START_MS)
    before = [FeatureEvent("view", START_MS - number) for number in range(300)]
    since = [
        FeatureEvent("view", START_MS + 1 + number * days * DAY_MS // 64 + number)
        for number in range(EXACT_MOMENTS)
    ]
    state = state_of(feature, [*before, *since, mark])
    assert feature_read(state, feature, START_MS / 1000 + 400 * 86_400) == EXACT_MOMENTS
