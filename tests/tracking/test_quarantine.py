"""What is kept of a refusal, of whom, how much, and for how long."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client, override_settings

from tests.tracking.people import ana_make, ben_make, event_make, post, withdraw
from tests.tracking.test_drain import run_together
from tests.tracking.test_import_events import file_make, good, run_import, visitor_of
from tracking import quarantine, retention, selectors, services, store
from tracking.models import Inbox, Quarantine, RetentionRun
from tracking.pipeline.parse import RefusedEvent
from tracking.pipeline.steps import Receipt
from tracking.pipeline.wire import Refusal

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_old_months")]
DAY_MS = 86_400_000
RECEIPT = Receipt(None, "tracker", "measurement", "phone", True, 5, 1_763_800_000_000.0)


@pytest.fixture(autouse=True)
def _room_everywhere() -> None:
    quarantine._full.clear()


def refused(count: int, reason: Refusal = Refusal.INVALID_EVENT) -> list[RefusedEvent]:
    return [RefusedEvent(n, reason, "why", b'{"n": %d}' % n) for n in range(count)]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [({"type": "brand_new"}, "unknown_event_type"), ({"path": 5}, "invalid_event")],
)
def test_an_event_that_can_be_mended_is_kept_as_it_came(
    client: Client, fields: dict[str, Any], reason: str
) -> None:
    ana, event = ana_make(), event_make() | fields
    answer = post(client, [event_make(), event], visitor_id=ana)
    assert answer.json()["accepted"] == 1
    assert set(answer.json()["refused"][0]) == {"index", "reason", "detail"}
    row = Quarantine.objects.get()
    assert (row.reason, row.visitor_id, row.source) == (reason, ana, "tracker")
    assert json.loads(row.payload) == event
    assert (row.whole, row.basis, row.device) == (True, "measurement,personalization", "desktop")
    assert row.detail == answer.json()["refused"][0]["detail"]


def test_what_the_sender_alone_can_mend_is_counted_only(client: Client) -> None:
    old = event_make(at=event_make()["at"] - 8 * DAY_MS)
    future = event_make(at=event_make()["at"] + DAY_MS)
    post(client, [old, future, event_make()], visitor_id=ana_make())
    assert selectors.drop_counts() == {"too_old": 1, "future_timestamp": 1}
    assert not Quarantine.objects.exists()


def test_nothing_is_kept_of_who_does_not_consent(client: Client) -> None:
    for visitor_id in (None, ben_make()):
        post(client, [event_make("brand_new")], visitor_id=visitor_id)
    ana = ana_make()
    post(client, [event_make("brand_new")], visitor_id=ana, headers={"Sec-GPC": "1"})
    assert selectors.drop_counts() == {"no_consent": 3}
    assert not Quarantine.objects.exists()


def test_an_erasure_reaches_it(client: Client) -> None:
    cleo, ana = ana_make(), ana_make()
    for visitor_id in (cleo, ana):
        post(client, [event_make("brand_new")], visitor_id=visitor_id)
    withdraw(cleo)
    services.visitor_erase(visitor_id=cleo)
    assert Quarantine.objects.get().visitor_id == ana


def test_a_day_keeps_so_many_of_a_reason_and_counts_the_rest(client: Client) -> None:
    ana = ana_make()
    with override_settings(QUARANTINE_MAX_PER_DAY=3):
        for _ in range(3):
            post(client, [event_make("brand_new"), event_make("brand_new")], visitor_id=ana)
        quarantine._full.clear()  # as another process
        post(client, [event_make("brand_new"), event_make() | {"path": 5}], visitor_id=ana)
    kept = Quarantine.objects.values_list("reason", flat=True)
    assert sorted(kept) == ["invalid_event", *["unknown_event_type"] * 3]
    assert selectors.drop_counts()["unknown_event_type"] == 7


def test_yesterdays_do_not_fill_today() -> None:
    with override_settings(QUARANTINE_MAX_PER_DAY=2):
        quarantine.events_add(refused(2), RECEIPT)
        Quarantine.objects.update(refused_at=datetime.now(UTC) - timedelta(days=1))
        quarantine.events_add(refused(3), RECEIPT)
    assert Quarantine.objects.count() == 4


@pytest.mark.django_db(transaction=True)
def test_two_writers_do_not_overfill_a_day() -> None:
    with override_settings(QUARANTINE_MAX_PER_DAY=25):

        def add() -> None:
            for _ in range(10):
                quarantine.events_add(refused(2), RECEIPT)

        assert run_together(add, add) == [None, None]
    assert Quarantine.objects.count() == 25


def test_what_is_too_long_or_no_text_is_kept_in_part_and_says_so() -> None:
    raws = [b'{"a":"' + b"x" * 30_000 + b'"}', b'{"a":"\xff\x00"}']
    events = [RefusedEvent(0, Refusal.INVALID_EVENT, "\0", raw) for raw in raws]
    quarantine.events_add(events, RECEIPT)
    rows = Quarantine.objects.order_by("pk")
    assert [row.whole for row in rows] == [False, False]
    assert [len(row.payload) for row in rows] == [20_000, 10]


def test_what_nobody_mended_goes_after_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quarantine, "PURGE_ROWS", 2)
    quarantine.events_add(refused(5), RECEIPT)
    now = datetime.now(UTC)
    Quarantine.objects.update(refused_at=now - timedelta(days=31))
    quarantine.events_add(refused(1), RECEIPT)
    retention.retention_sweep(now=now)
    assert Quarantine.objects.count() == 1
    assert RetentionRun.objects.get().quarantine_deleted == 5


# --- Lines of imports ----------------------------------------------------------------------------


def test_a_refused_line_is_kept_whole_with_its_visitor(tmp_path: Any) -> None:
    run, _ = run_import(file_make(tmp_path, good(1).replace("view", "lend"), "broken"))
    line, broken = Quarantine.objects.order_by("line")
    assert (line.visitor_id, line.source, line.is_line) == (
        visitor_of("ana"), f"rees46#{run.pk}", True,
    )  # fmt: skip
    assert json.loads(line.payload)[1] == "lend"
    assert (broken.visitor_id, broken.payload) == (None, "broken")


@pytest.mark.parametrize("column", ["timestamp", "other"])
def test_of_a_line_with_personal_data_in_any_column_the_content_is_not_kept(
    column: str, tmp_path: Any
) -> None:
    mapping, log = tmp_path / "notes.toml", tmp_path / "log.csv"
    mapping.write_text(
        'name = "notes"\nformat = "csv"\nvisitor = { column = "who" }\n'
        'time = { column = "timestamp", format = "epoch_s" }\n'
        '[[events]]\ntype = { constant = "click" }\n'
    )
    row = {"who": "ana", "timestamp": "soon", "other": ""} | {column: "ana@example.org"}
    log.write_text(f"{','.join(row)}\n{','.join(row.values())}\n")
    run_import(log, mapping=str(mapping))
    kept = Quarantine.objects.get()
    assert (kept.reason, kept.line, kept.payload, kept.whole) == ("malformed_line", 2, "", False)
    assert "ana@" not in kept.detail


def test_of_a_line_of_who_withdrew_only_number_and_reason_are_kept(tmp_path: Any) -> None:
    run_import(file_make(tmp_path, good(1), good(1, who="ben")))
    withdraw(visitor_of("ana"))
    run, _ = run_import(
        file_make(tmp_path, *(good(2, who).replace("view", "lend") for who in ("ana", "ben")))
    )
    ana, ben = Quarantine.objects.filter(run=run).order_by("line")
    assert (ana.reason, ana.payload, ana.visitor_id, ana.whole) == (
        "unknown_event_type", "", None, False,
    )  # fmt: skip
    assert "lend" in ben.payload


def test_erasing_a_visitor_reaches_the_lines_of_imports(tmp_path: Any) -> None:
    lend = [good(1, who).replace("view", "lend") for who in ("ana", "ben")]
    run_import(file_make(tmp_path, *lend))
    store.visitor_delete(visitor_of("ana"))
    assert Quarantine.objects.get().visitor_id == visitor_of("ben")
    assert not Inbox.objects.exists()
