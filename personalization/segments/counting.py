"""Who is in which segment, kept up to date: by what visitors do, and because time passes.

Three walks, of which one worker takes strides at a time: over the visitors whose profile changed
(always), over the members and the recently active (every hour, since "in the last 14 days" ends
without anything happening), and over everybody (every day, and when a segment is new or its rule
changes). A stride is one short transaction that also moves the walk's cursor: a worker that dies
anywhere has counted each visitor once or not at all, and the next one goes on behind.
"""

import hashlib
import json
import time
from collections.abc import Iterable
from datetime import datetime, timedelta
from heapq import merge
from itertools import islice
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from personalization.models import Segment, SegmentMember, SegmentPass
from personalization.reach.counting import rule_without_request
from personalization.rules.conditions.segments import KIND as SEGMENT
from personalization.rules.conditions.segments import LONGEST
from personalization.rules.inlining import segments_dated
from personalization.rules.nodes import rule_as_json, rule_features
from personalization.segments.declaring import Compiled, segments_compiled
from personalization.segments.evaluating import Counted, members_lock, visitors_evaluate
from personalization.segments.sizes import sizes_add, sizes_count
from profiles import selectors as profile_selectors
from tracking.services import job_lock

Kind = SegmentPass.Kind

#: One worker counts at a time. Not the lock of who changes memberships (members_lock), which is
#: held for a stride and not for all the work: a withdrawal waits for that.
JOB = "segment count"
#: Visitors of one transaction.
STRIDE = 500
#: A walk begins again so long after it began.
EVERY = {Kind.FULL: timedelta(hours=24), Kind.SWEEP: timedelta(hours=1)}
#: Who was active so lately is looked at by every sweep.
RECENT = timedelta(days=2)
#: A worker turns to other things after so long.
WORK_SECONDS = 5.0
#: Who left is forgotten when nothing can ask for it any more.
KEPT = timedelta(seconds=LONGEST)


def segments_count(*, now: datetime | None = None, stride: int = STRIDE) -> int:
    """Take strides until what is due is done, or for a while; returns how many visitors were looked
    at, 0 while another worker is at it. Without `now` the clock is read for each stride."""
    with job_lock(JOB) as free:
        return _strides(now, stride) if free else 0


def _strides(now: datetime | None, stride: int) -> int:
    began, total = time.monotonic(), 0
    segments = segments_counted_now()
    if not segments:
        SegmentPass.objects.all().delete()
        return 0
    walk = _Walk(segments, stride)
    while time.monotonic() - began < WORK_SECONDS:
        at = now or timezone.now()
        seen = walk.changed(at) + walk.passed(at)
        if not seen and not walk.is_under_way():
            break
        total += seen
    return total


def segments_counted_now() -> list[Counted]:
    """The segments that can be counted now, in the order in which they ask each other: not those
    without a usable rule, and not those for which past events are still being read."""
    live = profile_selectors.features_live()
    ready = [
        each
        for each in segments_compiled()
        if all(feature.key in live for feature in rule_features(each.rule))
    ]
    return [
        Counted(
            each.segment.pk,
            each.segment.key,
            rule_without_request(each.rule),
            rule_digest(each),
        )
        for each in _in_order(ready)
    ]


def _in_order(listed: list[Compiled]) -> list[Compiled]:
    """Each after those of which it asks when somebody came in; loops were refused."""
    by_key = {each.segment.key: each for each in listed}
    ordered: dict[str, Compiled] = {}

    def add(each: Compiled) -> None:
        if each.segment.key in ordered:
            return
        for key in segments_dated(rule_as_json(each.rule)):
            if key in by_key:
                add(by_key[key])
        ordered[each.segment.key] = each

    for each in listed:
        add(each)
    return list(ordered.values())


def rule_digest(compiled: Compiled) -> str:
    """The same as long as the rule decides the same, whatever its parts are called."""
    bare = json.dumps(_bare(rule_as_json(compiled.rule)), sort_keys=True)
    return hashlib.sha256(bare.encode()).hexdigest()


def _bare(tree: Any) -> Any:
    if isinstance(tree, list):
        return [_bare(member) for member in tree]
    if not isinstance(tree, dict):
        return tree
    if "condition" in tree:
        # Of another condition a name is what it asks about.
        is_of_segment = tree["condition"] == SEGMENT
        return {key: value for key, value in tree.items() if not (is_of_segment and key == "name")}
    return {key: _bare(value) for key, value in tree.items() if key not in {"name", "note"}}


