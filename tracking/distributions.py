"""What is usual on this site, in the database: histograms by shard, and the fences made of them.

A drain adds to its own shard's rows, in its transaction; nobody waits for anybody. A periodic task
adds up all shards' rows into fences, and lets what was counted fade. In the caller's transaction.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime

from django.db import connection

from tracking.models import Fence
from tracking.pipeline.distribution import bin_of
from tracking.pipeline.visits import Visit

#: By (event type, content type): how many observations each bin has.
Histograms = dict[tuple[str, str], dict[int, float]]
#: Below this a bin is as good as empty: some four half-lives after a single observation.
LEAST_COUNT = 0.05


def visit_moves(visits: Iterable[Visit]) -> dict[tuple[str, int], int]:
    """By (kind, bin): how many visits' counts came into a bin less how many left it."""
    moved: defaultdict[tuple[str, int], int] = defaultdict(int)
    for visit in visits:
        before = visit.counts_before
        for kind, count in visit.counts.items():
            past = before.get(kind, 0)
            if count != past:
                moved[kind, bin_of(count)] += 1
                if past:
                    moved[kind, bin_of(past)] -= 1
    return moved


def bins_add(shard: int, moved: Mapping[tuple[str, int], int]) -> None:
    """Add to a shard's histograms; keys are (kind, bin)."""
    rows = [(*kind.split("|", 1), number, by) for (kind, number), by in moved.items() if by]
    if not rows:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO tracking_bin AS b (shard, type, content_type, number, count)"
            " SELECT %s, * FROM unnest(%s::text[], %s::text[], %s::int[], %s::float8[])"
            " ON CONFLICT (shard, type, content_type, number)"
            " DO UPDATE SET count = b.count + excluded.count",
            (shard, *(list(column) for column in zip(*rows, strict=True))),
        )


def bins_fade(shard: int, *, factor: float) -> None:
    """Multiply a shard's counts, and let go of those that have become nothing."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM tracking_bin WHERE shard = %s AND abs(count) * %s < %s",
            (shard, factor, LEAST_COUNT),
        )
        cursor.execute(
            "UPDATE tracking_bin SET count = count * %s WHERE shard = %s", (factor, shard)
        )


def bins_read() -> Histograms:
    """All shards' histograms added up."""
    histograms: Histograms = defaultdict(dict)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT type, content_type, number, sum(count) FROM tracking_bin GROUP BY 1, 2, 3"
        )
        for type_, content_type, number, count in cursor.fetchall():
            histograms[type_, content_type][number] = count
    return histograms


def fences_replace(fences: Iterable[Fence], *, now: datetime) -> None:
    """Make these the fences that apply."""
    Fence.objects.bulk_create(
        fences,
        update_conflicts=True,
        unique_fields=("type", "content_type"),
        update_fields=(
            "observations", "lower_quartile", "median", "upper_quartile", "sigma", "z_score",
            "iqr", "updated_at",
        ),
    )  # fmt: skip
    Fence.objects.filter(updated_at__lt=now).delete()
