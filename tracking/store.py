"""The hot tables, by COPY and cursor: inbox and events. See history, columns, merge_store too.

All functions run in the caller's transaction. Writing a shard's events presumes that the
caller holds the shard (`shard_lock`), which makes it the only writer of its visitors.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any, NamedTuple
from uuid import UUID

from django.db import OperationalError, connection
from psycopg import sql

from tracking.pipeline.rows import COLUMNS, rows_pack
from tracking.pipeline.steps import Event, Receipt

COPY_ROWS = 250

_COPY_EVENTS = f"COPY tracking_event ({', '.join(COLUMNS)}) FROM STDIN (FORMAT binary)"
_INSERT_INBOX = (
    "INSERT INTO tracking_inbox (shard, visitor_id, source, basis, device, is_bot, skew_ms,"
    " received_at, payload) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %b)"
)
#: Only while the query in it, consent's, gives a row.
_INSERT_GRANTED = (
    "INSERT INTO tracking_inbox (shard, visitor_id, source, basis, device, is_bot, skew_ms,"
    " received_at, payload) SELECT %s, %s, %s, granted.basis, %s, %s, %s, %s, %b"
    " FROM ({grant}) AS granted RETURNING basis"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY_MS = 86_400_000
Month = tuple[int, int]


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
        # A vacuum that meets an empty inbox has the planner read it by bitmap from then on, which
        # never marks dead entries: each read would pass all of them since the last vacuum.
        select = (
            "WITH setting AS MATERIALIZED (SELECT set_config('lock_timeout', %s, true),"
            " set_config('enable_bitmapscan', 'off', true))"
            " SELECT last_seq FROM setting, tracking_shard WHERE id = %s"
            " FOR UPDATE OF tracking_shard"
        )
        names = f"{timeout_ms}ms", shard
        if (row := cursor.execute(select, names).fetchone()) is None:
            cursor.execute(
                "INSERT INTO tracking_shard (id, last_seq) VALUES (%s, 0) ON CONFLICT DO NOTHING",
                (shard,),
            )
            row = cursor.execute(select, names).fetchone()
        return int(row[0])


def shard_advance(shard: int, *, last_seq: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE tracking_shard SET last_seq = %s WHERE id = %s", (last_seq, shard))


@contextmanager
def lock_if_free(name: str) -> Iterator[bool]:
    """Whether nobody else is in here; the lock ends with the block, or with our connection."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtext(%s))", (name,))
        free = bool(cursor.fetchone()[0])
    try:
        yield free
    finally:
        if free:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(hashtext(%s))", (name,))


def inbox_add(*, shard: int, receipt: Receipt, payload: bytes) -> None:
    """One row, one statement: committed when this returns, unless a transaction is open."""
    with connection.cursor() as cursor:
        cursor.execute(_INSERT_INBOX, _inbox_values(shard, receipt, payload))


def inbox_add_granted(
    *, shard: int, receipt: Receipt, payload: bytes, grant: tuple[str, Sequence[object]]
) -> str | None:
    """The same if the visitor consents at that moment; returns the basis, None if nothing is added.

    `grant` is SQL for a row with that basis, and its parameters; that of the receipt is not used.
    """
    select, parameters = grant
    shard, visitor_id, source, _, *rest = _inbox_values(shard, receipt, payload)
    connection.ensure_connection()
    with connection.wrap_database_errors:
        # Straight to psycopg, which prepares it: the hottest statement is planned once.
        row = connection.connection.execute(
            _INSERT_GRANTED.format(grant=select),
            (shard, visitor_id, source, *rest, *parameters),
            prepare=True,
        ).fetchone()
    return None if row is None else str(row[0])


def inbox_add_many(rows: Iterable[tuple[int, Receipt, bytes]]) -> None:
    """Many (shard, receipt, payload) at once."""
    with connection.cursor() as cursor:
        cursor.executemany(_INSERT_INBOX, [_inbox_values(*row) for row in rows])


def _inbox_values(shard: int, receipt: Receipt, payload: bytes) -> tuple[Any, ...]:
    return (
        shard,
        receipt.visitor_id,
        receipt.source,
        receipt.basis,
        receipt.device,
        receipt.is_bot,
        receipt.skew_ms,
        at(receipt.received_ms),
        payload,
    )


def inbox_read(shard: int, *, limit: int, max_bytes: int) -> list[InboxRow]:
    """The shard's oldest rows in order of acceptance; at least one, whatever its size."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, visitor_id, source, basis, device, is_bot, skew_ms,"
            " (extract(epoch FROM received_at) * 1000)::float8, payload"
            " FROM (SELECT *, sum(octet_length(payload)) OVER (ORDER BY id)"
            "  - octet_length(payload) AS bytes_before"
            "  FROM (SELECT * FROM tracking_inbox WHERE shard = %s"
            "   ORDER BY id LIMIT %s) AS oldest"
            " ) AS counted WHERE bytes_before < %s ORDER BY id",
            (shard, limit, max_bytes),
        )
        return [InboxRow(row[0], Receipt(*row[1:8]), row[8]) for row in cursor.fetchall()]


def inbox_delete(ids: Sequence[int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM tracking_inbox WHERE id = ANY(%s)", (list(ids),))


def inbox_shards() -> list[int]:
    """The shards that have something waiting."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT shard FROM tracking_inbox")
        return [row[0] for row in cursor.fetchall()]


