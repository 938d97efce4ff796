"""Writing what happened: accept a request, drain a shard, erase a visitor."""

import logging
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from math import inf
from uuid import UUID

import msgspec
from celery import current_app
from django.conf import settings
from django.core.cache import cache
from django.db import InterfaceError, OperationalError, ProgrammingError, transaction
from psycopg.errors import LockNotAvailable

from consent import selectors as consent_selectors
from tracking import quarantine, runs, selectors, store
from tracking.models import SweepCursor
from tracking.pipeline.parse import Parsed, RequestRefused, parse_request
from tracking.pipeline.steps import (
    HISTORY,
    STEP,
    STEPS,
    Arrived,
    Batch,
    Dropped,
    Event,
    Growing,
    Receipt,
    event_build,
    events_clean,
)
from tracking.pipeline.wire import AcceptedEvent, Refusal
from tracking.runs import RefusedLine
from tracking.signals import events_stored, visitor_erased

log = logging.getLogger(__name__)

#: Requests drained in one transaction: enough to make COPY cheap, few enough to stay fresh.
DRAIN_REQUESTS = 200
#: The same bound for imports, whose requests are large.
DRAIN_BYTES = 1_500_000

#: A task drains one shard for about so long before others have their turn.
DRAIN_SECONDS = 1.0

#: With a backlog, tell of what was stored this many events at a time: a profile is then read and
#: written once for many of them. Without one, each drain is told of at once.
TELL_EVENTS = 20_000

#: Failures of the database or of a deployment (no connection, a lock, tables of another version):
#: no request is to blame, and all wait until they are over.
OUTAGES = (OperationalError, InterfaceError, ProgrammingError)

#: A fence is dated by its transaction's clock and seen when that commits: look back this far.
SWEEP_OVERLAP = timedelta(minutes=5)
#: Visitors erased before the cursor moves; only those of one SWEEP_LEAST can be more.
SWEEP_VISITORS = 500
SWEEP_LEAST = timedelta(milliseconds=100)
#: A sweep begins no further batch after so many seconds: the next one goes on.
SWEEP_SECONDS = 20.0
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_decode_events = msgspec.json.Decoder(list[AcceptedEvent]).decode


def request_accept(
    *, body: bytes, visitor_id: UUID | None, gpc: bool, device: str, is_bot: bool, now: float
) -> Parsed:
    """Put a browser's request into the inbox, committed, and wake a worker.

    `now` is the server's time in seconds since 1970. Raises RequestRefused when the visitor has
    not consented or no event of the body can be used; whatever is refused is counted.
    """
    try:
        granted = frozenset[str]()
        if visitor_id is not None:
            moment = datetime.fromtimestamp(now, UTC)
            granted = consent_selectors.consent_granted(visitor_id, moment, gpc=gpc)
        if visitor_id is None or not granted:
            raise RequestRefused(
                Refusal.NO_CONSENT, "This visitor has not agreed to any purpose. Send nothing."
            )
        parsed = request_parse(body, received_ms=now * 1000)
    except RequestRefused as refused:
        drops_count({refused.reason: 1}, source="tracker")
        raise
    receipt = Receipt(
        visitor_id=visitor_id,
        source="tracker",
        basis=",".join(sorted(granted)),
        device=device,
        is_bot=is_bot,
        skew_ms=parsed.skew_ms,
        received_ms=now * 1000,
    )
    if parsed.refused:
        drops_count(Counter(event.reason for event in parsed.refused), source="tracker")
        quarantine.events_add(parsed.refused, receipt)
    if parsed.accepted:
        shard = selectors.shard_of(visitor_id)
        store.inbox_add(shard=shard, receipt=receipt, payload=parsed.payload)
        shard_nudge(shard)
    return parsed


def request_parse(body: bytes, *, received_ms: float) -> Parsed:
    """What the door says of a browser's request, with the event types there are now."""
    return parse_request(
        body,
        received_ms=received_ms,
        known_types=selectors.event_type_names(),
        max_age_ms=settings.EVENT_MAX_AGE_DAYS * 86_400_000,
    )


