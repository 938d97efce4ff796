"""SQL of merging visitors: their events, visits and all that waits become another's.

All functions run in the caller's transaction; moving presumes that the caller holds both shards.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from psycopg.types.json import Json

from tracking.pipeline.rows import COLUMNS
from tracking.pipeline.visits import Visit, Visits

#: What differs between a retired visitor's row and the same row as the successor's: a visit that
#: both have part in has one id, and began once.
_VISIT = "coalesce((%(visits)s::jsonb ->> {0}::text)::uuid, {0})"
_MOVED = {
    "visitor_id": "%(into)s::uuid",
    "shard": "%(shard)s::smallint",
    "seq": "%(seq)s::bigint + row_number() OVER (ORDER BY seq, part)",
    "starts_visit": "starts_visit AND NOT EXISTS (SELECT FROM tracking_visit AS visit"
    f" WHERE visit.visitor_id = %(into)s AND visit.id = {_VISIT.format('kept.visit_id')})",
    "visit_id": _VISIT.format("visit_id"),
}
#: `gone` are the retired visitor's rows, `held` what the successor has of the same ids already.
#: `grown` are growing values of which the successor has less: what is missing is the next part.
_MOVE_EVENTS = f"""
WITH held AS (
    SELECT id, count(*) AS parts, sum(value) AS value, sum(amount) AS amount,
        min(occurred_at) AS occurred_at
    FROM tracking_event WHERE visitor_id = %(into)s
        AND id IN (SELECT id FROM tracking_event WHERE visitor_id = %(from)s)
    GROUP BY id
), gone AS (
    DELETE FROM tracking_event WHERE visitor_id = %(from)s RETURNING {", ".join(COLUMNS)}
), totals AS (
    SELECT id, sum(value) AS value, sum(amount) AS amount FROM gone
    WHERE type = ANY(%(growing)s) GROUP BY id
), grown AS (
    SELECT DISTINCT ON (gone.id) gone.*, held.parts AS held_parts,
        held.occurred_at AS held_at, totals.value - held.value AS more_value,
        greatest(totals.amount - held.amount, 0) AS more_amount
    FROM gone JOIN totals USING (id) JOIN held USING (id)
    WHERE totals.value > held.value + 0.001 ORDER BY gone.id, gone.part DESC
), kept AS (
    SELECT {", ".join(COLUMNS)} FROM gone
    WHERE NOT EXISTS (SELECT FROM held WHERE held.id = gone.id)
    UNION ALL
    SELECT {
    ", ".join(
        {
            "part": "held_parts",
            "occurred_at": "held_at",
            "value": "more_value",
            "amount": "more_amount",
            "starts_visit": "false",
        }.get(name, name)
        for name in COLUMNS
    )
} FROM grown
)
INSERT INTO tracking_event ({", ".join(COLUMNS)})
SELECT {", ".join(_MOVED.get(name, name) for name in COLUMNS)} FROM kept
"""
#: Events without a visit of their client's have the visitor's id for its root.
_ROOT = "CASE root WHEN %(from)s::uuid THEN %(into)s::uuid ELSE root END"
_SHARED_VISITS = f"""
WITH gone AS (SELECT *, {_ROOT} AS new_root FROM tracking_visit WHERE visitor_id = %(from)s)
SELECT visitor_id, id, new_root, started_at, ended_at FROM gone
UNION ALL
SELECT visitor_id, id, root, started_at, ended_at FROM tracking_visit
WHERE visitor_id = %(into)s AND root IN (SELECT new_root FROM gone)
"""
_MOVE_VISITS = f"""
WITH gone AS (DELETE FROM tracking_visit WHERE visitor_id = %(from)s
    RETURNING id, root, started_at, ended_at, state)
INSERT INTO tracking_visit AS v (visitor_id, id, root, started_at, ended_at, state)
SELECT DISTINCT ON (new_id) %(into)s::uuid, {_VISIT.format("id")} AS new_id, {_ROOT},
    min(started_at) OVER same, max(ended_at) OVER same, state
