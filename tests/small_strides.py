"""The Celery application with strides so small that a few thousand events are many transactions.

`celery -A tests.small_strides worker`: each is a moment at which a worker can be killed.
"""

from celery.signals import worker_init

from config.celery import app

__all__ = ["app"]


@worker_init.connect(weak=False)
def strides_shorten(**kwargs: object) -> None:
    from profiles import services as profile_services
    from tracking import columns, services

    services.DRAIN_REQUESTS = 30
    services.TELL_EVENTS = 150
    profile_services.FOLD_EVENTS = 150
    columns.BLOCK_ROWS = 60
