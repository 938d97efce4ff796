"""A state is stored in every profile: nothing a visitor does makes it larger than it may be."""

import random

import msgspec
import pytest
from msgspec.structs import replace

from profiles.features.definition import (
    AGGREGATIONS,
    BUCKET_MINUTES,
    MAX_MINUTES,
    MAX_VISITS,
    Calendar,
    Dates,
    Feature,
    LatestVisits,
    Lifetime,
    Order,
    Rolling,
    Since,
    Visit,
    Window,
)
from profiles.features.events import FeatureEvent
from profiles.features.fold import feature_merge
from profiles.features.state import FEATURE_BYTES, FeatureState
from tests.profiles.features.histories import is_kept, state_of

NOW_MS = 1_763_800_000_000
#: The longest window of every bucket width, and one of everything else.
WINDOWS: tuple[Window, ...] = (
    *(Rolling(48 * minutes) for minutes in BUCKET_MINUTES),
    Rolling(MAX_MINUTES),
    Calendar("day", "Europe/Copenhagen", -1),
    Visit(),
    Lifetime(),
    Dates("UTC", "2025-01-01"),
    LatestVisits(MAX_VISITS),
    Since("click"),
    Order(MAX_MINUTES, "click", without="view"),
)


def flood(rng: random.Random, span_ms: int) -> list[FeatureEvent]:
    """Events at as many times as possible, with values as long as possible."""
    return [
        FeatureEvent(
            "view",
            NOW_MS - rng.randrange(span_ms),
            value=rng.choice((-1, 1)) * rng.uniform(9e11, 1e12),
            # Control characters are the longest in JSON.
            item=f"{number}" + "\x01" * 300,
            visit=2**62 + rng.randrange(50),
        )
        for number in range(2500)
    ]


@pytest.mark.parametrize("aggregation", AGGREGATIONS)
@pytest.mark.parametrize("window", WINDOWS, ids=repr)
def test_a_flood_does_not_make_a_state_larger_than_it_may_be(
    aggregation: str, window: Window
) -> None:
    if not is_kept(aggregation, window):
        return  # refused: see feature_check
    texts = dict.fromkeys(("distinct", "latest", "first", "seen"), "item")
    of = {"count": "", "followed": "", **texts}.get(aggregation, "value")
    feature = Feature("view", aggregation, window, of=of)
    span_ms = 40 * 86_400_000
    if isinstance(window, Rolling | Order):
        span_ms = window.span_ms
    if isinstance(window, Since):
        span_ms = 1000 * 86_400_000
    events = flood(random.Random(7), span_ms)
    if isinstance(window, Order):
        events = [replace(e, type=("click", "view")[n % 2]) for n, e in enumerate(events)]
    if isinstance(window, Since):
        events.append(FeatureEvent("click", NOW_MS - span_ms - 1))
    state = state_of(feature, events)
    for _ in range(20):  # a million times as many events in every bucket
        state = feature_merge(state, state, feature)
    assert len(msgspec.json.encode(state)) <= FEATURE_BYTES


def test_what_has_left_a_window_is_forgotten() -> None:
    feature = Feature("view", "count", Rolling(60))
    events = [FeatureEvent("view", NOW_MS + number) for number in range(500)]
    state = state_of(feature, [*events, FeatureEvent("view", NOW_MS + 7_200_000)])
    assert state == FeatureState([NOW_MS + 7_200_000], [1])


def test_a_state_without_events_takes_two_bytes() -> None:
    assert msgspec.json.encode(FeatureState()) == b"{}"
