"""Curves as lines: points for an SVG chart, and a sparkline for the terminal. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, log10

BLOCKS = "▁▂▃▄▅▆▇█"
WIDTH, HEIGHT = 720, 260
LEFT, RIGHT, TOP, BOTTOM = 44, 132, 14, 30

Curve = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Line:
    """One curve in the chart's coordinates; its label stands at its end, at height `label_y`."""

    label: str
    points: str
    end_y: float
    label_y: float


@dataclass(frozen=True)
class Tick:
    """A mark on an axis."""

    at: float
    label: str


@dataclass(frozen=True)
class Chart:
    """A line chart: x is days from now, y the score; `threshold_y` None when off the chart."""

    lines: list[Line]
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    threshold_y: float | None
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM
    width: int = WIDTH
    height: int = HEIGHT


def chart_of(curves: Sequence[tuple[str, Curve]], *, threshold: float) -> Chart:
    """A chart of labelled curves that share their times; the first points are the highest."""
    start, end = curves[0][1][0][0], curves[0][1][-1][0]
    step = _nice_step(max(score for _, curve in curves for _, score in curve) or 1.0)
    highest = step * ceil(max(score for _, curve in curves for _, score in curve) / step + 1e-9)

    def x(at: float) -> float:
        return round(LEFT + (at - start) / (end - start) * (WIDTH - LEFT - RIGHT), 1)

    def y(score: float) -> float:
        return round(HEIGHT - BOTTOM - score / highest * (HEIGHT - TOP - BOTTOM), 1)

    ends = [y(curve[-1][1]) for _, curve in curves]
    heights = _spread(ends, gap=15.0)
    days = round((end - start) / 86400)
    return Chart(
        lines=[
            Line(label, " ".join(f"{x(at)},{y(score)}" for at, score in curve), at_end, label_y)
            for (label, curve), at_end, label_y in zip(curves, ends, heights, strict=True)
        ],
        x_ticks=[
            Tick(x(start + day * 86400), f"+{day} d" if day else "now")
            for day in range(0, days + 1, max(days // 6, 1))
        ],
        y_ticks=[
            Tick(y(step * count), f"{step * count:g}") for count in range(round(highest / step) + 1)
        ],
        threshold_y=y(threshold) if threshold <= highest else None,
    )


def _nice_step(highest: float) -> float:
    """A round step that divides the axis into two to five parts."""
    power = 10.0 ** int(log10(highest) - (highest < 1))
    return next(step for m in (0.2, 0.5, 1, 2, 5, 10) if highest / (step := m * power) <= 5)


def _spread(heights: Sequence[float], *, gap: float) -> list[float]:
    """Labels' heights, moved apart so that they do not cover each other, inside the chart."""
    order = sorted(range(len(heights)), key=lambda index: heights[index])
    placed: dict[int, float] = {}
    last = -gap
    for index in order:
        last = placed[index] = max(heights[index], last + gap)
    overflow = max(last - (HEIGHT - BOTTOM), 0.0)
    return [round(placed[index] - overflow, 1) for index in range(len(heights))]


def spark_points(values: Sequence[float], *, width: int = 112, height: int = 24) -> str:
    """The points of a small SVG polyline, 0 at the bottom and the highest value at the top.

    >>> spark_points([0, 2, 1], width=10, height=6)
    '1.0,5.0 5.0,1.0 9.0,3.0'
    """
    highest, steps = max(values, default=0.0) or 1.0, max(len(values) - 1, 1)
    return " ".join(
        f"{1 + index / steps * (width - 2):.1f},{height - 1 - value / highest * (height - 2):.1f}"
        for index, value in enumerate(values)
    )


def sparkline(values: Sequence[float], *, highest: float | None = None, width: int = 30) -> str:
    """The values as a row of blocks, 0 the lowest.

    >>> sparkline([8, 4, 2, 1, 0], width=5)
    '█▄▂▁▁'
    """
    highest = highest or max(values, default=0.0) or 1.0
    picked = [values[index * len(values) // width] for index in range(min(width, len(values)))]
    return "".join(BLOCKS[min(max(round(value / highest * 8) - 1, 0), 7)] for value in picked)
