"""A month of campaigns as bars: which days each covers, in which row, and with which others. Pure.

Days are those of one zone. What never gets in: rows, requests, the current time.
"""

from calendar import monthrange
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

FIRST, LAST = date(1970, 1, 1), date(9000, 1, 1)


@dataclass(frozen=True)
class Span:
    """When one campaign is on; None is open. `is_on`: whether pages may show it at all."""

    name: str
    priority: int
    starts: datetime | None
    ends: datetime | None
    is_on: bool
    subject: Any = None


@dataclass
class Bar:
    """A span within a month: the first and last day, and what else is on then."""

    span: Span
    first: int
    last: int
    begins_before: bool
    ends_after: bool
    lane: int = 0
    beside: list[Span] = field(default_factory=list)

    @property
    def column(self) -> str:
        """CSS grid-column: a day is a column."""
        return f"{self.first} / {self.last + 1}"


def month_read(text: str, today: date) -> date:
    """The first day of "2026-03"; of today's month for anything else.

    >>> month_read("2026-03", date(2026, 11, 25)), month_read("nonsense", date(2026, 11, 25))
    (datetime.date(2026, 3, 1), datetime.date(2026, 11, 1))
    """
    try:
        first = datetime.strptime(text, "%Y-%m").date()
    except ValueError:
        return today.replace(day=1)
    return first if FIRST <= first < LAST else today.replace(day=1)


def month_days(first: date) -> int:
    return monthrange(first.year, first.month)[1]


def month_before(first: date) -> date:
    return (first - timedelta(days=1)).replace(day=1)


def month_after(first: date) -> date:
    return first + timedelta(days=month_days(first))


def month_bounds(first: date, zone: str) -> tuple[datetime, datetime]:
    """The instants at which the month begins and the next one does."""
    place = ZoneInfo(zone)
    after = month_after(first)
    return (
        datetime(first.year, first.month, 1, tzinfo=place),
        datetime(after.year, after.month, 1, tzinfo=place),
    )


def month_bars(spans: Iterable[Span], first: date, zone: str) -> list[Bar]:
    """The bars of one slot, those that run first on top; bars of one row do not touch."""
    begin, end = month_bounds(first, zone)
    shown = [
        span
        for span in spans
        if (span.starts is None or span.starts < end) and (span.ends is None or span.ends > begin)
    ]
    bars = [_bar(span, begin, end, zone) for span in shown]
    bars.sort(key=lambda bar: (bar.first, -bar.span.priority, bar.span.name))
    _lanes(bars)
    for bar in bars:
        bar.beside = [
            other.span
            for other in bars
            if other is not bar and bar.span.is_on and other.span.is_on and _meet(bar, other)
        ]
    return bars


def _bar(span: Span, begin: datetime, end: datetime, zone: str) -> Bar:
    place = ZoneInfo(zone)
    starts, ends = max(span.starts or begin, begin), min(span.ends or end, end)
    last = (ends - timedelta(microseconds=1)).astimezone(place)
    return Bar(
        span,
        first=starts.astimezone(place).day,
        last=last.day,
        begins_before=span.starts is None or span.starts < begin,
        ends_after=span.ends is None or span.ends > end,
    )


def _lanes(bars: Sequence[Bar]) -> None:
    free_from: list[int] = []
    for bar in bars:
        lane = next((i for i, day in enumerate(free_from) if day <= bar.first), len(free_from))
        free_from[lane : lane + 1] = [bar.last + 1]
        bar.lane = lane + 1


def _meet(one: Bar, other: Bar) -> bool:
    """Whether both are on at some instant, not only on the same day."""
    a, b = one.span, other.span
    return (a.ends is None or b.starts is None or b.starts < a.ends) and (
        b.ends is None or a.starts is None or a.starts < b.ends
    )
