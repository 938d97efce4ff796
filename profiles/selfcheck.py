"""The law on live data: what is stored of a visitor is what their events add up to.

A sample of visitors is folded anew and compared with what the workers have stored. Nothing is
locked: a profile and how far its shard is folded are read in one statement, and events are only
ever added behind that, so ingestion goes on and the comparison is exact.
"""

import logging
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from consent import selectors as consent_selectors
from consent.nightly import check_finish, check_forget, checks_expire
from profiles import selectors, services, store
from profiles.compare import differences_summary, state_compare
from profiles.models import SelfCheck
from profiles.state import State
from tracking import selectors as tracking_selectors

log = logging.getLogger(__name__)

#: The most visitors of one check. Up to a quarter of them are found by their events, so that a
#: profile that is missing is found as well.
SAMPLE = 5_000
CHUNK = 500
#: How many visitors that differ a check names, and rebuilds.
NAMED = 100
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class Found:
    """What a check has found so far; `named` says what differs of the first NAMED."""

    checked: int = 0
    differing: int = 0
    named: dict[UUID, str] = field(default_factory=dict)

    def add(self, visitor_id: UUID, difference: str) -> None:
        self.checked += 1
        if difference:
            self.differing += 1
            if len(self.named) < NAMED:
                self.named[visitor_id] = difference


def self_check(*, now: datetime) -> SelfCheck:
    """Check a sample of visitors; returns the kept result. What differs is logged as an error."""
    check = SelfCheck.objects.create(started_at=now)
    found = Found()
    for visitor_id in _visitors_sampled():
        difference = visitor_difference(visitor_id)
        if difference is not None:
            found.add(visitor_id, difference)
    check_finish(
        check,
        checked=found.checked,
        differing=found.differing,
        named=found.named,
        purpose=services.PURPOSE,
    )
    checks_expire(SelfCheck, now=now)
    if check.differing:
        first = "; ".join(f"{one['visitor']}: {one['text']}" for one in check.differences[:5])
        log.error("self-check: %s; first: %s", check, first)
    return check


def visitor_difference(visitor_id: UUID) -> str | None:
    """What differs of one visitor, without what they did; "" for nothing.

    None is no answer: who no longer agrees is being erased, in an order that is no error, and
    of who was here before the oldest event that is kept the profile knows more than the events.
    """
    stored, seq = store.state_and_cursor(visitor_id, shard=tracking_selectors.shard_of(visitor_id))
    complete = tracking_selectors.events_complete_since()
    if stored and stored.first and complete and stored.first < complete.timestamp() * 1000:
        return None
    definition = selectors.definition_get(stored.definition if stored else 0)
    expected = services.state_from_events(visitor_id, through_seq=seq, definition=definition)
    difference = _difference(stored, expected)
    if difference and not _granted([visitor_id]):
        return None
    return difference


def _difference(stored: State | None, expected: State | None) -> str:
    if stored is None or expected is None:
        if stored is expected:
            return ""
        return "there is no profile" if stored is None else "there are no events behind the profile"
    return differences_summary(state_compare(stored, expected))


def check_rebuild(*, check: SelfCheck) -> int:
    """Rebuild the visitors that a check names; returns how many. Again is as good as once."""
    visitor_ids = {
        visitor_id
        for difference in check.differences
        for visitor_id in _visitors_named(difference["visitor"])
    }
    for visitor_id in sorted(visitor_ids):
        services.profile_rebuild(visitor_id=visitor_id)
    check.rebuilt_at = timezone.now()
    check.save(update_fields=["rebuilt_at"])
    return len(visitor_ids)


def visitor_forget(*, visitor_id: UUID) -> None:
    """Name an erased visitor in no check any more."""
    check_forget(SelfCheck, visitor_id=visitor_id)


def _visitors_named(short_id: str) -> set[UUID]:
    """The visitors whose id begins so: nearly always one, and rebuilding another does no harm."""
    by_events = tracking_selectors.visitors_find(short_id)
    return {*by_events, *selectors.visitors_find(short_id)}


def _visitors_sampled() -> Iterator[UUID]:
    """Visitors who agree, at most SAMPLE, in random order, asked for some hundreds at a time."""
    wanted = dict.fromkeys(_visitors_of_events(SAMPLE // 4))
    wanted.update(dict.fromkeys(store.visitors_sample(limit=SAMPLE, since=_BEGINNING)))
    visitor_ids = list(wanted)[:SAMPLE]
    for start in range(0, len(visitor_ids), CHUNK):
        chunk = visitor_ids[start : start + CHUNK]
        granted = _granted(chunk)
        yield from (visitor_id for visitor_id in chunk if visitor_id in granted)


def _visitors_of_events(limit: int) -> Iterator[UUID]:
    """The visitors of a few events in a row from each shard, wherever chance begins."""
    each = max(limit // settings.SHARDS, 1)
    for shard, last in tracking_selectors.shard_seqs().items():
        start = random.randint(0, max(last - each, 0))
        for block in tracking_selectors.events_blocks(
            shard, after_seq=start, through_seq=start + each
        ):
            yield from block.visitors


def _granted(visitor_ids: list[UUID]) -> set[UUID]:
    return consent_selectors.visitors_granted(visitor_ids, services.PURPOSE, now=timezone.now())
