"""The published rules replayed over the last days, against the exposures logged in them."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from personalization import selectors
from personalization.backtest.causes import CAUSES
from personalization.backtest.comparing import Comparison, exposures_compare
from personalization.management.commands.visitor import printable


class Command(BaseCommand):
    help = "Replay the published rules and list every logged exposure that they do not reproduce."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slot", nargs="*", help="keys of slots; all that are published")
        parser.add_argument("--days", type=int, default=7, help="how far back")
        parser.add_argument("--limit", type=int, default=20, help="differences to list of a slot")

    def handle(self, *, slot: list[str], days: int, limit: int, **options: Any) -> None:
        if not 1 <= days <= 400:
            raise CommandError("Name 1 to 400 days.")
        known = selectors.ruleset_latest().slots
        for key in slot or known:
            if key not in known:
                raise CommandError(f"There is no published slot {key!r}: {', '.join(known)}.")
            now = timezone.now()
            self._report(exposures_compare(slot=key, days=days, now=now, listed=limit))

    def _report(self, found: Comparison) -> None:
        names = {0: "the default"} | dict(selectors.campaign_names())
        differing = sum(found.causes.values())
        self.stdout.write(
            f"{found.slot}: {found.reproduced:,} of {found.logged:,} logged exposures reproduced,"
            f" {differing:,} differences"
        )
        for cause, count in found.causes.most_common():
            self.stdout.write(f"  {count:,} × {CAUSES[cause][0]}")
        for one in found.differences:
            line = (
                f"  {one.at:%F %T} {str(one.visitor_id)[:8]} {one.path}: logged "
                f"{names.get(one.logged, one.logged)}, replayed "
                f"{names.get(one.replayed, one.replayed)} ({one.cause})"
            )
            self.stdout.write(printable(line))
