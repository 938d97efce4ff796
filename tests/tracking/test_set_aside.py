"""A request that no worker can drain is set aside, and holds up nobody."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import OperationalError

from tests.tracking.people import ana_make, drain, event_make, inbox_put, seqs_of, stored
from tracking import cleaning, selectors, services, store
from tracking.models import Inbox
from tracking.pipeline.steps import STEPS, Event

pytestmark = pytest.mark.django_db


@pytest.fixture
def a_bug(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One step fails for events at one path."""

    def fail(event: Event, *args: Any) -> Event:
        if event.path == "/poison":
            raise ValueError("cannot be")
        return event

    with monkeypatch.context() as patch:
        patch.setattr(cleaning, "STEPS", (*STEPS, fail))
        yield


def test_a_request_that_fails_is_set_aside_and_holds_up_nobody(
    a_bug: None, caplog: pytest.LogCaptureFixture
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
    assert Inbox.objects.get().set_aside == "ValueError('cannot be')"
    assert any(record.levelname == "ERROR" and record.exc_info for record in caplog.records)
    assert selectors.inbox_size() == 0
    assert store.inbox_shards() == []
    assert drain(ana) == 0


def test_what_was_set_aside_can_be_tried_again(
    a_bug: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana = ana_make()
    inbox_put(ana, [event_make(), event_make(path="/poison")])
    assert drain(ana) == 0
    monkeypatch.setattr(cleaning, "STEPS", STEPS)
    assert services.inbox_retry(ids=Inbox.objects.values_list("id", flat=True)) == 1
    assert drain(ana) == 2
    assert selectors.drop_counts() == {"unprocessable": 0}
    assert not Inbox.objects.exists()


def test_an_erasure_reaches_what_is_set_aside(a_bug: None) -> None:
    cleo, ana = ana_make(), ana_make()
    for visitor_id in (cleo, ana):
        shard = inbox_put(visitor_id, [event_make(path="/poison")])
        drain(visitor_id)
        poison = event_make(path="/poison", visitor=str(visitor_id))
        inbox_put(None, [poison], source="x#1", shard=shard)
        drain(visitor_id)
    assert Inbox.objects.exclude(set_aside="").count() == 4
    services.visitor_erase(visitor_id=cleo)
    assert Inbox.objects.count() == 2


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
