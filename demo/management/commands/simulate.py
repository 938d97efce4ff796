"""Fill the site with invented visitors who come through the front door."""

import sys
import time
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from demo.behaviors import BEHAVIORS, MAX_DAYS, visitor_plans
from demo.simulate import SiteUnreachable, Tally, shelf_read, visitors_run
from demo.views import CONTENT_TYPES

HEADER = ("behavior", "visitors", "visits", "pages", "accepted", "refused")


class Command(BaseCommand):
    help = (
        "Let invented visitors of several behaviors open pages, decide about consent and report "
        "events to a running site. The same seed gives the same visitors."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        host = settings.HOST if settings.HOST not in ("", "0.0.0.0", "::") else "127.0.0.1"
        parser.add_argument("--visitors", type=_positive, default=40)
        parser.add_argument(
            "--days",
            type=float,
            default=MAX_DAYS,
            help=f"spread of the visits into the past; at most {MAX_DAYS:g} are used, "
            "because older events of browsers are refused",
        )
        parser.add_argument("--base-url", default=f"http://{host}:{settings.PORT}")
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--threads", type=_positive, default=4)

    def handle(self, **options: Any) -> None:
        base_url = options["base_url"].rstrip("/")
        if not base_url.startswith(("http://", "https://")):
            raise CommandError(f"--base-url must begin with http:// or https://, not {base_url!r}.")
        try:
            shelf = shelf_read(base_url=base_url, content_types=[row.key for row in CONTENT_TYPES])
        except SiteUnreachable as error:
            raise CommandError(str(error)) from error
        plans = visitor_plans(
            count=options["visitors"],
            days=options["days"],
            now=time.time(),
            seed=options["seed"],
        )
        began = time.monotonic()
        total = sum(len(plan.visits) for plan in plans)
        # On a terminal only, as import_events does.
        with tqdm(
            total=total, unit=" visits", desc="simulate",
            disable=None, file=sys.stderr, dynamic_ncols=True,
        ) as bar:  # fmt: skip
            tallies = visitors_run(
                plans=plans,
                base_url=base_url,
                shelf=shelf,
                threads=options["threads"],
                on_visit=bar.update,
            )
        self._report(tallies, seconds=time.monotonic() - began)

    def _report(self, tallies: dict[str, Tally], *, seconds: float) -> None:
        whole = Tally()
        self._line(*HEADER)
        for name in (row.name for row in BEHAVIORS if row.name in tallies):
            row = tallies[name]
            whole.add(row)
            self._line(name, row.visitors, row.visits, row.pages, row.accepted, row.refused)
        self._line("all", whole.visitors, whole.visits, whole.pages, whole.accepted, whole.refused)
        rate = whole.requests / max(seconds, 1e-9)
        self.stdout.write(f"{whole.requests} requests in {seconds:.1f} s: {rate:.0f} per second")
        if whole.failed:
            self.stdout.write(f"{whole.failed} visitors were cut short: the connection broke.")

    def _line(self, name: str, *figures: int | str) -> None:
        self.stdout.write(f"{name:<26}" + "".join(f"{figure:>10}" for figure in figures))


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError("must be at least 1")
    return value
