"""A visitor's memberships on a page's way: one small value in the cache, read with the profile's.

It is written by whoever changes the memberships, before that is committed and while nobody else
can change them, so that an older one never overtakes a newer one. A miss is read from PostgreSQL
and put there, as a profile is.
"""

import logging
from collections.abc import Collection, Mapping
from uuid import UUID

import msgspec
from django.core.cache import cache

from personalization.models import SegmentMember
from personalization.segments.membership import (
    Membership,
    Memberships,
    memberships_decode,
    memberships_encode,
)

#: How long memberships stay cached, as profiles do.
MEMBERSHIPS_SECONDS = 600

log = logging.getLogger(__name__)


def memberships_cache_key(visitor_id: UUID) -> str:
    return f"segments:{visitor_id}"


def memberships_from_cache(visitor_id: UUID, raw: object) -> dict[str, Membership]:
    """What the cache held; a miss is read from PostgreSQL and put there."""
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
    """Tell pages, in the transaction that changes them."""
    pages = {memberships_cache_key(key): memberships_encode(kept) for key, kept in changed.items()}
    if pages:
        cache.set_many(pages, timeout=MEMBERSHIPS_SECONDS)


def memberships_cache_forget(visitor_ids: Collection[UUID]) -> None:
    if visitor_ids:
        cache.delete_many([memberships_cache_key(visitor_id) for visitor_id in visitor_ids])
