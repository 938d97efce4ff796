"""`manage.py import_events`: queued once, attested, resumable, every refused line named."""

from __future__ import annotations

import csv
import gzip
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import pytest
from django.core.management import CommandError, call_command

from consent import selectors as consent_selectors
from tests.tracking.people import withdraw
from tests.tracking.test_drain import run_together
from tracking import importing, selectors, store
from tracking.imports.rows import NAMESPACE
from tracking.management.commands import import_events
from tracking.models import ImportRun, Inbox, Quarantine

pytestmark = pytest.mark.django_db

HEADER = (
    "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session"
)
GOOD = "2019-10-01 00:00:0{n} UTC,view,44,21,appliances.kitchen,aqua,35.79,{who},s1"


def file_make(folder: Path, *lines: str) -> Path:
    path = folder / "log.csv"
    path.write_text("\n".join([HEADER, *lines]) + "\n", encoding="utf-8")
    return path


def visitor_of(person: str) -> UUID:
    return uuid5(NAMESPACE, f'["rees46","visitor","{person}"]')


def good(n: int, who: str = "ana") -> str:
    return GOOD.format(n=n, who=who)


def run_import(path: Path, **options: Any) -> tuple[ImportRun, str]:
    out = io.StringIO()
    options = {"mapping": "rees46", "drain": True} | options
    call_command("import_events", str(path), stdout=out, stderr=out, **options)
    return ImportRun.objects.latest("pk"), out.getvalue()


def refused_of(run: ImportRun) -> dict[int, str]:
    rows = Quarantine.objects.filter(run=run).values_list("line", "reason")
    return {line or 0: reason for line, reason in rows}


def stored_of(person: str) -> list[dict[str, Any]]:
    return selectors.visitor_events(visitor_of(person))


def test_lines_are_stored_or_named(tmp_path: Path) -> None:
    path = file_make(
        tmp_path,
        good(1),
        good(1),
        good(2).replace("view", "remove"),
        good(3, who=""),
        "half a line",
        good(4).replace("2019", "2119"),
        good(5, who="ben"),
    )
    run, out = run_import(path)
    assert refused_of(run) == {
        3: "duplicate",
        4: "unknown_event_type",
        5: "malformed_line",
        6: "malformed_line",
        7: "future_timestamp",
    }
    summary = importing.run_summary(run)
    assert (summary.line, summary.queued, summary.stored) == (8, 3, 2)
    assert sum(summary.refused.values()) == 5
    for reason in summary.refused:
        assert f"refused: {reason}" in out
    payload = Quarantine.objects.get(run=run, line=6)
    assert (payload.payload, payload.detail) == ("half a line", "1 values for 9 columns")


def test_consent_is_attested_for_the_basis_alone(tmp_path: Path) -> None:
    path = file_make(tmp_path, good(1))
    run_import(path, basis="measurement")
    state = consent_selectors.consent_for_visitor(visitor_of("ana"), False, datetime.now(UTC))
    assert state.granted == {"measurement"}


def test_importing_again_stores_nothing_twice(tmp_path: Path) -> None:
    path = file_make(tmp_path, *(good(n) for n in range(5)))
    run_import(path)
    run, _ = run_import(path)
    assert ImportRun.objects.count() == 2
    assert importing.run_summary(run).stored == 0
    assert set(refused_of(run).values()) == {"duplicate"}


def test_who_withdrew_is_not_imported_again(tmp_path: Path) -> None:
    path = file_make(tmp_path, good(1), good(2, who="ben"))
    run_import(path)
    withdraw(visitor_of("ana"))
    other = file_make(tmp_path, good(3), good(4, who="ben"))
    run, _ = run_import(other)
    assert sorted(importing.run_summary(run).refused) == ["consent_withdrawn"]


@pytest.mark.parametrize("portions", [1, 2, 3])
def test_an_interrupted_import_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, portions: int
) -> None:
    """Cut off in the middle of a transaction, after some that were committed."""
    monkeypatch.setattr(importing, "PORTION", 3)
    path = file_make(
        tmp_path, *(good(n) for n in range(5)), "broken", *(good(n, "b") for n in range(5))
    )
    committed = 0

    def cut_off(rows: Any) -> None:
        nonlocal committed
        committed += 1
        if committed > portions:
            raise KeyboardInterrupt
        original(rows)

    original = store.inbox_add_many
    with monkeypatch.context() as patch:
        patch.setattr(store, "inbox_add_many", cut_off)
        with pytest.raises(CommandError, match="goes on from here"):
            run_import(path)
    left = ImportRun.objects.get()
    run, out = run_import(path)
    assert out.startswith(f"Going on behind line {left.line} of log.csv (run {left.pk}).\n")
    assert ImportRun.objects.count() == 1
    assert (run.line, run.queued, run.quarantined) == (12, 10, 1)
    assert importing.run_summary(run).stored == 10


