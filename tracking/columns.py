"""Reading events in bulk: a binary COPY straight into numpy, in bounded memory.

Every column is of fixed width, so a block of rows is an array without a look at each value. Texts
travel as 64-bit hashes, salted anew for each reading so that nobody can aim at a collision, and
are looked up once for each distinct one.
"""

import secrets
from collections.abc import Collection, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any
from uuid import UUID

import msgspec
import numpy as np
from django.db import DEFAULT_DB_ALIAS, connection, connections
from numpy.typing import NDArray
from psycopg import sql

from tracking.pipeline.blocks import Asked, Block, Kind
from tracking.pipeline.details import Detail

#: Rows in one block.
BLOCK_ROWS = 50_000
#: Memory PostgreSQL may sort in, for this reading alone; beyond it sorts on disk.
SORT_MEMORY = "64MB"

_HEADER = 19  # signature, flags, length of the extension: once, before the first row
_TRAILER = 2
#: PostgreSQL counts from 2000-01-01, in microseconds.
_POSTGRES_EPOCH_MS = 946_684_800_000.0

_KIND = "hashtextextended(type || E'\\n' || category || E'\\n' || content_type, {salt})"
_BASIS = "hashtextextended(basis, {salt})"
#: What is one too many of its kind (a part 0 that counts nothing, and says why) is no event.
_IS_NEW = "part = 0 AND (outlier = '' OR amount > 0)"
_COLUMNS = (
    f"visitor_id, coalesce(visit_id, visitor_id), seq, occurred_at, amount, {_IS_NEW},"
    f" starts_visit, {_KIND}, {_BASIS}"
)
#: What a reader may ask of page views besides, each as a text.
FACTS = {
    **{name: name for name in ("path", "item", "device", "medium", "referrer_host")},
    **{
        f"utm_{part}": f"coalesce(properties->>'utm_{part}', '')"
        for part in ("source", "medium", "campaign", "term", "content")
    },
}
#: One row as PostgreSQL sends it: a count of columns, then each value behind its length.
_ROW = np.dtype(
    [
        ("columns", ">i2"),
        *(("visitor_length", ">i4"), ("high", ">u8"), ("low", ">u8")),
        *(("visit_length", ">i4"), ("visit", ">u8"), ("visit_low", ">u8")),
        *(("seq_length", ">i4"), ("seq", ">i8")),
        *(("occurred_length", ">i4"), ("occurred", ">i8")),
        *(("amount_length", ">i4"), ("amount", ">f8")),
        *(("is_new_length", ">i4"), ("is_new", "?")),
        *(("starts_visit_length", ">i4"), ("starts_visit", "?")),
        *(("kind_length", ">i4"), ("kind", ">i8")),
        *(("basis_length", ">i4"), ("basis", ">i8")),
    ]
)
#: A hash that is asked for besides.
_MORE = {name: [(f"{name}_length", ">i4"), (name, ">i8")] for name in ("facts", "fields")}
#: Texts of an event that may be asked for as fields.
TEXTS = ("item", "category", "content_type", "path", "device", "medium", "source")
_PROPERTY = "property."


def of_shard(
    shard: int,
    *,
    after_seq: int = 0,
    after_visitor: UUID | None = None,
    through_visitor: UUID | None = None,
) -> sql.Composed:
    where = sql.SQL("shard = {} AND seq > {} AND visitor_id > {}").format(
        *map(sql.Literal, (shard, after_seq, after_visitor or UUID(int=0)))
    )
    if through_visitor is None:
        return where
    return sql.SQL("{} AND visitor_id <= {}").format(where, sql.Literal(through_visitor))


def of_visitors(visitor_ids: Collection[UUID]) -> sql.Composed:
    # Not by shard too: the primary key finds them.
    return sql.SQL("visitor_id = ANY({})").format(sql.Literal(sorted(visitor_ids)))


def blocks_read(
    where: sql.Composed,
    *,
    through_seq: int,
    facts: Sequence[str] = (),
    asked: Asked | None = None,
) -> Generator[Block, None, None]:
    """Events up to a sequence number, without bots', by visitor and order of storing.

    `facts` are those of FACTS that the blocks' page views shall have, `asked` are fields of events.

    Read over a connection of its own, so that the caller may commit between blocks; within a
    caller's transaction over the caller's, in one piece, so that what it wrote is seen.
    """
    salt = secrets.randbits(63)
    where = sql.SQL("{} AND seq <= {}").format(where, sql.Literal(through_seq))
    more = _hashes(facts, asked)
    columns = ", ".join((_COLUMNS, *more.values()))
    query = sql.SQL(
        f"COPY (SELECT {columns} FROM tracking_event WHERE {{where}}"
        " AND NOT is_bot ORDER BY visitor_id, seq) TO STDOUT (FORMAT binary)"
    ).format(salt=sql.Literal(salt), where=where)
    texts = _Texts(where, salt, facts, asked)
    row = np.dtype([*_ROW.descr, *(column for name in more for column in _MORE[name])])
    with reader() as (cursor, is_callers):
        if not is_callers:  # a fold's few rows are sorted in what there is
            cursor.execute("SELECT set_config('work_mem', %s, true)", (SORT_MEMORY,))
        with closing(_arrays(cursor, query, row)) as arrays:
            for array in list(arrays) if is_callers else arrays:
                if len(known := texts.learn(array)):
                    yield _block(known, texts)


