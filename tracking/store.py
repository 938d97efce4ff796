"""The hot tables, by COPY and cursor. The only module with SQL on events and inbox.

All functions run in the caller's transaction. Writing a shard's events presumes that the
caller holds the shard (`shard_lock`), which makes it the only writer of its visitors.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from django.db import connection
from psycopg import sql

from tracking.pipeline.steps import Event, Receipt, Stored

#: A retry of one id can differ in time by what the clock correction differed; see steps.
DUPLICATE_WINDOW = "2 days"

_EVENT_COLUMNS = (
    ("visitor_id", "uuid"),
    ("id", "uuid"),
    ("part", "int2"),
    ("occurred_at", "timestamptz"),
    ("received_at", "timestamptz"),
    ("shard", "int2"),
    ("seq", "int8"),
    ("type", "varchar"),
    ("visit_id", "uuid"),
    ("view_id", "uuid"),
    ("starts_visit", "bool"),
    ("is_bot", "bool"),
    ("basis", "varchar"),
    ("source", "varchar"),
    ("device", "varchar"),
    ("path", "text"),
    ("referrer_host", "text"),
    ("item", "text"),
    ("category", "text"),
    ("content_type", "text"),
    ("value", "float8"),
    ("properties", "text"),
)
_COPY_EVENTS = "COPY tracking_event ({}) FROM STDIN".format(
    ", ".join(name for name, _ in _EVENT_COLUMNS)
)
#: What a fold reads of an event: tracking.selectors.EventRow.
_FOLD_COLUMNS = (
    "seq, visitor_id, type, category, content_type, value, part, starts_visit, is_bot, basis,"
    " extract(epoch FROM occurred_at)::float8 * 1000"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class InboxRow(NamedTuple):
    """An accepted request waiting to be drained."""

    id: int
    receipt: Receipt
    payload: bytes


def at(milliseconds: float) -> datetime:
    """The UTC time of milliseconds since 1970, exact to the microsecond."""
    return _EPOCH + timedelta(microseconds=round(milliseconds * 1000))


def shard_lock(shard: int, *, timeout_ms: int = 1000) -> int:
    """Own the shard until the transaction ends; returns its last sequence number.

    Waits for another owner up to `timeout_ms`, then raises django.db.OperationalError.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", (f"{timeout_ms}ms",))
        select = "SELECT last_seq FROM tracking_shard WHERE id = %s FOR UPDATE"
        if (row := cursor.execute(select, (shard,)).fetchone()) is None:
            cursor.execute(
                "INSERT INTO tracking_shard (id, last_seq) VALUES (%s, 0) ON CONFLICT DO NOTHING",
                (shard,),
            )
            row = cursor.execute(select, (shard,)).fetchone()
        return int(row[0])


def shard_advance(shard: int, *, last_seq: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE tracking_shard SET last_seq = %s WHERE id = %s", (last_seq, shard))


def inbox_add(*, shard: int, receipt: Receipt, payload: bytes) -> None:
    """One row, one statement: committed when this returns, unless a transaction is open."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO tracking_inbox (shard, visitor_id, source, basis, device, is_bot,"
            " skew_ms, received_at, payload) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
            (
                shard,
                receipt.visitor_id,
                receipt.source,
                receipt.basis,
                receipt.device,
                receipt.is_bot,
                receipt.skew_ms,
                at(receipt.received_ms),
                payload,
            ),
        )


def inbox_read(shard: int, *, limit: int) -> list[InboxRow]:
    """The shard's oldest rows, in order of acceptance."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, visitor_id, source, basis, device, is_bot, skew_ms,"
            " extract(epoch FROM received_at)::float8 * 1000, payload"
            " FROM tracking_inbox WHERE shard = %s ORDER BY id LIMIT %s",
            (shard, limit),
        )
        return [InboxRow(row[0], Receipt(*row[1:8]), bytes(row[8])) for row in cursor.fetchall()]


