"""`manage.py rebuild_profiles`: every profile anew from the stored events."""

import sys
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.db.models import Sum
from tqdm import tqdm

from profiles import declaring, rebuild
from profiles.models import Rebuild
from tracking import selectors

#: How often the progress is looked up, in seconds.
LOOK_SECONDS = 0.5
#: A rebuild of which nothing moves for so long, in seconds, probably has no worker.
STILL_SECONDS = 15.0
NO_WORKER = (
    "Nothing has moved for a while: is a worker running that takes the queue slow? This waits for "
    "one; Ctrl-C and --here do it in this process."
)


class Command(BaseCommand):
    help = (
        "Make the profiles anew from the stored events. Safe while everything runs: the workers do "
        "it beside what comes in, and go on by themselves when this command is interrupted. "
        "Called again, it shows the progress of the rebuild that is under way."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--here", action="store_true", help="Do it in this process; needs no worker."
        )

    def handle(self, *, here: bool = False, **options: Any) -> None:
        run = declaring.rebuild_start(reason="Asked for by manage.py rebuild_profiles")
        started = time.monotonic()
        total = sum(selectors.shard_seqs().values())
        with tqdm(total=total, unit="event", unit_scale=True, disable=None, file=sys.stderr) as bar:
            if here:
                for row in run.shards.filter(finished_at=None).order_by("shard"):
                    rebuild.rebuild_shard(row.shard)
                    _show(bar, run)
            moved, warned = (bar.n, time.monotonic()), False
            while not _finished(run):
                time.sleep(LOOK_SECONDS)
                _show(bar, run)
                if bar.n != moved[0]:
                    moved = (bar.n, time.monotonic())
                elif not warned and time.monotonic() - moved[1] > STILL_SECONDS:
                    bar.write(NO_WORKER, file=sys.stderr)
                    warned = True
        profiles = run.shards.aggregate(sum=Sum("profiles"))["sum"] or 0
        seconds = time.monotonic() - started
        self.stdout.write(f"{profiles:,} profiles rebuilt in {seconds:.1f} s.")


def _show(bar: "tqdm[Any]", run: Rebuild) -> None:
    bar.update((run.shards.aggregate(sum=Sum("events"))["sum"] or 0) - bar.n)


def _finished(run: Rebuild) -> bool:
    return Rebuild.objects.filter(pk=run.pk).exclude(finished_at=None).exists()
