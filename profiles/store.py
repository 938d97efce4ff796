"""Profile rows in bulk. The only module with SQL on profiles; in the caller's transaction."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.db import connection, transaction

from profiles.state import State, state_decode, state_encode

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: Before every id of a visitor.
FIRST_VISITOR = UUID(int=0)


class Cursor(NamedTuple):
    """How far a shard is folded, and by which definition new profiles are made."""

    seq: int
    definition: int


def cursor_lock(shard: int, *, timeout_ms: int = 1000) -> Cursor:
    """Own the shard's fold until the transaction ends; returns how far it is folded.

    Waits for another owner up to `timeout_ms`, then raises django.db.OperationalError.
    """
    with connection.cursor() as cursor:
        select = (
            "WITH setting AS MATERIALIZED (SELECT set_config('lock_timeout', %s, true))"
            " SELECT seq, definition FROM setting, profiles_foldcursor WHERE shard = %s"
            " FOR UPDATE OF profiles_foldcursor"
        )
        names = f"{timeout_ms}ms", shard
        if (row := cursor.execute(select, names).fetchone()) is None:
            cursor.execute(
                "INSERT INTO profiles_foldcursor (shard, seq, definition)"
                " VALUES (%s, 0, (SELECT coalesce(max(version), 0) FROM profiles_definition))"
                " ON CONFLICT DO NOTHING",
                (shard,),
            )
            row = cursor.execute(select, names).fetchone()
        return Cursor(*row)


def cursor_move(shard: int, *, seq: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE profiles_foldcursor SET seq = %s WHERE shard = %s", (seq, shard))


def cursor_define(shard: int, *, definition: int) -> datetime:
    """From here on new profiles of the shard are made by this definition; returns the moment."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE profiles_foldcursor SET definition = %s WHERE shard = %s"
            " RETURNING clock_timestamp()",
            (definition, shard),
        )
        moment: datetime = cursor.fetchone()[0]
        return moment


def states_read(visitor_ids: Collection[UUID]) -> dict[UUID, State]:
    """The states of these visitors that have one."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT visitor_id, state FROM profiles_profile WHERE visitor_id = ANY(%b)",
            (list(visitor_ids),),
        )
        return {row[0]: state_decode(row[1]) for row in cursor.fetchall()}


def visitors_after(after: UUID | None, *, since: datetime | None, limit: int) -> list[UUID]:
    """The next visitors with a profile behind one, in order; with `since` those seen since then."""
    seen = "" if since is None else " AND last_event_at >= %(since)s"
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT visitor_id FROM profiles_profile WHERE visitor_id > %(after)s"
            f"{seen} ORDER BY visitor_id LIMIT %(limit)s",
            {"after": after or FIRST_VISITOR, "since": since, "limit": limit},
        )
        return [row[0] for row in cursor.fetchall()]


def visitors_changed(
    since: datetime, after: UUID | None, *, until: datetime, limit: int, shards: int
) -> list[tuple[datetime, UUID]]:
    """Whose profile was written from (`since`, `after`) on and before `until`, oldest first."""
    with connection.cursor() as cursor:
        # Shard by shard, as the index that other followers read has them.
        cursor.execute(
            "SELECT changed.* FROM generate_series(0, %s) AS shards (shard) CROSS JOIN LATERAL"
            " (SELECT updated_at, visitor_id FROM profiles_profile AS p"
            "  WHERE p.shard = shards.shard"
            "  AND (updated_at, visitor_id) > (%s, %s) AND updated_at < %s"
            "  ORDER BY updated_at, visitor_id LIMIT %s) AS changed"
            " ORDER BY updated_at, visitor_id LIMIT %s",
            (shards - 1, since, after or FIRST_VISITOR, until, limit, limit),
        )
        return list(cursor.fetchall())


def writes_settled(*, patience: timedelta) -> datetime:
    """A moment before which no profile will be written any more: nobody who could is under way.

    Profiles are stamped with the time of their writing, and seen when that is committed. So it is
    the beginning of the oldest transaction that writes anything; of one older than `patience`
    nothing is waited for.
    """
    with connection.cursor() as cursor:
        # The clock is read first: who begins to write after that is stamped later.
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
        cursor.execute(
            "SELECT min(xact_start) FROM pg_stat_activity WHERE backend_xid IS NOT NULL"
            " AND datname = current_database() AND pid <> pg_backend_pid()"
        )
        oldest: datetime | None = cursor.fetchone()[0]
        return now if oldest is None else max(min(now, oldest), now - patience)


def visitors_sample(*, limit: int, since: datetime) -> list[UUID]:
    """Visitors seen since then, each as likely as any other, in no order."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT visitor_id FROM profiles_profile WHERE last_event_at >= %s"
            " ORDER BY random() LIMIT %s",
            (since, limit),
        )
        return [row[0] for row in cursor.fetchall()]


