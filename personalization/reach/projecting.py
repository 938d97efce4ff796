"""Keeping projected profiles: what changed since the cursor, a short stride at a time.

Rows and cursor move in one transaction, so a worker that dies has written a stride once or not at
all. Other signal weights make another basis: every profile is projected anew, and until its turn
comes what a row says of interests is not used (personalization.reach.counting).
"""

import time
from datetime import datetime
from hashlib import blake2b
from typing import NamedTuple
from uuid import UUID

import msgspec
from django.conf import settings
from django.db import transaction
from django.db.models import Sum

from personalization.reach import store
from personalization.reach.models import ProjectionCursor
from personalization.reach.projected import profile_project
from profiles import selectors as profile_selectors
from profiles.vector import Weights

#: Profiles in one transaction, about a fifth of a second's work.
STRIDE = 1000
#: How long one task goes on, stride after stride: events wait behind it for no longer.
SECONDS = 5.0
#: Raised when rows are laid out in another way.
LAYOUT = 1


def basis_of(weights: Weights) -> int:
    """A number for what rows are made by: the weights and how they are laid out; never 0."""
    raw = msgspec.json.encode([LAYOUT, sorted((name, *each) for name, each in weights.items())])
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
        store.rows_write(rows, basis=basis)
        last = (changed[-1][1], changed[-1][0]) if changed else after
        store.place_move(shard, store.Place(basis, last), written=len(changed), is_new=is_new)
    return len(changed)


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
    for shard in shards_behind():
        left = seconds - (time.monotonic() - began)
        if left <= 0.0:
            break
        total += shard_project(shard, seconds=left)
    return total


def visitor_forget(*, visitor_id: UUID) -> None:
    """Name an erased visitor in no cursor: who changed in that very moment is projected again."""
    ProjectionCursor.objects.filter(visitor_id=visitor_id).update(visitor_id=None)


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
