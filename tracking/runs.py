"""Imports in the database: how far a file has come, and its lines that could not be used.

In the caller's transaction. An event of an import carries `source` "<mapping>#<run id>".
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple
from uuid import UUID

from django.db import connection, transaction

from tracking import counters
from tracking.pipeline.wire import Finding, Refusal

#: How much of a refused line or event is kept; a longer one cannot be tried again.
PAYLOAD_CHARS = 20_000
DETAIL_CHARS = 300


class RefusedLine(NamedTuple):
    """One line that was not used; `detail` and `payload` where the reason alone does not tell."""

    run_id: int
    line: int
    reason: Refusal
    detail: str = ""
    payload: str = ""
    visitor_id: UUID | None = None


def source_of(mapping: str, run_id: int) -> str:
    return f"{mapping}#{run_id}"


def run_of(source: str) -> int:
    """
    >>> run_of(source_of("deskdrop", 7))
    7
    """
    return int(source.rpartition("#")[2])


def quarantine_add(lines: Iterable[RefusedLine]) -> None:
    """Name refused lines, each once; lines of a run that was deleted meanwhile are let go.

    Every one of them: a run is somebody's own doing, and its report names all.
    """
    rows = [
        (
            line.run_id,
            line.line,
            str(line.reason),
            line.detail[:DETAIL_CHARS],
            line.payload[:PAYLOAD_CHARS].replace("\0", "\N{REPLACEMENT CHARACTER}"),
            0 < len(line.payload) <= PAYLOAD_CHARS and "\0" not in line.payload,
            line.visitor_id,
        )
        for line in lines
    ]
    if not rows:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO tracking_quarantine (run_id, line, reason, detail, payload, whole,"
            " visitor_id, source, basis, device, is_bot, skew_ms, received_at, refused_at)"
            " SELECT given.*, run.source || '#' || run.id, run.purposes, '', false, 0, now(), now()"
            " FROM unnest(%b::int8[], %b::int8[], %b::text[], %b::text[], %b::text[], %b::bool[],"
            " %b::uuid[]) AS given (run_id, line, reason, detail, payload, whole, visitor_id)"
            " JOIN tracking_importrun AS run ON run.id = given.run_id"
            " ON CONFLICT (run_id, line) WHERE reason <> 'unprocessable' DO NOTHING",
            [list(column) for column in zip(*rows, strict=True)],
        )


#: Refused, or a property left out, while the file is read; everything else is refused when its
#: event is drained.
QUEUE_REFUSALS = frozenset(
    {
        Refusal.MALFORMED_LINE,
        Refusal.UNKNOWN_EVENT_TYPE,
        Refusal.FUTURE_TIMESTAMP,
        Refusal.TOO_OLD,
        Refusal.PERSONAL_DATA,
        Refusal.UNKNOWN_PROPERTY,
        Refusal.INVALID_PROPERTY,
        Refusal.SKIPPED_BY_MAPPING,
    }
)


def drop_counts(source: str) -> dict[str, int]:
    """How many events and lines of a run were refused, by reason."""
    return {
        reason: count
        for reason, count in counters.drop_totals(source).items()
        if reason not in set(Finding)
    }


def waiting(source: str) -> int:
    """Inbox rows of a run that are still to be drained."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM tracking_inbox WHERE source = %s", (source,))
        return int(cursor.fetchone()[0])


def refused_lines(run_id: int) -> Iterator[RefusedLine]:
    """A run's refused lines in order, in bounded memory."""
    with transaction.atomic(), connection.chunked_cursor() as cursor:
        cursor.execute(
            "SELECT run_id, line, reason, detail, payload FROM tracking_quarantine"
            " WHERE run_id = %s ORDER BY line",
            (run_id,),
        )
        while rows := cursor.fetchmany(2000):
            for row in rows:
                yield RefusedLine(row[0], row[1], Refusal(row[2]), row[3], row[4])
