"""The Celery application and the whole schedule on one screen.

Every task here can be run again at any time without harm: a lost nudge or a killed worker
costs the seconds until the next row of SCHEDULE, never data.
"""

import os
from datetime import timedelta

from celery import Celery
from celery.schedules import crontab

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

#: name: (task, when)
SCHEDULE = {
    "drain what a lost nudge left": ("tracking.tasks.inbox_sweep", timedelta(seconds=2)),
    "fold what a lost nudge left": ("profiles.tasks.fold_sweep", timedelta(seconds=2)),
    "erase what a lost nudge left": ("tracking.tasks.erasure_sweep", timedelta(minutes=1)),
    "make partitions ahead": ("tracking.tasks.partitions_make", crontab(hour="*/6", minute=7)),
}

app = Celery("attune")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.conf.beat_schedule = {
    name: {"task": task, "schedule": when, "options": {"expires": 60}}
    for name, (task, when) in SCHEDULE.items()
}
