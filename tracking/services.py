"""Writing what happened: drain a shard, erase a visitor. See accepting for what comes in."""

import logging
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from math import inf
from operator import attrgetter
from uuid import UUID

import msgspec
from django.db import InterfaceError, OperationalError, ProgrammingError, transaction
from psycopg.errors import LockNotAvailable

from consent import selectors as consent_selectors
from consent import services as consent_services
from tracking import activity, forwarding, quarantine, runs, selectors, store
from tracking.cleaning import arrived_clean, visitors_consenting
from tracking.models import SweepCursor
from tracking.nudges import shard_nudge
from tracking.pipeline.steps import Dropped, event_build
from tracking.pipeline.wire import AcceptedEvent, Refusal
from tracking.runs import RefusedLine
from tracking.signals import events_changed, events_stored, visitor_erased

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
_at = attrgetter("at")


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
            stored, is_last = _drain_once(shard)
        except OperationalError as error:
            if not isinstance(error.__cause__, LockNotAvailable):
                raise
            stored, is_last = 0, True  # another worker has the shard and will see the same rows
        late = time.monotonic() - began >= seconds
        total += stored
        untold += stored
        if untold and (late or is_last or untold >= TELL_EVENTS):
            untold = 0
            for receiver, result in events_stored.send_robust(sender=None, shard=shard):
                if isinstance(result, Exception):
                    log.error("%r after drain of shard %s", receiver, shard, exc_info=result)
        if is_last:
            return total
        if late:
            shard_nudge(shard)
            return total


def _drain_once(shard: int) -> tuple[int, bool]:
    """One transaction: events stored, and whether that was all: who comes later nudges anew.

    A batch that fails is done again request by request, so that one that cannot be drained
    is set aside and holds up nobody.
    """
    try:
        with transaction.atomic():
            last_seq, rows = _inbox_take(shard)
            return _rows_store(rows, shard=shard, last_seq=last_seq), _is_all(rows)
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
        return last_seq - before, _is_all(rows)


def _inbox_take(shard: int) -> tuple[int, list[store.InboxRow]]:
    """Own the shard: its last sequence number, and its oldest requests."""
    last_seq = store.shard_lock(shard)
    return last_seq, store.inbox_read(shard, limit=DRAIN_REQUESTS, max_bytes=DRAIN_BYTES)


def _is_all(rows: list[store.InboxRow]) -> bool:
    """Whether neither limit left a request in the inbox."""
    return len(rows) < DRAIN_REQUESTS and sum(len(row.payload) for row in rows) < DRAIN_BYTES


def _rows_store(rows: list[store.InboxRow], *, shard: int, last_seq: int) -> int:
    """Make events of requests, store them and let the requests go; returns how many events."""
    if not rows:
        return 0
    sent = [
        (wire, row.receipt) for row in rows for wire in sorted(_decode_events(row.payload), key=_at)
    ]
    asked = {visitor_id.int for visitor_id in map(forwarding.visitor_of, sent) if visitor_id}
    consented = visitors_consenting(asked)
    sent, shards = forwarding.retired_forward(sent, consented)
    kept, drops, findings = arrived_clean(
        [
            (event, receipt)
            for wire, receipt in sent
            if (event := event_build(wire, receipt)) is not None
        ],
        shard=shard,
        consented=consented,
    )
    months = store.months_of(kept)
    store.partitions_ensure(months)
    last_seq = store.events_write(kept, shard=shard, last_seq=last_seq)
    store.shard_advance(shard, last_seq=last_seq)
    store.inbox_delete([row.id for row in rows])
    _drops_record(drops, findings)
    transaction.on_commit(partial(store.partitions_seen, months))
    for other in shards:
        transaction.on_commit(partial(shard_nudge, other))
    return len(kept)


def _row_set_aside(row: store.InboxRow, error: Exception) -> None:
    """Move a request from the inbox to quarantine, each event by itself."""
    log.error("request %s of the inbox is set aside", row.id, exc_info=error)
    refused = quarantine.request_add(row.receipt, row.payload, error=error)
    store.inbox_delete([row.id])
    drops_count(refused, source=row.receipt.source)


def _drops_record(drops: list[Dropped], findings: Counter[tuple[str, str]]) -> None:
    """Count every drop and every finding; name the line of an imported drop."""
    store.drops_add(Counter((str(reason), event.source) for event, reason in drops) + findings)
    runs.quarantine_add(
        RefusedLine(runs.run_of(event.source), event.line, reason)
        for event, reason in drops
        if event.line is not None
    )


def drops_count(counts: Mapping[Refusal, int] | Mapping[str, int], *, source: str) -> None:
    """Add to the counters of refusals by reason and source."""
    store.drops_add({(str(reason), source): count for reason, count in counts.items()})


def item_describe(items: Iterable[tuple[str, str, str]]) -> None:
    """Say what items are about: (item, category, content type), each "" where there is none.

    Events that name such an item and no category get it from here, from their draining on;
    workers know within selectors.ITEMS_TTL seconds.
    """
    store.items_put({item: (category, kind) for item, category, kind in items})
    selectors.items_forget()


def outlier_accept(*, visitor_id: UUID, event_id: UUID) -> int:
    """Let an event count in full, for good; returns how many rows, 0 when it does already.

    Those who have added it up before are told by the signal `events_changed`.
    """
    with transaction.atomic():
        store.shard_lock(selectors.shard_of(visitor_id), timeout_ms=10_000)
        changed = store.amount_restore(visitor_id, event_id)
        if changed:
            transaction.on_commit(
                lambda: events_changed.send(sender=None, visitor_id=visitor_id), robust=False
            )
    return changed


def visitor_erase(*, visitor_id: UUID) -> int:
    """Delete all that is stored of what a visitor did; returns how many events.

    The retired ids that were merged into this one, or were still to be, go with it, and so does
    the link to them.
    """
    with transaction.atomic():
        visitor_ids = [visitor_id, *consent_selectors.visitors_merged_into(visitor_id)]
        for shard in sorted(set(map(selectors.shard_of, visitor_ids))):
            store.shard_lock(shard, timeout_ms=10_000)
        activity.visitors_uncount(visitor_ids)
        count = sum(map(store.visitor_delete, visitor_ids))
        for merged in visitor_ids:
            consent_services.merges_forget(into_id=merged)
    for each in visitor_ids:
        visitor_erased.send(sender=None, visitor_id=each)
    return count


def job_lock(name: str) -> AbstractContextManager[bool]:
    """Whether nobody else does this job now; others see it as taken until the block ends."""
    return store.lock_if_free(f"attune {name}")


def erasure_sweep(*, now: datetime) -> int:
    """Erase everyone whose consent ended since the last sweep; returns how many visitors.

    What a withdrawal's own nudge has already erased is looked at again, at no harm. The cursor
    begins at the epoch, moves with every batch and never passes a visitor who could not be
    erased: the next sweep tries again. One sweep runs at a time.
    """
    with job_lock("erasure sweep") as free:
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
