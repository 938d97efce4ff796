"""Saving, archiving and deleting segments. Call it in the transaction that publishes what follows.

One at a time: two that each close half of a loop would not see each other.
"""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from personalization.models import Segment
from personalization.rules.inlining import SegmentRule
from personalization.segments.evaluating import members_lock
from personalization.segments.forgetting import members_forget
from personalization.segments.resolving import segment_errors, segments_lock
from personalization.segments.using import breaks, users_say

#: A visitor's memberships are read with every page, so there are not any number of segments.
MAX_SEGMENTS = 200


class SegmentError(ValidationError):
    """What was asked for cannot be; the message says why, and what to do."""


def rule_errors(segment: Segment, rule: Any) -> tuple[dict[str, str], list[str]]:
    """(what is wrong in the rule, by the form's field; what else it would break, in words)."""
    if not rule:
        return {}, [f"It needs a condition: it is used by {users}."] if (
            users := users_say(segment.key)
        ) else []
    errors = segment_errors(rule, editing=(segment.key, segment.name))
    if errors or segment._state.adding:
        return errors, []
    return {}, breaks(segment.key, SegmentRule(segment.name, rule))


def full_error() -> str:
    """Why there can be no other segment; "" if there can."""
    is_full = Segment.objects.count() >= MAX_SEGMENTS
    return f"There are {MAX_SEGMENTS} segments, and no more: delete one first." * is_full


@transaction.atomic
def segment_save(*, segment: Segment, by: str) -> None:
    """Save a segment as edited. Raises SegmentError for a rule that cannot be used."""
    segments_lock()
    errors, broken = rule_errors(segment, segment.rule)
    if errors or broken:
        raise SegmentError([*errors.values(), *broken])
    if segment._state.adding:
        if full := full_error():
            raise SegmentError(full)
        segment.owner = by
    segment.updated_by, segment.updated_at = by, timezone.now()
    segment.save()


@transaction.atomic
def segment_archive(*, segment: Segment, by: str) -> None:
    """Put a segment away that nobody uses: it is counted no longer, and rules cannot choose it."""
    segments_lock()
    _check_unused(segment, "archived")
    members_lock()
    _status(segment, Segment.Status.ARCHIVED, by)
    members_forget(segment)


@transaction.atomic
def segment_restore(*, segment: Segment, by: str) -> None:
    """Take an archived segment out again; its members are counted anew."""
    segments_lock()
    errors, _ = rule_errors(segment, segment.rule)
    if errors:
        raise SegmentError(list(errors.values()))
    _status(segment, Segment.Status.ACTIVE, by)


@transaction.atomic
def segment_delete(*, segment: Segment) -> None:
    """Delete a segment that nobody uses, with what was counted."""
    segments_lock()
    _check_unused(segment, "deleted")
    members_lock()
    members_forget(segment)
    segment.delete()


def unused_error(segment: Segment, what: str) -> str:
    """Why a segment cannot be "archived" or "deleted"; "" if it can."""
    users = users_say(segment.key)
    return f"“{segment}” cannot be {what}: it is used by {users}. Change that first." * bool(users)


def _check_unused(segment: Segment, what: str) -> None:
    if message := unused_error(segment, what):
        raise SegmentError(message)


def _status(segment: Segment, status: str, by: str) -> None:
    segment.status, segment.counted_rule = status, ""
    segment.updated_by, segment.updated_at = by, timezone.now()
    segment.save(update_fields=["status", "counted_rule", "updated_by", "updated_at"])
