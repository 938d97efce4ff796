"""When the counters of capacities are made: as rules are published, and every few seconds after."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.core.cache import cache
from django.utils import timezone

from personalization.frequency.capacity import COUNTED, Capacity
from personalization.frequency.compile import capacity_of
from personalization.frequency.given import Capacities, given_ensure
from personalization.models import Campaign, RuleSet
from personalization.selectors import ruleset_current
from tracking.services import job_lock

JOB = "capacities"


def counters_prepare(*, is_new: bool) -> None:
    """Have the counters of what was just published, as far as that is quick, and no others: what is
    not counted from now on must not be gone on with later.

    A counter that was idle in the version before a new one goes too, should it still be there: a
    worker that did not know that version yet may have put it back, or Redis been away. Raises
    RedisError or OSError where Redis does not answer.
    """
    now = timezone.now()
    versions = [_entries(row) for row in RuleSet.objects.all()[: 1 + is_new]]
    idle = [key for entries in versions for entry in entries for key in _keys_idle(entry, now)]
    cache.delete_surely(idle)  # type: ignore[attr-defined]
    found = {entry["id"]: capacity_of(entry) for entry in versions[0]} if versions else {}
    capacities = _of_campaigns({one: capacity for one, capacity in found.items() if capacity})
    if capacities:
        given_ensure(capacities, now=now, is_quick=True)


def _entries(row: RuleSet) -> list[dict[str, Any]]:
    """The campaigns of a version."""
    return [entry for slot in row.payload["slots"] for entry in slot["campaigns"]]


def _keys_idle(entry: Mapping[str, Any], now: datetime) -> list[str]:
    """Counters that a campaign of a payload could have, and has not."""
    used, at = capacity_of(entry), int(now.timestamp() * 1000)
    zones = ("", entry.get("zone") or "UTC")
    possible = [Capacity(1, counted, zone) for counted in COUNTED for zone in zones]
    return [
        one.key(entry["id"], day)
        for one in possible
        if used is None or replace(used, count=1) != one
        for day in {one.day(at), one.day_after(at)}
    ]


def capacities_count(*, now: datetime) -> None:
    """Have the counter of every capacity on the pages, and remember the totals; one worker at a
    time. Raises RedisError or OSError where Redis does not answer.
    """
    capacities = _of_campaigns(ruleset_current().capacities)
    if not capacities:
        return
    with job_lock(JOB) as free:
        if free:
            given_ensure(capacities, now=now)


def _of_campaigns(capacities: Capacities) -> Capacities:
    """Without those of campaigns that were deleted since."""
    there = Campaign.objects.filter(pk__in=capacities).values_list("pk", flat=True)
    return {campaign: capacities[campaign] for campaign in there} if capacities else {}
