"""Visitors and segments for the tests of counting."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.core.cache import cache

from personalization import services
from personalization.models import Segment, SegmentMember
from personalization.segments import counting, editing
from personalization.segments.kept import memberships_cache_key, memberships_from_cache
from personalization.segments.membership import Memberships
from tests.tracking.people import ana_make, drain, event_make, inbox_put

FANS = {"condition": "events", "type": "page_view", "category": "gardening", "value": 3, "days": 2}


def segment_make(key: str = "fans", rule: Any = FANS, **fields: Any) -> Segment:
    """A segment as the admin saves one."""
    segment = Segment(key=key, name=key.title(), rule=rule, **fields)
    editing.segment_save(segment=segment, by="mara")
    services.ruleset_publish(by="mara")
    return segment


def segment_change(segment: Segment, rule: Any) -> None:
    segment.rule = rule
    editing.segment_save(segment=segment, by="mara")
    services.ruleset_publish(by="mara")


def reads(visitor_id: UUID, times: int = 3, *, days_ago: float = 0.0) -> None:
    """Page views of gardening, stored and folded."""
    at = time.time() * 1000 - days_ago * 86_400_000
    events = [event_make(category="gardening", at=int(at) - n) for n in range(times)]
    inbox_put(visitor_id, events)
    drain(visitor_id)


def fan_make(**when: Any) -> UUID:
    visitor_id = ana_make()
    reads(visitor_id, **when)
    return visitor_id


def count(now: datetime | None = None) -> int:
    """Everything that is due at a moment, however often a worker's time is over before."""
    at, total = now or datetime.now(UTC), 0
    while seen := counting.segments_count(now=at, stride=3):
        total += seen
    return total


def read_by_pages(visitor_id: UUID) -> Memberships:
    return memberships_from_cache(visitor_id, cache.get(memberships_cache_key(visitor_id)))


def members(segment: Segment) -> set[UUID]:
    rows = SegmentMember.objects.filter(segment=segment, left_at=None)
    return set(rows.values_list("visitor_id", flat=True))
