"""A visitor's memberships on a page's way: one small value in the cache, read with the profile's.

Whoever changes memberships puts a mark there before that is committed, and what is kept by then in
place of that very mark once it is: so what was rolled back is never read, and an older value never
overtakes a newer one, or what was forgotten. A page that finds a mark asks PostgreSQL. A miss is
read from there and put into the cache, as a profile is.
"""

import logging
import secrets
from collections.abc import Collection, Iterable, Mapping
from uuid import UUID

import msgspec
from django.core.cache import cache
from django.db import transaction
from redis.exceptions import RedisError

from personalization.models import SegmentMember
from personalization.segments.membership import (
    Membership,
    Memberships,
    memberships_decode,
    memberships_encode,
)

#: How long memberships stay cached, as profiles do.
MEMBERSHIPS_SECONDS = 600
#: What a mark begins with, and how long it stands: longer than what is left of the transaction
#: that puts it there.
CHANGING, CHANGING_SECONDS = b"changing ", 30

log = logging.getLogger(__name__)


def memberships_cache_key(visitor_id: UUID) -> str:
    return f"segments:{visitor_id}"


def memberships_from_cache(visitor_id: UUID, raw: object) -> dict[str, Membership]:
    """What the cache held; a miss is read from PostgreSQL and put there."""
    if isinstance(raw, bytes) and raw.startswith(CHANGING):
        return memberships_get(visitor_id)
    if isinstance(raw, bytes):
        try:
            return memberships_decode(raw)
        except msgspec.DecodeError:
            log.warning("unreadable memberships in the cache, read anew")
    found = memberships_get(visitor_id)
    cache.add(
        memberships_cache_key(visitor_id), memberships_encode(found), timeout=MEMBERSHIPS_SECONDS
    )
    return found


def memberships_get(visitor_id: UUID) -> dict[str, Membership]:
    """A visitor's memberships by the segment's key, from PostgreSQL."""
    return memberships_read([visitor_id]).get(visitor_id, {})


def memberships_read(visitor_ids: Collection[UUID]) -> dict[UUID, dict[str, Membership]]:
    """The memberships of many visitors who have any."""
    rows = SegmentMember.objects.filter(visitor_id__in=visitor_ids).values_list(
        "visitor_id", "segment__key", "entered_at", "left_at", "was_there"
    )
    found: dict[UUID, dict[str, Membership]] = {}
    for visitor_id, key, entered, left, was_there in rows:
        kept = Membership(entered.timestamp(), left.timestamp() if left else None, was_there)
        found.setdefault(visitor_id, {})[key] = kept
    return found


def memberships_announce(changed: Mapping[UUID, Memberships]) -> None:
    """Tell pages; in the transaction that changes them, while nobody else can."""
    pages = {memberships_cache_key(key): memberships_encode(kept) for key, kept in changed.items()}
    if pages:
        mark = _mark_put(pages)
        transaction.on_commit(lambda: _marks_replace(mark, pages), robust=True)


def memberships_hide(visitor_ids: Collection[UUID]) -> None:
    """Have pages ask PostgreSQL, in a transaction that deletes memberships."""
    if visitor_ids:
        _mark_put([memberships_cache_key(visitor_id) for visitor_id in visitor_ids])


def _mark_put(keys: Iterable[str]) -> bytes:
    mark = CHANGING + secrets.token_bytes(8)
    cache.set_many(dict.fromkeys(keys, mark), timeout=CHANGING_SECONDS)
    return mark


def _marks_replace(mark: bytes, pages: Mapping[str, bytes]) -> None:
    try:
        for key, value in pages.items():
            cache.swap(  # type: ignore[attr-defined]
                key, mark, value, seconds=MEMBERSHIPS_SECONDS, guard=(key, b"")
            )
    except (RedisError, OSError):
        log.warning("Redis does not answer: marks of memberships stay until they expire")


def memberships_cache_forget(visitor_ids: Collection[UUID]) -> None:
    if visitor_ids:
        cache.delete_many([memberships_cache_key(visitor_id) for visitor_id in visitor_ids])
