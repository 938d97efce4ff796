"""What happened by the hour is counted once, whatever is killed, doubled, erased or merged."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction

from consent.cookies import cookie_value
from tests.consent.visitors import Device
from tests.tracking.people import ana_make, click_make, drain, event_make, inbox_put
from tracking import activity, merging, selectors, services
from tracking.models import ActivityCount, ActivityCursor

pytestmark = pytest.mark.django_db(transaction=True)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def put(visitor_id: UUID, *events: dict[str, Any], **receipt: Any) -> None:
    inbox_put(visitor_id, events, **receipt)
    drain(visitor_id)


def shown(type: str = "exposure", campaign: object = 3) -> dict[str, Any]:
    return event_make(type, view=str(uuid4()), properties={"slot": "hero", "campaign": campaign})


def count() -> int:
    return activity.activity_count(now=datetime.now(UTC))


def counted() -> dict[tuple[str, str], int]:
    rows = ActivityCount.objects.exclude(count=0).values_list("type", "campaign", "count")
    totals: dict[tuple[str, str], int] = {}
    for kind, campaign, number in rows:
        totals[kind, campaign] = totals.get((kind, campaign), 0) + number
    return totals


def plainly() -> dict[tuple[str, str], int]:
    """The same by one look at all events."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT type, CASE WHEN properties->>'campaign' ~ '^[0-9]{1,9}$'"
            " THEN properties->>'campaign' ELSE '' END, count(*) FROM tracking_event"
            " WHERE part = 0 AND NOT is_bot GROUP BY 1, 2"
        )
        return {(kind, campaign): number for kind, campaign, number in cursor.fetchall()}


def test_events_are_counted_by_hour_type_and_campaign() -> None:
    ana = ana_make()
    now = datetime.now(UTC)
    before = int((now - timedelta(hours=2)).timestamp() * 1000)
    put(
        ana, event_make(), event_make(at=before), shown(), shown(), shown("click"), shown("view", 4)
    )
    count()
    assert counted() == {
        ("page_view", ""): 2,
        ("exposure", "3"): 2,
        ("click", "3"): 1,
        ("view", "4"): 1,
    }
    hours = {line.at for line in selectors.activity_list(since=LONG_AGO, unit="hour")}
    assert len(hours) == 2
    assert all((at.minute, at.second) == (0, 0) for at in hours)
    since = now - timedelta(hours=1, minutes=59)
    recent = selectors.activity_list(since=since.replace(minute=0), unit="day")
    assert sum(line.events for line in recent if line.type == "page_view") in {1, 2}
    assert selectors.campaign_activity(since=LONG_AGO)[3, "exposure"] == 2


def test_counting_again_changes_nothing_and_new_events_are_added() -> None:
    ana = ana_make()
    put(ana, event_make())
    assert count() == 1
    assert count() == 0
    put(ana, event_make(), click_make())
    count()
    assert counted() == plainly() == {("page_view", ""): 2, ("click", ""): 1}
    assert "activity" in selectors.sweeps_last()


def test_a_run_goes_on_where_the_last_one_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    ana = ana_make()
    put(ana, *(event_make() for _ in range(7)))
    monkeypatch.setattr(activity, "SLICE_EVENTS", 3)
    monkeypatch.setattr(activity, "SLICE_SECONDS", 0.0)
    passed = [count() for _ in range(4)]
    assert passed == [3, 3, 1, 0]
    assert counted() == {("page_view", ""): 7}


def test_a_run_that_dies_before_its_commit_counts_nothing_twice() -> None:
    put(ana_make(), event_make())
    with transaction.atomic():
        count()
        transaction.set_rollback(True)
    assert counted() == {}
    count()
    assert counted() == {("page_view", ""): 1}


def test_bots_and_later_parts_of_a_value_are_not_counted() -> None:
    ana = ana_make()
    put(ana, event_make(), is_bot=True)
    one = event_make("dwell", value=5.0, view=str(uuid4()))
    put(ana, one)
    put(ana, {**one, "value": 25.0})
    count()
    assert counted() == {("dwell", ""): 1}


def test_a_campaign_that_is_no_number_of_ours_opens_no_row() -> None:
    put(ana_make(), *(shown(campaign=name) for name in ("spring", "1" * 12, "3;drop", "-1")))
    count()
    assert counted() == {("exposure", ""): 4}


def test_who_is_erased_was_never_counted() -> None:
    ana, other = ana_make(), ana_make()
    put(ana, shown(), event_make())
    put(other, shown(), event_make())
    count()
    put(ana, click_make())  # not counted yet when she goes
    services.visitor_erase(visitor_id=ana)
    assert counted() == plainly() == {("exposure", "3"): 1, ("page_view", ""): 1}
    count()
    assert counted() == plainly()


def test_what_a_merge_moves_is_counted_once() -> None:
    ana = ana_make()
    put(ana, shown(), event_make())
    count()
    browser = Device()
    browser.cookie = cookie_value(ana, datetime.now(UTC))
    browser.sign_in("ana")
    merging.visitor_merge(from_id=ana)
    count()
    assert counted() == plainly() == {("exposure", "3"): 1, ("page_view", ""): 1}
    assert ActivityCursor.objects.exists()
