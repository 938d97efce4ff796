"""Importing a year of a real log: once in effect, whatever order, whoever is killed."""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import pytest
from django.core.management import call_command
from django.db import connection
from django.test import override_settings

from profiles.compare import state_differences
from profiles.state import State
from tests.celery_process import CeleryProcess, celery_environment
from tests.pristine import database_restore
from tests.realdata import deskdrop
from tests.tracking.tables import tables_empty
from tests.waiting import wait_until
from tracking import importing
from tracking.models import ImportRun, Inbox, Quarantine

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.slow,
    pytest.mark.skipif(not deskdrop.FILE.exists(), reason="the real data is not here"),
]

ROWS, DISTINCT = 72_312, 72_301
MAX_TOPICS = 4096
Rows = list[dict[str, str]]
Expected = dict[UUID, deskdrop.Expected]


class Outcome(NamedTuple):
    """What the database says after an import: each scenario begins with empty tables."""

    summary: importing.Summary
    refused: dict[int, str]
    events: int
    states: dict[UUID, dict[str, Any]]


@pytest.fixture(scope="module")
def rows() -> Rows:
    return deskdrop.rows_read()


@pytest.fixture(scope="module")
def now(rows: Rows) -> float:
    return float(max(int(row["timestamp"]) for row in rows))


@pytest.fixture(scope="module")
def expected(rows: Rows, now: float) -> Expected:
    return deskdrop.profiles_expected(rows, now=now)


@pytest.fixture(scope="module")
def database(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Committed data, shared by the tests of this file, gone after it.

    The topics of this log are its articles: hundreds a reader, here and in the processes.
    """
    with (
        django_db_blocker.unblock(),
        override_settings(PROFILE_MAX_TOPICS=MAX_TOPICS),
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("PROFILE_MAX_TOPICS", str(MAX_TOPICS))
        yield
        database_restore()
        connection.close()


@pytest.fixture(scope="module")
def imported_twice(database: None) -> tuple[Outcome, Outcome, Outcome]:
    """Imported, imported again, rebuilt."""
    tables_empty()
    outcomes = [outcome(file_import(deskdrop.FILE)), outcome(run := file_import(deskdrop.FILE))]
    started = time.perf_counter()
    call_command("rebuild_profiles", here=True, stdout=io.StringIO())
    print(f"rebuild: {DISTINCT / (time.perf_counter() - started):,.0f} events/s")
    return outcomes[0], outcomes[1], outcome(run)


@pytest.fixture(scope="module")
def imported_by_killed_workers(database: None, tmp_path_factory: Any) -> Outcome:
    """Drained by real workers of which three were killed with -9, the last one not."""
    tables_empty()
    folder = tmp_path_factory.mktemp("workers")
    file_queue(deskdrop.FILE)
    for number, enough in enumerate((1, DISTINCT // 3, 2 * DISTINCT // 3, None)):
        worker = worker_start(folder / f"worker-{number}.log")
        try:
            if enough is None:
                wait_until(lambda: not Inbox.objects.exists() and not is_behind(), seconds=120)
            else:
                wait_until(partial(events_reach, enough), seconds=120)
        finally:
            worker.kill()
        print(f"worker {number} killed at {events_count():,} events")
    return outcome(ImportRun.objects.get())


@pytest.fixture(scope="module")
def imported_by_killed_imports(database: None, rows: Rows, tmp_path_factory: Any) -> Outcome:
    """Shuffled, and queued by three processes in turn, the first two killed with -9."""
    tables_empty()
    shuffled = random.Random(20170228).sample(rows, len(rows))
    path = tmp_path_factory.mktemp("shuffled") / "shuffled.csv.gz"
    with gzip.open(path, "wt", encoding="utf-8", newline="", compresslevel=1) as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(shuffled)
    command = [sys.executable, "manage.py", "import_events", "--mapping", "deskdrop", "--no-wait"]
    for least in (5_000, 30_000):
        importer = subprocess.Popen(
            [*command, str(path)],
            cwd=deskdrop.ROOT,
            env=celery_environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_until(lambda least=least: line_reached() >= least, seconds=120)  # type: ignore[misc]
        finally:
            importer.kill()
            importer.wait()
        print(f"import killed at line {line_reached():,}")
        assert line_reached() <= ROWS
    return outcome(file_import(path))


# --- How ---------------------------------------------------------------------------------------


def file_queue(path: Path) -> None:
    call_command("import_events", str(path), mapping="deskdrop", no_wait=True, stdout=io.StringIO())


def file_import(path: Path) -> ImportRun:
    """Queue and drain in this process, printing how fast."""
    started = time.perf_counter()
    file_queue(path)
    queued = time.perf_counter()
    importing.run_drain()
    drained = time.perf_counter()
    run = ImportRun.objects.latest("started_at")
    print(
        f"\n{run}: queue {run.queued / (queued - started):,.0f} events/s,"
        f" drain + fold {run.queued / (drained - queued):,.0f} events/s"
    )
    return run


def outcome(run: ImportRun) -> Outcome:
    refused = Quarantine.objects.filter(run=run).values_list("line", "reason")
    with connection.cursor() as cursor:
        cursor.execute("SELECT visitor_id, state FROM profiles_profile")
        states = {row[0]: json.loads(row[1]) for row in cursor.fetchall()}
    return Outcome(
        importing.run_summary(run),
        {line or 0: reason for line, reason in refused},
        events_count(),
        states,
    )


def worker_start(log_path: Path) -> CeleryProcess:
    """A real worker with the schedule inside."""
    schedule = str(log_path.with_suffix(".schedule"))
    options = ("--concurrency", "2", "--without-gossip", "--without-mingle", "-B", "-s", schedule)
    return CeleryProcess("worker", *options, log_path=log_path)


def events_count() -> int:
    with connection.cursor() as cursor:
        return int(cursor.execute("SELECT count(*) FROM tracking_event").fetchone()[0])


def events_reach(enough: int) -> bool:
    return events_count() >= enough


def line_reached() -> int:
    run = ImportRun.objects.first()
    return run.line if run else 0


def is_behind() -> bool:
    """Whether stored events wait to be folded."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM tracking_shard AS s LEFT JOIN profiles_foldcursor AS f"
            " ON f.shard = s.id WHERE s.last_seq > coalesce(f.seq, 0))"
        )
        return bool(cursor.fetchone()[0])