def test_the_refused_lines_are_written_for_a_spreadsheet(tmp_path: Path) -> None:
    path = file_make(tmp_path, "=cmd|' /C calc'!A0", good(1), good(1), "@SUM(1)")
    report = tmp_path / "refused.csv"
    run_import(path, refused=report)
    with report.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["line"], row["reason"]) for row in rows] == [
        ("2", "malformed_line"),
        ("4", "duplicate"),
        ("5", "malformed_line"),
    ]
    assert all(row["detail"] for row in rows)
    assert rows[0]["content"].startswith("'=cmd")
    assert rows[2]["content"].startswith("'@SUM")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"mapping": "nowhere"}, "no mapping 'nowhere'"),
        ({"basis": "marketing"}, "basis must be purposes"),
        ({"basis": ""}, "basis must be purposes"),
        ({"mapping": "deskdrop"}, "no column 'contentId'"),
    ],
)
def test_what_cannot_begin_says_why(tmp_path: Path, options: dict[str, str], says: str) -> None:
    with pytest.raises(CommandError, match=says):
        run_import(file_make(tmp_path, good(1)), **options)
    assert not Inbox.objects.exists()
    assert not ImportRun.objects.exists()


def test_an_empty_file_says_so_and_leaves_no_run(tmp_path: Path) -> None:
    path = tmp_path / "empty.csv"
    path.touch()
    with pytest.raises(CommandError, match="The file is empty"):
        run_import(path)
    assert not ImportRun.objects.exists()


def test_a_broken_gzip_is_one_line(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress("\n".join([HEADER, good(1)]).encode()))
    packed[12] ^= 0xFF
    path = tmp_path / "broken.csv.gz"
    path.write_bytes(packed)
    with pytest.raises(CommandError, match="cannot be read beyond line 0"):
        run_import(path)
    assert not ImportRun.objects.exists()


def test_a_line_too_long_is_quarantined_by_its_number(tmp_path: Path) -> None:
    run, _ = run_import(file_make(tmp_path, good(1), "x" * 1_200_000, good(2)))
    assert refused_of(run) == {3: "malformed_line"}
    assert (run.line, run.queued) == (4, 2)


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"none.csv: No such file or directory"):
        run_import(tmp_path / "none.csv")


def test_a_truncated_gzip_keeps_what_could_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "PORTION", 500)
    lines = [good(n % 10, f"v{n}") for n in range(8000)]
    packed = gzip.compress("\n".join([HEADER, *lines]).encode())
    path = tmp_path / "cut.csv.gz"
    path.write_bytes(packed[: len(packed) // 2])
    with pytest.raises(CommandError, match="cannot be read beyond line"):
        run_import(path)
    run = ImportRun.objects.get()
    assert run.finished_at is None
    assert run.line % 500 == 1
    assert run.line > 1


@pytest.mark.django_db(transaction=True)
def test_one_import_of_a_file_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "LOCK_SECONDS", 0.1)
    path = file_make(tmp_path, good(1))
    plan = importing.import_plan(path=path, mapping="rees46", purposes=["measurement"])
    with importing.file_lock(plan.fingerprint):
        (error,) = run_together(lambda: importing.import_queue(plan))
    assert "Another import of this file is under way" in str(error)
    (run,) = run_together(lambda: importing.import_queue(plan))
    assert run.queued == 1


def test_without_a_worker_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_events, "PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(import_events, "PING_SECONDS", 0.1)
    _, out = run_import(file_make(tmp_path, good(1)), drain=False)
    assert "No worker answers" in out
    assert Inbox.objects.count() == 1


def test_prices_and_brands_are_properties_and_the_category_is_the_first_part(
    tmp_path: Path,
) -> None:
    path = file_make(tmp_path, good(1))
    run_import(path)
    (row,) = selectors.visitor_events(visitor_of("ana"))
    assert (row["category"], row["item"], row["content_type"]) == ("appliances", "44", "product")
    assert json.loads(row["properties"]) == {"price": 35.79, "brand": "aqua"}
