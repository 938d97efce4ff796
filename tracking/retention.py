"""How long things are kept, and the nightly run that lets them go.

A run works through STAGES in order, in bounded transactions, each of which notes how far the run
has come: killed anywhere, the next sweep goes on there. It takes a slice of time and leaves the
rest to the next sweep, so that no worker is held for long.
"""

import logging
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.db import OperationalError, transaction
from django.db.models import Q

from tracking import partitions, quarantine, store
from tracking.models import (
    ActivityCount,
    DropCount,
    EventType,
    QuarantineReplay,
    RetentionRun,
    SweepCursor,
)
from tracking.selectors import EXPIRED_CURSOR
from tracking.signals import events_expired

log = logging.getLogger(__name__)

#: A new run begins so long after the last one did.
EVERY = timedelta(hours=24)
#: A sweep begins no further step after so many seconds.
SLICE_SECONDS = 20.0
#: Blocks of 8 KiB looked through in one transaction: 8 MB, some 30,000 events at most.
BLOCKS = 1000
#: Refusals are counted by day for so long.
COUNTER_DAYS = 400


class Policy(NamedTuple):
    """Days until events are deleted: `types` where a type has its own, else `site`.

    >>> policy = Policy(395, {"scroll": 30, "purchase": 730})
    >>> policy.longest
    730
    >>> policy.days_of("scroll"), policy.days_of("click")
    (30, 395)
    """

    site: int
    types: dict[str, int]

    @property
    def longest(self) -> int:
        return max(self.site, *self.types.values(), 0)

    def days_of(self, type_: str) -> int:
        return self.types.get(type_, self.site)


def policy_current() -> Policy:
    """What settings and event types say now."""
    types = EventType.objects.values_list("name", "retention_days")
    own = {name: days for name, days in types if days is not None}
    return Policy(settings.EVENT_RETENTION_DAYS, own)


def retention_sweep(*, now: datetime, seconds: float = SLICE_SECONDS) -> RetentionRun | None:
    """Go on with the run under way, or begin today's; None when there is nothing to do.

    One at a time; must not be called inside a transaction.
    """
    with store.lock_if_free("attune retention") as free:
        run = _run_due(now) if free else None
        if run is not None:
            _run_work(run, deadline=time.monotonic() + seconds, now=now)
        return run


def _run_due(now: datetime) -> RetentionRun | None:
    last = RetentionRun.objects.order_by("-started_at").first()
    if last is not None and last.finished_at is None:
        return last
    if last is not None and now - last.started_at < EVERY:
        return None
    return RetentionRun.objects.create(started_at=now)


def _run_work(run: RetentionRun, *, deadline: float, now: datetime) -> None:
    policy = policy_current()
    while run.stage < len(STAGES):
        for _ in STAGES[run.stage](run, policy):
            if time.monotonic() >= deadline:
                return
        if run.note:
            return  # something is in the way: the next sweep tries again
        _note(run, stage=run.stage + 1, place_table="", place_block=0)
    _note(run, finished_at=now)


def _note(run: RetentionRun, **fields: object) -> None:
    for name, value in fields.items():
        setattr(run, name, value)
    run.save(update_fields=[*fields])


# --- Stages: each yields between its steps, begun again goes on from `run.place_…` ---------------


def types_expire(run: RetentionRun, policy: Policy) -> Iterator[None]:
    """Delete events of types that are kept for less than the longest time.

    Months that are as old as the longest are left to `partitions_expire`.
    """
    before = {
        type_: run.started_at - timedelta(days=days)
        for type_, days in policy.types.items()
        if days < policy.longest
    }
    # A type that is kept longest of all must not fall under the site's own, shorter time.
    kept = {type_: store.at(0) for type_ in policy.types if type_ not in before}
    others = run.started_at - timedelta(days=policy.site) if policy.site < policy.longest else None
    moments = [*before.values(), *([others] if others else [])]
    if not moments:
        return
    newest, oldest = max(moments), run.started_at - timedelta(days=policy.longest)
    for partition in partitions.partition_list():
        due = partition.state == "attached" and partition.end > oldest and partition.start < newest
        if due and partition.name >= run.place_table:

            def delete(first: int, table: str = partition.name) -> int:
                count = partitions.events_delete(
                    table, first=first, blocks=BLOCKS, before=before | kept, others_before=others
                )
                if count:
                    _expired_move(newest)
                return count

            yield from _blocks_work(run, partition.name, delete, counter="events_deleted")
    if run.events_deleted:
        _expired_tell(newest)