def inbox_delete(ids: Sequence[int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM tracking_inbox WHERE id = ANY(%s)", (list(ids),))


def inbox_shards() -> list[int]:
    """The shards that have something waiting."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT shard FROM tracking_inbox")
        return [row[0] for row in cursor.fetchall()]


def events_stored_find(events: Iterable[Event]) -> dict[tuple[UUID, UUID], Stored]:
    """What the store already holds of these events' ids, by (visitor id, event id).

    Looks a window around each event's time, so that only the partitions around it are probed.
    """
    wanted = list(events)
    if not wanted:
        return {}
    times = [at(event.occurred_ms) for event in wanted]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT e.visitor_id, e.id, count(*)::int, coalesce(sum(e.value), 0),"
            " min(extract(epoch FROM e.occurred_at)::float8 * 1000)"
            " FROM (SELECT DISTINCT ON (visitor_id, id) visitor_id, id, happened"
            "  FROM unnest(%b::uuid[], %b::uuid[], %b::timestamptz[])"
            "  AS given (visitor_id, id, happened)) AS given"
            " JOIN tracking_event AS e ON e.visitor_id = given.visitor_id AND e.id = given.id"
            " AND e.occurred_at BETWEEN given.happened - %s::interval"
            " AND given.happened + %s::interval"
            " GROUP BY 1, 2",
            (
                [event.visitor_id for event in wanted],
                [event.id for event in wanted],
                times,
                DUPLICATE_WINDOW,
                DUPLICATE_WINDOW,
            ),
        )
        return {(row[0], row[1]): Stored(row[2], row[3], row[4]) for row in cursor.fetchall()}


def visits_upsert(events: Iterable[Event]) -> set[tuple[UUID, UUID]]:
    """Widen the events' visits to hold them; returns the (visitor, visit) pairs that are new."""
    spans: dict[tuple[UUID, UUID], tuple[float, float]] = {}
    for event in events:
        if event.visit_id is not None:
            key = (event.visitor_id, event.visit_id)
            low, high = spans.get(key, (event.occurred_ms, event.occurred_ms))
            spans[key] = (min(low, event.occurred_ms), max(high, event.occurred_ms))
    if not spans:
        return set()
    keys = sorted(spans)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO tracking_visit AS v (visitor_id, id, started_at, ended_at)"
            " SELECT * FROM unnest(%b::uuid[], %b::uuid[], %b::timestamptz[], %b::timestamptz[])"
            " ON CONFLICT (visitor_id, id) DO UPDATE SET"
            " started_at = least(v.started_at, excluded.started_at),"
            " ended_at = greatest(v.ended_at, excluded.ended_at)"
            # xmax is 0 only on a row this statement inserted
            " RETURNING visitor_id, id, xmax = 0",
            (
                [key[0] for key in keys],
                [key[1] for key in keys],
                [at(spans[key][0]) for key in keys],
                [at(spans[key][1]) for key in keys],
            ),
        )
        return {(row[0], row[1]) for row in cursor.fetchall() if row[2]}


def events_write(events: Iterable[Event], *, shard: int, last_seq: int) -> int:
    """Append events with consecutive sequence numbers; returns the last one given."""
    encode = msgspec.json.encode
    with connection.cursor() as cursor, cursor.copy(_COPY_EVENTS) as copy:
        copy.set_types([kind for _, kind in _EVENT_COLUMNS])
        for event in events:
            last_seq += 1
            copy.write_row(
                (
                    event.visitor_id,
                    event.id,
                    event.part,
                    at(event.occurred_ms),
                    at(event.received_ms),
                    shard,
                    last_seq,
                    event.type,
                    event.visit_id,
                    event.view_id,
                    event.starts_visit,
                    event.is_bot,
                    event.basis,
                    event.source,
                    event.device,
                    event.path,
                    event.referrer_host,
                    event.item,
                    event.category,
                    event.content_type,
                    event.value,
                    encode(event.properties).decode() if event.properties else None,
                )
            )
    return last_seq


def partitions_ensure(times: Iterable[datetime]) -> None:
    """Make the monthly partitions that hold these times, if they are not there."""
    months = {(time.year, time.month) for time in times}
    for year, month in sorted(months - _known_months):
        start = datetime(year, month, 1, tzinfo=UTC)
        end = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
        name = f"tracking_event_{year:04}_{month:02}"
        with connection.cursor() as cursor:
            # Two shards may want the same month at once; the lock is held to the commit.
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('attune partitions'))")
            cursor.execute("SELECT to_regclass(%s)", (name,))
            if cursor.fetchone()[0] is None:
                cursor.execute(
                    sql.SQL(
                        "CREATE TABLE {} PARTITION OF tracking_event FOR VALUES FROM ({}) TO ({})"
                    ).format(sql.Identifier(name), sql.Literal(start), sql.Literal(end))
                )


#: Months seen to exist by this process. A rollback can undo a creation, so a month is entered
#: by `partitions_seen` after the commit.
_known_months: set[tuple[int, int]] = set()


def partitions_seen(times: Iterable[datetime]) -> None:
    _known_months.update((time.year, time.month) for time in times)


def events_after(shard: int, *, seq: int, limit: int) -> list[tuple[Any, ...]]:
    """The shard's next events in order: the columns of tracking.selectors.EventRow."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {_FOLD_COLUMNS} FROM tracking_event"
            " WHERE shard = %s AND seq > %s ORDER BY seq LIMIT %s",
            (shard, seq, limit),
        )
        return cursor.fetchall()


def events_stream(
    *, shard: int, through_seq: int, chunk: int = 20_000
) -> Iterator[tuple[Any, ...]]:
    """All the shard's events up to a sequence number, by visitor, in bounded memory."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(
            f"SELECT {_FOLD_COLUMNS} FROM tracking_event"
            " WHERE shard = %s AND seq <= %s ORDER BY visitor_id, seq",
            (shard, through_seq),
        )
        while rows := cursor.fetchmany(chunk):
            yield from rows


def visitor_delete(visitor_id: UUID) -> int:
    """Remove a visitor's events, visits and waiting requests; returns how many events."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM tracking_inbox WHERE visitor_id = %s", (visitor_id,))
        cursor.execute("DELETE FROM tracking_visit WHERE visitor_id = %s", (visitor_id,))
        cursor.execute("DELETE FROM tracking_event WHERE visitor_id = %s", (visitor_id,))
        return int(cursor.rowcount)


def drops_add(counts: dict[tuple[str, str], int]) -> None:
    """Add to today's counters; keys are (reason, source)."""
    if not counts:
        return
    keys = sorted(counts)  # one order for all, so that two writers cannot deadlock
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO tracking_dropcount AS d (day, reason, source, count)"
            " SELECT (now() AT TIME ZONE 'UTC')::date, * FROM"
            " unnest(%s::text[], %s::text[], %s::bigint[])"
            " ON CONFLICT (day, reason, source) DO UPDATE SET count = d.count + excluded.count",
            ([k[0] for k in keys], [k[1] for k in keys], [counts[k] for k in keys]),
        )
