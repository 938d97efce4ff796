"""`manage.py rebuild_profiles`: every profile anew from the stored events."""

import sys
import time
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from profiles import services
from tracking import selectors


class Command(BaseCommand):
    help = (
        "Make the profiles anew from the stored events, one shard after the other, each in one "
        "transaction. Safe while everything runs, and to interrupt: a shard is done or as before."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--shard", type=int, action="append", help="Only this one; repeatable.")

    def handle(self, *, shard: list[int] | None = None, **options: Any) -> None:
        shards = shard if shard is not None else list(range(settings.SHARDS))
        if unknown := [number for number in shards if not 0 <= number < settings.SHARDS]:
            raise CommandError(f"Shards are 0 to {settings.SHARDS - 1}, not {unknown[0]}.")
        last = selectors.shard_seqs()
        started = time.monotonic()
        profiles = 0
        total = sum(last.get(number, 0) for number in shards)
        with tqdm(total=total, unit="event", unit_scale=True, disable=None, file=sys.stderr) as bar:
            for number in shards:
                bar.set_description(f"shard {number}")
                profiles += services.shard_rebuild(number, progress=bar.update)
        seconds = time.monotonic() - started
        self.stdout.write(f"{profiles:,} profiles rebuilt in {seconds:.1f} s.")
