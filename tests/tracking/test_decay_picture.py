"""The picture of two half-lives shows what the formula says."""

from __future__ import annotations

import doctest

import pytest

from tracking import decay_picture as module
from tracking.decay_picture import decay_picture


@pytest.mark.parametrize(
    ("short", "long"), [(1.0, 30.0), (0.01, 0.02), (0.01, 3650.0), (7.0, 365.0)]
)
def test_each_curve_begins_full_and_is_half_where_its_dot_is(short: float, long: float) -> None:
    picture = decay_picture(short, long)
    for curve, half_life in zip(picture.curves, (short, long), strict=True):
        points = [list(map(float, point.split(","))) for point in curve.points.split()]
        assert points[0] == [picture.left, picture.top]
        assert points[-1][0] == picture.right
        assert [y for _, y in points] == sorted(y for _, y in points)
        assert curve.half_x is not None
        share = (curve.half_x - picture.left) / (picture.right - picture.left)
        assert share == pytest.approx(half_life / (2 * long), abs=0.001)
    ends = picture.curves[1].points.split()[-1]
    assert float(ends.split(",")[1]) == pytest.approx(
        picture.bottom - (picture.bottom - picture.top) / 4, abs=0.1
    )
    assert 2 <= len(picture.ticks) <= 6
    assert picture.ticks[0].label == "now"


def test_the_examples_of_the_docstrings_run() -> None:
    result = doctest.testmod(module)
    assert result.attempted
    assert not result.failed
