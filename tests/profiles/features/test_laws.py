"""What is kept event by event is what the whole list of events says, in any order.

The model is profiles.features.batch, which has no states. A reading for a moment before the
latest event is the reading at that event.
"""

import random

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from profiles.features.batch import feature_value
from profiles.features.definition import (
    BUCKETS,
    DISTINCT_VALUES,
    EXACT_MOMENTS,
    SEEN_EVENTS,
    Condition,
    Feature,
    Lifetime,
    Rolling,
    Visit,
)
from profiles.features.events import FeatureEvent
from profiles.features.fold import (
    feature_add,
    feature_compile,
    feature_merge,
    feature_read,
    features_add,
    features_merge,
)
from profiles.features.seen import seen_edge, seen_times
from profiles.features.state import FeatureState
from tests.profiles.features.histories import (
    CONDITIONS,
    FEATURES,
    SPANS,
    cases,
    counted_until,
    crowd,
    starts_of,
    state_of,
)

Case = tuple[list[Feature], list[FeatureEvent], list[int]]
WHERE = st.lists(st.sampled_from(CONDITIONS), max_size=2).map(tuple)


def assert_reads_as_events_say(
    state: FeatureState, feature: Feature, events: list[FeatureEvent], now_ms: float
) -> None:
    at = max(now_ms, counted_until(feature, events)) / 1000
    starts = starts_of([event for event in events if event.occurred_ms <= at * 1000])
    for visit in (None, 1, 2, 9) if isinstance(feature.window, Visit) else (None,):
        expected = feature_value(events, feature, at, visit=visit, starts=starts)
        if feature.aggregation == "distinct":
            assert isinstance(expected, int)
            expected = min(expected, DISTINCT_VALUES)
        read = feature_read(state, feature, now_ms / 1000, visit=visit, starts=starts)
        assert (read, type(read)) == (expected, type(expected)), feature


@given(case=cases(), where=WHERE)
@settings(max_examples=150)
def test_every_aggregation_over_every_window_is_what_the_events_say(
    case: Case, where: tuple[Condition, ...]
) -> None:
    features, events, moments = case
    for plain in features:
        feature = msgspec.structs.replace(plain, where=where)
        state = state_of(feature, events)
        for now_ms in moments:
            assert_reads_as_events_say(state, feature, events, now_ms)


@given(case=cases(), data=st.data())
@settings(max_examples=150)
def test_order_and_batches_and_where_events_came_from_do_not_matter(
    case: Case, data: st.DataObject
) -> None:
    features, events, _ = case
    shuffled = data.draw(st.permutations(events))
    cut = data.draw(st.integers(0, len(events)))
    for feature in features:
        whole = state_of(feature, events)
        assert state_of(feature, shuffled) == whole
        one, other = state_of(feature, shuffled[:cut]), state_of(feature, shuffled[cut:])
        untouched = msgspec.json.encode((one, other))
        assert feature_merge(one, other, feature) == feature_merge(other, one, feature) == whole
        assert msgspec.json.encode((one, other)) == untouched


@given(case=cases(), cut=st.integers(0, 25))
def test_a_stored_state_goes_on_as_if_it_had_never_been_stored(case: Case, cut: int) -> None:
    features, events, _ = case
    for feature in features:
        raw = msgspec.json.encode(state_of(feature, events[:cut]))
        state = msgspec.json.decode(raw, type=FeatureState)
        for event in events[cut:]:
            feature_add(state, feature, event)
        assert state == state_of(feature, events)


# --- Beyond the limits ----------------------------------------------------------------------------


def as_limited(feature: Feature, events: list[FeatureEvent], now_ms: int) -> object:
    """The true value, or for a crowded rolling window the true value of what Exactness names."""
    value = feature_value(events, feature, now_ms / 1000)
    limits, window = feature.exactness, feature.window
    if limits.values is not None:
        assert isinstance(value, int)
        return min(value, limits.values)
    if limits.moments is None or limits.edge_ms is None or not isinstance(window, Rolling):
        return value
    counted = [e for e in events if state_of(feature, [e]) != FeatureState()]
    inside = {e.occurred_ms for e in counted if now_ms - window.span_ms < e.occurred_ms <= now_ms}
    if len(inside) <= limits.moments:
        return value
    edge = (now_ms - window.span_ms) // limits.edge_ms * limits.edge_ms
    within = [event for event in events if edge <= event.occurred_ms]
    everything = msgspec.structs.replace(feature, window=Lifetime())
    return feature_value(within, everything, now_ms / 1000)


CROWDED_OF = {"", "item", "value", "time", "day.America/Sao_Paulo"}
CROWDED = tuple(
    feature
    for feature in FEATURES
    if isinstance(feature.window, Rolling) and feature.of in CROWDED_OF
)


@given(feature=st.sampled_from(CROWDED), seed=st.integers(0, 2**32))
@settings(max_examples=80)
@example(feature=CROWDED[0], seed=0)
def test_a_crowded_window_reads_as_its_exactness_says(feature: Feature, seed: int) -> None:
    rng = random.Random(seed)
    assert isinstance(feature.window, Rolling)
    events = crowd(rng, span_ms=feature.window.span_ms)
    state = state_of(feature, events)
    latest = int(max(counted_until(feature, events), 0))
    nows = [latest, *(latest + rng.randrange(2 * feature.window.span_ms) for _ in range(6))]
    at = int(rng.choice(events).occurred_ms) + feature.window.span_ms
    for now_ms in (*nows, max(at, latest), max(at - 1, latest), latest + 500 * 86_400_000):
        read = feature_read(state, feature, now_ms / 1000)
        assert read == as_limited(feature, events, now_ms)


