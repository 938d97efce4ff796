"""`manage.py rebuild_profiles`: every profile anew from the stored events."""

import sys
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.db.models import Sum
from tqdm import tqdm

from profiles import rebuild
from profiles.models import Rebuild
from tracking import selectors

#: How often the progress is looked up, in seconds.
LOOK_SECONDS = 0.5


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
        run = rebuild.rebuild_start(reason="Asked for by manage.py rebuild_profiles")
        started = time.monotonic()
        total = sum(selectors.shard_seqs().values())
        with tqdm(total=total, unit="event", unit_scale=True, disable=None, file=sys.stderr) as bar:
            if here:
                for row in run.shards.filter(finished_at=None).order_by("shard"):
                    rebuild.rebuild_shard(row.shard)
                    _show(bar, run)
            while not _finished(run):
                time.sleep(LOOK_SECONDS)
                _show(bar, run)
        profiles = run.shards.aggregate(sum=Sum("profiles"))["sum"] or 0
        seconds = time.monotonic() - started
        self.stdout.write(f"{profiles:,} profiles rebuilt in {seconds:.1f} s.")


def _show(bar: "tqdm[Any]", run: Rebuild) -> None:
    bar.update((run.shards.aggregate(sum=Sum("events"))["sum"] or 0) - bar.n)


def _finished(run: Rebuild) -> bool:
    return Rebuild.objects.filter(pk=run.pk).exclude(finished_at=None).exists()
