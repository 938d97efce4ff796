"""Celery's way in: each task calls one service and can be run again at any time."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from celery import shared_task
from django.db import transaction

from tracking import (
    activity,
    counters,
    merging,
    nudges,
    outliers,
    replay,
    retention,
    services,
    store,
)


@shared_task
def shard_drain_task(shard: int) -> None:
    nudges.nudge_taken(shard)
    services.shard_drain(shard, seconds=services.DRAIN_SECONDS)


@shared_task
def inbox_sweep() -> None:
    """Drain what a lost nudge or a killed worker left."""
    for shard in store.inbox_shards():
        nudges.shard_nudge(shard)


@shared_task
def visitor_erase_task(visitor_id: str) -> None:
    services.visitor_erase(visitor_id=UUID(visitor_id))


@shared_task
def visitor_merge_task(from_id: str) -> None:
    merging.visitor_merge(from_id=UUID(from_id))


@shared_task
def merge_sweep() -> None:
    """Merge what a lost nudge or a killed worker left."""
    merging.merge_sweep(now=datetime.now(UTC))


@shared_task
def partitions_make() -> None:
    """Have next month's partition before its first event comes."""
    now = datetime.now(UTC)
    with transaction.atomic():
        store.partitions_ensure(store.month_of(now + timedelta(days=days)) for days in (0, 20, 40))


@shared_task
def erasure_sweep() -> None:
    """Erase withdrawn visitors whose nudge was lost."""
    services.erasure_sweep(now=datetime.now(UTC))


@shared_task
def fences_update() -> None:
    """Know what is usual now."""
    outliers.fences_update(now=datetime.now(UTC))


@shared_task
def drops_merge_task() -> None:
    counters.drops_merge()


@shared_task
def activity_count_task() -> None:
    activity.activity_count(now=datetime.now(UTC))


@shared_task
def retention_sweep_task() -> None:
    retention.retention_sweep(now=datetime.now(UTC))


@shared_task
def replay_work_task(replay_id: int) -> None:
    if replay.replay_work(replay_id, seconds=replay.SLICE_SECONDS):
        replay.replay_nudge(replay_id)


@shared_task
def replays_sweep_task() -> None:
    replay.replays_sweep()
