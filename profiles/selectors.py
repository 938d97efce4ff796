"""Profiles for reading: from the cache on a page's path, from PostgreSQL everywhere else."""

from datetime import datetime
from uuid import UUID

from django.core.cache import cache
from django.db import connection

from profiles.models import FoldCursor, Profile
from profiles.state import State, state_decode
from profiles.vector import Weight, Weights
from tracking import selectors as tracking_selectors

#: How long a profile stays cached: about a visit, and the longest a failed write can be seen.
PROFILE_CACHE_SECONDS = 600


def profile_cache_key(visitor_id: UUID) -> str:
    return f"profile:{visitor_id}"


def profile_from_cache(visitor_id: UUID, raw: bytes | None) -> State | None:
    """The state of what the cache held; a miss is read from PostgreSQL and put there."""
    if raw is None:
        raw = _profile_raw(visitor_id) or b"null"
        cache.add(profile_cache_key(visitor_id), raw, timeout=PROFILE_CACHE_SECONDS)
    return state_decode(raw) if raw != b"null" else None


def profile_get(visitor_id: UUID) -> State | None:
    """A visitor's state from PostgreSQL; None when there is no profile."""
    raw = _profile_raw(visitor_id)
    return state_decode(raw) if raw else None


def _profile_raw(visitor_id: UUID) -> bytes | None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT state::text FROM profiles_profile WHERE visitor_id = %s", (visitor_id,)
        )
        row = cursor.fetchone()
        return row[0].encode() if row else None


def weights_current() -> Weights:
    """The marketers' signal weights as profiles.vector takes them."""
    return {
        name: Weight(signal.weight, signal.kind == "negative")
        for name, signal in tracking_selectors.signal_list().items()
    }


def visitor_recent(*, limit: int = 50) -> list[tuple[UUID, datetime]]:
    """The visitors seen last, newest first: id and when."""
    return list(Profile.objects.values_list("visitor_id", "last_event_at")[:limit])


def visitors_find(prefix: str, *, limit: int = 10) -> list[UUID]:
    """The visitors with a profile whose id begins so, with or without hyphens, in order."""
    digits = prefix.replace("-", "").lower()
    if not digits or len(digits) > 32 or set(digits) - set("0123456789abcdef"):
        return []
    low, high = UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))
    found = Profile.objects.filter(visitor_id__range=(low, high)).order_by("visitor_id")
    return list(found.values_list("visitor_id", flat=True)[:limit])


def states_recent(
    *, since: datetime, limit: int, with_times: bool = True
) -> list[tuple[UUID, State]]:
    """The profiles that changed last, newest first, back to `since`.

    Without the latest event times, which are half of a profile, reading takes half as long:
    interests and engagement do not ask for them.
    """
    state = "state" if with_times else "(state - 'recent')"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT visitor_id, {state}::text FROM profiles_profile WHERE last_event_at >= %s"
            " ORDER BY last_event_at DESC LIMIT %s",
            (since, limit),
        )
        return [(row[0], state_decode(row[1])) for row in cursor.fetchall()]


def profile_count() -> int:
    return Profile.objects.count()


def shards_behind() -> list[int]:
    """Shards with stored events that are not folded yet."""
    folded = dict(FoldCursor.objects.values_list("shard", "seq"))
    return [
        shard
        for shard, seq in tracking_selectors.shard_seqs().items()
        if seq > folded.get(shard, 0)
    ]
