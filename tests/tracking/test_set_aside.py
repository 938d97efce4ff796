"""A request that no worker can drain is set aside, event by event, and holds up nobody."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from django.db import OperationalError, connection

from tests.tracking.people import (
    ana_make,
    drain,
    event_make,
    inbox_put,
    seqs_of,
    stored,
    withdraw,
)
from tracking import cleaning, replay, selectors, services, store
from tracking.models import Inbox, Quarantine
from tracking.pipeline.steps import STEPS, Event

pytestmark = pytest.mark.django_db


@pytest.fixture
def a_bug(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """One step fails for events at one path; `undo()` mends it."""

    def fail(event: Event, *args: Any) -> Event:
        if event.path == "/poison":
            raise ValueError("cannot be")
        return event

    with monkeypatch.context() as patch:
        patch.setattr(cleaning, "STEPS", (*STEPS, fail))
        yield patch


def all_ids() -> list[int]:
    return list(Quarantine.objects.values_list("pk", flat=True))


def test_a_request_that_fails_is_set_aside_and_holds_up_nobody(
    a_bug: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ana = ana_make()
    inbox_put(ana, [event_make()])
    inbox_put(ana, [event_make(), event_make(path="/poison")])
    inbox_put(ana, [event_make(), event_make()])
    assert drain(ana) == 3
    assert [row["path"] for row in stored(ana)] == ["/", "/", "/"]
    seqs = seqs_of(ana)
    assert seqs == [1, 2, 3]
    assert selectors.drop_counts() == {"unprocessable": 2}
    assert {(row.reason, row.detail, row.visitor_id) for row in Quarantine.objects.all()} == {
        ("unprocessable", "ValueError('cannot be')", ana)
    }
    assert any(record.levelname == "ERROR" and record.exc_info for record in caplog.records)
    assert selectors.inbox_size() == 0
    assert drain(ana) == 0


def test_what_was_set_aside_can_be_tried_again(a_bug: pytest.MonkeyPatch) -> None:
    ana = ana_make()
    events = [event_make(), event_make(path="/poison")]
    inbox_put(ana, events, is_bot=True, skew_ms=90_000, basis="measurement")
    assert drain(ana) == 0
    a_bug.undo()
    assert replay.quarantine_replay(ids=all_ids()) == (2, 0, 0)
    assert drain(ana) == 2
    assert {UUID(event["id"]) for event in events} == set(event_ids(ana))
    assert all(row["is_bot"] and row["source"] == "tracker" for row in stored(ana))
    assert selectors.drop_counts() == {"unprocessable": 0}
    assert not Inbox.objects.exists()
    assert not Quarantine.objects.exists()


def test_what_still_fails_comes_back_and_the_rest_is_stored(a_bug: pytest.MonkeyPatch) -> None:
    ana = ana_make()
    inbox_put(ana, [event_make(), event_make(path="/poison")])
    drain(ana)
    assert replay.quarantine_replay(ids=all_ids()) == (2, 0, 0)
    assert drain(ana) == 1
    assert Quarantine.objects.get().reason == "unprocessable"
    assert selectors.drop_counts() == {"unprocessable": 1}


def test_an_event_of_an_import_keeps_its_visitor_and_line(a_bug: pytest.MonkeyPatch) -> None:
    ana = ana_make()
    shard = selectors.shard_of(ana)
    event = event_make(path="/poison", visitor=str(ana), line=7)
    inbox_put(None, [event], source="gone#1", shard=shard)
    services.shard_drain(shard)
    row = Quarantine.objects.get()
    assert (row.visitor_id, row.line, row.run_id, row.source) == (ana, 7, None, "gone#1")
    a_bug.undo()
    replay.quarantine_replay(ids=all_ids())
    assert services.shard_drain(shard) == 1
    assert len(stored(ana)) == 1


def test_an_erasure_reaches_what_is_set_aside(a_bug: pytest.MonkeyPatch) -> None:
    cleo, ana = ana_make(), ana_make()
    for visitor_id in (cleo, ana):
        shard = inbox_put(visitor_id, [event_make(path="/poison")])
        drain(visitor_id)
        poison = event_make(path="/poison", visitor=str(visitor_id))
        inbox_put(None, [poison], source="x#1", shard=shard)
        drain(visitor_id)
    assert Quarantine.objects.count() == 4
    services.visitor_erase(visitor_id=cleo)
    assert {row.visitor_id for row in Quarantine.objects.all()} == {ana}


def test_nothing_is_set_aside_of_who_withdrew_before_the_worker_came(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cleo = ana_make()
    inbox_put(cleo, [event_make(), event_make()])
    withdraw(cleo)

    def fail(*args: Any) -> None:
        raise ValueError("cannot be")

    monkeypatch.setattr(cleaning, "STEPS", (fail,))
    drain(cleo)
    assert not Quarantine.objects.exists()
    assert selectors.drop_counts() == {"consent_withdrawn": 2}


def test_an_outage_sets_nothing_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    ana = ana_make()
    inbox_put(ana, [event_make()])

    def fail(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("the database is restarting")

    with monkeypatch.context() as patch:
        patch.setattr(store, "events_write", fail)
        with pytest.raises(OperationalError):
            drain(ana)
    assert drain(ana) == 1


def event_ids(visitor_id: UUID) -> list[UUID]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM tracking_event WHERE visitor_id = %s", (visitor_id,))
        return [row[0] for row in cursor.fetchall()]
