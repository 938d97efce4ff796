"""`manage.py import_events --mapping deskdrop FILE`: a log of another system, as events."""

import csv
import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from celery import current_app
from django.core.management.base import BaseCommand, CommandError
from django.db import DEFAULT_DB_ALIAS
from tqdm import tqdm

from tracking import importing, runs
from tracking.imports.mapping import MappingError
from tracking.models import ImportRun
from tracking.pipeline.wire import Refusal

#: How long to wait for a worker before asking whether there is one.
PATIENCE_SECONDS = 3.0
PING_SECONDS = 2.0
#: What a spreadsheet would take for a formula, or skip to find one.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
EXPLAIN = {
    Refusal.DUPLICATE: "this event is stored already",
    Refusal.CONSENT_WITHDRAWN: "this visitor has withdrawn",
}


class Command(BaseCommand):
    help = (
        "Import a CSV or JSON-lines log (plain or gzip) through the pipeline of all events. "
        "Interrupted, it goes on where it was; repeated, it stores nothing twice."
    )

    def get_check_kwargs(self, options: dict[str, Any]) -> Any:
        return super().get_check_kwargs(options) | {"databases": [DEFAULT_DB_ALIAS]}

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--mapping", required=True, help="deskdrop, rees46, ebnerd, or a TOML file."
        )
        parser.add_argument(
            "--basis",
            default="measurement,personalization",
            help="The purposes the people of this log have agreed to; you attest it.",
        )
        parser.add_argument("--refused", type=Path, help="Write every refused line to this CSV.")
        after = parser.add_mutually_exclusive_group()
        after.add_argument("--no-wait", action="store_true", help="Queue, and leave the rest.")
        after.add_argument("--drain", action="store_true", help="Drain here, without a worker.")

    def handle(self, *, file: Path, mapping: str, basis: str, **options: Any) -> None:
        purposes = [key.strip() for key in basis.split(",") if key.strip()]
        try:
            plan = importing.import_plan(path=file, mapping=mapping, purposes=purposes)
            started = time.monotonic()
            run = self._queue(plan)
        except (importing.ImportRefusedError, MappingError) as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{file}: {error.strerror or error}") from error
        except KeyboardInterrupt:
            raise CommandError("Interrupted. The same command goes on from here.") from None
        if options["drain"]:
            importing.run_drain()
        if not options["no_wait"] and not self._wait(run):
            self.stderr.write("No worker answers.")
        self._report(run, seconds=time.monotonic() - started)
        if options["refused"]:
            count = refused_write(run, options["refused"])
            self.stdout.write(f"{count:,} refused lines are named in {options['refused']}.")

    def _queue(self, plan: importing.Plan) -> ImportRun:
        with _bar("reading", total=plan.path.stat().st_size, unit="B", unit_scale=True) as bar:

            def show(position: int, line: int) -> None:
                bar.set_postfix_str(f"line {line:,}", refresh=False)
                bar.update(position - bar.n)

            return importing.import_queue(plan, progress=show, resumed=self._say_resumed)

    def _say_resumed(self, run: ImportRun) -> None:
        with tqdm.external_write_mode():
            self.stdout.write(
                f"Going on behind line {run.line:,} of {run.file_name} (run {run.pk})."
            )

    def _wait(self, run: ImportRun) -> bool:
        """Until the workers have drained the run; False when there are none."""
        waiting = importing.run_summary(run).waiting
        quiet_since = time.monotonic()
        with _bar("storing", total=waiting, unit=" requests") as bar:
            while waiting:
                time.sleep(0.1)
                before, waiting = waiting, importing.run_summary(run).waiting
                bar.update(before - waiting)
                if waiting < before:
                    quiet_since = time.monotonic()
                elif time.monotonic() - quiet_since > PATIENCE_SECONDS:
                    if not _worker_answers():
                        return False
                    quiet_since = time.monotonic()
        return True

    def _report(self, run: ImportRun, *, seconds: float) -> None:
        summary = importing.run_summary(run)
        rows = [("lines read", summary.line), ("events queued", summary.queued)]
        if summary.stored is not None:
            rows.append(("events stored", summary.stored))
        rows += [(f"refused: {reason}", count) for reason, count in summary.refused.items()]
        width = max(len(label) for label, _ in rows)
        self.stdout.write(f"Import {run.source}#{run.pk} of {run.file_name}, {seconds:.1f} s")
        for label, count in rows:
            self.stdout.write(f"  {label:<{width}}  {count:>12,}")
        if summary.waiting:
            self.stderr.write(
                f"{summary.waiting:,} requests wait in the inbox, safely committed: a worker will "
                "drain them (make run starts one), or this command with --drain."
            )


def refused_write(run: ImportRun, path: Path) -> int:
    """Write line, reason and detail of each refused line; returns how many.

    A cell that a spreadsheet would run as a formula is made text by an apostrophe.
    """
    count = 0
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("line", "reason", "detail", "content"))
        for refused in runs.refused_lines(run.pk):
            count += 1
            detail = refused.detail or EXPLAIN.get(refused.reason, "")
            cells = (refused.reason, detail, refused.payload)
            writer.writerow((refused.line, *map(cell_neutral, cells)))
    return count


def cell_neutral(text: str) -> str:
    """
    >>> cell_neutral("=1+1"), cell_neutral("plain")
    ("'=1+1", 'plain')
    """
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def _worker_answers() -> bool:
    try:
        return bool(current_app.control.ping(timeout=PING_SECONDS))
    except Exception:  # the broker is away, and with it every worker
        return False


def _bar(label: str, **options: Any) -> "tqdm[Any]":
    """A progress bar on a terminal, nothing elsewhere."""
    return tqdm(desc=label, disable=None, file=sys.stderr, dynamic_ncols=True, **options)
