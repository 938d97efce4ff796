"""Celery's way in: each task calls one service and can be run again at any time."""

from celery import shared_task

from personalization import services
from personalization.segments import counting


@shared_task
def campaigns_ready_sweep() -> None:
    """Publish what a lost nudge left: a campaign that became ready."""
    services.campaigns_ready_publish()


@shared_task
def segments_count_task() -> None:
    """Count who came into segments and who left."""
    counting.segments_count()