def shard_nudge(shard: int) -> None:
    """Ask a worker to drain a shard, once until one begins. A lost nudge costs seconds."""
    try:
        if cache.add(f"nudge:{shard}", 1, timeout=2):
            current_app.send_task("tracking.tasks.shard_drain_task", (shard,))
    except Exception:  # Redis away: accepted is accepted, the sweep will find the row
        log.warning("no nudge for shard %s: Redis is not reachable", shard)


def nudge_taken(shard: int) -> None:
    """From here on a new request must nudge again."""
    cache.delete(f"nudge:{shard}")


def shard_drain(shard: int, *, seconds: float = inf) -> int:
    """Move everything waiting in a shard's inbox to the event store; returns events stored.

    Each transaction moves some requests whole: a worker that dies anywhere leaves the inbox
    rows it had not finished, and nothing of what they would have become. After `seconds` what is
    left is asked for anew, behind the tasks that wait already.
    """
    began = time.monotonic()
    total = untold = 0
    while True:
        try:
            read, stored = _drain_once(shard)
        except OperationalError as error:
            if not isinstance(error.__cause__, LockNotAvailable):
                raise
            read = stored = 0  # another worker has the shard and will see the same rows
        late = time.monotonic() - began >= seconds
        total += stored
        untold += stored
        if untold and (late or read < DRAIN_REQUESTS or untold >= TELL_EVENTS):
            untold = 0
            for receiver, result in events_stored.send_robust(sender=None, shard=shard):
                if isinstance(result, Exception):
                    log.error("%r after drain of shard %s", receiver, shard, exc_info=result)
        if not read:
            return total
        if late:
            shard_nudge(shard)
            return total


def _drain_once(shard: int) -> tuple[int, int]:
    """One transaction: (requests read, events stored).

    A batch that fails is done again request by request, so that one that cannot be drained
    is set aside and holds up nobody.
    """
    try:
        with transaction.atomic():
            last_seq, rows = _inbox_take(shard)
            return len(rows), _rows_store(rows, shard=shard, last_seq=last_seq)
    except OUTAGES:
        raise
    except Exception:
        log.warning("a batch of shard %s failed, going on request by request", shard, exc_info=True)
        store.partitions_forget()
    with transaction.atomic():
        last_seq, rows = _inbox_take(shard)
        before = last_seq
        for row in rows:
            try:
                with transaction.atomic():
                    last_seq += _rows_store([row], shard=shard, last_seq=last_seq)
            except OUTAGES:
                raise
            except Exception as error:
                _row_set_aside(row, error)
        return len(rows), last_seq - before


def _inbox_take(shard: int) -> tuple[int, list[store.InboxRow]]:
    """Own the shard: its last sequence number, and its oldest requests."""
    last_seq = store.shard_lock(shard)
    return last_seq, store.inbox_read(shard, limit=DRAIN_REQUESTS, max_bytes=DRAIN_BYTES)


def _rows_store(rows: list[store.InboxRow], *, shard: int, last_seq: int) -> int:
    """Make events of requests, store them and let the requests go; returns how many events."""
    if not rows:
        return 0
    kept, drops = _events_clean(
        [
            (event, row.receipt)
            for row in rows
            for wire in _decode_events(row.payload)
            if (event := event_build(wire, row.receipt)) is not None
        ]
    )
    months = store.months_of(kept)
    store.partitions_ensure(months)
    last_seq = store.events_write(kept, shard=shard, last_seq=last_seq)
    store.shard_advance(shard, last_seq=last_seq)
    store.inbox_delete([row.id for row in rows])
    _drops_record(drops)
    transaction.on_commit(partial(store.partitions_seen, months))
    return len(kept)


def _row_set_aside(row: store.InboxRow, error: Exception) -> None:
    """Move a request from the inbox to quarantine, each event by itself."""
    log.error("request %s of the inbox is set aside", row.id, exc_info=error)
    refused = quarantine.request_add(row.receipt, row.payload, error=error)
    store.inbox_delete([row.id])
    drops_count(refused, source=row.receipt.source)