@contextmanager
def reader(*, chunked: bool = False) -> Iterator[tuple[Any, bool]]:
    """A cursor to read with, and whether it is on the caller's own connection.

    A `chunked` one fetches rows as they are asked for.
    """
    if connection.in_atomic_block:
        with connection.chunked_cursor() if chunked else connection.cursor() as cursor:
            yield cursor, True
        return
    own = connections.create_connection(DEFAULT_DB_ALIAS)
    try:
        own.set_autocommit(False)  # what is set, is set until the end of this transaction
        with own.chunked_cursor() if chunked else own.cursor() as cursor:
            yield cursor, False
    finally:
        try:
            own.rollback()
            own.set_autocommit(True)  # as the next one to get it from the pool expects
        finally:
            own.close()  # a broken one too, or the pool waits for it for good


def _facts_hash(facts: Sequence[str]) -> str:
    """Of other events than page views nothing is asked: one hash for all of them."""
    texts = " || E'\\n' || ".join(FACTS[name] for name in facts)
    return f"CASE WHEN type = 'page_view' THEN hashtextextended({texts}, {{salt}}) ELSE 0 END"


def _fields_hash(asked: Asked) -> str:
    types = ", ".join(map(_quoted, asked.types))
    hashed = f"hashtextextended({_fields_text(asked)}, {{salt}})"
    return f"CASE WHEN type IN ({types}) THEN {hashed} ELSE 0 END"


def _fields_text(asked: Asked) -> str:
    return f"jsonb_build_array({', '.join(map(_field, asked.fields))})::text"


def _field(name: str) -> str:
    if name.startswith(_PROPERTY):
        return f"properties -> {_quoted(name[len(_PROPERTY) :])}"
    assert name == "value" or name in TEXTS, name
    return name


def _quoted(text: str) -> str:
    """A literal within what is formatted later."""
    return sql.Literal(text).as_string(None).replace("{", "{{").replace("}", "}}")


def _hashes(facts: Sequence[str], asked: Asked | None) -> dict[str, str]:
    """What is read of each row besides, by the name of its column."""
    hashes = {"facts": _facts_hash(facts)} if facts else {}
    return hashes | ({"fields": _fields_hash(asked)} if asked else {})


def _arrays(
    cursor: Any, query: sql.Composed, row: np.dtype[Any]
) -> Generator[NDArray[np.void], None, None]:
    buffer = bytearray()
    skip, size = _HEADER, row.itemsize
    with cursor.copy(query) as copy:
        while data := copy.read():
            buffer += data
            if len(buffer) >= size * BLOCK_ROWS + skip:
                count = (len(buffer) - skip) // size
                yield np.frombuffer(bytes(buffer[skip : skip + count * size]), row)
                del buffer[: skip + count * size]
                skip = 0
    count = (len(buffer) - skip - _TRAILER) // size
    if count > 0:
        yield np.frombuffer(bytes(buffer[skip : skip + count * size]), row)


def _block(array: NDArray[Any], texts: "_Texts") -> Block:
    high, low = array["high"].astype(np.uint64), array["low"].astype(np.uint64)
    changes = np.r_[True, (high[1:] != high[:-1]) | (low[1:] != low[:-1])][: len(high)]
    first = np.flatnonzero(changes)
    kinds, kind = np.unique(array["kind"], return_inverse=True)
    bases, basis = np.unique(array["basis"], return_inverse=True)
    fact, facts = _more(array, "facts", texts.facts)
    field, fields = _more(array, "fields", texts.fields)
    return Block(
        visitor=np.cumsum(changes) - 1,
        seq=array["seq"].astype(np.int64),
        occurred_ms=array["occurred"].astype(np.float64) / 1000.0 + _POSTGRES_EPOCH_MS,
        amount=array["amount"].astype(np.float64),
        is_new=array["is_new"],
        visit=(array["visit"].astype(np.uint64) >> np.uint64(1)).astype(np.int64),
        starts_visit=array["starts_visit"],
        kind=kind,
        basis=basis,
        visitors=[
            UUID(int=(high << 64) | low)
            for high, low in zip(high[first].tolist(), low[first].tolist(), strict=True)
        ],
        kinds=[texts.kinds[number] for number in kinds.tolist()],
        bases=[texts.bases[number] for number in bases.tolist()],
        fact=fact,
        facts=facts,
        field=field,
        fields=fields,
    )


