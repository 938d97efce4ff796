"""What has been kept long enough goes, in bounded steps, and nobody waits for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from tests.tracking.people import ana_make, drain, event_make, inbox_put, stored
from tests.tracking.tables import months_drop
from tests.tracking.test_drain import run_together
from tracking import counters, partitions, retention, selectors, store
from tracking.models import DropCount, EventType, RetentionRun, Visit
from tracking.models import Visitor as VisitorRow
from tracking.retention import Policy
from tracking.signals import events_expired

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_old_months")]

NOW = datetime(2026, 7, 15, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def committed_test(function: Any) -> Any:
    """A test whose months are really there: detaching cannot run inside a transaction."""
    marked = pytest.mark.django_db(transaction=True)(function)
    return pytest.mark.usefixtures("months_dropped")(marked)


@pytest.fixture
def months_dropped() -> Any:
    """Months that a test made are no other test's business."""
    months_drop()
    yield
    months_drop()


@pytest.fixture
def told() -> Any:
    """Every `before` that was sent."""
    seen: list[datetime] = []

    def receive(before: datetime, **kwargs: Any) -> None:
        seen.append(before)

    events_expired.connect(receive)
    yield seen
    events_expired.disconnect(receive)


def happened(visitor_id: UUID, days_ago: float, type: str = "click", **fields: Any) -> UUID:
    """An event stored that happened so long before NOW; returns its id."""
    at = (NOW - days_ago * DAY).timestamp() * 1000
    event = event_make(type, at=at, **fields)
    inbox_put(visitor_id, [event], received_ms=at)
    assert drain(visitor_id) == 1
    return UUID(event["id"])


def ids_of(visitor_id: UUID) -> set[UUID]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM tracking_event WHERE visitor_id = %s", (visitor_id,))
        return {row[0] for row in cursor.fetchall()}


def keep(**days: int) -> None:
    for name, number in days.items():
        EventType.objects.filter(name=name).update(retention_days=number)


def sweep(**options: Any) -> RetentionRun:
    run = retention.retention_sweep(now=NOW, **options)
    assert run is not None
    run.refresh_from_db()
    return run


def months() -> list[str]:
    return [p.name[-7:] for p in partitions.partition_list() if p.start < NOW]


@pytest.mark.parametrize(
    ("policy", "longest"),
    [(Policy(395, {}), 395), (Policy(30, {"click": 60}), 60), (Policy(30, {"click": 7}), 30)],
)
def test_the_longest_time_is_that_of_the_site_or_of_a_type(policy: Policy, longest: int) -> None:
    assert policy.longest == longest


@committed_test
def test_whole_months_older_than_the_longest_time_are_dropped(told: list[datetime]) -> None:
    ana = ana_make()
    happened(ana, 450)
    edge, young = happened(ana, 400), happened(ana, 1)
    assert selectors.events_complete_since() is None
    run = sweep()
    assert ids_of(ana) == {edge, young}, "the edge shares its month with younger events"
    assert months() == ["2025_06", "2026_07"]
    assert (run.partitions_dropped, run.events_deleted, run.finished_at) == (1, 0, NOW)
    assert told == [datetime(2025, 5, 1, tzinfo=UTC)]
    assert selectors.events_complete_since() == datetime(2025, 5, 1, tzinfo=UTC)


@committed_test
def test_a_type_kept_longest_keeps_its_months_and_the_others_leave_them() -> None:
    keep(purchase=800)
    ana = ana_make()
    happened(ana, 900, "purchase")
    happened(ana, 700)
    kept = {happened(ana, 700, "purchase"), happened(ana, 300), happened(ana, 1)}
    run = sweep()
    assert ids_of(ana) == kept
    assert (run.partitions_dropped, run.events_deleted) == (1, 1)


def test_events_of_a_type_with_a_shorter_time_go_and_the_others_stay(
    told: list[datetime],
) -> None:
    keep(scroll=7, click=30)
    ana = ana_make()
    happened(ana, 8, "scroll", value=0.5)
    happened(ana, 31)
    kept = {happened(ana, 6, "scroll", value=0.5), happened(ana, 29), happened(ana, 90, "search")}
    run = sweep()
    assert ids_of(ana) == kept
    assert run.events_deleted == 2
    assert told == [NOW - 7 * DAY]
    assert selectors.events_complete_since() == NOW - 7 * DAY


def test_a_late_event_of_a_month_long_expired_goes_in_the_next_run() -> None:
    keep(click=30)
    ana = ana_make()
    happened(ana, 100)
    sweep()
    happened(ana, 101)
    tomorrow = retention.retention_sweep(now=NOW + DAY)
    assert tomorrow is not None
    assert ids_of(ana) == set()


def test_visits_older_than_everything_kept_go_too() -> None:
    ana = ana_make()
    happened(ana, 400, visit=str(uuid4()))
    young = uuid4()
    happened(ana, 3, visit=str(young))
    assert sweep().visits_deleted == 1
    assert Visit.objects.get().id == young


def test_of_a_visitor_whose_events_are_all_gone_nothing_is_kept() -> None:
    old, late = 12 * 2025 + 1, 12 * 2025 + 6  # of what is kept for 395 days the month of June 2025
    ana, ben = uuid4(), uuid4()
    VisitorRow.objects.create(visitor_id=ana, months=[old, old + 1])
    VisitorRow.objects.create(visitor_id=ben, months=[old, late])
    assert sweep().visitors_deleted == 1
    assert VisitorRow.objects.get().visitor_id == ben