def visits_expire(run: RetentionRun, policy: Policy) -> Iterator[None]:
    """Delete visits that ended before anything that is kept."""
    before = run.started_at - timedelta(days=policy.longest)

    def delete(first: int) -> int:
        return partitions.visits_delete(first=first, blocks=BLOCKS, before=before)

    yield from _blocks_work(run, "tracking_visit", delete, counter="visits_deleted")


def visitors_expire(run: RetentionRun, policy: Policy) -> Iterator[None]:
    """Forget where to look for events of visitors whose months are all as old as the longest."""
    before = run.started_at - timedelta(days=policy.longest)

    def delete(first: int) -> int:
        return partitions.visitors_delete(first=first, blocks=BLOCKS, before=before)

    yield from _blocks_work(run, "tracking_visitor", delete, counter="visitors_deleted")


def _blocks_work(
    run: RetentionRun, table: str, delete: Callable[[int], int], *, counter: str
) -> Iterator[None]:
    """Each bite of a table and the place behind it, in one transaction."""
    first = run.place_block if run.place_table == table else 0
    end = partitions.block_count(table)
    while first < end:
        with transaction.atomic():
            deleted = delete(first)
            first += BLOCKS
            total = getattr(run, counter) + deleted
            _note(run, place_table=table, place_block=first, **{counter: total})
        yield


def quarantine_expire(run: RetentionRun, policy: Policy) -> Iterator[None]:
    """Delete what nobody has mended in time."""
    while deleted := quarantine.quarantine_purge(now=run.started_at):
        _note(run, quarantine_deleted=run.quarantine_deleted + deleted)
        yield


def counters_expire(run: RetentionRun, policy: Policy) -> Iterator[None]:
    """Forget old days of the counters, and old runs of this kind and of replays."""
    before = run.started_at - timedelta(days=COUNTER_DAYS)
    DropCount.objects.filter(day__lt=before.date()).delete()
    ActivityCount.objects.filter(Q(hour__lt=before) | Q(count=0)).delete()
    RetentionRun.objects.filter(started_at__lt=before).exclude(pk=run.pk).delete()
    QuarantineReplay.objects.filter(finished_at__lt=before).delete()
    yield from ()


def partitions_expire(run: RetentionRun, policy: Policy) -> Iterator[None]:
    """Drop whole months as old as the longest time anything is kept.

    A month somebody is reading stays, and is tried again with the next sweep.
    """
    before = run.started_at - timedelta(days=policy.longest)
    _note(run, note="")
    for partition in partitions.partition_list():
        if partition.end > before and partition.state == "attached":
            continue
        _expired_move(partition.end)
        try:
            partitions.partition_drop(partition)
        except OperationalError as error:
            log.warning("%s is in use, and tried again later: %s", partition.name, error)
            _note(run, note=f"{partition.name} is in use, and tried again in a few minutes.")
        else:
            _note(run, partitions_dropped=run.partitions_dropped + 1)
            _expired_tell(partition.end)
        yield


#: In this order; months last, because one that is in use holds up nothing behind it.
STAGES: tuple[Callable[[RetentionRun, Policy], Iterator[None]], ...] = (
    types_expire,
    visits_expire,
    visitors_expire,
    quarantine_expire,
    counters_expire,
    partitions_expire,
)


# --- What others must know -----------------------------------------------------------------------


def _expired_move(before: datetime) -> None:
    """Note that of what happened before a moment something may be gone: ahead of its deletion."""
    cursor, made = SweepCursor.objects.get_or_create(name=EXPIRED_CURSOR, defaults={"at": before})
    if not made and cursor.at < before:
        SweepCursor.objects.filter(name=EXPIRED_CURSOR, at__lt=before).update(at=before)


def _expired_tell(before: datetime) -> None:
    for receiver, result in events_expired.send_robust(sender=None, before=before):
        if isinstance(result, Exception):
            log.error("%r after events expired", receiver, exc_info=result)
