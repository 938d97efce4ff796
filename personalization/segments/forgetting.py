"""Memberships go with the consent they rest on, and move with a visitor who signs in."""

from collections import Counter
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from personalization.models import Segment, SegmentMember, SegmentPass
from personalization.segments.evaluating import Tally, members_lock
from personalization.segments.kept import (
    memberships_announce,
    memberships_cache_forget,
    memberships_hide,
    memberships_read,
)
from personalization.segments.sizes import sizes_add


def memberships_forget(*, visitor_id: UUID) -> None:
    """Forget a visitor's memberships, for good: a count that is under way is waited for, and later
    ones leave the visitor out."""
    with transaction.atomic():
        members_lock()
        _delete(SegmentMember.objects.filter(visitor_id=visitor_id))
        # A walk that stood just there begins again.
        SegmentPass.objects.filter(after=visitor_id).update(after=None)
        memberships_hide([visitor_id])
    # And nothing with the visitor's id stays.
    memberships_cache_forget([visitor_id])


def _delete(rows: QuerySet[SegmentMember]) -> None:
    """Delete rows of one visitor, who is not of the sizes any more, and has left nothing."""
    more = Counter(dict.fromkeys(rows.filter(left_at=None).values_list("segment", flat=True), -1))
    rows.delete()
    sizes_add(Tally(more=more), now=timezone.now())


def memberships_inherit(*, from_id: UUID, into_id: UUID) -> None:
    """Go on under the successor's id with what the retired one was in; repeating adds nothing."""
    with transaction.atomic():
        members_lock()
        there = SegmentMember.objects.filter(visitor_id=into_id).values("segment")
        moving = SegmentMember.objects.filter(visitor_id=from_id)
        moving.exclude(segment__in=there).update(visitor_id=into_id)
        _delete(moving)
        memberships_announce({into_id: memberships_read([into_id]).get(into_id, {})})
    memberships_forget(visitor_id=from_id)


def members_forget(segment: Segment) -> None:
    """Forget who is in a segment; call it while nobody else can change memberships."""
    visitors = list(segment.members.values_list("visitor_id", flat=True))
    segment.members.all().delete()
    for start in range(0, len(visitors), 5000):
        memberships_hide(visitors[start : start + 5000])
