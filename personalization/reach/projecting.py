"""Keeping projected profiles: what changed since the cursor, a short stride at a time.

Rows and cursor move in one transaction, so a worker that dies has written a stride once or not at
all. Other signal weights make another basis: every profile is projected anew, and until its turn
comes what a row says of interests is not used (personalization.reach.counting).

A row also says until when its visitor allows personalization. That is written under the shard's
lock, always from consent records that are read after the changes which it settles were taken from
the list of changes: one that is committed later stays on the list.
"""

import time
from collections.abc import Collection
from datetime import datetime
from hashlib import blake2b
from typing import NamedTuple
from uuid import UUID

import msgspec
from django.conf import settings
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from consent import selectors as consent_selectors
from personalization.decide import PURPOSE
from personalization.reach import store
from personalization.reach.models import ConsentChange, ProjectionCursor
from personalization.reach.projected import profile_project
from profiles import selectors as profile_selectors
from profiles.vector import Weights
from tracking import selectors as tracking_selectors

#: Profiles in one transaction, about a fifth of a second's work.
STRIDE = 1000
#: How long one task goes on, stride after stride: events wait behind it for no longer.
SECONDS = 5.0
#: Raised when rows are laid out in another way.
LAYOUT = 2


def basis_of(weights: Weights) -> int:
    """A number for what rows are made by: how they are laid out, the weights, and what visitors are
    asked to allow; never 0."""
    purposes = sorted((each.key, each.version) for each in consent_selectors.purposes_active())
    signals = sorted((name, *each) for name, each in weights.items())
    raw = msgspec.json.encode([LAYOUT, purposes, signals])
    return int.from_bytes(blake2b(raw, digest_size=7).digest()) + 1


def shard_project(shard: int, *, seconds: float = SECONDS, stride: int = STRIDE) -> int:
    """Project the shard's profiles that changed; returns how many, after at most so long."""
    horizon = profile_selectors.shard_horizon(shard)
    if horizon is None:
        return 0  # being folded just now: the next time has more to do
    began, total = time.monotonic(), 0
    while time.monotonic() - began < seconds:
        written = _stride(shard, horizon, stride)
        total += written
        if written < stride:
            break
    return total


def _stride(shard: int, horizon: datetime, stride: int) -> int:
    weights = profile_selectors.weights_current()
    basis = basis_of(weights)
    with transaction.atomic():
        place = store.place_lock(shard)
        if place is None:
            return 0
        is_new = place.basis != basis
        after = None if is_new else place.after
        changed = profile_selectors.states_changed(shard, after=after, until=horizon, limit=stride)
        if not changed and not is_new:
            return 0
        rows = {
            visitor_id: profile_project(
                state, weights, profile_selectors.features_of(state.definition)
            )
            for visitor_id, _, state in changed
        }
        store.rows_write(rows, basis=basis, allowed=_allowed(rows))
        last = (changed[-1][1], changed[-1][0]) if changed else after
        store.place_move(shard, store.Place(basis, last), written=len(changed), is_new=is_new)
    return len(changed)


# --- Consent -------------------------------------------------------------------------------------


def consents_follow(*, limit: int = STRIDE) -> int:
    """Settle changed consents, those that wait longest; returns how many visitors' were.

    A shard that another worker owns keeps its changes for the next time.
    """
    by_shard: dict[int, list[UUID]] = {}
    for visitor_id in store.changes_list(limit=limit):
        by_shard.setdefault(tracking_selectors.shard_of(visitor_id), []).append(visitor_id)
    return sum(_consents_settle(shard, listed) for shard, listed in sorted(by_shard.items()))


def consents_sweep(*, seconds: float = SECONDS, stride: int = STRIDE) -> None:
    """Settle changed consents until there are none that nobody else settles, or for about so long.

    A stride may be of few visitors, who changed their minds often.
    """
    began = time.monotonic()
    while consents_follow(limit=stride) and time.monotonic() - began < seconds:
        pass


@transaction.atomic
def _consents_settle(shard: int, visitor_ids: list[UUID]) -> int:
    if store.place_lock(shard) is None:
        return 0
    # Before the records are read: what changes after that is a change of its own.
    store.changes_delete(visitor_ids)
    # Rows of other words than this process remembers may be there already.
    consent_selectors.purposes_forget()
    store.allowed_write(visitor_ids, _allowed(visitor_ids))
    return len(visitor_ids)


def _allowed(visitor_ids: Collection[UUID]) -> dict[UUID, datetime]:
    """Until when those of these visitors allow personalization who do."""
    source, params = consent_selectors.granted_select(PURPOSE, now=timezone.now())
    text = f"SELECT visitor_id, expires_at FROM ({source}) AS c WHERE visitor_id = ANY(%s::uuid[])"
    return {row[0]: row[1] for row in store.rows_list(text, [*params, list(visitor_ids)])}


# --- All shards ----------------------------------------------------------------------------------


def shards_behind() -> list[int]:
    """Shards with profiles that changed since they were projected."""
    basis = basis_of(profile_selectors.weights_current())
    stands: dict[int, tuple[datetime, UUID] | None] = dict.fromkeys(range(settings.SHARDS))
    for each in ProjectionCursor.objects.filter(basis=basis):
        if each.at is not None:
            stands[each.shard] = (each.at, each.visitor_id or UUID(int=0))
    return profile_selectors.shards_changed(stands)


def profiles_project(*, seconds: float = 1.0) -> int:
    """Project what changed in any shard, for about so long; returns how many profiles.

    For a count that is to be of now: what takes longer is the schedule's.
    """
    began, total = time.monotonic(), 0
    consents_follow()
    for shard in shards_behind():
        left = seconds - (time.monotonic() - began)
        if left <= 0.0:
            break
        total += shard_project(shard, seconds=left)
    return total


def visitor_forget(*, visitor_id: UUID) -> None:
    """Name an erased visitor in no cursor: who changed in that very moment is projected again; and
    in no change of consent: with the profile the row is gone that it was for."""
    ProjectionCursor.objects.filter(visitor_id=visitor_id).update(visitor_id=None)
    ConsentChange.objects.filter(visitor_id=visitor_id).delete()


class Progress(NamedTuple):
    """How many of the profiles are laid out by the current basis."""

    done: int
    total: int


def projection_progress() -> Progress | None:
    """How far all profiles are projected, by the current basis; None when there is nothing to wait
    for. A profile that changed meanwhile counts again: it is an estimate."""
    basis = basis_of(profile_selectors.weights_current())
    total, _ = profile_selectors.profile_count()
    done = ProjectionCursor.objects.filter(basis=basis).aggregate(done=Sum("done"))["done"] or 0
    return Progress(done, total) if done < total else None
