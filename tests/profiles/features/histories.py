"""Random histories for the laws: times crowd around the edges that windows have."""

import random
from collections.abc import Sequence
from datetime import datetime
from itertools import product
from zoneinfo import ZoneInfo

from hypothesis import strategies as st
from msgspec.structs import replace

from profiles.features.definition import (
    AGGREGATIONS,
    Calendar,
    Condition,
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
from profiles.features.fold import feature_add
from profiles.features.state import FeatureState

DAY_MS = 86_400_000
SPANS = (1, 30, 45 * 60, 7 * 1440, 92 * 1440)
ZONES = ("UTC", "Europe/Copenhagen", "America/Sao_Paulo", "Asia/Kathmandu", "Pacific/Apia")

WINDOWS: tuple[Window, ...] = (
    *map(Rolling, SPANS),
    *(Calendar(*which) for which in product(("day", "week", "month"), ZONES[:2], (0, -1))),
    *(Calendar("day", zone, offset) for zone, offset in product(ZONES[2:], (0, -1))),
    Visit(),
    Lifetime(),
    Dates("Europe/Copenhagen", "2026-03-29", "2026-10-26"),
    Dates("America/Sao_Paulo", start="2018-11-04"),
    Dates("Pacific/Apia", end="2026-11-01"),
    LatestVisits(1),
    LatestVisits(3),
    Since("click"),
    Since("click", "Garden"),
    Since("view", "home"),
    Order(45 * 60, "click", "", "view", "HOME"),
    Order(7 * 1440, "click", "garden"),
)
OF = {
    "count": ("",),
    "followed": ("",),
    "distinct": ("item", "property.plan", "day.America/Sao_Paulo", "week.Europe/Copenhagen"),
    "min": ("value", "amount", "property.plan", "time"),
    "max": ("value", "amount", "property.plan", "time"),
    "latest": ("item", "property.plan", "value"),
    "first": ("item", "property.plan", "value"),
    "seen": ("item", "property.plan"),
}


def is_kept(aggregation: str, window: Window) -> bool:
    """Whether the aggregation goes with the window."""
    if aggregation == "first":
        return not isinstance(window, Rolling | Since | LatestVisits | Order)
    if aggregation == "seen":
        return isinstance(window, Lifetime)
    return (aggregation == "followed") == isinstance(window, Order)


#: Every aggregation over every window that it goes with.
FEATURES = tuple(
    Feature("view", aggregation, window, of=of)
    for aggregation, window in product(AGGREGATIONS, WINDOWS)
    for of in OF.get(aggregation, ("value", "amount", "property.plan"))
    if is_kept(aggregation, window)
)
CONDITIONS = (
    Condition("category", "eq", ("Garden",)),
    Condition("category", "ne", ("garden",)),
    Condition("item", "in", ("a", "É")),
    Condition("item", "starts_with", ("b",)),
    Condition("value", "between", (0, 5)),
    Condition("property.plan", "not_in", ("pro", "free")),
    Condition("property.plan", "gt", (1,)),
    Condition("property.plan", "eq", (True,)),
    Condition("property.plan", "is_set"),
)


def _moment(year: int, month: int, day: int, hour: int = 0, *, zone: str = "UTC") -> int:
    return int(datetime(year, month, day, hour, tzinfo=ZoneInfo(zone)).timestamp() * 1000)


#: Clocks go forward, back, skip midnight, skip a day; a Monday, a first of a month, a new year.
ANCHORS = (
    _moment(2026, 3, 29, 1),
    _moment(2026, 3, 29, zone="Europe/Copenhagen"),
    _moment(2026, 10, 25, 1),
    _moment(2026, 10, 26, zone="Europe/Copenhagen"),
    _moment(2018, 11, 4, 3),
    _moment(2018, 2, 18, 2),
    _moment(2011, 12, 30, 10),
    _moment(2026, 11, 1),
    _moment(2027, 1, 1, zone="Asia/Kathmandu"),
)
#: What time is stepped by, beside a rolling window's own length (milliseconds).
UNITS_MS = (60_000, 3_600_000, DAY_MS, 7 * DAY_MS)
NUMBERS = st.sampled_from([0, 1, 2.5, -3, 0.1, 0.2, 1e12, 1e13, float("nan")]) | st.floats(
    -1e6, 1e6
)
PLANS = st.sampled_from(
    ["pro", "Pro", "free", "", "e\u0301", "É", 1, 1.0, 2, 3.5, True, False, None]
)


@st.composite
def histories(
    draw: st.DrawFn, window: Window, *, most: int = 25
) -> tuple[list[FeatureEvent], list[int]]:
    """Events around one anchor, and moments (milliseconds) to read at, in any order.

    They lie whole steps apart, or a millisecond off: on the edges of the window.
    """
    anchor = draw(st.sampled_from(ANCHORS))
    unit = draw(st.sampled_from(UNITS_MS))
    if isinstance(window, Rolling | Order):
        unit = window.span_ms
    times = st.builds(
        lambda steps, nudge, shift: anchor + steps * unit + nudge + shift,
        st.integers(-2, 2),
        st.sampled_from([-1, 0, 0, 1]),
        st.sampled_from([0, 0, 0, 0, unit // 2, -unit // 3, DAY_MS]),
    )
    events = st.builds(
        FeatureEvent,
        type=st.sampled_from(["view", "view", "view", "click"]),
        occurred_ms=times,
        amount=st.sampled_from([1.0, 0.1, 0.25]),
        part=st.sampled_from([0, 0, 0, 1]),
        value=st.none() | NUMBERS,
        item=st.sampled_from(["", "a", "A", "b", "bé", "É", "e\u0301"]),
        category=st.sampled_from(["", "garden", "GARDEN", "home"]),
        visit=st.sampled_from([None, 1, 2, 3]),
        properties=st.none() | st.fixed_dictionaries({"plan": PLANS}),
    )
    history = draw(st.lists(events, max_size=most))
    if isinstance(window, LatestVisits):
        history = [in_visits(event, unit // 2) for event in history]
    moments = draw(st.lists(times, min_size=2, max_size=6))
    latest = max((int(event.occurred_ms) for event in history), default=anchor)
    return history, [*moments, latest + unit - 1, latest + unit, anchor + 500 * DAY_MS]


def in_visits(event: FeatureEvent, length_ms: int) -> FeatureEvent:
    """The event in the visit that goes on at its time: visits that do not overlap."""
    visit = int(event.occurred_ms) // length_ms
    return replace(event, visit=visit if event.visit is not None else None)


def starts_of(events: Sequence[FeatureEvent]) -> list[int]:
    """When the visits of these events began, ascending."""
    begun: dict[int, int] = {}
    for event in events:
        if event.visit is not None:
            when = int(event.occurred_ms)
            begun[event.visit] = min(when, begun.get(event.visit, when))
    return sorted(begun.values())


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[Feature], list[FeatureEvent], list[int]]:
    """Every aggregation over one window, with a history that is hard on it."""
    window = draw(st.sampled_from(WINDOWS))
    features = [feature for feature in FEATURES if feature.window == window]
    return features, *draw(histories(window))


def crowd(rng: random.Random, *, span_ms: int, visits: int = 3) -> list[FeatureEvent]:
    """Up to 400 events at far more moments, values and buckets than a state tells apart."""
    start = rng.choice(ANCHORS)
    reach = rng.choice((span_ms // 2, span_ms, span_ms * 3))
    scale = rng.choice((1, 60_000, span_ms // 48 or 1))
    return [
        FeatureEvent(
            "view",
            start + min(rng.randrange(reach + 1) // scale * scale + rng.randrange(2), reach),
            part=int(rng.random() < 0.1),
            value=rng.choice((None, rng.uniform(-100, 100), 0.1)),
            item=f"item {rng.randrange(rng.choice((3, 100, 300)))}",
            visit=rng.randrange(visits),
        )
        for _ in range(rng.randrange(1, 400))
    ]


def state_of(feature: Feature, events: Sequence[FeatureEvent]) -> FeatureState:
    state = FeatureState()
    for event in events:
        feature_add(state, feature, event)
    return state


def counted_until(feature: Feature, events: Sequence[FeatureEvent]) -> float:
    """When the latest event that counts for the feature happened (milliseconds)."""
    times = (e.occurred_ms for e in events if state_of(feature, [e]) != FeatureState())
    return max(times, default=float("-inf"))
