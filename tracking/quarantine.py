"""What could not be used and may be mended: kept here, bounded, until it is or has grown old.

Kept are lines of imports, events that a worker failed on, and those of the API's refusals that
somebody can mend. Nothing is kept of a visitor who does not consent: who asks here has asked
consent before, what slips in beside a withdrawal goes with the erasure sweep, which looks at each
withdrawal several times. tracking.replay tries rows again.
"""

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
from django.conf import settings
from django.db import connection, transaction

from tracking import runs, selectors, store
from tracking.models import ImportRun, Quarantine
from tracking.pipeline.parse import RefusedEvent
from tracking.pipeline.steps import Receipt
from tracking.pipeline.wire import Refusal

#: Refusals of the API that a new event type, or another schema of one, can mend. The others are
#: for the sender alone to mend, or must leave nothing behind.
MENDABLE = frozenset({Refusal.INVALID_EVENT, Refusal.UNKNOWN_EVENT_TYPE})
#: A process that found a reason's day full counts only, and looks again after so many seconds.
FULL_SECONDS = 60.0
PURGE_ROWS = 5_000

#: reason: until when (time.monotonic) its day is taken for full
_full: dict[str, float] = {}


class Named(msgspec.Struct):
    """What an event of an import says of itself."""

    visitor: UUID | None = None
    line: int | None = None


def events_add(refused: Iterable[RefusedEvent], receipt: Receipt) -> None:
    """Keep what can be mended of a request's refused events, if their day has room."""
    wanted: dict[Refusal, list[RefusedEvent]] = {}
    for event in refused:
        if event.reason in MENDABLE and event.raw:
            wanted.setdefault(event.reason, []).append(event)
    for reason, events in sorted(wanted.items()):  # everybody in the same order: each is locked
        if time.monotonic() < _full.get(reason, 0.0):
            continue
        with transaction.atomic():
            room = _room(reason)
            Quarantine.objects.bulk_create(
                [
                    event_row(event.raw, receipt, reason=reason, detail=event.detail)
                    for event in events[:room]
                ]
            )
        if room < len(events):
            _full[reason] = time.monotonic() + FULL_SECONDS


def _room(reason: Refusal) -> int:
    """How many events a reason may still keep today; nobody else adds some until the commit."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    most = settings.QUARANTINE_MAX_PER_DAY
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtext('attune quarantine ' || %s))", (str(reason),)
        )
    kept = Quarantine.objects.filter(reason=reason, refused_at__gte=today, run=None)
    return max(most - kept[:most].count(), 0)


def request_add(receipt: Receipt, payload: bytes, *, error: Exception) -> Counter[Refusal]:
    """Keep each event of a request that a worker failed on; returns what was refused, and why.

    They were accepted: however many they are, none is left out.
    """
    events = events_split(payload)
    named = [_named(raw) for raw in events]
    visitors = [receipt.visitor_id or each.visitor for each in named]
    consenting = selectors.visitors_consenting({each for each in visitors if each is not None})
    run_id = runs.run_of(receipt.source) if "#" in receipt.source else None
    if run_id is not None and not ImportRun.objects.filter(pk=run_id).exists():
        run_id = None
    rows = [
        event_row(
            raw,
            receipt._replace(visitor_id=visitor_id),
            reason=Refusal.UNPROCESSABLE,
            detail=repr(error),
            run_id=run_id,
            line=each.line if receipt.visitor_id is None else None,
        )
        for raw, each, visitor_id in zip(events, named, visitors, strict=True)
        if visitor_id is None or visitor_id in consenting
    ]
    Quarantine.objects.bulk_create(rows, batch_size=500)
    counts = {Refusal.UNPROCESSABLE: len(rows), Refusal.CONSENT_WITHDRAWN: len(events) - len(rows)}
    return +Counter(counts)


def event_row(
    raw: bytes,
    receipt: Receipt,
    *,
    reason: Refusal,
    detail: str,
    run_id: int | None = None,
    line: int | None = None,
) -> Quarantine:
    """One event as a row that is not saved yet."""
    payload, whole = text_kept(raw)
    return Quarantine(
        run_id=run_id,
        line=line,
        visitor_id=receipt.visitor_id,
        source=receipt.source,
        reason=reason,
        detail=text_plain(detail)[: runs.DETAIL_CHARS],
        payload=payload,
        whole=whole,
        basis=receipt.basis,
        device=receipt.device,
        is_bot=receipt.is_bot,
        skew_ms=receipt.skew_ms,
        received_at=store.at(receipt.received_ms),
    )


def text_kept(raw: bytes) -> tuple[str, bool]:
    """What is kept of a payload, and whether that is all of it.

    >>> text_kept(b'{"a": 1}'), text_kept(b"not \\xff text")
    (('{"a": 1}', True), ('not \ufffd text', False))
    """
    text = text_plain(raw.decode("utf-8", "replace"))[: runs.PAYLOAD_CHARS]
    return text, text.encode("utf-8", "replace") == raw


def text_plain(text: str) -> str:
    """Text as PostgreSQL stores it."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


def events_split(payload: bytes) -> Sequence[bytes]:
    """The events of a JSON list, each as it came; what is no list is kept as one."""
    try:
        return [bytes(raw) for raw in msgspec.json.decode(payload, type=list[msgspec.Raw])]
    except msgspec.DecodeError:
        return [payload]


def _named(raw: bytes) -> Named:
    try:
        return msgspec.json.decode(raw, type=Named)
    except msgspec.DecodeError:
        return Named()


def quarantine_purge(*, now: datetime) -> int:
    """Delete some of the rows kept for QUARANTINE_DAYS; returns how many, 0 when none are left."""
    before = now - timedelta(days=settings.QUARANTINE_DAYS)
    old = Quarantine.objects.filter(refused_at__lt=before).order_by("refused_at")
    with transaction.atomic():
        rows = old.select_for_update(skip_locked=True)[:PURGE_ROWS]
        deleted, _ = Quarantine.objects.filter(pk__in=[*rows.values_list("pk", flat=True)]).delete()
    return deleted
