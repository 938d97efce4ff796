"""Smoothed slopes: a straight line keeps its slope, a steady habit has none."""

from __future__ import annotations

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles import trends
from profiles.state import DAY, Day, State
from profiles.trends import WINDOW_DAYS, days_complete, ewma, slope_weights, trend_of
from tests.profiles.people import NOW, daily, visited

VALUES = st.lists(st.floats(0, 1000), min_size=3, max_size=WINDOW_DAYS)


def test_the_examples_of_the_docstrings_run() -> None:
    failed, attempted = doctest.testmod(trends)
    assert attempted > 4
    assert not failed


def slope_by_the_definition(values: list[float]) -> float:
    """Least squares of the smoothed values on the smoothed days, written out."""
    x, y = ewma([float(day) for day in range(len(values))]), ewma(values)
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    covariance = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True))
    return covariance / sum((a - mean_x) ** 2 for a in x)


@given(VALUES)
def test_the_slope_is_that_of_its_definition(values: list[float]) -> None:
    expected = slope_by_the_definition(values) / 10_000.0
    assert trend_of(values, usual_day=10_000.0) == pytest.approx(expected, abs=1e-9)


@given(days=st.integers(3, WINDOW_DAYS), start=st.floats(0, 100), slope=st.floats(-0.05, 0.05))
def test_a_straight_line_keeps_its_slope_however_short(
    days: int, start: float, slope: float
) -> None:
    line = [start + slope * day for day in range(days)]
    assert trend_of(line, usual_day=1.0) == pytest.approx(slope, abs=1e-9)


@given(VALUES)
def test_a_level_has_no_trend_and_no_trend_is_beyond_one(
    values: list[float],
) -> None:
    level = [values[0]] * len(values)
    assert trend_of(level, usual_day=1.0) == 0.0
    assert -1.0 <= trend_of(values, usual_day=0.001) <= 1.0
    assert sum(slope_weights(len(values))) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("offset", range(7))
def test_the_rhythm_of_the_week_is_hardly_a_trend(offset: int) -> None:
    working_days = [float((day + offset) % 7 < 5) for day in range(WINDOW_DAYS)]
    assert abs(trend_of(working_days, usual_day=5 / 7)) < 0.02


def test_without_a_usual_day_the_visitors_own_mean_takes_its_place() -> None:
    for unknown in (None, 0.0):
        assert trend_of([1.0, 2.0, 3.0], usual_day=unknown) == pytest.approx(0.5)
    assert trend_of([0.0, 0.0, 0.0], usual_day=None) == 0.0


def test_fewer_than_three_days_have_no_trend() -> None:
    assert trend_of([1.0, 9.0], usual_day=1.0) == 0.0
    assert trend_of([], usual_day=1.0) == 0.0


def test_days_without_events_are_zeros_and_the_first_and_today_are_not_whole() -> None:
    state = visited(0.1, 3.0, 3.1, 4.0)
    assert [day.visits for day in days_complete(state, now=NOW)] == [2, 0, 0]
    assert days_complete(State(), now=NOW) == []
    assert days_complete(visited(0.1), now=NOW) == days_complete(visited(0.6), now=NOW) == []
    assert days_complete(state, now=NOW - 30 * DAY) == [], "read before the first event"


def test_the_window_is_four_weeks() -> None:
    state = daily(*range(1, 61))
    dwell = [day.dwell for day in days_complete(state, now=NOW)]
    assert dwell == list(range(33, 61))
    assert len(days_complete(state, now=NOW + 365 * DAY)) == WINDOW_DAYS
    assert days_complete(state, now=NOW + 365 * DAY)[0] == Day()


def test_whoever_came_once_is_not_called_falling() -> None:
    once = [day.visits for day in days_complete(visited(9), now=NOW)]
    assert once == [0] * 8
    assert trend_of(once, usual_day=0.1) == 0.0
