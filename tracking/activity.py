"""What happened by the hour, counted: for whoever looks at the site and must not read all events.

The schedule counts what was stored since it last looked, shard by shard; its cursor moves in the
transaction of the counts it covers, so killed or doubled it counts each event once. An erasure and
a merge take back what was counted of a visitor in the transaction that removes the events: the
counts are those of a site that never saw them. What retention lets go stays counted.
"""

import time
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction

from tracking import selectors, store
from tracking.models import SweepCursor

CURSOR = "activity"
#: Events counted in one transaction, and for how many seconds a run begins another.
SLICE_EVENTS = 100_000
SLICE_SECONDS = 10.0

#: A campaign is one of ours by its number; whatever else a page says opens no row of its own.
_GROUPS = (
    "SELECT date_trunc('hour', e.occurred_at, 'UTC') AS hour, e.type,"
    " CASE WHEN e.properties ->> 'campaign' ~ '^[0-9]{{1,9}}$'"
    "  THEN e.properties ->> 'campaign' ELSE '' END AS campaign, {sign}count(*) AS count"
    " FROM tracking_event AS e {where} AND e.part = 0 AND NOT e.is_bot GROUP BY 1, 2, 3"
)
#: In one order, so that two who add to the same rows wait for each other and never deadlock.
_ADD = (
    "INSERT INTO tracking_activitycount AS a (hour, type, campaign, count)"
    " SELECT hour, type, campaign, count FROM ({groups}) AS counted ORDER BY 1, 2, 3"
    " ON CONFLICT (hour, type, campaign) DO UPDATE SET count = a.count + excluded.count"
)
_COUNT = _ADD.format(
    groups=_GROUPS.format(sign="", where="WHERE e.shard = %s AND e.seq > %s AND e.seq <= %s")
)
_UNCOUNT = _ADD.format(
    groups=_GROUPS.format(
        sign="-",
        where="JOIN tracking_activitycursor AS c ON c.shard = e.shard AND e.seq <= c.seq"
        " WHERE e.visitor_id = ANY(%s)",
    )
)


def activity_count(*, now: datetime) -> int:
    """Count what was stored since the last time; returns how many sequence numbers were passed.

    The work of a run is bounded by what is new and by SLICE_SECONDS: what is left is the next
    run's. One run at a time.
    """
    with store.lock_if_free("attune activity") as free:
        return _activity_count(now) if free else 0


def _activity_count(now: datetime) -> int:
    began, total = time.monotonic(), 0
    for shard, last in selectors.shard_seqs().items():
        while (passed := _slice_count(shard, through=last)) > 0:
            total += passed
            if time.monotonic() - began >= SLICE_SECONDS:
                return total
    SweepCursor.objects.update_or_create(name=CURSOR, defaults={"at": now})
    return total


def _slice_count(shard: int, *, through: int) -> int:
    """One transaction; returns how far the cursor has moved."""
    with transaction.atomic(), connection.cursor() as cursor:
        select = "SELECT seq FROM tracking_activitycursor WHERE shard = %s FOR UPDATE"
        if (row := cursor.execute(select, (shard,)).fetchone()) is None:
            cursor.execute(
                "INSERT INTO tracking_activitycursor (shard, seq) VALUES (%s, 0)"
                " ON CONFLICT DO NOTHING",
                (shard,),
            )
            row = cursor.execute(select, (shard,)).fetchone()
        seq = int(row[0])
        until = min(through, seq + SLICE_EVENTS)
        if until <= seq:
            return 0
        cursor.execute(_COUNT, (shard, seq, until))
        cursor.execute(
            "UPDATE tracking_activitycursor SET seq = %s WHERE shard = %s", (until, shard)
        )
        return until - seq


def visitors_uncount(visitor_ids: Iterable[UUID]) -> None:
    """Take back what was counted of these visitors, before their events go.

    In the caller's transaction, which holds their shards.
    """
    ids = list(visitor_ids)
    shards = sorted(set(map(selectors.shard_of, ids)))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT FROM tracking_activitycursor WHERE shard = ANY(%s) ORDER BY shard FOR UPDATE",
            (shards,),
        )
        cursor.execute(_UNCOUNT, (ids,))
