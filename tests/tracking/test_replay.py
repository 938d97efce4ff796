"""Trying again: exactly once, with the id and the time it had, whoever tries, dies or withdraws."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.test import Client

from tests.tracking.people import ana_make, drain, event_make, post, stored, withdraw
from tests.tracking.test_drain import run_together
from tests.tracking.test_merging import merge, sign_in
from tests.waiting import wait_until
from tracking import counters, quarantine, replay, selectors, services, store
from tracking.models import DropCount, EventType, Inbox, Quarantine, QuarantineReplay

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _types_and_room() -> Iterator[None]:
    selectors.event_types_forget()
    quarantine._full.clear()
    yield
    selectors.event_types_forget()


def type_add(name: str = "brand_new") -> None:
    EventType.objects.create(name=name, label=name, kind="active", weight=1)


def all_ids() -> list[int]:
    return list(Quarantine.objects.order_by("pk").values_list("pk", flat=True))


def refused_make(visitor_id: UUID, count: int = 1, type: str = "brand_new") -> list[dict[str, Any]]:
    """Events refused at the door and kept."""
    events = [event_make(type) for _ in range(count)]
    for start in range(0, count, 100):
        post(Client(), events[start : start + 100], visitor_id=visitor_id)
    return events


def test_what_was_mended_reaches_the_store_once_with_its_id_and_time() -> None:
    ana = ana_make()
    (event,) = refused_make(ana)
    row = Quarantine.objects.get()
    earlier = row.received_at - 20 * 24 * HOUR
    event["at"] -= 20 * 86_400_000
    Quarantine.objects.update(payload=json.dumps(event), received_at=earlier, refused_at=earlier)
    type_add()
    assert replay.quarantine_replay(ids=all_ids()) == (1, 0, 0)
    assert drain(ana) == 1
    (found,) = stored(ana)
    assert (found["type"], found["occurred_at"]) == ("brand_new", store.at(event["at"]))
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, received_at FROM tracking_event")
        assert cursor.fetchall() == [(UUID(event["id"]), earlier)]
    assert not Quarantine.objects.exists()


def test_what_is_counted_is_taken_back_on_its_own_day() -> None:
    ana = ana_make()
    refused_make(ana, 3)
    yesterday = datetime.now(UTC) - timedelta(days=1)
    counters.drops_merge()
    DropCount.objects.filter(reason="unknown_event_type").update(day=yesterday.date())
    Quarantine.objects.update(refused_at=yesterday)
    type_add()
    replay.quarantine_replay(ids=all_ids()[:2])
    counters.drops_merge()
    days = DropCount.objects.filter(reason="unknown_event_type").values_list("day", "count")
    assert list(days) == [(yesterday.date(), 1)]


def test_a_clock_that_was_corrected_is_corrected_again(client: Client) -> None:
    ana, event = ana_make(), event_make("brand_new")
    sent_at = event["at"]
    event["at"] -= 30 * 86_400_000
    post(client, {"sent_at": sent_at - 30 * 86_400_000, "events": [event]}, visitor_id=ana)
    type_add()
    assert replay.quarantine_replay(ids=all_ids()) == (1, 0, 0)
    drain(ana)
    assert abs(stored(ana)[0]["occurred_at"] - store.at(sent_at)) < timedelta(minutes=1)


def test_what_still_fails_stays_with_the_reason_of_now() -> None:
    ana = ana_make()
    refused_make(ana)
    event = event_make("brand_new") | {"path": 5}
    Quarantine.objects.update(payload=json.dumps(event))
    assert replay.quarantine_replay(ids=all_ids()) == (0, 1, 0)
    row = Quarantine.objects.get()
    assert row.reason == "invalid_event"
    assert "path" in row.detail
    counts = selectors.drop_counts()
    assert (counts["unknown_event_type"], counts["invalid_event"]) == (0, 1)
    assert replay.quarantine_replay(ids=all_ids()) == (0, 1, 0)
    assert selectors.drop_counts() == counts


def test_what_nobody_can_mend_goes_and_is_counted_for_that() -> None:
    ana = ana_make()
    (event,) = refused_make(ana)
    Quarantine.objects.update(payload=json.dumps(event | {"at": event["at"] - 9 * 86_400_000}))
    type_add()
    assert replay.quarantine_replay(ids=all_ids()) == (0, 0, 1)
    assert not Quarantine.objects.exists()
    counts = selectors.drop_counts()
    assert (counts["unknown_event_type"], counts["too_old"]) == (0, 1)


def test_who_withdrew_meanwhile_is_not_stored_and_not_kept() -> None:
    cleo, ana = ana_make(), ana_make()
    refused_make(cleo)
    refused_make(ana)
    type_add()
    withdraw(cleo)
    assert replay.quarantine_replay(ids=all_ids()) == (1, 0, 1)
    for visitor_id in (cleo, ana):  # who may share a shard
        drain(visitor_id)
    assert (len(stored(cleo)), len(stored(ana))) == (0, 1)
    assert not Quarantine.objects.exists()
    counts = selectors.drop_counts()
    assert (counts["unknown_event_type"], counts["consent_withdrawn"]) == (0, 1)


def test_what_was_stored_by_a_later_retry_is_a_duplicate(client: Client) -> None:
    ana = ana_make()
    (event,) = refused_make(ana)
    type_add()
    selectors.event_types_forget()
    post(client, [event], visitor_id=ana)
    replay.quarantine_replay(ids=all_ids())
    assert drain(ana) == 1
    assert selectors.drop_counts()["duplicate"] == 1


def test_what_was_kept_in_part_is_not_tried(client: Client) -> None:
    ana = ana_make()
    refused_make(ana)
    Quarantine.objects.update(whole=False)
    type_add()
    before = selectors.drop_counts()
    assert replay.quarantine_replay(ids=all_ids()) == (0, 1, 0)
    assert selectors.drop_counts() == before
    assert not Inbox.objects.exists()


def test_rows_that_are_gone_are_nothing() -> None:
    assert replay.quarantine_replay(ids=[10**9]) == (0, 0, 0)


@pytest.mark.parametrize("place", ["inbox_add_many", "drops_add"])
def test_killed_anywhere_nothing_is_lost_or_doubled(
    monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setattr(replay, "CHUNK", 2)
    ana = ana_make()
    refused_make(ana, 5)
    type_add()
    original, calls = getattr(store, place), 0

    def die(*args: Any, **kwargs: Any) -> None:
        nonlocal calls
        calls += 1
        original(*args, **kwargs)
        if calls == 2:
            raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(store, place, die)
        with pytest.raises(SystemExit):
            replay.quarantine_replay(ids=all_ids())
    assert Quarantine.objects.count() == 3
    assert Inbox.objects.count() == 2
    assert replay.quarantine_replay(ids=all_ids()) == (3, 0, 0)
    assert drain(ana) == 5
    assert selectors.drop_counts()["unknown_event_type"] == 0


@pytest.mark.django_db(transaction=True)
def test_two_people_at_once_store_each_event_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "CHUNK", 5)
    ana = ana_make()
    refused_make(ana, 60)
    type_add()
    ids = all_ids()
    results = run_together(
        lambda: replay.quarantine_replay(ids=ids), lambda: replay.quarantine_replay(ids=ids[::-1])
    )
    assert sum(result.accepted for result in results) == 60
    drain(ana)
    assert len(stored(ana)) == 60
    counts = selectors.drop_counts()
    assert (counts["unknown_event_type"], counts.get("duplicate", 0)) == (0, 0)


@pytest.mark.django_db(transaction=True)
def test_an_erasure_waits_for_a_replay_and_takes_what_it_made() -> None:
    cleo = ana_make()
    refused_make(cleo)
    type_add()

    def erase() -> None:
        services.visitor_erase(visitor_id=cleo)
        connection.close()

    erased = threading.Thread(target=erase)

    with transaction.atomic():
        replay.quarantine_replay(ids=all_ids())
        erased.start()
    erased.join(timeout=30)
    assert not Inbox.objects.exists()
    assert not Quarantine.objects.exists()


# --- In the background ---------------------------------------------------------------------------


def begun(count: int) -> tuple[UUID, QuarantineReplay]:
    ana = ana_make()
    refused_make(ana, count)
    return ana, replay.replay_begin(rows=Quarantine.objects.all(), by="olga")


def test_a_replay_works_off_all_rows_and_tells_how_far_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(replay, "CHUNK", 2)
    ana, job = begun(5)
    type_add()
    Quarantine.objects.filter(pk=all_ids()[0]).update(payload="no event")
    steps = []
    while replay.replay_work(job.pk, seconds=0):
        job.refresh_from_db()
        steps.append((job.done, job.failed, job.finished_at))
    assert [step[:2] for step in steps] == [(1, 1), (3, 1), (4, 1)]
    job.refresh_from_db()
    assert (job.total, job.done, job.failed, job.started_by) == (5, 4, 1, "olga")
    assert job.finished_at is not None
    assert drain(ana) == 4
    assert Quarantine.objects.get().replay is None


def test_a_replay_that_was_stopped_leaves_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "CHUNK", 2)
    _, job = begun(5)
    type_add()
    replay.replay_work(job.pk, seconds=0)
    assert replay.replay_cancel(replay_id=job.pk)
    assert not replay.replay_work(job.pk)
    assert not replay.replay_cancel(replay_id=job.pk)
    job.refresh_from_db()
    assert (job.cancelled, job.done) == (True, 2)
    assert Quarantine.objects.filter(replay=None).count() == 3


def test_rows_that_are_being_tried_are_in_no_second_replay() -> None:
    _, first = begun(3)
    second = replay.replay_begin(rows=Quarantine.objects.all(), by="otto")
    assert (first.total, second.total) == (3, 0)
    assert not replay.replay_work(second.pk)


@pytest.mark.django_db(transaction=True)
def test_a_worker_does_it_and_the_schedule_asks_again_when_a_nudge_is_lost(
    celery_worker_process: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana = ana_make()
    refused_make(ana, 300)
    type_add()
    with monkeypatch.context() as patch:
        patch.setattr(replay, "replay_nudge", lambda replay_id: None)
        job = replay.replay_begin(rows=Quarantine.objects.all(), by="olga")
    assert Quarantine.objects.count() == 300
    replay.replays_sweep()
    wait_until(lambda: selectors.visitor_event_count(ana) == 300)
    job.refresh_from_db()
    assert (job.done, job.failed) == (300, 0)


def test_what_a_visitor_left_before_a_sign_in_is_tried_again_as_the_accounts() -> None:
    ana = ana_make()
    refused_make(ana)
    account = sign_in(ana)
    merge(ana)
    type_add()
    assert replay.quarantine_replay(ids=all_ids()) == (1, 0, 0)
    assert (drain(account), len(stored(account))) == (1, 1)
