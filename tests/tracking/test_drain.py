"""Inbox to event store: exactly once in effect, whoever works, dies or withdraws."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import OperationalError, connection, transaction

from tests.tracking.people import (
    ana_make,
    drain,
    event_make,
    inbox_put,
    seqs_of,
    stored,
    visitor_make,
    withdraw,
)
from tracking import selectors, services, store
from tracking.models import Inbox, SweepCursor, Visit
from tracking.pipeline.rows import COLUMNS
from tracking.pipeline.steps import Event

pytestmark = pytest.mark.django_db
HOUR = 3_600_000.0


def test_an_event_is_stored_as_it_happened() -> None:
    ana = ana_make()
    visit, view = uuid4(), uuid4()
    fields = {"visit": str(visit), "view": str(view), "path": "/a?b", "item": "beds"}
    event = event_make(
        "click", **fields, category="gardening", content_type="guide", properties={"n": 1}
    )
    inbox_put(ana, [event])
    assert drain(ana) == 1
    row = stored(ana)[0]
    assert row["occurred_at"] == store.at(event["at"])
    assert (row["type"], row["path"], row["item"]) == ("click", "/a", "beds")
    assert (row["category"], row["content_type"]) == ("gardening", "guide")
    assert (row["visit_id"], row["device"], row["source"]) == (visit, "desktop", "tracker")
    assert not Inbox.objects.exists()


def test_a_retry_is_counted_and_not_stored() -> None:
    ana, event = ana_make(), event_make()
    inbox_put(ana, [event, event_make()])
    assert drain(ana) == 2
    inbox_put(ana, [event, event])
    assert drain(ana) == 0
    assert selectors.drop_counts() == {"duplicate": 2}


def test_a_retry_by_a_clock_that_is_days_off_is_a_duplicate() -> None:
    """The correction differs by the delay of the retry; the id is found all the same."""
    ana, now = ana_make(), time.time() * 1000
    skew = int(10 * 24 * HOUR)
    event = event_make(at=now - skew)
    inbox_put(ana, [event], skew_ms=skew)
    inbox_put(ana, [event], skew_ms=skew + 90_000, received_ms=now + 90_000)
    assert drain(ana) == 1
    inbox_put(ana, [event], skew_ms=skew + 180_000, received_ms=now + 180_000)
    assert drain(ana) == 0
    assert stored(ana)[0]["occurred_at"] == store.at(now)


@pytest.mark.parametrize("values", [(2.0, 5.0, 9.5), (9.5, 2.0, 5.0), (5.0, 9.5, 2.0)])
@pytest.mark.parametrize("together", [True, False])
def test_of_a_dwell_time_the_longest_report_counts(
    values: tuple[float, ...], *, together: bool
) -> None:
    ana, event = ana_make(), event_make("dwell")
    reports = [event | {"value": value} for value in values]
    for batch in [reports] if together else [[report] for report in reports]:
        inbox_put(ana, batch)
        drain(ana)
    rows = stored(ana)
    assert sum(row["value"] for row in rows) == 9.5
    assert [row["part"] for row in rows] == list(range(len(rows)))
    assert selectors.visitor_event_count(ana) == 1


def test_a_withdrawal_between_accepting_and_draining_wins() -> None:
    cleo = ana_make()
    inbox_put(cleo, [event_make(), event_make()])
    withdraw(cleo)
    assert drain(cleo) == 0
    assert selectors.drop_counts() == {"consent_withdrawn": 2}
    assert not Inbox.objects.exists()


def test_an_erasure_leaves_nothing_and_nothing_comes_back() -> None:
    cleo, ana = ana_make(), ana_make()
    for visitor_id in (cleo, ana):
        inbox_put(visitor_id, [event_make(visit=str(uuid4()))])
        drain(visitor_id)
    inbox_put(cleo, [event_make()])
    late = inbox_put(
        None, [event_make(visitor=str(cleo))], source="x#1", shard=selectors.shard_of(cleo)
    )
    withdraw(cleo)
    assert services.visitor_erase(visitor_id=cleo) == 1
    services.shard_drain(late)
    assert not stored(cleo)
    assert not Visit.objects.filter(visitor_id=cleo).exists()
    assert not Inbox.objects.exists()
    assert len(stored(ana)) == 1


def test_the_erasure_sweep_finds_what_a_lost_nudge_left() -> None:
    now = datetime.now(UTC)
    services.erasure_sweep(now=now - timedelta(minutes=1))
    cleo = ana_make()
    inbox_put(cleo, [event_make()])
    drain(cleo)
    withdraw(cleo)
    assert services.erasure_sweep(now=now + timedelta(minutes=1)) == 1
    assert not stored(cleo)


def withdrawn_make() -> UUID:
    """A visitor with an event, who withdrew, and nobody was told."""
    cleo = ana_make()
    inbox_put(cleo, [event_make()])
    drain(cleo)
    withdraw(cleo)
    return cleo


def test_the_first_sweep_looks_back_to_the_beginning() -> None:
    cleo = withdrawn_make()
    assert services.erasure_sweep(now=datetime.now(UTC) + timedelta(hours=1)) == 1
    assert not stored(cleo)


def test_a_sweep_goes_in_batches_and_tries_a_failure_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(services, "SWEEP_VISITORS", 1)
    cleos = [withdrawn_make() for _ in range(3)]
    erase, later = services.visitor_erase, datetime.now(UTC) + timedelta(hours=1)

    def fail_once(*, visitor_id: UUID) -> int:
        if visitor_id == cleos[0]:
            raise OperationalError("busy")
        return erase(visitor_id=visitor_id)

    with monkeypatch.context() as patch:
        patch.setattr(services, "visitor_erase", fail_once)
        assert services.erasure_sweep(now=later) == 2
    assert [len(stored(cleo)) for cleo in cleos] == [1, 0, 0]
    assert services.erasure_sweep(now=later) >= 1
    assert not stored(cleos[0])
    assert SweepCursor.objects.get().at == later - services.SWEEP_OVERLAP


@pytest.mark.django_db(transaction=True)
def test_one_sweep_runs_at_a_time() -> None:
    cleo, later = withdrawn_make(), datetime.now(UTC) + timedelta(hours=1)
    with store.lock_if_free("attune erasure sweep"):
        assert run_together(lambda: services.erasure_sweep(now=later)) == [0]
    assert services.erasure_sweep(now=later) == 1
    assert not stored(cleo)


def test_a_long_backlog_gives_others_their_turn(
    monkeypatch: pytest.MonkeyPatch, small_drains: None
) -> None:
    ana = ana_make()
    nudged: list[int] = []
    monkeypatch.setattr(services, "shard_nudge", nudged.append)
    for _ in range(5):
        inbox_put(ana, [event_make()])
    shard = selectors.shard_of(ana)
    assert services.shard_drain(shard, seconds=0) == 2
    assert nudged == [shard]
    assert services.shard_drain(shard) == 3
    assert nudged == [shard]


def test_a_visit_begins_once_with_its_first_stored_event() -> None:
    ana, visit = ana_make(), str(uuid4())
    for _ in range(2):
        inbox_put(ana, [event_make(visit=visit), event_make(visit=visit)])
        drain(ana)
    with connection.cursor() as cursor:
        cursor.execute("SELECT starts_visit FROM tracking_event ORDER BY seq")
        assert [row[0] for row in cursor.fetchall()] == [True, False, False, False]


def test_a_visit_spans_its_events_in_any_order() -> None:
    ana, visit, now = ana_make(), str(uuid4()), time.time() * 1000
    for at in (now - 1.6 * HOUR, now - 2 * HOUR, now - 1.2 * HOUR):
        inbox_put(ana, [event_make(at=at, visit=visit)])
        drain(ana)
    row = Visit.objects.get(visitor_id=ana)
    assert (row.started_at, row.ended_at) == (store.at(now - 2 * HOUR), store.at(now - 1.2 * HOUR))


def test_partitions_are_made_as_needed() -> None:
    ana = ana_make()
    times = [datetime(2011, 12, 31, 23, 59, tzinfo=UTC), datetime(2012, 1, 1, tzinfo=UTC)]
    inbox_put(ana, [event_make(at=time.timestamp() * 1000) for time in times])
    assert drain(ana) == 2
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM tracking_event ORDER BY seq")
        names = [row[0] for row in cursor.fetchall()]
    assert names == ["tracking_event_2011_12", "tracking_event_2012_01"]


def test_sequence_numbers_have_no_gap_across_drains() -> None:
    ana = ana_make()
    for _ in range(3):
        inbox_put(ana, [event_make(), event_make()])
        drain(ana)
    seqs = seqs_of(ana)
    assert seqs == [1, 2, 3, 4, 5, 6]


def test_a_drain_takes_whole_requests_up_to_a_size(monkeypatch: pytest.MonkeyPatch) -> None:
    ana = ana_make()
    for _ in range(5):
        inbox_put(ana, [event_make()])
    shard = selectors.shard_of(ana)
    size = len(store.inbox_read(shard, limit=1, max_bytes=1)[0].payload)
    assert len(store.inbox_read(shard, limit=9, max_bytes=1)) == 1
    assert len(store.inbox_read(shard, limit=9, max_bytes=2 * size)) == 2
    assert len(store.inbox_read(shard, limit=3, max_bytes=99 * size)) == 3


def test_every_value_survives_the_binary_copy() -> None:
    event = Event(
        visitor_id=uuid4(), id=uuid4(), type="click", occurred_ms=1_763_800_000_123.0,
        reported_ms=1_763_800_000_789.0, received_ms=1_763_800_000_456.5, visit_id=None,
        view_id=uuid4(), is_bot=True, basis="b", source="s", device="phone", path="/ü/…",
        referrer_host="", item="日本", category="c",
        content_type="t", value=0.1, properties={"a": [1, None, "é"]}, line=None, part=3,
        starts_visit=True, amount=0.05, outlier="high", repeats=2, medium="search",
    )  # fmt: skip
    store.partitions_ensure(store.months_of([event]))
    assert store.events_write([event], shard=3, last_seq=41) == 42
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT to_jsonb(e) || jsonb_build_object("
            " 'occurred_ms', (extract(epoch FROM occurred_at) * 1000)::float8,"
            " 'reported_ms', (extract(epoch FROM reported_at) * 1000)::float8,"
            " 'received_ms', (extract(epoch FROM received_at) * 1000)::float8)"
            " FROM tracking_event AS e WHERE visitor_id = %s",
            (event.visitor_id,),
        )
        row = json.loads(cursor.fetchone()[0])
    assert (row.pop("shard"), row.pop("seq")) == (3, 42)
    assert row.keys() > set(COLUMNS) - {"shard", "seq"}
    for name in Event.__struct_fields__:
        if name in row:
            value = getattr(event, name)
            assert row[name] == (str(value) if isinstance(value, UUID) else value)


# --- Side by side -------------------------------------------------------------------------------


def run_together(*calls: Callable[[], Any]) -> list[Any]:
    """Each call in a thread with a connection of its own, begun together."""
    results: list[Any] = [None] * len(calls)
    barrier = threading.Barrier(len(calls))

    def work(index: int, call: Callable[[], Any]) -> None:
        try:
            barrier.wait(timeout=10)
            results[index] = call()
        except Exception as error:  # shown by the assertion on the results
            results[index] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=item) for item in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return results


@pytest.fixture
def small_drains(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "DRAIN_REQUESTS", 2)


@pytest.mark.django_db(transaction=True)
def test_two_workers_on_one_shard_store_each_event_once(small_drains: None) -> None:
    ana = ana_make()
    events = [event_make() for _ in range(60)]
    for _ in range(3):  # each event three times, in requests of six
        random.Random(1).shuffle(events)
        for start in range(0, 60, 6):
            inbox_put(ana, events[start : start + 6])
    results = run_together(lambda: drain(ana), lambda: drain(ana))
    assert sum(results) == 60
    with connection.cursor() as cursor:
        cursor.execute("SELECT id::text FROM tracking_event")
        assert sorted(row[0] for row in cursor.fetchall()) == sorted(e["id"] for e in events)
    assert selectors.drop_counts() == {"duplicate": 120}
    assert not Inbox.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_workers_on_several_shards_make_new_partitions_together(small_drains: None) -> None:
    visitors: dict[int, UUID] = {}
    while len(visitors) < 3:
        visitor_id = ana_make()
        visitors[selectors.shard_of(visitor_id)] = visitor_id
    year = 1991
    for month in range(1, 13):
        at = datetime(year, month, 5, tzinfo=UTC).timestamp() * 1000
        for visitor_id in visitors.values():
            inbox_put(visitor_id, [event_make(at=at), event_make(at=at + 1)])
    results = run_together(
        *(lambda visitor_id=visitor_id: drain(visitor_id) for visitor_id in visitors.values())
    )
    assert results == [24, 24, 24]


@pytest.mark.django_db(transaction=True)
def test_a_drain_that_dies_leaves_the_inbox_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    ana = ana_make()
    inbox_put(ana, [event_make()])

    def die(*args: Any, **kwargs: Any) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(store, "inbox_delete", die)
        with pytest.raises(SystemExit):
            drain(ana)
    assert not stored(ana)
    assert Inbox.objects.count() == 1
    assert drain(ana) == 1


@pytest.mark.django_db(transaction=True)
def test_a_shard_that_another_worker_holds_is_left_to_it() -> None:
    ana = visitor_make("measurement")
    shard = inbox_put(ana, [event_make()])
    with transaction.atomic():
        store.shard_lock(shard)
        assert run_together(lambda: services.shard_drain(shard)) == [0]
    assert services.shard_drain(shard) == 1


@pytest.mark.django_db(transaction=True)
def test_an_inbox_vacuumed_while_empty_is_still_read_in_order_of_its_index() -> None:
    """A scan by bitmap would pass every request drained since that vacuum, each time."""
    shard = inbox_put(ana_make(), [event_make()])
    services.shard_drain(shard)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (TRUNCATE false) tracking_inbox")
        with transaction.atomic():
            store.shard_lock(shard)
            cursor.execute("SELECT set_config('enable_seqscan', 'off', true)")  # one page is cheap
            cursor.execute(
                "EXPLAIN SELECT * FROM tracking_inbox WHERE shard = %s ORDER BY id", (shard,)
            )
            assert "Bitmap" not in str(cursor.fetchall())