def test_counters_and_runs_are_kept_for_400_days() -> None:
    for days in (401, 399):
        store.drops_add({("duplicate", "x"): 1}, day=(NOW - days * DAY).date())
        RetentionRun.objects.create(started_at=NOW - days * DAY, finished_at=NOW)
    counters.drops_merge()
    sweep()
    assert [row.day for row in DropCount.objects.all()] == [(NOW - 399 * DAY).date()]
    assert RetentionRun.objects.filter(started_at__lt=NOW).count() == 1


def test_a_run_begins_once_a_day() -> None:
    assert sweep().finished_at is not None
    assert retention.retention_sweep(now=NOW + timedelta(hours=23)) is None
    assert retention.retention_sweep(now=NOW + timedelta(hours=24)) is not None


def test_a_long_run_goes_on_slice_by_slice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BLOCKS", 1)
    keep(click=30)
    ana = ana_make()
    at = (NOW - 40 * DAY).timestamp() * 1000
    inbox_put(ana, [event_make("click", at=at, path="/" + "x" * 900) for _ in range(40)])
    assert drain(ana) == 40
    happened(ana, 70)
    places = []
    while (run := sweep(seconds=0)).finished_at is None:
        places.append((run.stage, run.place_table, run.place_block))
    assert len(places) > 5
    assert places == sorted(places)
    assert ids_of(ana) == set()
    assert run.events_deleted == 41
    assert RetentionRun.objects.count() == 1


def test_a_run_that_dies_goes_on_and_counts_nothing_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BLOCKS", 1)
    keep(click=30)
    ana = ana_make()
    happened(ana, 40)
    happened(ana, 70)

    def die(*args: Any, **fields: Any) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(retention, "_note", die)
        with pytest.raises(SystemExit):
            sweep()
    assert len(ids_of(ana)) == 2, "what was deleted and not noted came back"
    assert sweep().events_deleted == 2
    assert ids_of(ana) == set()


@committed_test
def test_one_run_at_a_time() -> None:
    with store.lock_if_free("attune retention"):
        assert run_together(lambda: retention.retention_sweep(now=NOW)) == [None]


# --- Months in use --------------------------------------------------------------------------------


@committed_test
def test_a_month_somebody_reads_stays_and_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partitions, "LOCK_TIMEOUT", "100ms")
    ana = ana_make()
    happened(ana, 450)
    with transaction.atomic():
        assert len(ids_of(ana)) == 1
        (run,) = run_together(lambda: retention.retention_sweep(now=NOW))
        assert "is in use" in run.note
        assert run.finished_at is None
    young = happened(ana, 1)
    run = sweep()
    assert (run.note, run.partitions_dropped, run.finished_at) == ("", 1, NOW)
    assert ids_of(ana) == {young}
    assert months() == ["2026_07"]


@committed_test
def test_a_month_left_detached_by_a_killed_run_is_dropped() -> None:
    happened(ana_make(), 450)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE tracking_event DETACH PARTITION tracking_event_2025_04")
    assert sweep().partitions_dropped == 1
    assert months() == []


@committed_test
def test_an_event_for_a_month_that_is_being_dropped_waits_and_is_stored() -> None:
    ana = ana_make()
    happened(ana, 450)
    store.partitions_forget()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE tracking_event DETACH PARTITION tracking_event_2025_04")
    late = event_make(at=(NOW - 451 * DAY).timestamp() * 1000)
    inbox_put(ana, [late])
    with pytest.raises(store.PartitionExpiringError):
        drain(ana)
    assert selectors.inbox_size() == 1
    sweep()
    assert drain(ana) == 1
    assert ids_of(ana) == {UUID(late["id"])}


@committed_test
def test_an_event_for_a_month_that_another_process_dropped_makes_it_anew() -> None:
    ana = ana_make()
    happened(ana, 450)  # this process now knows the month
    sweep()
    assert months() == []
    late = happened(ana, 449)
    assert ids_of(ana) == {late}
    assert len(stored(ana)) == 1


@committed_test
def test_rows_that_somebody_else_deletes_are_not_waited_for() -> None:
    keep(click=30)
    cleo, ana = ana_make(), ana_make()
    happened(cleo, 40)
    happened(ana, 40)
    with transaction.atomic():
        store.visitor_delete(cleo)
        (run,) = run_together(lambda: retention.retention_sweep(now=NOW))
        assert run.events_deleted == 1
    assert ids_of(cleo) | ids_of(ana) == set()


def test_a_bite_reads_its_blocks_alone() -> None:
    happened(ana_make(), 40)
    with connection.cursor() as cursor:
        cursor.execute(
            "EXPLAIN SELECT ctid FROM tracking_event_2026_06"
            " WHERE ctid >= '(5,0)'::tid AND ctid < '(9,0)'::tid"
        )
        assert "Tid Range Scan" in str(cursor.fetchall())


def test_operators_see_what_the_last_run_did(admin_client: Client) -> None:
    RetentionRun.objects.create(
        started_at=NOW - 3 * DAY, note="tracking_event_2025_04 is in use", events_deleted=1_234_567
    )
    page = admin_client.get(reverse("admin:tracking_retentionrun_changelist")).content.decode()
    assert "is in use" in page
    assert "1,234,567" in page or "1234567" in page
