"""Standings in the cache, so that a page needs no database read. Losing the cache loses nothing.

A withdrawal must never be hidden by an older grant that a slow reader puts back. Hence:
readers only `add`; a withdrawal sets a denial before *and* after it commits, so the reader's `add`
finds the key taken; a grant is published only from the row as it stands while that row is locked,
so it cannot overtake a fence. A fenced id is never granted again, so a denial needs no lock.
"""

import logging
from uuid import UUID

from django.core.cache import cache
from django.db import transaction
from redis.exceptions import RedisError

from consent import codec, mappers
from consent.logic import Standing
from consent.models import EffectiveConsent

SECONDS = 300
log = logging.getLogger(__name__)


def cache_key(visitor_id: UUID) -> str:
    return f"consent:{visitor_id}"


def standing_from_cache(raw: object) -> Standing | None:
    """The standing in a cached value; None for nothing or garbage, to be read from PostgreSQL."""
    if not isinstance(raw, bytes):
        return None
    try:
        return codec.standing_load(raw)
    except ValueError:
        log.warning("unreadable consent in the cache, read from the database instead")
        return None


def cache_read(visitor_id: UUID) -> Standing | None:
    try:
        return standing_from_cache(cache.get(cache_key(visitor_id)))
    except (RedisError, OSError) as error:
        log.warning("consent cache not readable: %s", type(error).__name__)
        return None


def cache_fill(visitor_id: UUID, standing: Standing) -> None:
    """What a reader does: never replaces a value."""
    try:
        cache.add(cache_key(visitor_id), codec.standing_dump(standing), SECONDS)
    except (RedisError, OSError) as error:
        log.warning("consent cache not writable: %s", type(error).__name__)


def cache_set(visitor_id: UUID, standing: Standing) -> None:
    """Replace the value. A dead cache stops no withdrawal: the gate of the API reads PostgreSQL."""
    try:
        cache.set(cache_key(visitor_id), codec.standing_dump(standing), SECONDS)
    except (RedisError, OSError) as error:
        log.error("a consent could not reach the cache: %s", type(error).__name__)


def cache_forget(visitor_id: UUID) -> None:
    try:
        cache.delete(cache_key(visitor_id))
    except (RedisError, OSError) as error:
        log.warning("consent cache not writable: %s", type(error).__name__)


def cache_publish(visitor_id: UUID) -> None:
    """What a grant does after it committed."""
    with transaction.atomic():
        row = EffectiveConsent.objects.select_for_update().filter(visitor_id=visitor_id).first()
        if row is not None:
            cache_set(visitor_id, mappers.standing_from_row(row))
