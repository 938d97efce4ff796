"""A distribution and its fences as bars: numbers for a small SVG picture. Pure."""

from collections.abc import Mapping
from typing import NamedTuple

from tracking.pipeline.distribution import WIDTH as BIN_WIDTH
from tracking.pipeline.distribution import bin_of, bin_value

WIDTH, HEIGHT, BASE = 260, 64, 16
BARS = 40


class Bar(NamedTuple):
    """One bar, standing on the base line; `is_beyond` when all of it is beyond the nearer fence."""

    x: float
    y: float
    width: float
    height: float
    is_beyond: bool


class Picture(NamedTuple):
    """`fences` are the heights' x; `ticks` are (x, value) on the axis, which is log(1 + value)."""

    bars: list[Bar]
    fences: list[float]
    ticks: list[tuple[float, float]]
    width: int = WIDTH
    height: int = HEIGHT + BASE
    base: int = HEIGHT


def picture_of(bins: Mapping[int, float], *, fences: tuple[float, float]) -> Picture:
    """A histogram over log(1 + value) with its fences (values); `bins` has counts by bin.

    >>> picture = picture_of({17: 300.0, 27: 100.0}, fences=(7.0, 9.0))
    >>> [round(bar.height) for bar in picture.bars], [bar.is_beyond for bar in picture.bars]
    ([62, 21], [False, False])
    """
    last = max(*bins, *(bin_of(value) for value in fences)) + 2
    grouped = -(-last // BARS)  # bins in one bar
    counts: dict[int, float] = {}
    for number, count in bins.items():
        counts[number // grouped] = counts.get(number // grouped, 0.0) + max(count, 0.0)
    highest = max(counts.values()) or 1.0
    bar_width = WIDTH * grouped / last

    def x(number: float) -> float:
        return round(number * WIDTH / last, 1)

    limit = bin_of(min(fences))
    heights = {index: (HEIGHT - 2) * count / highest for index, count in sorted(counts.items())}
    return Picture(
        bars=[
            Bar(
                x=x(index * grouped),
                y=round(HEIGHT - max(height, 1.0), 1),
                width=round(max(bar_width - 1.0, 1.0), 1),
                height=round(max(height, 1.0), 1),
                is_beyond=index * grouped > limit,
            )
            for index, height in heights.items()
            if counts[index] >= 0.5
        ],
        fences=[x(bin_of(value) + 0.5) for value in sorted(fences)],
        ticks=[(x(bin_of(value) + 0.5), value) for value in _ticks(bin_value(last))],
    )


def _ticks(highest: float) -> list[float]:
    """1, 10, 100 … up to the end of the axis; of small values 0.5 and 1."""
    ticks = [value for value in (0.5, 1.0) if value < highest] if highest < 4.0 else [1.0]
    while ticks and ticks[-1] * 10.0 < highest * (1.0 - BIN_WIDTH):
        ticks.append(ticks[-1] * 10.0)
    return ticks