def _events_clean(arrived: list[Arrived]) -> tuple[list[Event], list[Dropped]]:
    signals = selectors.signal_list()
    batch = Batch(
        consented=_visitors_consenting({event.visitor_id.int for event, _ in arrived}),
        cumulative={
            name: Growing(signal.value_cap, STEP[signal.unit])
            for name, signal in signals.items()
            if signal.unit in STEP
        },
    )
    usable, drops = events_clean(arrived, batch, steps=STEPS)
    batch.stored = store.events_stored_find([event for event, _ in usable])
    new, repeated = events_clean(usable, batch, steps=HISTORY)
    kept = [event for event, _ in new]
    new_visits = store.visits_upsert(kept)
    for event in kept if new_visits else ():
        if event.visit_id is not None:
            key = event.visitor_id.int, event.visit_id.int
            if key in new_visits:
                event.starts_visit = True
                new_visits.discard(key)
    return kept, drops + repeated


def _visitors_consenting(visitor_ids: Iterable[int]) -> frozenset[int]:
    """Those who agree to any purpose now; ids as integers, in and out."""
    asked = [UUID(int=visitor_id) for visitor_id in visitor_ids]
    return frozenset(visitor_id.int for visitor_id in selectors.visitors_consenting(asked))


def _drops_record(drops: list[Dropped]) -> None:
    """Count every drop; name the line of an imported one."""
    store.drops_add(Counter((str(reason), event.source) for event, reason in drops))
    runs.quarantine_add(
        RefusedLine(runs.run_of(event.source), event.line, reason)
        for event, reason in drops
        if event.line is not None
    )


def drops_count(counts: Mapping[Refusal, int], *, source: str) -> None:
    """Add to the counters of refusals by reason and source."""
    store.drops_add({(str(reason), source): count for reason, count in counts.items()})


def visitor_erase(*, visitor_id: UUID) -> int:
    """Delete all that is stored of what a visitor did; returns how many events."""
    with transaction.atomic():
        store.shard_lock(selectors.shard_of(visitor_id), timeout_ms=10_000)
        count = store.visitor_delete(visitor_id)
    visitor_erased.send(sender=None, visitor_id=visitor_id)
    return count


def erasure_sweep(*, now: datetime) -> int:
    """Erase everyone whose consent ended since the last sweep; returns how many visitors.

    What a withdrawal's own nudge has already erased is looked at again, at no harm. The cursor
    begins at the epoch, moves with every batch and never passes a visitor who could not be
    erased: the next sweep tries again. One sweep runs at a time.
    """
    with store.lock_if_free("attune erasure sweep") as free:
        return _erasure_sweep(now) if free else 0


def _erasure_sweep(now: datetime) -> int:
    cursor, _ = SweepCursor.objects.get_or_create(name="erasure", defaults={"at": EPOCH})
    began, erased = time.monotonic(), 0
    since, limit = cursor.at, now - SWEEP_OVERLAP
    while since < now and time.monotonic() - began < SWEEP_SECONDS:
        until = _batch_end(since, now)
        for visitor_id in set(consent_selectors.visitors_to_erase(since=since, until=until)):
            try:
                visitor_erase(visitor_id=visitor_id)
                erased += 1
            except Exception:
                log.exception("a visitor could not be erased, and will be tried again")
                limit = min(limit, since)
        since = until
        cursor.at = max(cursor.at, min(since, limit))
        cursor.save(update_fields=["at"])
    return erased


def _batch_end(since: datetime, now: datetime) -> datetime:
    """How far to look for at most SWEEP_VISITORS visitors, or all of one moment."""
    until = now
    while until - since > SWEEP_LEAST:
        ended = consent_selectors.visitors_to_erase(since=since, until=until)
        if len(list(islice(ended, SWEEP_VISITORS + 1))) <= SWEEP_VISITORS:
            break
        until = since + (until - since) / 2
    return until
