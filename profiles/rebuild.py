"""All profiles made anew from the stored events, while new ones keep coming.

A rebuild is the same fold from zero. Each shard is one task; it reads the shard's events by
visitor, without any lock, and writes the profiles of a few thousand visitors at a time: one short
transaction that holds the shard's fold, adds what came meanwhile, and notes how far it is. A
worker that dies leaves the shard where it was; the schedule sends it again.
"""

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple
from uuid import UUID

import numpy as np
from django.conf import settings
from django.db import transaction
from django.db.models import F

from profiles import selectors, services, store
from profiles.batch import columns_add
from profiles.columns import Columns
from profiles.definition import Definition
from profiles.featuring import Feed, details_add, types_of
from profiles.models import Rebuild, RebuildShard
from profiles.signals import profiles_rebuilt
from profiles.state import State
from tracking import selectors as tracking_selectors
from tracking.services import job_lock

LOCK_MS = 60_000
LAST_VISITOR = UUID(int=2**128 - 1)
#: Called in the transaction of what it tells: (last visitor, events, profiles) of a portion.
Checkpoint = Callable[[UUID, int, int], None]


class RebuildSupersededError(Exception):
    """A newer rebuild has taken this one's place."""


# --- A shard ---------------------------------------------------------------------------------


def shard_rebuild(
    shard: int,
    *,
    definition: Definition | None = None,
    after: UUID | None = None,
    since: datetime | None = None,
    begun: Callable[[datetime], None] = lambda moment: None,
    checkpoint: Checkpoint = lambda visitor, events, profiles: None,
) -> int:
    """Make a shard's profiles anew; returns how many were written.

    Goes on behind the visitor `after` of a rebuild that began at `since`; without, begins one and
    says when, in the database's time, by `begun`. Profiles that nobody's events make are deleted
    at the end.
    """
    definition = definition or selectors.definition_latest()
    with transaction.atomic():
        cursor = store.cursor_lock(shard, timeout_ms=LOCK_MS)
        if since is None:
            since = store.cursor_define(shard, definition=definition.version)
            begun(since)
    written = 0
    states: dict[UUID, State] = {}
    events, low = 0, after

    types = types_of({definition.version})
    details = tracking_selectors.events_details(
        shard, through_seq=cursor.seq, types=types, after_visitor=after
    )
    feed = Feed(details if types else iter(()))

    def portion_write(done: dict[UUID, State], high: UUID) -> int:
        details_add(done, feed.through(high), purpose=services.PURPOSE)
        portion = Portion(shard, low, high, cursor.seq, definition)
        return _portion_write(done, portion, tell=partial(checkpoint, high, events))

    blocks = tracking_selectors.events_blocks(shard, through_seq=cursor.seq, after_visitor=after)
    with closing(blocks), closing(details):  # and their connections, should a portion fail
        for block in blocks:
            _block_add(states, services.columns_usable(block), definition)
            events += len(block.visitor)
            if len(block.visitors) > 1:
                # All but the last visitor, whose events may go on in the next block.
                last, high = block.visitors[-1], block.visitors[-2]
                done = {visitor: states.pop(visitor) for visitor in list(states) if visitor != last}
                begun_events = int(np.count_nonzero(block.visitor == len(block.visitors) - 1))
                events -= begun_events
                written += portion_write(done, high)
                events, low = begun_events, high
        written += portion_write(states, LAST_VISITOR)
    with transaction.atomic():
        store.cursor_lock(shard, timeout_ms=LOCK_MS)
        gone = store.profiles_delete_before(shard, updated_at=since)
        services.cache_forget(gone)
    services.cache_forget(gone)
    return written


class Portion(NamedTuple):
    """The visitors in (low, high] of a shard, made anew from their events up to `seq`."""

    shard: int
    low: UUID | None
    high: UUID
    seq: int
    definition: Definition


def _block_add(states: dict[UUID, State], columns: Columns, definition: Definition) -> None:
    columns_add(
        states,
        columns,
        max_topics=settings.PROFILE_MAX_TOPICS,
        new_state=definition.new_state,
    )


def _portion_write(
    states: dict[UUID, State], portion: Portion, *, tell: Callable[[int], None]
) -> int:
    """Add what was folded meanwhile, and write the profiles of those who still agree."""
    with transaction.atomic():
        cursor = store.cursor_lock(portion.shard, timeout_ms=LOCK_MS)
        if cursor.seq > portion.seq:
            for block in tracking_selectors.events_blocks(
                portion.shard,
                after_seq=portion.seq,
                through_seq=cursor.seq,
                after_visitor=portion.low,
            ):
                late = services.columns_usable(block)
                mine = np.array([visitor <= portion.high for visitor in late.visitors], bool)
                _block_add(states, late.take(mine[late.visitor]), portion.definition)
            if types := types_of({portion.definition.version}):
                late_details = tracking_selectors.events_details(
                    portion.shard,
                    after_seq=portion.seq,
                    through_seq=cursor.seq,
                    types=types,
                    after_visitor=portion.low,
                )
                with closing(late_details):
                    feed = Feed(late_details)
                    details_add(states, feed.through(portion.high), purpose=services.PURPOSE)
        # An event that was let count in full since it was read here says so only now.
        for visitor in tracking_selectors.visitors_accepted(states.keys()):
            state = services.state_from_events(
                visitor, through_seq=cursor.seq, definition=portion.definition
            )
            if state is not None:
                states[visitor] = state
        granted = services.visitors_granted(states.keys())
        kept = {visitor: state for visitor, state in states.items() if visitor in granted}
        if kept:
            store.states_write(kept, shard=portion.shard)
        tell(len(kept))
        # Here too: after a worker that dies right after the commit nobody would.
        services.cache_forget(kept)
    services.cache_forget(kept)
    return len(kept)


# --- All of them -----------------------------------------------------------------------------


def rebuild_shard(shard: int) -> None:
    """Do, or go on with, one shard of the rebuild that is under way; nothing if there is none."""
    with job_lock(f"rebuild {shard}") as free:
        row = (
            RebuildShard.objects.filter(shard=shard, rebuild__finished_at=None, finished_at=None)
            .select_related("rebuild")
            .first()
        )
        if not free or row is None:
            return
        try:
            shard_rebuild(
                shard,
                definition=selectors.definition_get(row.rebuild.definition),
                after=row.after,
                since=row.started_at,
                begun=partial(_begun, row.pk),
                checkpoint=partial(_checkpoint, row.pk),
            )
        except RebuildSupersededError:
            return
        _finish(row)


def _begun(row_id: int, moment: datetime) -> None:
    RebuildShard.objects.filter(pk=row_id).update(started_at=moment)


def _checkpoint(row_id: int, after: UUID, events: int, profiles: int) -> None:
    moved = RebuildShard.objects.filter(pk=row_id, rebuild__finished_at=None).update(
        after=after, events=F("events") + events, profiles=F("profiles") + profiles
    )
    if not moved:
        raise RebuildSupersededError


def _finish(row: RebuildShard) -> None:
    now = datetime.now(UTC)
    with transaction.atomic():
        Rebuild.objects.select_for_update().get(pk=row.rebuild_id)
        RebuildShard.objects.filter(pk=row.pk).update(finished_at=now)
        if RebuildShard.objects.filter(rebuild=row.rebuild_id, finished_at=None).exists():
            return
        if Rebuild.objects.filter(pk=row.rebuild_id, finished_at=None).update(finished_at=now):
            transaction.on_commit(partial(profiles_rebuilt.send_robust, sender=None))