def assert_stored_once(outcome: Outcome) -> None:
    assert outcome.events == DISTINCT
    summary = outcome.summary
    assert (summary.queued, summary.stored, summary.waiting) == (ROWS, DISTINCT, 0)
    assert summary.refused == {"duplicate": ROWS - DISTINCT}


def assert_profiles_are(expected: Expected, outcome: Outcome, *, now: float) -> None:
    assert outcome.states.keys() == expected.keys()
    differences = {
        str(visitor_id): difference
        for visitor_id, state in outcome.states.items()
        if (difference := deskdrop.profile_difference(state, expected[visitor_id], now=now))
    }
    assert not differences


# --- What must show ----------------------------------------------------------------------------


def test_two_imports_store_each_distinct_event_once(
    imported_twice: tuple[Outcome, Outcome, Outcome],
) -> None:
    first, second, _ = imported_twice
    assert_stored_once(first)
    assert second.events == DISTINCT
    again = second.summary
    assert (again.queued, again.stored, again.refused) == (ROWS, 0, {"duplicate": ROWS})


def test_every_refused_row_is_named(
    imported_twice: tuple[Outcome, Outcome, Outcome], rows: Rows
) -> None:
    first, second, _ = imported_twice
    assert first.refused == dict.fromkeys(deskdrop.repeated_lines(rows), "duplicate")
    assert second.refused == dict.fromkeys(range(2, ROWS + 2), "duplicate")


def test_each_profile_is_the_sum_over_the_file(
    imported_twice: tuple[Outcome, Outcome, Outcome], expected: Expected, now: float
) -> None:
    assert len(expected) == 1895
    assert_profiles_are(expected, imported_twice[0], now=now)


def assert_same_states(one: dict[UUID, dict[str, Any]], other: dict[UUID, dict[str, Any]]) -> None:
    """The sums of another grouping are rounded otherwise."""
    assert one.keys() == other.keys()
    for visitor_id, state in one.items():
        mine = msgspec.convert(state, State, strict=False)
        theirs = msgspec.convert(other[visitor_id], State, strict=False)
        assert state_differences(mine, theirs) == []


def test_neither_importing_again_nor_a_rebuild_changes_a_profile(
    imported_twice: tuple[Outcome, Outcome, Outcome],
) -> None:
    first, second, rebuilt = imported_twice
    assert first.states == second.states
    assert_same_states(rebuilt.states, first.states)


def test_killed_workers_lose_and_double_nothing(
    imported_by_killed_workers: Outcome, expected: Expected, now: float
) -> None:
    assert_stored_once(imported_by_killed_workers)
    assert_profiles_are(expected, imported_by_killed_workers, now=now)


def test_killed_workers_end_at_the_very_same_profiles(
    imported_by_killed_workers: Outcome, imported_twice: tuple[Outcome, Outcome, Outcome]
) -> None:
    """Whatever was in one transaction: visits, too, follow from the order of the inbox alone."""
    assert_same_states(imported_by_killed_workers.states, imported_twice[0].states)


def test_killed_imports_of_shuffled_rows_lose_and_double_nothing(
    imported_by_killed_imports: Outcome, expected: Expected, now: float
) -> None:
    assert ImportRun.objects.count() == 1
    assert_stored_once(imported_by_killed_imports)
    assert_profiles_are(expected, imported_by_killed_imports, now=now)