def state_and_cursor(visitor_id: UUID, *, shard: int) -> tuple[State | None, int]:
    """A visitor's state and the event up to which it is folded, of one and the same moment."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT state FROM profiles_profile WHERE visitor_id = %s),"
            " (SELECT seq FROM profiles_foldcursor WHERE shard = %s)",
            (visitor_id, shard),
        )
        raw, seq = cursor.fetchone()
        return (state_decode(raw) if raw is not None else None), seq or 0


def shard_horizon(shard: int, *, timeout_ms: int) -> datetime:
    """A moment up to which every profile of the shard that was written is there to be read.

    Profiles are stamped and committed while the shard's fold is owned: whoever has owned it for a
    moment knows that nobody commits an earlier stamp any more. Raises OperationalError, as
    `cursor_lock` does, when another owner takes longer.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor_lock(shard, timeout_ms=timeout_ms)
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
        return moment


def shard_has_changed(shard: int, *, after: tuple[datetime, UUID] | None) -> bool:
    """Whether any of the shard's profiles was written since."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM profiles_profile WHERE shard = %s"
            " AND (updated_at, visitor_id) > (%s, %s))",
            (shard, *(after or (EPOCH, UUID(int=0)))),
        )
        return bool(cursor.fetchone()[0])


def profiles_changed(
    shard: int, *, after: tuple[datetime, UUID] | None, until: datetime, limit: int
) -> list[tuple[UUID, datetime, bytes]]:
    """(visitor, when, state) of the shard's profiles written since, in that order.

    They cannot be deleted until the transaction ends; those that are being deleted are left out.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT visitor_id, updated_at, state FROM profiles_profile WHERE shard = %s"
            " AND (updated_at, visitor_id) > (%s, %s) AND updated_at <= %s"
            " ORDER BY updated_at, visitor_id LIMIT %s FOR KEY SHARE SKIP LOCKED",
            (shard, *(after or (EPOCH, UUID(int=0))), until, limit),
        )
        return [(row[0], row[1], bytes(row[2])) for row in cursor.fetchall()]


def states_write(states: Mapping[UUID, State], *, shard: int) -> dict[UUID, bytes]:
    """Insert or replace these visitors' states; returns them encoded."""
    ids = sorted(states)  # one order for all, so that two writers cannot deadlock
    encoded = {visitor_id: state_encode(states[visitor_id]) for visitor_id in ids}
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO profiles_profile (visitor_id, shard, state, last_event_at, updated_at)"
            " SELECT visitor_id, %s, state, to_timestamp(last / 1000.0), clock_timestamp()"
            " FROM unnest(%b::uuid[], %b::int8[], %b::bytea[]) AS given (visitor_id, last, state)"
            " ON CONFLICT (visitor_id) DO UPDATE SET state = excluded.state,"
            " last_event_at = excluded.last_event_at, updated_at = excluded.updated_at",
            (
                shard,
                ids,
                [states[visitor_id].last or 0 for visitor_id in ids],
                list(encoded.values()),
            ),
        )
    return encoded


def profiles_delete(visitor_ids: Collection[UUID]) -> list[UUID]:
    """Delete these visitors' profiles; returns who had one."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM profiles_profile WHERE visitor_id = ANY(%b) RETURNING visitor_id",
            (list(visitor_ids),),
        )
        return [row[0] for row in cursor.fetchall()]


def profiles_delete_before(shard: int, *, updated_at: datetime) -> list[UUID]:
    """Delete the shard's profiles that were last written before this moment; returns whose."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM profiles_profile WHERE shard = %s AND updated_at < %s"
            " RETURNING visitor_id",
            (shard, updated_at),
        )
        return [row[0] for row in cursor.fetchall()]