@given(
    feature=st.sampled_from(CROWDED) | st.sampled_from([f for f in FEATURES if f.of in CROWDED_OF]),
    seed=st.integers(0, 2**32),
)
@settings(max_examples=200)
def test_a_crowd_is_the_same_in_any_order_and_from_any_parts(feature: Feature, seed: int) -> None:
    rng = random.Random(seed)
    window = feature.window
    events = crowd(
        rng, span_ms=window.span_ms if isinstance(window, Rolling) else rng.choice(SPANS) * 60_000
    )
    whole = state_of(feature, events)
    rng.shuffle(events)
    if rng.random() < 0.5:  # parts that follow each other in time, as visits do
        events.sort(key=lambda event: event.occurred_ms)
    assert state_of(feature, events) == whole
    cuts = sorted(rng.randrange(len(events) + 1) for _ in range(2))
    parts = [events[: cuts[0]], events[cuts[0] : cuts[1]], events[cuts[1] :]]
    a, b, c = (state_of(feature, part) for part in parts)
    assert feature_merge(feature_merge(a, b, feature), c, feature) == whole
    assert feature_merge(c, feature_merge(b, a, feature), feature) == whole


@given(seed=st.integers(0, 2**32))
def test_a_visit_is_exact_while_few_others_have_something_after_its_first_event(seed: int) -> None:
    rng = random.Random(seed)
    feature = Feature("view", "count", Visit())
    spread = rng.choice((10, 100, 400))
    events = [
        FeatureEvent("view", 1000 * (visit * 100 + rng.randrange(spread)), visit=visit)
        for visit in range(12)
        for _ in range(rng.randrange(1, 6))
    ]
    rng.shuffle(events)
    state = state_of(feature, events)
    latest = {v: max(e.occurred_ms for e in events if e.visit == v) for v in range(12)}
    assert feature.exactness.visits is not None
    for visit in range(12):
        first = min(event.occurred_ms for event in events if event.visit == visit)
        others = sum(latest[other] >= first for other in range(12) if other != visit)
        if others < feature.exactness.visits:
            count = feature_read(state, feature, 0, visit=visit)
            assert count == sum(event.visit == visit for event in events)


@pytest.mark.parametrize("minutes", [1, 19, 20, 48, 49, 97, 1440, 30 * 1440, 92 * 1440])
def test_a_bucket_is_a_small_part_of_the_window_and_never_more_than_a_day(minutes: int) -> None:
    window = Rolling(minutes)
    assert window.bucket_ms <= max(60_000, min(86_400_000, window.span_ms / 19))
    assert window.span_ms / window.bucket_ms <= max(BUCKETS, 92)


# --- Many features at once ------------------------------------------------------------------------


@given(case=cases(), cut=st.integers(0, 25))
@settings(max_examples=50)
def test_compiled_features_are_kept_as_each_would_be_alone(case: Case, cut: int) -> None:
    features, events, _ = case
    compiled = feature_compile(features)
    states: dict[str, FeatureState] = {}
    others: dict[str, FeatureState] = {}
    for number, event in enumerate(events):
        features_add(states if number < cut else others, compiled, event)
    features_merge(states, others, compiled)
    alone = {feature.key: state_of(feature, events) for feature in features}
    assert states == {key: state for key, state in alone.items() if state != FeatureState()}


# --- What was seen, and when ----------------------------------------------------------------------


@given(seed=st.integers(0, 2**32), most=st.sampled_from([20, SEEN_EVENTS, 2 * SEEN_EVENTS]))
@settings(max_examples=40)
def test_what_was_seen_is_known_with_its_times_since_the_edge(seed: int, most: int) -> None:
    rng = random.Random(seed)
    feature = Feature("view", "seen", Lifetime(), of="item")
    events = [
        FeatureEvent("view", 1000 + rng.randrange(most), item=f"item {rng.randrange(9)}")
        for _ in range(rng.randrange(most))
    ]
    state = state_of(feature, events)
    edge = seen_edge(state)
    assert (edge is None) == (len(events) < SEEN_EVENTS)
    for item in {"item 9", *(event.item for event in events)}:
        of_item = sorted(int(event.occurred_ms) for event in events if event.item == item)
        seen = seen_times(state, item)
        since = [when for when in of_item if edge is None or when > edge]
        assert [when for when in seen if edge is None or when > edge] == since
        assert seen_times(state, item.upper()) == seen


def test_sums_of_tenths_are_exact_in_any_order() -> None:
    feature = Feature("view", "sum", Lifetime(), of="value")
    events = [FeatureEvent("view", number, value=0.1) for number in range(1000)]
    events += [FeatureEvent("view", 0, value=1e12), FeatureEvent("view", 0, value=-1e12)]
    for _ in range(3):
        random.Random(1).shuffle(events)
        assert feature_read(state_of(feature, events), feature, 2.0) == 100.0


def test_exactly_so_many_moments_are_exact_whatever_came_before() -> None:
    feature = Feature("view", "count", Rolling(60))
    inside = [FeatureEvent("view", 7_200_000 + number) for number in range(EXACT_MOMENTS)]
    before = [FeatureEvent("view", 3_600_063 - number) for number in range(300)]
    state = state_of(feature, [*before, *inside])
    assert feature_read(state, feature, 7200.063) == EXACT_MOMENTS
