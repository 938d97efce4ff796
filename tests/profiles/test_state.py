"""What a profile remembers: the laws that make folding safe. Pure, over random histories."""

from __future__ import annotations

import doctest
import math
import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles import decay
from profiles.compare import state_differences
from profiles.decay import EPOCH, NOTHING, falls_below_at, log_add, log_mass, mass_at
from profiles.state import (
    LONG,
    RECENT_EVENTS,
    SHORT,
    TOPIC_KEYS,
    Increment,
    State,
    state_add,
    state_decode,
    state_encode,
    state_merge,
)

NOW_MS = 1_763_800_000_000
MANY = 10_000
WEIGHTS = st.floats(0.001, 1e6)
TIMES = st.integers(NOW_MS - 400 * 86_400_000, NOW_MS)

INCREMENTS = st.builds(
    Increment,
    signal=st.sampled_from(["page_view", "click", "dwell"]),
    category=st.sampled_from(["", "gardening", "cooking"]),
    content_type=st.sampled_from(["", "article"]),
    weight=WEIGHTS,
    occurred_ms=TIMES.map(float),
    is_new=st.booleans(),
    starts_visit=st.booleans(),
)
HISTORIES = st.lists(INCREMENTS, max_size=80)


def state_of(events: list[Increment], *, max_topics: int = MANY) -> State:
    state = State()
    for event in events:
        state_add(state, event, max_topics=max_topics)
    return state


def assert_same(one: State, other: State) -> None:
    """Counts exactly, masses to 1e-9 relative."""
    assert state_differences(one, other) == []


# --- Decay ---------------------------------------------------------------------------------------


def test_the_examples_of_the_docstrings_run() -> None:
    failed, attempted = doctest.testmod(decay)
    assert attempted > 5
    assert not failed


@given(st.lists(st.tuples(WEIGHTS, TIMES), min_size=1, max_size=100))
def test_a_mass_is_the_direct_sum(events: list[tuple[float, int]]) -> None:
    now = NOW_MS / 1000
    for half_life in (SHORT, LONG):
        x = NOTHING
        for weight, at in events:
            x = log_add(x, log_mass(weight, at / 1000, half_life))
        direct = math.fsum(w * 2.0 ** (-(now - at / 1000) / half_life) for w, at in events)
        assert math.isclose(mass_at(x, now, half_life), direct, rel_tol=1e-9)


@given(*[st.floats(-2000, 2000) | st.just(NOTHING)] * 3)
def test_adding_in_the_log_domain_is_commutative_and_associative(
    x: float, y: float, z: float
) -> None:
    assert log_add(x, y) == log_add(y, x)
    one, other = log_add(log_add(x, y), z), log_add(x, log_add(y, z))
    assert one == other or math.isclose(one, other, abs_tol=1e-9)
    assert log_add(x, NOTHING) == x


@given(weight=WEIGHTS, share=st.floats(0.01, 0.99))
def test_when_a_mass_falls_below_a_threshold(weight: float, share: float) -> None:
    x = log_mass(weight, EPOCH, LONG)
    at = falls_below_at(x, weight * share, LONG)
    assert mass_at(x, at, LONG) == pytest.approx(weight * share, rel=1e-6)


# --- The laws -------------------------------------------------------------------------------------


@given(events=HISTORIES, seed=st.integers())
def test_the_order_of_events_does_not_matter(events: list[Increment], seed: int) -> None:
    shuffled = random.Random(seed).sample(events, len(events))
    assert_same(state_of(events), state_of(shuffled))


@given(events=HISTORIES, cut=st.integers(0, 80))
def test_merging_is_adding(events: list[Increment], cut: int) -> None:
    state = state_of(events[:cut])
    state_merge(state, state_of(events[cut:]))
    assert_same(state, state_of(events))


@given(HISTORIES)
def test_merging_with_nothing_changes_nothing(events: list[Increment]) -> None:
    state, nothing = state_of(events), State()
    state_merge(nothing, state)
    state_merge(state, State())
    assert nothing == state == state_of(events)


@given(HISTORIES)
def test_what_is_stored_is_read_back_exactly(events: list[Increment]) -> None:
    state = state_of(events)
    assert state_decode(state_encode(state)) == state


