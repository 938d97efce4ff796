"""A segment for people to look at: its size over time, who is in it, how far the counting is."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from consent import selectors as consent_selectors
from personalization.chart import spark_points
from personalization.dashboard.bars import PERIODS, BarChart, bar_chart
from personalization.decide import PURPOSE
from personalization.models import Segment, SegmentMember, SegmentPass, SegmentSize
from personalization.rules.nodes import rule_features
from personalization.segments.declaring import feature_problems, segments_compiled
from profiles import selectors as profile_selectors

PERIOD = PERIODS[1]
SPARK_DAYS = 30
MEMBERS_SHOWN = 50


@dataclass(frozen=True)
class Line:
    """What the list says of a segment: `size` None before it was counted."""

    size: int | None
    spark: str
    state: str


@dataclass(frozen=True)
class Member:
    """A visitor in a segment. `since_before`: was in it already when it was first counted."""

    visitor_id: UUID
    entered_at: datetime
    since_before: bool

    @property
    def short_id(self) -> str:
        return str(self.visitor_id)[:8]


def segment_lines(segments: Iterable[Segment], *, now: datetime) -> dict[int, Line]:
    """The lines of many segments, by id."""
    listed = list(segments)
    states = counting_states(now=now)
    sizes = _sizes([segment.pk for segment in listed], now=now)
    lines = {}
    for segment in listed:
        series = size_series(sizes.get(segment.pk, {}), now=now)
        size = series[-1] if segment.counted_rule and series else None
        spark = spark_points(series) if len(series) > 1 else ""
        lines[segment.pk] = Line(size, spark, states.get(segment.pk, ""))
    return lines


def _sizes(segments: Sequence[int], *, now: datetime) -> dict[int, dict[date, SegmentSize]]:
    since = now.astimezone(UTC).date() - timedelta(days=SPARK_DAYS)
    found: dict[int, dict[date, SegmentSize]] = {}
    for row in SegmentSize.objects.filter(segment__in=segments, day__gte=since):
        found.setdefault(row.segment_id, {})[row.day] = row
    return found


def size_series(sizes: dict[date, SegmentSize], *, now: datetime) -> list[int]:
    """The size of each day from the first that was counted to today; a day without a count has that
    of the day before."""
    if not sizes:
        return []
    day, today = min(sizes), now.astimezone(UTC).date()
    series: list[int] = []
    while day <= today:
        series.append(sizes[day].size if day in sizes else series[-1])
        day += timedelta(days=1)
    return series


def segment_charts(segment: Segment, *, now: datetime) -> list[BarChart]:
    """Size, who came and who left, of the last 30 days."""
    sizes = _sizes([segment.pk], now=now).get(segment.pk, {})
    series = size_series(sizes, now=now)
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    by_day = {today - timedelta(days=back): n for back, n in enumerate(reversed(series))}
    size = bar_chart("Size", "visitors in it now", by_day, period=PERIOD, now=now)
    current = series[-1] if series else 0
    charts = [replace(size, total=current, says=_size_says(series))]
    for title, note, name in (
        ("Came in", "in the last 30 days", "entered"),
        ("Left", "in the last 30 days", "left"),
    ):
        counts = {
            datetime(day.year, day.month, day.day, tzinfo=UTC): getattr(row, name)
            for day, row in sizes.items()
        }
        charts.append(bar_chart(title, note, counts, period=PERIOD, now=now))
    return charts


def _size_says(series: Sequence[int]) -> str:
    """
    >>> _size_says([3, 5])
    'Size, last 30 days: 5 visitors now, 3 to 5 before. The table has every day.'
    """
    if not series:
        return "Size, last 30 days: not counted yet."
    low, high = min(series), max(series)
    visitors = "visitor" if series[-1] == 1 else "visitors"
    return (
        f"Size, last 30 days: {series[-1]:,} {visitors} now, {low:,} to {high:,} before. "
        "The table has every day."
    )


# --- How far it is --------------------------------------------------------------------------------


def counting_states(*, now: datetime) -> dict[int, str]:
    """Why segments are not counted by their present rules yet, and how far that is, by id."""
    live = profile_selectors.features_live()
    problems = feature_problems()
    walk = SegmentPass.objects.filter(kind=SegmentPass.Kind.FULL).first()
    states = {}
    for each in segments_compiled():
        segment = each.segment
        if problem := problems.get(segment.pk):
            states[segment.pk] = problem
        elif not all(feature.key in live for feature in rule_features(each.rule)):
            states[segment.pk] = _reading()
        else:
            states[segment.pk] = _counting(segment, walk)
    return states


def _reading() -> str:
    progress = profile_selectors.rebuild_progress()
    so_far = f": {progress.percent} %" if progress else ""
    return f"What it asks of past events is being read{so_far}."


def _counting(segment: Segment, walk: SegmentPass | None) -> str:
    rule = walk.rules.get(str(segment.pk)) if walk else None
    if segment.counted_rule and (rule in (None, segment.counted_rule)):
        return ""
    if walk is None or rule is None or walk.finished_at is not None:
        return "It is counted in a moment." if not segment.counted_rule else ""
    total, is_exact = profile_selectors.profile_count()
    of = f"{total:,}" if is_exact else f"about {total:,}"
    return f"Being counted: {walk.visitors:,} of {of} visitors looked at."


def counted_at(segment: Segment) -> datetime | None:
    """When what pages cannot tell was looked at last: members, as time passes."""
    ends = SegmentPass.objects.exclude(finished_at=None).values_list("finished_at", flat=True)
    return max(filter(None, ends), default=None) if segment.counted_rule else None


# --- Who ------------------------------------------------------------------------------------------


def segment_members(segment: Segment, *, page: int, now: datetime) -> tuple[list[Member], bool]:
    """A page of who is in a segment and agrees, who came last first; whether there are more."""
    start = (page - 1) * MEMBERS_SHOWN
    rows = list(
        SegmentMember.objects.filter(segment=segment, left_at=None)[
            start : start + MEMBERS_SHOWN + 1
        ]
    )
    granted = consent_selectors.visitors_granted([row.visitor_id for row in rows], PURPOSE, now=now)
    shown = [
        Member(row.visitor_id, row.entered_at, row.was_there)
        for row in rows[:MEMBERS_SHOWN]
        if row.visitor_id in granted
    ]
    return shown, len(rows) > MEMBERS_SHOWN


def visitor_memberships(visitor_id: UUID) -> list[SegmentMember]:
    """The segments a visitor is in, or left lately; consent is the caller's to ask."""
    rows = SegmentMember.objects.filter(visitor_id=visitor_id).select_related("segment")
    return list(rows.order_by("segment__name"))
