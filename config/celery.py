"""The Celery application and the whole schedule on one screen.

Every task here can be run again at any time without harm: a lost nudge or a killed worker
costs the seconds until the next row of SCHEDULE, never data.
"""

import os
from datetime import timedelta

from celery import Celery
from celery.schedules import crontab
from celery.signals import worker_init, worker_process_init
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from config.checks import check_database
from config.collector import collector_tune

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

#: name: (task, when)
SCHEDULE = {
    "drain what a lost nudge left": ("tracking.tasks.inbox_sweep", timedelta(seconds=2)),
    "fold what a lost nudge left": ("profiles.tasks.fold_sweep", timedelta(seconds=2)),
    "merge what a lost nudge left": ("tracking.tasks.merge_sweep", timedelta(seconds=5)),
    "erase what a lost nudge left": ("tracking.tasks.erasure_sweep", timedelta(minutes=1)),
    "rebuild what a killed worker left": (
        "profiles.tasks.rebuild_sweep",
        timedelta(seconds=30),
    ),
    "publish what became ready": (
        "personalization.tasks.campaigns_ready_sweep",
        timedelta(seconds=30),
    ),
    "count what capacities gave": (
        "personalization.tasks.capacities_count_task",
        timedelta(seconds=10),
    ),
    "lay profiles out for counting": (
        "personalization.tasks.projection_sweep",
        timedelta(seconds=5),
    ),
    "compare the readers of rules": (
        "personalization.tasks.readers_check_task",
        crontab(hour=3, minute=53),
    ),
    "go on with backtests": ("personalization.tasks.backtests_sweep_task", timedelta(seconds=30)),
    "count segments": ("personalization.tasks.segments_count_task", timedelta(seconds=10)),
    "compute the site's baseline": ("profiles.tasks.baseline_compute_task", crontab(minute=17)),
    "check profiles against events": ("profiles.tasks.self_check_task", crontab(hour=3, minute=23)),
    "know what is usual": ("tracking.tasks.fences_update", timedelta(minutes=5)),
    "add up refusals": ("tracking.tasks.drops_merge_task", timedelta(seconds=10)),
    "count what happened": ("tracking.tasks.activity_count_task", timedelta(seconds=20)),
    "go on with replays": ("tracking.tasks.replays_sweep_task", timedelta(minutes=1)),
    "let go what is old": ("tracking.tasks.retention_sweep_task", timedelta(minutes=10)),
    "make partitions ahead": ("tracking.tasks.partitions_make", crontab(hour="*/6", minute=7)),
}

app = Celery("attune")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

#: Seconds after which a task that found no worker is left to the next row. What is due rarely waits
#: longer: after a busy minute at night its next row would be a day away.
EXPIRES = {timedelta: 60, crontab: 3600}
app.conf.beat_schedule = {
    name: {"task": task, "schedule": when, "options": {"expires": EXPIRES[type(when)]}}
    for name, (task, when) in SCHEDULE.items()
}


@worker_init.connect(weak=False)  # type: ignore[untyped-decorator]
def worker_check(**kwargs: object) -> None:
    """End at once, with one line, on a database that does not fit the settings."""
    try:
        check_database()
    except ImproperlyConfigured as error:
        raise SystemExit(str(error)) from None
    # The pool's threads must be gone before the worker forks.
    connection.close_pool()  # type: ignore[attr-defined]


@worker_process_init.connect(weak=False)  # type: ignore[untyped-decorator]
def worker_tune(**kwargs: object) -> None:
    collector_tune()
