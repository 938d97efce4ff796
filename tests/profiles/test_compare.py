"""When two profiles are the same: masses up to rounding, everything else exactly."""

from __future__ import annotations

import doctest
import random
from math import inf, log2
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles import compare
from profiles.compare import (
    PARTS,
    differences_summary,
    mass_distance,
    state_compare,
    state_differences,
)
from profiles.features.state import FeatureState
from profiles.state import Day, Mass, State, state_decode, state_encode
from tests.profiles.test_state import HISTORIES, state_of


def state_full() -> State:
    """Something in every field."""
    return State(
        masses={"click|": Mass(10.0, 20.0, 3), "click|c:gardening": Mass(9.0, 19.0, 2)},
        recent={"click|": [1, 2, 3]},
        counts={"click": 3},
        visits=2,
        first=1,
        last=3,
        starts=[1, 3],
        days={20_000: Day(12.5, 3, 2, 4)},
        half_lives={"click": (86_400.0, 864_000.0)},
    )


CHANGES: dict[str, Any] = {
    "definition": 1,
    "masses": {"click|": Mass(10.0, 20.0, 3), "click|c:gardening": Mass(9.0, 19.0 + 1e-6, 2)},
    "recent": {"click|": [1, 2, 4]},
    "counts": {"click": 4},
    "visits": 3,
    "first": None,
    "last": 4,
    "starts": [1],
    "days": {20_000: Day(12.5, 3, 2, 5)},
    "half_lives": {},
    "visit": 7,
    "features": {"abc": FeatureState([1])},
}


def test_the_examples_of_the_docstrings_run() -> None:
    failed, attempted = doctest.testmod(compare)
    assert attempted > 3
    assert not failed


def test_every_part_of_a_state_has_a_name_for_people_and_a_change_here() -> None:
    assert set(PARTS) == set(CHANGES) == set(State.__struct_fields__)


@pytest.mark.parametrize("part", CHANGES)
def test_a_change_of_any_part_is_found_and_alone(part: str) -> None:
    changed = state_full()
    setattr(changed, part, CHANGES[part])
    for one, other in ((state_full(), changed), (changed, state_full())):
        (difference,) = state_compare(one, other)
        assert difference.part == part
        assert state_differences(one, other) == [difference.text]
        assert differences_summary([difference]) == f"{PARTS[part]} (1)"


def test_a_summary_tells_nothing_of_what_was_done() -> None:
    differences = state_compare(state_full(), State())
    assert "gardening" in str(differences)
    summary = differences_summary(differences)
    assert "gardening" not in summary
    assert "click" not in summary
    assert "interest strength (2)" in summary


@given(st.floats(1e-6, 1e9), st.floats(-1e-8, 1e-8))
def test_masses_are_compared_in_linear_space(mass: float, relative: float) -> None:
    x, y = log2(mass), log2(mass * (1.0 + relative))
    assert mass_distance(x, y) == pytest.approx(abs(relative), rel=1e-4, abs=1e-13)
    one, other = (State(masses={"click|": Mass(0.0, value, 1)}) for value in (x, y))
    if abs(abs(relative) - 1e-9) > 1e-13:
        assert bool(state_differences(one, other)) is (abs(relative) > 1e-9)


def test_masses_of_nothing_and_of_very_much_can_be_compared() -> None:
    assert mass_distance(5000.0, -5000.0) == inf
    assert state_differences(
        State(masses={"click|": Mass(-inf, 0.0)}), State(masses={"click|": Mass(0.0, 0.0)})
    )


def test_the_seconds_of_a_day_may_be_added_in_another_order() -> None:
    one, other = 0.1 + 0.2 + 0.3, 0.3 + 0.2 + 0.1
    assert one != other
    assert state_differences(State(days={1: Day(one)}), State(days={1: Day(other)})) == []
    assert state_differences(State(days={1: Day(1.0)}), State(days={1: Day(1.0 + 1e-6)}))


@given(events=HISTORIES, seed=st.integers())
def test_a_state_is_itself_in_any_order_and_after_storing(events: list[Any], seed: int) -> None:
    state = state_of(events)
    shuffled = state_of(random.Random(seed).sample(events, len(events)))
    assert state_differences(state, shuffled) == []
    assert state_differences(state, state_decode(state_encode(state))) == []
