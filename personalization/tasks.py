"""Celery's way in: each task calls one service and can be run again at any time."""

from celery import shared_task
from django.utils import timezone

from personalization import services
from personalization.backtest import running
from personalization.frequency.counting import capacities_count
from personalization.reach import comparing, projecting
from personalization.segments import counting


@shared_task
def campaigns_ready_sweep() -> None:
    """Publish what a lost nudge left: a campaign that became ready."""
    services.campaigns_ready_publish()


@shared_task
def capacities_count_task() -> None:
    """Have the counter of every capacity, and remember the totals."""
    capacities_count(now=timezone.now())


@shared_task
def projection_sweep() -> None:
    """Lay out for counting what changed, a task for every shard that has something to do."""
    projecting.consents_sweep()
    for shard in projecting.shards_behind():
        shard_project_task.apply_async((shard,), expires=projecting.SECONDS)


@shared_task
def shard_project_task(shard: int) -> None:
    projecting.shard_project(shard)


@shared_task
def readers_check_task() -> None:
    comparing.all_readers_check(now=timezone.now())


@shared_task
def backtest_shard_task(shard_id: int) -> None:
    running.shard_backtest(shard_id)


@shared_task
def backtests_sweep_task() -> None:
    """Go on with the backtests that a lost nudge or a killed worker left."""
    running.backtests_sweep(now=timezone.now())


@shared_task
def segments_count_task() -> None:
    """Count who came into segments and who left."""
    counting.segments_count()
