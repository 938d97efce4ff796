"""How often and how regularly: gaps between visits, by hand and by simulation."""

from __future__ import annotations

import doctest
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles import visits
from profiles.state import State
from profiles.visits import Gaps, consistency_of, gaps_list, temporal_gaps, visits_per_week
from tests.profiles.people import NOW, visited


def test_the_examples_of_the_docstrings_run() -> None:
    failed, attempted = doctest.testmod(visits)
    assert attempted
    assert not failed


def test_visits_per_week_are_those_of_the_last_four_weeks() -> None:
    assert visits_per_week(visited(0, 1, 2, 27.4, 28.6, 60), now=NOW) == 1.0
    often = visited(*[n / 10 for n in range(400)])
    assert visits_per_week(often, now=NOW) == 69.0
    assert visits_per_week(State(), now=NOW) == 0.0


def test_gaps_are_from_one_beginning_to_the_next() -> None:
    state = visited(10, 3, 1)
    assert gaps_list(state) == pytest.approx([7.0, 2.0])
    assert temporal_gaps(state, now=NOW) == pytest.approx((4.5, 2.0, 1.0, False))


def test_one_visit_has_no_gap_and_none_has_nothing() -> None:
    assert temporal_gaps(visited(4), now=NOW) == Gaps(None, None, 4.0, False)
    assert temporal_gaps(State(), now=NOW) == Gaps(None, None, None, False)


def test_a_gap_is_unusual_when_the_own_pace_hardly_explains_it() -> None:
    daily = [float(n) for n in range(31)]
    assert not temporal_gaps(visited(*[age + 2.5 for age in daily]), now=NOW).is_unusual
    assert temporal_gaps(visited(*[age + 3.5 for age in daily]), now=NOW).is_unusual
    assert not temporal_gaps(visited(11, 10), now=NOW).is_unusual, "one gap proves little"
    assert not temporal_gaps(visited(10, 10), now=NOW).is_unusual


@pytest.mark.parametrize("count", [2, 5, 20])
def test_random_visitors_are_called_late_as_often_as_stated(count: int) -> None:
    """A visitor of random visits, asked just before the next one: late in 5 % of the cases."""
    dice, late, times = random.Random(7), 0, 4000
    for _ in range(times):
        at, ages = dice.expovariate(0.5), []
        for _ in range(count + 1):
            ages.append(at)
            at += dice.expovariate(0.5)
        late += temporal_gaps(visited(*ages), now=NOW).is_unusual
    assert late / times == pytest.approx(0.05, abs=0.015)


def test_consistency_tells_clockwork_from_chance_from_bursts() -> None:
    assert consistency_of([1.0, 1.0, 1.0]) == 1.0
    dice = random.Random(5)
    by_chance = [dice.expovariate(1.0) for _ in range(20_000)]
    assert consistency_of(by_chance) == pytest.approx(0.5, abs=0.01)
    assert (consistency_of([0.01] * 30 + [30.0]) or 1.0) < 0.2
    assert consistency_of([2.0, 4.0, 6.0]) == pytest.approx(1 / (1 + 2.0 / 4.0))
    assert consistency_of([1.0, 1.0]) is None
    assert consistency_of([0.0, 0.0, 0.0]) is None


@given(st.lists(st.floats(0.001, 1000), min_size=3, max_size=31), st.floats(0.01, 100))
def test_consistency_has_no_unit(gaps: list[float], factor: float) -> None:
    value, scaled = consistency_of(gaps), consistency_of([gap * factor for gap in gaps])
    assert value == pytest.approx(scaled, rel=1e-6)
    assert value is not None
    assert 0.0 < value <= 1.0