class _Walk:
    """The walks over some segments; each call is one stride."""

    def __init__(self, segments: list[Counted], stride: int) -> None:
        self.segments = segments
        self.stride = stride
        self.rules = {str(segment.pk): segment.digest for segment in segments}
        rows = Segment.objects.filter(pk__in=[segment.pk for segment in segments])
        self.counted = dict(rows.values_list("pk", "counted_rule"))

    def is_under_way(self) -> bool:
        return SegmentPass.objects.filter(
            kind__in=(Kind.FULL, Kind.SWEEP), finished_at=None
        ).exists()

    def is_new(self, segment: Counted) -> bool:
        return self.counted.get(segment.pk) != segment.digest

    def _lock(self) -> None:
        """Change memberships alone, and leave out what was archived or deleted meanwhile."""
        members_lock()
        ids = [segment.pk for segment in self.segments]
        active = Segment.objects.filter(pk__in=ids, status=Segment.Status.ACTIVE)
        there = set(active.values_list("pk", flat=True))
        self.segments = [segment for segment in self.segments if segment.pk in there]

    # --- By what visitors do --------------------------------------------------------------------

    def changed(self, now: datetime) -> int:
        """The next visitors whose profile was written; those of the first look are everybody's, and
        counted by the walk over everybody."""
        with transaction.atomic():
            self._lock()
            row, is_made = SegmentPass.objects.get_or_create(
                kind=Kind.CHANGED, defaults={"started_at": now, "changed_to": now}
            )
            if is_made:
                _, settled = profile_selectors.visitors_changed(now, None, limit=0)
                row.changed_to = min(settled, now)
                row.save()
                return 0
            assert row.changed_to is not None
            found, settled = profile_selectors.visitors_changed(
                row.changed_to, row.after, limit=self.stride
            )
            if found:
                self._evaluate({visitor for _, visitor in found}, now)
                row.changed_to, row.after = found[-1]
            elif settled > row.changed_to:
                row.changed_to, row.after = settled, None
            row.visitors += len(found)
            row.save()
        return len(found)

    def _evaluate(self, visitor_ids: Iterable[UUID], now: datetime) -> None:
        """Whoever a new rule was not counted for yet is left to the walk that does."""
        full = SegmentPass.objects.filter(kind=Kind.FULL).first()

        def is_first(segment: Counted, visitor_id: UUID) -> bool | None:
            if not self.is_new(segment):
                return False
            counted_to = full.after if full and full.finished_at is None else None
            is_counting = full is not None and full.rules.get(str(segment.pk)) == segment.digest
            is_done = is_counting and counted_to is not None and visitor_id <= counted_to
            return False if is_done else None

        tally = visitors_evaluate(sorted(visitor_ids), self.segments, now=now, is_first=is_first)
        sizes_add(tally, now=now)

    # --- Because time passes --------------------------------------------------------------------

    def passed(self, now: datetime) -> int:
        """The next visitors of the walk that is under way or due, that over everybody first."""
        for kind in (Kind.FULL, Kind.SWEEP):
            row = self._due(kind, now)
            if row is not None:
                return self._stride(row, now)
        return 0

    def _due(self, kind: str, now: datetime) -> SegmentPass | None:
        row = SegmentPass.objects.filter(kind=kind).first()
        if row is None and kind == Kind.SWEEP:
            # The first walk over everybody was one over the members, too.
            SegmentPass.objects.create(kind=kind, started_at=now, finished_at=now)
            return None
        if row is not None and not (kind == Kind.FULL and self._leaves_out(row)):
            if row.finished_at is None:
                return row
            if now - row.started_at < EVERY[Kind(kind)]:
                return None
        values = {
            "rules": self.rules, "started_at": now, "finished_at": None, "after": None,
            "visitors": 0,
        }  # fmt: skip
        return SegmentPass.objects.update_or_create(kind=kind, defaults=values)[0]

    def _leaves_out(self, row: SegmentPass) -> bool:
        """Whether a walk over everybody leaves out a rule that is to be counted."""
        return any(
            self.is_new(each) and row.rules.get(str(each.pk)) != each.digest
            for each in self.segments
        )

    def _stride(self, row: SegmentPass, now: datetime) -> int:
        with transaction.atomic():
            self._lock()
            row.refresh_from_db()
            visitor_ids = self._next(row, now)
            if visitor_ids and row.kind == Kind.FULL:
                tally = visitors_evaluate(
                    visitor_ids, self.segments, now=now, is_first=lambda each, _: self.is_new(each)
                )
                sizes_add(tally, now=now)
            elif visitor_ids:
                self._evaluate(visitor_ids, now)
            row.visitors += len(visitor_ids)
            if len(visitor_ids) < self.stride:
                self._finish(row, now)
            else:
                row.after = visitor_ids[-1]
            row.save()
        return len(visitor_ids)

    def _next(self, row: SegmentPass, now: datetime) -> list[UUID]:
        since = None if row.kind == Kind.FULL else now - RECENT
        seen = profile_selectors.visitors_after(row.after, limit=self.stride, since=since)
        members = SegmentMember.objects.order_by("visitor_id").values_list("visitor_id", flat=True)
        if row.after is not None:
            members = members.filter(visitor_id__gt=row.after)
        known = members.distinct()[: self.stride]
        return list(islice(dict.fromkeys(merge(seen, known)), self.stride))

    def _finish(self, row: SegmentPass, now: datetime) -> None:
        row.finished_at, row.after = now, None
        sizes_count([segment.pk for segment in self.segments], now=now)
        if row.kind != Kind.FULL:
            return
        for segment in self.segments:
            if row.rules.get(str(segment.pk)) == segment.digest and self.is_new(segment):
                Segment.objects.filter(pk=segment.pk).update(counted_rule=segment.digest)
                self.counted[segment.pk] = segment.digest
        SegmentMember.objects.filter(left_at__lt=now - KEPT).delete()