FROM gone WINDOW same AS (PARTITION BY {_VISIT.format("id")}) ORDER BY new_id, started_at
ON CONFLICT (visitor_id, id) DO UPDATE SET
    started_at = least(v.started_at, excluded.started_at),
    ended_at = greatest(v.ended_at, excluded.ended_at)
"""
_MOVE_MONTHS = """
WITH gone AS (DELETE FROM tracking_visitor WHERE visitor_id = %(from)s RETURNING months)
INSERT INTO tracking_visitor AS v (visitor_id, months) SELECT %(into)s::uuid, months FROM gone
ON CONFLICT (visitor_id) DO UPDATE SET
    months = ARRAY(SELECT DISTINCT unnest(v.months || excluded.months) ORDER BY 1)
"""


def visitor_move(
    from_id: UUID, into_id: UUID, *, shard: int, last_seq: int, growing: Sequence[str]
) -> int:
    """Make one visitor's events and visits another's, in that one's shard, after `last_seq`.

    An event that the other has already is a duplicate and goes; of a type in `growing` what the
    other's value lacks stays. Returns how many events were written: as many numbers are taken.
    """
    names: dict[str, Any] = {
        "from": from_id,
        "into": into_id,
        "shard": shard,
        "seq": last_seq,
        "growing": list(growing),
    }
    with connection.cursor() as cursor:
        cursor.execute(_SHARED_VISITS, names)
        names["visits"] = Json(_visits_new_ids(from_id, into_id, cursor.fetchall()))
        cursor.execute(_MOVE_EVENTS, names)
        moved = int(cursor.rowcount)
        cursor.execute(_MOVE_VISITS, names)
        cursor.execute(_MOVE_MONTHS, names)
    return moved


def _visits_new_ids(
    from_id: UUID, into_id: UUID, rows: Sequence[tuple[UUID, UUID, UUID, datetime, datetime]]
) -> dict[str, str]:
    """What the retired visitor's visits are called as the successor's, where that changes."""
    stored = [
        Visit(visitor_id, id, root, start.timestamp() * 1000, end.timestamp() * 1000)
        for visitor_id, id, root, start, end in rows
    ]
    visits = Visits()
    for visit in stored:
        if visit.visitor_id == into_id:
            visits.add(visit)
    moving = sorted(
        (visit for visit in stored if visit.visitor_id == from_id), key=lambda one: one.started_ms
    )
    return {str(one.id): str(visits.absorb(into_id, one).id) for one in moving}


def inbox_relabel(from_id: UUID, into_id: UUID, *, shard: int) -> int:
    """Make waiting requests another visitor's; returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE tracking_inbox SET visitor_id = %s, shard = %s WHERE visitor_id = %s",
            (into_id, shard, from_id),
        )
        return int(cursor.rowcount)


def quarantine_relabel(from_id: UUID, into_id: UUID) -> None:
    """Make what may still be mended another visitor's: it would be refused as a retired one's."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE tracking_quarantine SET visitor_id = %s WHERE visitor_id = %s",
            (into_id, from_id),
        )


def merges_add(pairs: Sequence[tuple[UUID, UUID]]) -> None:
    """Note merges that are to be done, each once."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO tracking_visitormerge (from_id, into_id, heard_at)"
            " VALUES (%s, %s, now()) ON CONFLICT (from_id) DO NOTHING",
            pairs,
        )


def merges_waiting(*, limit: int) -> list[UUID]:
    """The retired ids that are still to be merged, oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT from_id FROM tracking_visitormerge WHERE done_at IS NULL"
            " ORDER BY heard_at, from_id LIMIT %s",
            (limit,),
        )
        return [row[0] for row in cursor.fetchall()]


def merge_done(from_id: UUID) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE tracking_visitormerge SET done_at = now() WHERE from_id = %s", (from_id,)
        )


def merges_purge(*, before: datetime) -> None:
    """Forget merges that were done so long ago that no sweep will look at them again."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM tracking_visitormerge WHERE done_at < %s", (before,))
