"""Projected profiles in bulk, and counts over them. The only module with SQL on projected profiles;
in the caller's transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from django.db import connection

from personalization.reach.projected import Projected

#: Columns as they are in the table: (name, type), after those that say whose and by which basis.
COLUMNS = (
    ("definition", "int4"), ("is_plain", "bool"), ("first_ms", "int8"), ("last_ms", "int8"),
    ("visits", "int4"), ("start_ms", "int8"), ("gap_days", "float8"), ("consistency", "float8"),
    ("engagement", "float8"), ("velocity", "float8"), ("content_type", "text"),
    ("page_run", "int2"), ("categories", "text[]"), ("longs", "float8[]"), ("shorts", "float8[]"),
    ("evidence", "int4[]"), ("long_total", "float8"), ("short_total", "float8"), ("did", "text[]"),
    ("told", "jsonb"),
)  # fmt: skip
_NAMES = ("visitor_id", "basis", *(name for name, _ in COLUMNS))
TABLE = "personalization_projectedprofile"
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


def rows_write(rows: Mapping[UUID, Projected], *, basis: int) -> None:
    """Insert or replace rows of visitors whose profiles the transaction holds."""
    if not rows:
        return
    names = ", ".join(_NAMES)
    values = ", ".join(f"%s::{kind}" for kind in ("uuid", "int8", *(k for _, k in COLUMNS)))
    replaced = ", ".join(f"{name} = excluded.{name}" for name in _NAMES[1:])
    with connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO {TABLE} ({names}) VALUES ({values})"
            f" ON CONFLICT (visitor_id) DO UPDATE SET {replaced}",
            [row_values(visitor_id, rows[visitor_id], basis) for visitor_id in sorted(rows)],
        )


def row_values(visitor_id: UUID, row: Projected, basis: int) -> tuple[Any, ...]:
    """A row in the order of the columns."""
    plain = row._replace(
        content_type=_plain(row.content_type),
        categories=[_plain(text) for text in row.categories],
        did=[_plain(text) for text in row.did],
        told={
            _plain(key): _plain(value) if isinstance(value, str) else value
            for key, value in row.told.items()
        },
    )
    # `told` is the last column.
    return visitor_id, basis, *plain[:-1], msgspec.json.encode(plain.told).decode()


def _plain(text: str) -> str:
    return text.replace(_NUL, _INSTEAD)


class Counted(NamedTuple):
    """How many rows a rule's SQL says TRUE, and NULL, of; and of how many memory has to say."""

    matching: int
    open: int
    maybe: int


def rows_count(text: str, params: Sequence[Any]) -> Counted:
    """The counts of a statement that gives (value, maybe, how many)."""
    with connection.cursor() as cursor:
        cursor.execute(text, params)
        counts = {(value, maybe): count for value, maybe, count in cursor.fetchall()}
    matching = counts.get((True, False), 0) + counts.get((True, True), 0)
    return Counted(matching, counts.get((None, False), 0), counts.get((None, True), 0))


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
