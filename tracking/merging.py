"""A sign-in's merge: what was recorded under the browser's retired id becomes the account's.

For profiles a merge is adding events: they get new sequence numbers in the successor's shard, and
the fold simply sees them. Which id continues which is `consent`'s to say, at the moment it is
done; a message only says where to look. Any order, any repetition and any interruption end alike.
"""

import logging
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db import transaction

from consent import selectors as consent_selectors
from tracking import activity, merge_store, nudges, selectors, services, store
from tracking.cleaning import visitors_consenting
from tracking.models import SweepCursor
from tracking.pipeline.duplicates import STEP
from tracking.signals import events_stored, visitor_moved

log = logging.getLogger(__name__)

#: A retirement is dated by a web server's clock and seen when it commits: look back this far.
OVERLAP = timedelta(minutes=5)
#: A sweep begins no further merge after so many seconds: the next one goes on.
SWEEP_SECONDS = 20.0
SWEEP_MERGES = 500


def visitor_merge(*, from_id: UUID) -> int:
    """Move a retired visitor's events to its successor; returns how many.

    Of an id without a successor that agrees to anything, all is erased; an id that is not retired
    is left alone. Raises django.db.OperationalError when a shard stays busy: try again.
    """
    into_id = consent_selectors.visitors_successors([from_id]).get(from_id)
    agreeing = visitors_consenting({from_id.int, *([into_id.int] if into_id else [])})
    if from_id.int in agreeing:
        return 0
    if into_id is None or into_id.int not in agreeing:
        services.visitor_erase(visitor_id=from_id)
        return 0
    moved = _visitor_move(from_id, into_id)
    if moved is None:
        return 0  # the sweep looks again
    visitor_moved.send(sender=None, from_id=from_id, into_id=into_id)
    merge_store.merge_done(from_id)
    shard = selectors.shard_of(into_id)
    if moved:
        for receiver, result in events_stored.send_robust(sender=None, shard=shard):
            if isinstance(result, Exception):
                log.error("%r after a merge into shard %s", receiver, shard, exc_info=result)
    return moved


def _visitor_move(from_id: UUID, into_id: UUID) -> int | None:
    """One transaction, with both shards held; None if the successor was another one by then."""
    shard = selectors.shard_of(into_id)
    with transaction.atomic():
        merge_store.merges_add([(from_id, into_id)])
        shards = sorted({selectors.shard_of(from_id), shard})
        last_seqs = {one: store.shard_lock(one, timeout_ms=10_000) for one in shards}
        if consent_selectors.visitors_successors([from_id]).get(from_id) != into_id:
            return None
        growing = [name for name, signal in selectors.signal_list().items() if signal.unit in STEP]
        activity.visitors_uncount([from_id])  # they are counted anew where they come
        moved = merge_store.visitor_move(
            from_id, into_id, shard=shard, last_seq=last_seqs[shard], growing=growing
        )
        store.shard_advance(shard, last_seq=last_seqs[shard] + moved)
        merge_store.quarantine_relabel(from_id, into_id)
        waiting = merge_store.inbox_relabel(from_id, into_id, shard=shard)
    if waiting:
        nudges.shard_nudge(shard)
    return moved


def merge_sweep(*, now: datetime) -> int:
    """Merge whoever was retired and not merged yet; returns how many visitors.

    The cursor says up to when consent's record was looked through for merges; the merges found
    wait in their own table until they are done. One sweep runs at a time.
    """
    with store.lock_if_free("attune merge sweep") as free:
        return _merge_sweep(now) if free else 0


def _merge_sweep(now: datetime) -> int:
    _merges_hear(now)
    began, done = time.monotonic(), 0
    for from_id in merge_store.merges_waiting(limit=SWEEP_MERGES):
        if time.monotonic() - began >= SWEEP_SECONDS:
            break
        try:
            visitor_merge(from_id=from_id)
            done += 1
        except Exception:
            log.exception("a visitor could not be merged, and will be tried again")
    return done


def _merges_hear(now: datetime) -> None:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    with transaction.atomic():
        cursor, _ = SweepCursor.objects.get_or_create(name="merge", defaults={"at": epoch})
        since = max(epoch, cursor.at - OVERLAP)
        merge_store.merges_add(consent_selectors.visitors_merged(since=since, until=now))
        merge_store.merges_purge(before=since - OVERLAP)
        cursor.at = max(cursor.at, now)
        cursor.save(update_fields=["at"])
