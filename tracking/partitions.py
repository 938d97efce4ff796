"""SQL on the life of stored rows: dropping whole months, deleting by age in bounded bites.

Nothing here waits long for a lock, and nothing makes a drain wait for one.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Literal, LiteralString, NamedTuple

from django.db import connection
from psycopg import sql

#: How long to wait for those who use a partition; it is tried again with the next sweep.
LOCK_TIMEOUT = "2s"
NAME = r"^tracking_event_(\d{4})_(\d{2})$"


class Partition(NamedTuple):
    """A month of events. A killed sweep may leave one "detaching", or "detached" and not dropped.

    `start` and `end` are UTC; the month holds start <= occurred_at < end.
    """

    name: str
    start: datetime
    end: datetime
    state: Literal["attached", "detaching", "detached"]


def partition_list() -> list[Partition]:
    """Every month there is, oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, part[1]::int, part[2]::int, CASE"
            " WHEN i.inhrelid IS NULL THEN 'detached' WHEN i.inhdetachpending THEN 'detaching'"
            " ELSE 'attached' END"
            " FROM pg_class AS c CROSS JOIN LATERAL regexp_match(c.relname, %s) AS part"
            " LEFT JOIN pg_inherits AS i ON i.inhrelid = c.oid"
            " WHERE c.relkind = 'r' AND part IS NOT NULL AND pg_table_is_visible(c.oid)"
            " ORDER BY c.relname",
            (NAME,),
        )
        return [
            Partition(
                name,
                datetime(year, month, 1, tzinfo=UTC),
                datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC),
                state,
            )
            for name, year, month, state in cursor.fetchall()
        ]


def partition_drop(partition: Partition) -> None:
    """Take a month out and drop it; not inside a transaction.

    Detaching concurrently waits for transactions that use the events, without anybody waiting
    behind it. Raises django.db.OperationalError when one of them takes longer than LOCK_TIMEOUT;
    calling it again with the month as it then is goes on where it stopped.
    """
    name = sql.Identifier(partition.name)
    detach = sql.SQL("ALTER TABLE tracking_event DETACH PARTITION {} {}")
    with _impatient(), connection.cursor() as cursor:
        if partition.state == "attached":
            cursor.execute(detach.format(name, sql.SQL("CONCURRENTLY")))
        elif partition.state == "detaching":
            cursor.execute(detach.format(name, sql.SQL("FINALIZE")))
        cursor.execute(sql.SQL("DROP TABLE {}").format(name))


@contextmanager
def _impatient() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, false)", (LOCK_TIMEOUT,))
        try:
            yield
        finally:
            cursor.execute("RESET lock_timeout")


# --- Rows, block by block ------------------------------------------------------------------------
#
# There is no index to find rows by type and age: it would cost every event that is stored, to be
# read once a night. A scan of so many blocks at a time is bounded in time, locks and dead rows,
# reads each table once from beginning to end, and leaves autovacuum something to keep up with.
# Rows that somebody else is deleting just now are left to them.


def block_count(table: str) -> int:
    """How many blocks of 8 KiB a table has."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_relation_size(%s::regclass) / current_setting('block_size')::int", (table,)
        )
        return int(cursor.fetchone()[0])


def events_delete(
    table: str,
    *,
    first: int,
    blocks: int,
    before: Mapping[str, datetime],
    others_before: datetime | None,
) -> int:
    """Delete from some blocks what happened before its type's moment; returns how many.

    Types that `before` does not name go by `others_before`; None keeps them.
    """
    old = (
        "LEFT JOIN unnest(%s::text[], %s::timestamptz[]) AS due (type, before)"
        " ON due.type = e.type WHERE e.occurred_at < coalesce(due.before, %s::timestamptz)"
    )
    values = [*before], [*before.values()], others_before
    return _rows_delete(table, old, values, first=first, blocks=blocks)


def visits_delete(*, first: int, blocks: int, before: datetime) -> int:
    """Delete from some blocks the visits that ended before a moment; returns how many."""
    old = "WHERE e.ended_at < %s"
    return _rows_delete("tracking_visit", old, (before,), first=first, blocks=blocks)


def visitors_delete(*, first: int, blocks: int, before: datetime) -> int:
    """Delete from some blocks what is known of visitors whose events all happened in months before
    that of a moment; returns how many."""
    old = "WHERE NOT EXISTS (SELECT FROM unnest(e.months) AS month WHERE month >= %s)"
    month = before.year * 12 + before.month - 1
    return _rows_delete("tracking_visitor", old, (month,), first=first, blocks=blocks)


def _rows_delete(
    table: str, old: LiteralString, values: tuple[Any, ...], *, first: int, blocks: int
) -> int:
    statement = sql.SQL(
        "DELETE FROM {0} WHERE ctid = ANY(ARRAY(SELECT e.ctid FROM {0} AS e "
        + old
        + " AND e.ctid >= %s::tid AND e.ctid < %s::tid FOR UPDATE OF e SKIP LOCKED))"
    ).format(sql.Identifier(table))
    with connection.cursor() as cursor:
        cursor.execute(statement, (*values, f"({first},0)", f"({first + blocks},0)"))
        return int(cursor.rowcount)
