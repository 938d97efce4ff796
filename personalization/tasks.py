"""Celery's way in: each task calls one service and can be run again at any time."""

from datetime import UTC, datetime

from celery import shared_task

from personalization import services
from personalization.backtest import running


@shared_task
def campaigns_ready_sweep() -> None:
    """Publish what a lost nudge left: a campaign that became ready."""
    services.campaigns_ready_publish()


@shared_task
def backtest_shard_task(shard_id: int) -> None:
    running.shard_backtest(shard_id)


@shared_task
def backtests_sweep_task() -> None:
    """Go on with the backtests that a lost nudge or a killed worker left."""
    running.backtests_sweep(now=datetime.now(UTC))
