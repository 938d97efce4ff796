"""Celery's way in: each task calls one service and can be run again at any time."""

from datetime import UTC, datetime

from celery import shared_task

from profiles import baselines, declaring, rebuild, selectors, selfcheck, services


@shared_task
def shard_fold_task(shard: int) -> None:
    services.shard_fold(shard)


@shared_task
def fold_sweep() -> None:
    """Fold what a killed worker had stored and not folded."""
    for shard in selectors.shards_behind():
        shard_fold_task.delay(shard)


@shared_task
def shard_rebuild_task(shard: int) -> None:
    rebuild.rebuild_shard(shard)


@shared_task
def rebuild_sweep() -> None:
    """Go on with what a lost nudge or a killed worker left of a rebuild."""
    declaring.rebuild_nudge()


@shared_task
def baseline_compute_task() -> None:
    baselines.baseline_compute(now=datetime.now(UTC))


@shared_task
def self_check_task() -> None:
    selfcheck.self_check(now=datetime.now(UTC))
