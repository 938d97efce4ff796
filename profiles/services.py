"""Keeping profiles: fold new events in, make a visitor's anew, forget a visitor, keep features."""

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

import numpy as np
from django.conf import settings
from django.core.cache import cache
from django.db import OperationalError, transaction
from psycopg.errors import LockNotAvailable

from consent import selectors as consent_selectors
from profiles import declaring, selectors, store
from profiles.batch import columns_add
from profiles.columns import Columns
from profiles.definition import Definition
from profiles.features.definition import Feature
from profiles.featuring import details_add, types_of
from profiles.mappers import columns_of
from profiles.models import Profile, RebuildShard
from profiles.selectors import PROFILE_CACHE_SECONDS, profile_cache_key
from profiles.state import State
from tracking import selectors as tracking_selectors
from tracking.pipeline.blocks import Block

#: The purpose without which no event is folded.
PURPOSE = "personalization"
FOLD_EVENTS = 20_000


def shard_fold(shard: int) -> int:
    """Fold a shard's new events into its profiles; returns how many sequence numbers were covered.

    The cursor moves in the transaction of the profiles it covers, so a worker that dies
    anywhere has folded each event once or not at all.
    """
    total = 0
    while True:
        try:
            covered = _fold_once(shard)
        except OperationalError as error:
            if isinstance(error.__cause__, LockNotAvailable):
                return total  # another worker folds this shard and will see the same events
            raise
        total += covered
        if covered < FOLD_EVENTS:
            return total


def _fold_once(shard: int) -> int:
    with transaction.atomic():
        cursor = store.cursor_lock(shard)
        through = min(tracking_selectors.shard_seq(shard), cursor.seq + FOLD_EVENTS)
        if through <= cursor.seq:
            return 0
        states: dict[UUID, State] = {}
        for block in tracking_selectors.events_blocks(
            shard, after_seq=cursor.seq, through_seq=through
        ):
            columns = columns_usable(block)
            columns = columns.take(granted_of(columns))
            states |= store.states_read(set(visitors_in(columns)) - states.keys())
            states_add(states, columns, definition=cursor.definition)
        if types := types_of({state.definition for state in states.values()}):
            details = tracking_selectors.events_details(
                shard, after_seq=cursor.seq, through_seq=through, types=types
            )
            details_add(states, details, purpose=PURPOSE)
        states_keep(states, shard=shard)
        store.cursor_move(shard, seq=through)
    return through - cursor.seq


def columns_usable(block: Block) -> Columns:
    """The events of people who agreed to personalization then; of now, nothing is asked."""
    agreed = np.array([PURPOSE in basis.split(",") for basis in block.bases], bool)
    return columns_of(block).take(agreed[block.basis])


def granted_of(columns: Columns) -> np.typing.NDArray[np.bool_]:
    """Which events are of people who agree to personalization now."""
    granted = visitors_granted(visitors_in(columns))
    return np.array([visitor in granted for visitor in columns.visitors], bool)[columns.visitor]


def visitors_granted(visitor_ids: Collection[UUID]) -> Collection[UUID]:
    return consent_selectors.visitors_granted(visitor_ids, PURPOSE, now=datetime.now(UTC))


def visitors_in(columns: Columns) -> list[UUID]:
    return [columns.visitors[code] for code in np.unique(columns.visitor).tolist()]


def states_add(states: dict[UUID, State], columns: Columns, *, definition: int) -> None:
    """Add events to states, each by its own definition; new ones get the given one."""
    others = {state.definition for state in states.values()} - {definition}
    for version in {definition, *others}:
        events = columns
        if others:
            of_version = [
                states[visitor].definition == version
                if visitor in states
                else version == definition
                for visitor in columns.visitors
            ]
            events = columns.take(np.array(of_version, bool)[columns.visitor])
        columns_add(
            states,
            events,
            max_topics=settings.PROFILE_MAX_TOPICS,
            new_state=selectors.definition_get(version).new_state,
        )


def states_keep(states: Mapping[UUID, State], *, shard: int) -> None:
    """Write states to PostgreSQL and the cache, while the shard's fold is ours.

    The cache is written before the commit and so in the order of the folds: after it, an older
    state could overtake a newer one. A fold that fails from here on is done again, with the same
    result, so what the cache holds too early is never wrong.
    """
    if not states:
        return
    encoded = store.states_write(states, shard=shard)
    pages = {profile_cache_key(key): raw for key, raw in encoded.items()}
    cache.set_many(pages, timeout=PROFILE_CACHE_SECONDS)


def cache_forget(visitor_ids: Iterable[UUID]) -> None:
    if keys := [profile_cache_key(visitor_id) for visitor_id in visitor_ids]:
        cache.delete_many(keys)


def state_from_events(
    visitor_id: UUID, *, through_seq: int, definition: Definition
) -> State | None:
    """A visitor's profile made anew from the stored events, in bounded memory.

    None when no event counts. Whether the visitor still agrees is the caller's to ask.
    """
    states: dict[UUID, State] = {}
    for block in tracking_selectors.visitors_blocks([visitor_id], through_seq=through_seq):
        columns_add(
            states,
            columns_usable(block),
            max_topics=settings.PROFILE_MAX_TOPICS,
            new_state=definition.new_state,
        )
    if states and (types := types_of({definition.version})):
        details = tracking_selectors.visitor_details(
            visitor_id, through_seq=through_seq, types=types
        )
        details_add(states, details, purpose=PURPOSE)
    return states.get(visitor_id)


def profile_rebuild(*, visitor_id: UUID) -> State | None:
    """Make one visitor's profile anew from the stored events; None when none is left."""
    shard = tracking_selectors.shard_of(visitor_id)
    with transaction.atomic():
        cursor = store.cursor_lock(shard, timeout_ms=10_000)
        state = None
        if visitors_granted([visitor_id]):
            definition = selectors.definition_get(cursor.definition)
            state = state_from_events(visitor_id, through_seq=cursor.seq, definition=definition)
        if state is None:
            store.profiles_delete([visitor_id])
            transaction.on_commit(partial(cache_forget, [visitor_id]))
        else:
            states_keep({visitor_id: state}, shard=shard)
    return state


def profile_erase(*, visitor_id: UUID) -> None:
    """Forget a profile for good: no fold is under way, and later ones leave the visitor out."""
    with transaction.atomic():
        store.cursor_lock(tracking_selectors.shard_of(visitor_id), timeout_ms=10_000)
        profile_delete(visitor_id=visitor_id)
        # A rebuild that stood just there begins its shard again, should its worker die now.
        RebuildShard.objects.filter(after=visitor_id).update(after=None)


def profile_delete(*, visitor_id: UUID) -> None:
    """Forget a profile, unreadable at once; does not wait for a fold that is under way."""
    cache.delete(profile_cache_key(visitor_id))
    Profile.objects.filter(visitor_id=visitor_id).delete()
    cache.delete(profile_cache_key(visitor_id))


def features_need(needs: Mapping[str, Iterable[Feature]], *, reason: str) -> bool:
    """Have profiles keep what each of these needs, instead of what it needed before.

    Returns whether profiles have to be made anew for it, which begins in the background:
    `selectors.features_live` says when it is done. An empty need lets go. Raises FeatureError, and
    changes nothing, for a feature that cannot be kept, and when they would be too many.
    """
    return declaring.features_declare(needs, reason=reason)
