"""How many are in each segment, day by day: a small series that is kept as it is counted."""

from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta

from django.db.models import Count, F
from django.db.models.functions import Greatest

from personalization.models import Segment, SegmentMember, SegmentSize
from personalization.segments.evaluating import Tally

#: Days that are kept.
KEPT = timedelta(days=400)


def sizes_add(tally: Tally, *, now: datetime) -> None:
    """Write down what a tally changes of today's sizes; a day begins with a count."""
    for segment in Segment.objects.filter(pk__in=tally.touched()):
        row, is_made = SegmentSize.objects.get_or_create(
            segment=segment, day=_today(now), defaults={"size": 0, "counted_at": now}
        )
        if is_made:
            sizes_count([segment.pk], now=now)
        SegmentSize.objects.filter(pk=row.pk).update(
            size=Greatest(F("size") + (0 if is_made else tally.more[segment.pk]), 0),
            entered=F("entered") + tally.entered[segment.pk],
            left=F("left") + tally.left[segment.pk],
            counted_at=now,
        )


def sizes_count(segments: Collection[int], *, now: datetime) -> None:
    """Count the members of these segments, and write it down as today's size."""
    members = SegmentMember.objects.filter(segment__in=segments, left_at=None).order_by()
    sizes = dict(members.values_list("segment").annotate(Count("id")))
    for segment in segments:
        SegmentSize.objects.update_or_create(
            segment_id=segment,
            day=_today(now),
            defaults={"size": sizes.get(segment, 0), "counted_at": now},
        )
    SegmentSize.objects.filter(segment__in=segments, day__lt=_today(now) - KEPT).delete()


def _today(now: datetime) -> date:
    return now.astimezone(UTC).date()
