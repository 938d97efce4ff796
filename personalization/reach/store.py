"""Projected profiles in bulk, and counts over them. The only module with SQL on projected profiles;
in the caller's transaction."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from django.db import connection

from personalization.reach.projected import Projected

#: The columns of what a row says of a profile: (name, type).
COLUMNS = (
    ("definition", "int4"), ("is_plain", "bool"), ("first_ms", "int8"), ("last_ms", "int8"),
    ("visits", "int4"), ("start_ms", "int8"), ("gap_days", "float8"), ("consistency", "float8"),
    ("engagement", "float8"), ("velocity", "float8"), ("content_type", "text"),
    ("page_ms", "int8"), ("page_run", "int2"), ("categories", "int8[]"), ("longs", "float8[]"),
    ("shorts", "float8[]"), ("evidence", "int4[]"), ("long_total", "float8"),
    ("short_total", "float8"), ("did", "int8[]"), ("begins", "int4[]"), ("times", "int4[]"),
    ("told", "jsonb"),
)  # fmt: skip
_KINDS = (
    ("visitor_id", "uuid"), ("basis", "int8"), ("allowed_until", "timestamptz"), *COLUMNS
)  # fmt: skip
TABLE = "personalization_projectedprofile"
CHANGES = "personalization_consentchange"
#: PostgreSQL's texts have no NUL; no rule can name one either.
_NUL, _INSTEAD = "\x00", "\ufffd"


class Place(NamedTuple):
    """Where a shard's projection stands: `after` is (when, whom) of the last profile."""

    basis: int
    after: tuple[datetime, UUID] | None


def place_lock(shard: int) -> Place | None:
    """Own the shard's projection until the transaction ends; None when another does."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO personalization_projectioncursor (shard, basis, done) VALUES (%s, 0, 0)"
            " ON CONFLICT DO NOTHING",
            (shard,),
        )
        cursor.execute(
            "SELECT basis, at, visitor_id FROM personalization_projectioncursor WHERE shard = %s"
            " FOR UPDATE SKIP LOCKED",
            (shard,),
        )
        row = cursor.fetchone()
    if row is None:
        return None
    return Place(row[0], (row[1], row[2] or UUID(int=0)) if row[1] is not None else None)


def place_move(shard: int, place: Place, *, written: int, is_new: bool) -> None:
    at, visitor_id = place.after or (None, None)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE personalization_projectioncursor SET basis = %s, at = %s, visitor_id = %s,"
            " done = CASE WHEN %s THEN 0 ELSE done END + %s WHERE shard = %s",
            (place.basis, at, visitor_id, is_new, written, shard),
        )


def rows_write(
    rows: Mapping[UUID, Projected], *, basis: int, allowed: Mapping[UUID, datetime]
) -> None:
    """Insert or replace rows of visitors whose profiles the transaction holds; `allowed` says until
    when those allow personalization who do."""
    if not rows:
        return
    names = ", ".join(name for name, _ in _KINDS)
    values = ", ".join(f"%s::{kind}" for _, kind in _KINDS)
    replaced = ", ".join(f"{name} = excluded.{name}" for name, _ in _KINDS[1:])
    with connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO {TABLE} ({names}) VALUES ({values})"
            f" ON CONFLICT (visitor_id) DO UPDATE SET {replaced}",
            [
                (visitor_id, basis, allowed.get(visitor_id), *row_values(rows[visitor_id]))
                for visitor_id in sorted(rows)
            ],
        )


def row_values(row: Projected) -> list[Any]:
    """What a row says of a profile, in the order of COLUMNS; arrays as PostgreSQL writes them: the
    driver would take several times as long."""
    plain = row._replace(content_type=_plain(row.content_type), told={})
    values = [
        f"{{{str(value)[1:-1]}}}" if isinstance(value, list) else value for value in plain[:-1]
    ]
    return [*values, msgspec.json.encode(_plain_told(row.told)).decode()]


def _plain(text: str) -> str:
    return text.replace(_NUL, _INSTEAD)


def _plain_told(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain_told(part) for key, part in value.items()}
    return _plain(value) if isinstance(value, str) else value


# --- Consent -------------------------------------------------------------------------------------


def changes_list(*, limit: int) -> list[UUID]:
    """Visitors whose consent changed since their row was written, those first who wait longest."""
    rows = rows_list(f"SELECT visitor_id FROM {CHANGES} ORDER BY id LIMIT %s", [limit])
    return list(dict.fromkeys(row[0] for row in rows))


def changes_delete(visitor_ids: Collection[UUID]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"DELETE FROM {CHANGES} WHERE visitor_id = ANY(%s::uuid[])", [list(visitor_ids)]
        )


def allowed_write(visitor_ids: Collection[UUID], allowed: Mapping[UUID, datetime]) -> None:
    """Say anew of these visitors' rows until when they allow personalization."""
    ids = sorted(visitor_ids)
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {TABLE} AS p SET allowed_until = given.until"
            " FROM unnest(%s::uuid[], %s::timestamptz[]) AS given (visitor_id, until)"
            " WHERE p.visitor_id = given.visitor_id"
            " AND p.allowed_until IS DISTINCT FROM given.until",
            (ids, [allowed.get(each) for each in ids]),
        )


def others_exist(basis: int) -> bool:
    """Whether any row was made by another basis."""
    text = f"SELECT EXISTS (SELECT FROM {TABLE} WHERE basis < %s)"
    text += f" OR EXISTS (SELECT FROM {TABLE} WHERE basis > %s)"
    return bool(rows_list(text, [basis, basis])[0][0])


# --- Counts --------------------------------------------------------------------------------------


class Counted(NamedTuple):
    """How many rows a rule's SQL says TRUE, and NULL, of; and of how many memory has to say."""

    matching: int
    open: int
    maybe: int


#: What a row adds to the one sum of a count: so each row is asked once, and the sum is exact.
OPEN, MAYBE = 1 << 31, 1 << 62


def tally_sql(value: str, maybe: str) -> str:
    """The sum that says how many rows a value is TRUE of, and NULL of; see `rows_count`."""
    return (
        f"coalesce(sum(CASE ({value}) WHEN TRUE THEN 1::int8 WHEN FALSE THEN 0::int8"
        f" ELSE CASE WHEN {maybe} THEN {MAYBE}::int8 ELSE {OPEN}::int8 END END), 0)"
    )


def rows_count(text: str, params: Sequence[Any]) -> Counted:
    """The counts of a statement that gives sums by `tally_sql`."""
    total = sum(int(row[0]) for row in rows_list(text, params))
    maybe, rest = divmod(total, MAYBE)
    open_, matching = divmod(rest, OPEN)
    return Counted(matching, open_, maybe)


def setting_local(name: str, value: str) -> None:
    """Change a setting of PostgreSQL until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config(%s, %s, true)", (name, value))


def rows_list(text: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(text, params)
        return list(cursor.fetchall())


def explain(text: str, params: Sequence[Any]) -> list[str]:
    """How PostgreSQL answers a statement, a line each; runs it."""
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN (ANALYZE, BUFFERS, SETTINGS) " + text, params)
        return [row[0] for row in cursor.fetchall()]
