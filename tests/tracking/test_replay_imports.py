"""Refused lines of an import, tried again after its mapping or the event types were mended."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tracking.people import withdraw
from tests.tracking.test_import_events import (
    file_make,
    good,
    refused_of,
    run_import,
    stored_of,
    visitor_of,
)
from tracking import importing, replay, selectors
from tracking.models import EventType, ImportRun, Quarantine

pytestmark = pytest.mark.django_db
JSON_LINES = """
name = "notes"
format = "json_lines"
visitor = { column = "who" }
time = { column = "at", format = "epoch_s" }
[[events]]
type = { column = "what" }
"""


@pytest.fixture(autouse=True)
def _types() -> Iterator[None]:
    selectors.event_types_forget()
    yield
    selectors.event_types_forget()


def lend(n: int, who: str = "ana") -> str:
    """A line whose type the shipped mapping does not translate."""
    return good(n, who).replace(",view,", ",lend,")


def translate_lend(run: ImportRun) -> None:
    run.mapping = run.mapping.replace('view = "page_view"', 'view = "page_view", lend = "bookmark"')
    assert "lend" in run.mapping
    run.save()


def try_all() -> replay.Replayed:
    result = replay.quarantine_replay(ids=Quarantine.objects.values_list("pk", flat=True))
    importing.run_drain()
    return result


def assert_sums(run: ImportRun, *, stored: int) -> None:
    """Queued is stored or refused in the worker, always."""
    run.refresh_from_db()
    assert importing.run_summary(run).stored == stored


def test_a_line_that_a_mended_mapping_translates_is_stored_with_its_own_id(
    tmp_path: Path,
) -> None:
    path = file_make(tmp_path, good(1), lend(2), lend(3, "ben"), "broken")
    run, _ = run_import(path)
    assert_sums(run, stored=1)
    translate_lend(run)
    assert try_all() == (2, 1, 0)
    assert refused_of(run) == {5: "malformed_line"}
    assert [row["type"] for row in stored_of("ben")] == ["bookmark"]
    assert_sums(run, stored=3)
    assert (run.queued, run.quarantined) == (3, 1)
    # The same id as if the mapping had been right from the start.
    right = tmp_path / "right.toml"
    right.write_text(run.mapping)
    again, _ = run_import(path, mapping=str(right))
    assert importing.run_summary(again).stored == 0
    assert importing.run_summary(again).refused["duplicate"] == 3


def test_a_line_of_json_waits_for_its_event_type(tmp_path: Path) -> None:
    mapping, log = tmp_path / "notes.toml", tmp_path / "log.jsonl"
    mapping.write_text(JSON_LINES)
    log.write_text('{"who": "ana", "at": "soon", "what": "lend"}\n')
    run, _ = run_import(log, mapping=str(mapping))
    assert refused_of(run) == {1: "malformed_line"}
    Quarantine.objects.update(payload='{"who": "ana", "at": 1700000000, "what": "lend"}')
    assert try_all() == (0, 1, 0)
    assert refused_of(run) == {1: "unknown_event_type"}
    EventType.objects.create(name="lend", label="Lent", kind="active", weight=1)
    assert try_all() == (1, 0, 0)
    assert_sums(run, stored=1)


def test_a_time_that_was_misread_is_read_anew(tmp_path: Path) -> None:
    mapping, log = tmp_path / "notes.toml", tmp_path / "log.jsonl"
    mapping.write_text(JSON_LINES)
    log.write_text('{"who": "ana", "at": 1700000000000, "what": "click"}\n')
    run, _ = run_import(log, mapping=str(mapping))
    assert refused_of(run) == {1: "future_timestamp"}
    run.mapping = run.mapping.replace("epoch_s", "epoch_ms")
    run.save()
    assert try_all() == (1, 0, 0)
    assert_sums(run, stored=1)
    state = selectors.visitors_consenting(
        {row.visitor_id for row in run.refused.all() if row.visitor_id}
    )
    assert state == set()


def test_consent_is_attested_for_a_visitor_who_becomes_known(tmp_path: Path) -> None:
    run, _ = run_import(file_make(tmp_path, good(1).replace(",ana,", ",,")))
    assert refused_of(run) == {2: "malformed_line"}
    run.mapping = run.mapping.replace('"user_id"', '"product_id"')
    run.save()
    assert try_all() == (1, 0, 0)
    assert selectors.visitors_consenting({visitor_of("44")}) == {visitor_of("44")}
    assert_sums(run, stored=1)


def test_a_line_of_who_withdrew_goes_and_the_sums_stay_right(tmp_path: Path) -> None:
    run, _ = run_import(file_make(tmp_path, lend(1), lend(2, "ben")))
    translate_lend(run)
    withdraw(visitor_of("ana"))
    assert try_all() == (1, 0, 1)
    assert not stored_of("ana")
    assert_sums(run, stored=1)
    assert selectors.drop_counts()["consent_withdrawn"] == 1


def test_a_line_that_the_mapping_now_skips_goes(tmp_path: Path) -> None:
    run, _ = run_import(file_make(tmp_path, good(1), lend(2)))
    run.mapping = 'skip = [{ column = "event_type", in = ["lend"] }]\n' + run.mapping
    run.save()
    assert try_all() == (0, 0, 1)
    assert_sums(run, stored=1)
    assert importing.run_summary(run).refused["skipped_by_mapping"] == 1


def test_a_line_that_is_stored_already_cannot_be_tried(tmp_path: Path) -> None:
    run, _ = run_import(file_make(tmp_path, good(1), good(1)))
    assert try_all() == (0, 1, 0)
    assert refused_of(run) == {3: "duplicate"}
    assert_sums(run, stored=1)