@given(HISTORIES)
def test_a_state_against_the_batch(events: list[Increment]) -> None:
    state = state_of(events)
    new = [event for event in events if event.is_new]
    assert state.counts == Counter(event.signal for event in new)
    assert state.visits == sum(event.starts_visit for event in events)
    times = [int(event.occurred_ms) for event in events]
    assert (state.first, state.last) == (min(times, default=None), max(times, default=None))
    for signal in {event.signal for event in new}:
        every = sorted(int(event.occurred_ms) for event in new if event.signal == signal)
        assert state.recent[f"{signal}|"] == every[-RECENT_EVENTS:]
    for key, mass in state.masses.items():
        signal, _, topic = key.partition("|")
        mine = [
            event
            for event in events
            if event.signal == signal
            and topic in ("", "c:" + event.category, "t:" + event.content_type)
        ]
        assert mass.events == sum(event.is_new for event in mine)
        direct = math.fsum(
            event.weight * 2.0 ** ((event.occurred_ms / 1000 - NOW_MS / 1000) / LONG)
            for event in mine
        )
        assert math.isclose(mass_at(mass.long, NOW_MS / 1000, LONG), direct, rel_tol=1e-9)


# --- Windows and bounds ---------------------------------------------------------------------------


def increment(signal: str = "click", *, at: int = NOW_MS, **changes: Any) -> Increment:
    event = Increment(signal, "gardening", "article", 1.0, float(at), True, False)
    return event._replace(**changes)


def test_the_latest_times_are_kept_per_type_and_category() -> None:
    times = [NOW_MS + n for n in range(50)]
    state = state_of([increment(at=at) for at in random.Random(1).sample(times, 50)])
    assert state.recent == {
        "click|": times[-RECENT_EVENTS:],
        "click|gardening": times[-RECENT_EVENTS:],
    }
    assert state.counts == {"click": 50}


def test_a_later_part_adds_weight_and_is_no_event() -> None:
    parts = [increment("dwell", weight=3.0), increment("dwell", weight=4.0, is_new=False)]
    state = state_of(parts)
    mass = state.masses["dwell|c:gardening"]
    assert mass_at(mass.long, NOW_MS / 1000, LONG) == pytest.approx(7.0)
    assert (mass.events, state.counts, len(state.recent["dwell|"])) == (1, {"dwell": 1}, 1)


def test_an_event_without_weight_is_counted_and_has_no_mass() -> None:
    state = state_of([increment("dwell", weight=0.0)])
    assert (state.masses, state.counts) == ({}, {"dwell": 1})


def categories_of(state: State) -> set[str]:
    return {key.partition("|")[2] for key in state.recent} - {""}


def test_the_weakest_topics_give_way_with_their_times() -> None:
    """Room for 20 keys: 2 of everything, 2 of each category. The tenth leaves room for 6."""
    days = [(f"topic{n:02}", NOW_MS - n * 86_400_000) for n in range(10)]
    events = [increment(category=name, content_type="", at=at) for name, at in days]
    assert categories_of(state_of(events[:9], max_topics=5)) == {name for name, _ in days[:9]}
    state = state_of(events, max_topics=5)
    kept = {name for name, _ in days[:6]}
    assert categories_of(state) == kept
    assert state.masses.keys() == {"click|", *(f"click|c:{name}" for name in kept)}
    assert state.counts == {"click": 10}
    assert state.masses["click|"].events == 10


def test_a_topic_without_mass_is_the_first_to_give_way() -> None:
    loved = [increment(category=f"loved{n}", content_type="") for n in range(5)]
    seen = [increment("dwell", category=f"seen{n}", weight=0.0) for n in range(50)]
    for events in (loved + seen, seen + loved):
        state = state_of(events, max_topics=5)
        assert {f"loved{n}" for n in range(5)} <= categories_of(state)
        assert len(state.masses) + len(state.recent) <= 5 * TOPIC_KEYS
        assert state.counts == {"click": 5, "dwell": 50}


def test_of_equally_strong_topics_the_names_decide_however_they_were_added_up() -> None:
    """Sums of floats depend on their order; who gives way must not."""
    rng = random.Random(5)
    ages = [rng.randrange(90 * 86_400_000) for _ in range(40)]
    expected = None
    for _ in range(20):
        events = [
            increment(category=name, content_type="", at=NOW_MS - age)
            for name in "abcdefghi"
            for age in rng.sample(ages, len(ages))
        ]
        state = state_of(events, max_topics=5)
        state_add(state, increment(category="j", content_type="", weight=1e6), max_topics=5)
        assert categories_of(state) == set("efghij")
        assert expected in (None, state.recent)
        expected = state.recent


def test_a_full_profile_stays_small() -> None:
    """8 categories, 4 content types, 10 signals, every one of them used to the full."""
    rng = random.Random(3)
    state = state_of(
        [
            increment(
                f"signal_{rng.randrange(10)}",
                at=NOW_MS - rng.randrange(10**9),
                category=f"category-{rng.randrange(8)}",
                content_type=f"type-{rng.randrange(4)}",
            )
            for _ in range(20_000)
        ]
    )
    assert len(state.masses) == 10 * (1 + 8 + 4)
    assert len(state_encode(state)) < 60_000
