"""Keeping profiles: fold new events in, rebuild from all of them, forget a visitor."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby, islice
from uuid import UUID

from django.conf import settings
from django.core.cache import cache
from django.db import OperationalError, transaction
from psycopg.errors import LockNotAvailable

from consent import selectors as consent_selectors
from profiles import store
from profiles.models import Profile
from profiles.selectors import PROFILE_CACHE_SECONDS, profile_cache_key
from profiles.state import State, increment_of, state_add
from tracking import selectors as tracking_selectors
from tracking.selectors import EventRow

#: The purpose without which no event is folded.
PURPOSE = "personalization"
FOLD_EVENTS = 20_000
REBUILD_PROFILES = 500


def shard_fold(shard: int) -> int:
    """Fold a shard's new events into its profiles; returns how many events were read.

    The cursor moves in the transaction of the profiles it covers, so a worker that dies
    anywhere has folded each event once or not at all.
    """
    total = 0
    while True:
        try:
            read = _fold_once(shard)
        except OperationalError as error:
            if isinstance(error.__cause__, LockNotAvailable):
                return total  # another worker folds this shard and will see the same events
            raise
        total += read
        if read < FOLD_EVENTS:
            return total


def _fold_once(shard: int) -> int:
    with transaction.atomic():
        seq = store.cursor_lock(shard)
        rows = tracking_selectors.events_after(shard, seq=seq, limit=FOLD_EVENTS)
        if not rows:
            return 0
        usable = _events_usable(rows)
        states = store.states_read({row.visitor_id for row in usable})
        events_add(states, usable)
        _states_keep(states, shard=shard, now=datetime.now(UTC))
        store.cursor_move(shard, seq=rows[-1].seq)
    return len(rows)


def _states_keep(states: Mapping[UUID, State], *, shard: int, now: datetime) -> None:
    """Write states to PostgreSQL and the cache, while the shard's fold is ours.

    The cache is written before the commit and so in the order of the folds: after it, an older
    state could overtake a newer one. A fold that fails from here on is done again, with the same
    result, so what the cache holds too early is never wrong.
    """
    if not states:
        return
    encoded = store.states_write(states, shard=shard, now=now)
    pages = {profile_cache_key(key): raw for key, raw in encoded.items()}
    cache.set_many(pages, timeout=PROFILE_CACHE_SECONDS)


def events_add(states: dict[UUID, State], rows: Iterable[EventRow]) -> None:
    """Add events to their visitors' states, in place; a new visitor gets a new state."""
    max_topics = settings.PROFILE_MAX_TOPICS
    for row in rows:
        state = states.get(row.visitor_id)
        if state is None:
            state = states[row.visitor_id] = State()
        increment = increment_of(
            type=row.type,
            category=row.category,
            content_type=row.content_type,
            amount=row.amount,
            part=row.part,
            occurred_ms=row.occurred_ms,
            starts_visit=row.starts_visit,
        )
        state_add(state, increment, max_topics=max_topics)


def _events_usable(rows: Sequence[EventRow]) -> list[EventRow]:
    """Events of people who agreed to personalization then and still do, bots left out."""
    visitor_ids = {row.visitor_id for row in rows}
    consented = consent_selectors.visitors_granted(visitor_ids, PURPOSE, datetime.now(UTC))
    bases = {basis for basis in {row.basis for row in rows} if PURPOSE in basis.split(",")}
    return [
        row for row in rows if row.basis in bases and row.visitor_id in consented and not row.is_bot
    ]


def shard_rebuild(shard: int, *, progress: Callable[[int], None] = lambda events: None) -> int:
    """Make a shard's profiles anew from its stored events; returns how many profiles.

    The same fold from zero, up to the cursor: events stored meanwhile follow by the next fold.
    """
    profiles = 0
    now = datetime.now(UTC)
    with transaction.atomic():
        seq = store.cursor_lock(shard, timeout_ms=60_000)
        rows = tracking_selectors.events_by_visitor(shard, through_seq=seq)
        for chunk in _visitors_chunked(rows):
            states: dict[UUID, State] = {}
            events_add(states, _events_usable(chunk))
            _states_keep(states, shard=shard, now=now)
            profiles += len(states)
            progress(len(chunk))
        gone = store.profiles_delete_but(shard, updated_at=now)
        _cache_forget(gone)
    return profiles


def state_from_events(visitor_id: UUID, through_seq: int) -> State | None:
    """What a visitor's stored events up to a sequence number add up to; None when nothing does."""
    rows = tracking_selectors.events_of_visitor(visitor_id, through_seq=through_seq)
    states: dict[UUID, State] = {}
    while chunk := list(islice(rows, FOLD_EVENTS)):
        events_add(states, _events_usable(chunk))
    return states.get(visitor_id)


def profile_rebuild(*, visitor_id: UUID) -> None:
    """Make one visitor's profile anew from their stored events, up to the shard's cursor."""
    shard = tracking_selectors.shard_of(visitor_id)
    with transaction.atomic():
        seq = store.cursor_lock(shard, timeout_ms=10_000)
        state = state_from_events(visitor_id, seq)
        if state is None:
            profile_delete(visitor_id=visitor_id)
        else:
            _states_keep({visitor_id: state}, shard=shard, now=datetime.now(UTC))


def _cache_forget(visitor_ids: Sequence[UUID]) -> None:
    if visitor_ids:
        cache.delete_many(profile_cache_key(visitor_id) for visitor_id in visitor_ids)


def _visitors_chunked(rows: Iterator[EventRow]) -> Iterator[list[EventRow]]:
    """Whole visitors at a time, so that each profile is written once."""
    chunk: list[EventRow] = []
    visitors = 0
    for _, events in groupby(rows, key=lambda row: row.visitor_id):
        chunk.extend(events)
        visitors += 1
        if visitors >= REBUILD_PROFILES:
            yield chunk
            chunk, visitors = [], 0
    if chunk:
        yield chunk


def profile_erase(*, visitor_id: UUID) -> None:
    """Forget a profile for good: no fold is under way, and later ones leave the visitor out."""
    with transaction.atomic():
        store.cursor_lock(tracking_selectors.shard_of(visitor_id), timeout_ms=10_000)
        profile_delete(visitor_id=visitor_id)


def profile_delete(*, visitor_id: UUID) -> None:
    """Forget a profile, unreadable at once; does not wait for a fold that is under way."""
    cache.delete(profile_cache_key(visitor_id))
    Profile.objects.filter(visitor_id=visitor_id).delete()
    cache.delete(profile_cache_key(visitor_id))