def events_write(events: Sequence[Event], *, shard: int, last_seq: int) -> int:
    """Append events with consecutive sequence numbers; returns the last one given."""
    if events:
        with connection.cursor() as cursor, cursor.copy(_COPY_EVENTS) as copy:
            rows = rows_pack(events, shard=shard, first_seq=last_seq + 1)
            # In pieces: PostgreSQL stores one while we pack the next.
            while piece := b"".join(islice(rows, COPY_ROWS)):
                copy.write(piece)
    return last_seq + len(events)


class PartitionExpiringError(OperationalError):
    """Retention is dropping this month right now: like any outage, it is soon over."""


def partitions_ensure(months: Iterable[Month]) -> None:
    """Make the monthly partitions that are not there."""
    for year, month in sorted(set(months) - _known_months):
        start = datetime(year, month, 1, tzinfo=UTC)
        end = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
        name = f"tracking_event_{year:04}_{month:02}"
        with connection.cursor() as cursor:
            # Two shards may want the same month at once; the lock is held to the commit.
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('attune partitions'))")
            cursor.execute(
                "SELECT i.inhrelid IS NOT NULL AND NOT i.inhdetachpending FROM pg_class AS c"
                " LEFT JOIN pg_inherits AS i ON i.inhrelid = c.oid WHERE c.oid = to_regclass(%s)",
                (name,),
            )
            found = cursor.fetchone()
            if found is not None and not found[0]:
                raise PartitionExpiringError(f"{name} is about to be dropped, and then made anew")
            if found is None:
                # Made apart and attached: CREATE … PARTITION OF would lock out, and deadlock
                # with, the drains of other shards.
                cursor.execute(
                    sql.SQL(
                        "CREATE TABLE {0} (LIKE tracking_event INCLUDING DEFAULTS);"
                        " ALTER TABLE tracking_event ATTACH PARTITION {0}"
                        " FOR VALUES FROM ({1}) TO ({2})"
                    ).format(sql.Identifier(name), sql.Literal(start), sql.Literal(end))
                )


#: Months seen to exist by this process. A rollback can undo a creation, so a month is entered
#: by `partitions_seen` after the commit.
_known_months: set[Month] = set()


def partitions_seen(months: Iterable[Month]) -> None:
    _known_months.update(months)


def partitions_forget() -> None:
    """Look anew for every month: retention has dropped one that was there."""
    _known_months.clear()


def months_of(events: Iterable[Event]) -> set[Month]:
    """The months these events happened in."""
    days = {event.occurred_ms // DAY_MS for event in events}
    return {month_of(at(day * DAY_MS)) for day in days}


def month_of(time: datetime) -> Month:
    return time.year, time.month


def amount_restore(visitor_id: UUID, event_id: UUID) -> int:
    """Let all of a flagged event count, and flag it as accepted; returns how many rows."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE tracking_event AS e SET"
            " amount = CASE t.unit WHEN 'event' THEN 1 ELSE coalesce(e.value, 0) END,"
            " outlier = CASE e.outlier WHEN '' THEN '' ELSE 'accepted' END"
            " FROM tracking_eventtype AS t WHERE t.name = e.type"
            " AND e.visitor_id = %(visitor_id)s AND e.id = %(id)s AND EXISTS"
            "  (SELECT FROM tracking_event WHERE visitor_id = %(visitor_id)s AND id = %(id)s"
            "   AND outlier NOT IN ('', 'accepted'))",
            {"visitor_id": visitor_id, "id": event_id},
        )
        return int(cursor.rowcount)


def visitor_delete(visitor_id: UUID) -> int:
    """Remove a visitor's events, visits and all that waits; returns how many events."""
    with connection.cursor() as cursor:
        # First what may be on its way from there to the inbox: it is waited for.
        cursor.execute("DELETE FROM tracking_quarantine WHERE visitor_id = %s", (visitor_id,))
        cursor.execute("DELETE FROM tracking_inbox WHERE visitor_id = %s", (visitor_id,))
        cursor.execute("DELETE FROM tracking_visit WHERE visitor_id = %s", (visitor_id,))
        cursor.execute("DELETE FROM tracking_visitor WHERE visitor_id = %s", (visitor_id,))
        # A merge into this visitor that is not done yet may be into another one by now.
        cursor.execute(
            "DELETE FROM tracking_visitormerge WHERE from_id = %s"
            " OR (into_id = %s AND done_at IS NOT NULL)",
            (visitor_id, visitor_id),
        )
        cursor.execute("DELETE FROM tracking_event WHERE visitor_id = %s", (visitor_id,))
        return int(cursor.rowcount)


def items_put(items: dict[str, tuple[str, str]]) -> None:
    """Make or change what items are about: item -> (category, content type)."""
    names = sorted(items)  # one order for all, so that two writers cannot deadlock
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO tracking_item AS i (item, category, content_type)"
            " SELECT * FROM unnest(%s::text[], %s::text[], %s::text[])"
            " ON CONFLICT (item) DO UPDATE"
            " SET category = excluded.category, content_type = excluded.content_type"
            " WHERE (i.category, i.content_type)"
            "  IS DISTINCT FROM (excluded.category, excluded.content_type)",
            (names, [items[name][0] for name in names], [items[name][1] for name in names]),
        )


def drops_add(counts: dict[tuple[str, str], int], *, day: date | None = None) -> None:
    """Add to a day's counters, by default today's; keys are (reason, source).

    Appends: writers of one counter never wait for each other. tracking.counters adds up.
    """
    if not counts:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO tracking_dropincrement (day, reason, source, count)"
            " SELECT coalesce(%s::date, (now() AT TIME ZONE 'UTC')::date), * FROM"
            " unnest(%s::text[], %s::text[], %s::bigint[])",
            (day, [key[0] for key in counts], [key[1] for key in counts], list(counts.values())),
        )
