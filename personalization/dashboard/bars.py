"""Counts over time as bars: an SVG chart's figures, and the same as words and rows. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from personalization.chart import Tick

WIDTH, HEIGHT = 300, 140
LEFT, RIGHT, TOP, BOTTOM = 40, 4, 12, 24
GAP = 0.25
#: Every so many bars the time below them is named.
NAMED_EVERY = 6


@dataclass(frozen=True)
class Period:
    """What is looked at: `steps` times `unit` ("hour" or "day"), the last of which goes on."""

    key: str
    words: str
    unit: str
    steps: int

    def times(self, now: datetime) -> list[datetime]:
        """The beginnings of its parts in UTC, oldest first."""
        last = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        if self.unit == "day":
            last = last.replace(hour=0)
        step = timedelta(hours=1) if self.unit == "hour" else timedelta(days=1)
        return [last - step * back for back in range(self.steps - 1, -1, -1)]

    def name(self, at: datetime) -> str:
        """A part as the table calls it."""
        return f"{at:%-d %b, %H:00}" if self.unit == "hour" else f"{at:%-d %b %Y}"

    def short_name(self, at: datetime) -> str:
        return f"{at:%H:00}" if self.unit == "hour" else f"{at:%-d %b}"


PERIODS = (
    Period("24h", "last 24 hours", "hour", 24),
    Period("30d", "last 30 days", "day", 30),
)


@dataclass(frozen=True)
class Bar:
    """One part of the time in the chart's coordinates."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class BarChart:
    """`rows` are (time, count) in words, newest first; `says` is the chart in a sentence."""

    title: str
    note: str
    total: int
    says: str
    bars: list[Bar]
    rows: list[tuple[str, int]]
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    left: int = LEFT
    right: int = WIDTH - RIGHT
    bottom: int = HEIGHT - BOTTOM
    width: int = WIDTH
    height: int = HEIGHT


def bar_chart(
    title: str, note: str, counts: Mapping[datetime, int], *, period: Period, now: datetime
) -> BarChart:
    """The chart of counts by the beginning of their hour or day; others are left out."""
    times = period.times(now)
    values = [counts.get(at, 0) for at in times]
    total, highest = sum(values), max(values)
    step = _step(highest)
    top = step * max(-(-highest // step), 1)
    wide = (WIDTH - LEFT - RIGHT) / len(times)

    def y(value: float) -> float:
        return round(HEIGHT - BOTTOM - value / top * (HEIGHT - TOP - BOTTOM), 1)

    def x(index: float) -> float:
        return round(LEFT + index * wide, 1)

    return BarChart(
        title=title,
        note=note,
        total=total,
        says=_says(title, period, times, values),
        bars=[
            # What is there is seen, however small it is beside the rest.
            Bar(
                x(index + GAP / 2),
                min(y(value), HEIGHT - BOTTOM - 1.5),
                round(wide * (1 - GAP), 1),
                max(round(HEIGHT - BOTTOM - y(value), 1), 1.5),
            )
            for index, value in enumerate(values)
            if value
        ],
        rows=[
            (period.name(at), value)
            for at, value in zip(reversed(times), reversed(values), strict=True)
        ],
        x_ticks=[
            Tick(x(index + 0.5), period.short_name(at))
            for index, at in enumerate(times)
            if index % NAMED_EVERY == 0
        ],
        y_ticks=[Tick(y(value), f"{value:,}") for value in range(0, top + 1, step)],
    )


def _step(highest: int) -> int:
    """A round step that cuts the axis into at most four.

    >>> _step(0), _step(4), _step(9), _step(410), _step(1_000_001)
    (1, 1, 5, 200, 500000)
    """
    power = 1
    while True:
        for factor in (1, 2, 5):
            if highest <= 4 * factor * power:
                return factor * power
        power *= 10


def _says(title: str, period: Period, times: Sequence[datetime], values: Sequence[int]) -> str:
    """
    >>> day = Period("2d", "last 2 days", "day", 2)
    >>> now = datetime(2026, 3, 2, tzinfo=UTC)
    >>> _says("Events", day, day.times(now), [3, 1])
    'Events, last 2 days: 4 in all, most on 1 Mar 2026 (3). The table has every day.'
    >>> _says("Events", day, day.times(now), [0, 0])
    'Events, last 2 days: none.'
    """
    if not any(values):
        return f"{title}, {period.words}: none."
    most = max(range(len(values)), key=values.__getitem__)
    on = "at" if period.unit == "hour" else "on"
    return (
        f"{title}, {period.words}: {sum(values):,} in all, most {on} {period.name(times[most])}"
        f" ({values[most]:,}). The table has every {period.unit}."
    )
