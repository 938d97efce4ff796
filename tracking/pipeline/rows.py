"""Events as the bytes of a binary COPY: four times faster than values adapted one by one.

The layout is PostgreSQL's own: a header, per row the number of columns and each value behind
its length, a trailer (https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format").
"""

from collections.abc import Iterable, Iterator
from struct import Struct

import msgspec

from tracking.pipeline.steps import Event

#: In the order of `event_row`.
COLUMNS = (
    "visitor_id", "id", "part", "repeats", "occurred_at", "reported_at", "received_at", "shard",
    "seq", "amount", "type", "visit_id", "view_id", "starts_visit", "is_bot", "basis", "source",
    "device", "path", "referrer_host", "medium", "item", "category", "content_type", "outlier",
    "value", "properties",
)  # fmt: skip
HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
NULL = b"\xff\xff\xff\xff"
#: PostgreSQL counts from 2000-01-01, in microseconds.
POSTGRES_EPOCH = 946_684_800_000_000
JSONB_VERSION = b"\1"

_length = Struct(">i").pack
# visitor_id, id, part, repeats, three times, shard, seq, amount: all before the first text
_head = Struct(">hi16si16sihihiqiqiqihiqid").pack
_uuid = Struct(">i16s").pack
_float = Struct(">id").pack
_BOOL = {True: _length(1) + b"\1", False: _length(1) + b"\0"}
_encode = msgspec.json.encode


class _Texts(dict[str, bytes]):
    """Texts as values of a row, each encoded once: paths, items and types repeat."""

    def __missing__(self, text: str) -> bytes:
        raw = text.encode()
        value = self[text] = _length(len(raw)) + raw
        return value


def rows_pack(events: Iterable[Event], *, shard: int, first_seq: int) -> Iterator[bytes]:
    """The COPY stream of events, numbered from `first_seq`."""
    texts = _Texts()
    yield HEADER
    for seq, event in enumerate(events, start=first_seq):
        yield event_row(event, shard, seq, texts)
    yield TRAILER


def event_row(event: Event, shard: int, seq: int, texts: _Texts) -> bytes:
    """One row, its columns in the order of COLUMNS."""
    visit, view, value = event.visit_id, event.view_id, event.value
    return b"".join(
        (
            _head(
                *(len(COLUMNS), 16, event.visitor_id.bytes, 16, event.id.bytes),
                *(2, event.part, 2, event.repeats),
                *(8, _microseconds(event.occurred_ms), 8, _microseconds(event.reported_ms)),
                *(8, _microseconds(event.received_ms), 2, shard, 8, seq, 8, event.amount),
            ),
            texts[event.type],
            _uuid(16, visit.bytes) if visit else NULL,
            _uuid(16, view.bytes) if view else NULL,
            _BOOL[event.starts_visit],
            _BOOL[event.is_bot],
            texts[event.basis],
            texts[event.source],
            texts[event.device],
            texts[event.path],
            texts[event.referrer_host],
            texts[event.medium],
            texts[event.item],
            texts[event.category],
            texts[event.content_type],
            texts[event.outlier],
            _float(8, value) if value is not None else NULL,
            _jsonb(event.properties) if event.properties else NULL,
        )
    )


def _microseconds(milliseconds: float) -> int:
    return round(milliseconds * 1000) - POSTGRES_EPOCH


def _jsonb(properties: dict[str, object]) -> bytes:
    raw = JSONB_VERSION + _encode(properties)
    return _length(len(raw)) + raw