def _more(array: NDArray[Any], name: str, known: dict[int, Any]) -> tuple[Any, list[Any]]:
    """(places, what is there) of a hash that was asked for; (None, []) where it was not."""
    if name not in (array.dtype.names or ()):
        return None, []
    hashes, places = np.unique(array[name], return_inverse=True)
    return places, [known.get(number, known[0]) for number in hashes.tolist()]


class _Texts:
    """The texts behind the hashes met so far, each looked up at an event that has it."""

    def __init__(
        self, where: sql.Composed, salt: int, facts: Sequence[str], asked: Asked | None
    ) -> None:
        self.kinds: dict[int, Kind] = {}
        self.bases: dict[int, str] = {}
        self.facts: dict[int, tuple[str, ...]] = {0: ()}
        self.fields: dict[int, str] = {0: ""}
        self._where, self._salt = where, salt
        self._facts, self._asked = facts, asked

    def learn(self, array: NDArray[Any]) -> NDArray[Any]:
        """The rows whose texts are known, after looking up the new ones.

        A text that cannot be found has gone with all its events, erased since they were read.
        """
        fields: list[tuple[str, Any]] = [("kind", self.kinds), ("basis", self.bases)]
        if self._facts:
            fields.append(("facts", self.facts))
        if self._asked:
            fields.append(("fields", self.fields))
        for field, known in fields:
            hashes, first = np.unique(array[field], return_index=True)
            new = np.array([number not in known for number in hashes.tolist()], bool)
            if new.any():
                self._look_up(array["seq"][first[new]])
            missing = [number for number in hashes.tolist() if number not in known]
            if missing:
                rows = np.isin(array[field], missing)
                self._look_up(array["seq"][rows])
                array = array[~rows | np.isin(array[field], list(known))]
        return array

    def _look_up(self, seqs: NDArray[Any]) -> None:
        hashes = _hashes(self._facts, self._asked)
        texts = [FACTS[name] for name in self._facts]
        texts += [_fields_text(self._asked)] if self._asked else []
        more = "".join(f", {each}" for each in (*hashes.values(), *texts))
        with connection.cursor() as cursor:
            cursor.execute(
                sql.SQL(
                    f"SELECT {_KIND}, type, category, content_type, {_BASIS}, basis{more}"
                    " FROM tracking_event WHERE {where} AND seq = ANY({seqs})"
                ).format(
                    salt=sql.Literal(self._salt),
                    where=self._where,
                    seqs=sql.Literal([int(seq) for seq in seqs]),
                )
            )
            for kind, type_, category, content_type, basis, text, *rest in cursor.fetchall():
                self.kinds[kind] = Kind(type_, category, content_type)
                self.bases[basis] = text
                told = dict(zip(hashes, rest, strict=False))
                if number := told.get("facts"):
                    self.facts[number] = tuple(rest[len(hashes) :][: len(self._facts)])
                if number := told.get("fields"):
                    self.fields[number] = rest[-1]


# --- In full -----------------------------------------------------------------------------------

#: What Detail says, in its order.
_DETAILS = (
    "visitor_id, basis, type, (extract(epoch FROM occurred_at) * 1000)::float8, amount,"
    f" CASE WHEN {_IS_NEW} THEN 0 ELSE greatest(part, 1) END, value, item, category, content_type,"
    " path, device, medium, source, visit_id, properties"
)
DETAIL_ROWS = 5_000


def details_read(
    where: sql.Composed, *, through_seq: int, types: Collection[str]
) -> Generator[Detail, None, None]:
    """Events of these types in full, read as `blocks_read` reads, in the same order."""
    query = sql.SQL(
        f"SELECT {_DETAILS} FROM tracking_event WHERE {{}} AND seq <= {{}} AND type = ANY({{}})"
        " AND NOT is_bot ORDER BY visitor_id, seq"
    ).format(where, sql.Literal(through_seq), sql.Literal(sorted(types)))
    with reader(chunked=True) as (cursor, _):
        cursor.execute(query)
        while rows := cursor.fetchmany(DETAIL_ROWS):
            for row in rows:
                *fields, visit_id, properties = row
                visit = visit_id.int >> 65 if visit_id else None
                # Django leaves JSON as it comes.
                known = msgspec.json.decode(properties) if properties else None
                yield Detail._make((*fields, visit, known))
