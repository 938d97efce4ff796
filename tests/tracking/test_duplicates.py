"""One id is one event, whenever it says it happened; and a rapid repeat is none of its own."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from importlib import import_module
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.apps import apps
from django.db import connection

from tests.tracking.people import ana_make, drain, event_make, inbox_put
from tests.tracking.tables import finding_counts
from tracking import selectors, services, store
from tracking.models import EventType, Visitor
from tracking.pipeline.repeats import KEPT

pytestmark = pytest.mark.django_db
DAY = 86_400_000.0
JUNE = datetime(2025, 6, 15, 12, tzinfo=UTC).timestamp() * 1000


@pytest.fixture
def year() -> UUID:
    """Ana, with an event in each month of a year."""
    ana = ana_make()
    inbox_put(ana, [event_make(at=JUNE + 30 * DAY * month) for month in range(12)])
    assert drain(ana) == 12
    return ana


# --- Duplicates ---------------------------------------------------------------------------------


@pytest.mark.parametrize("months", range(12))
def test_an_id_with_any_other_time_is_a_duplicate(year: UUID, months: int) -> None:
    event = event_make(at=JUNE + 30 * DAY * 5)
    inbox_put(year, [event])
    assert drain(year) == 1
    inbox_put(year, [event | {"at": JUNE + 30 * DAY * months}, event | {"at": JUNE - 400 * DAY}])
    assert drain(year) == 0
    assert selectors.drop_counts() == {"duplicate": 2}


def test_a_growing_value_with_another_time_is_a_part_of_the_first(year: UUID) -> None:
    read = event_make("dwell", at=JUNE, value=10.0)
    for report in (read, read | {"at": JUNE + 200 * DAY, "value": 15.0}):
        inbox_put(year, [report])
        assert drain(year) == 1
    parts = [row for row in rows_of(year) if row["type"] == "dwell"]
    assert [(row["part"], row["value"]) for row in parts] == [(0, 10.0), (1, 5.0)]
    assert len({row["occurred_at"] for row in parts}) == 1


def test_only_the_months_of_a_visitor_are_known(year: UUID) -> None:
    ben = ana_make()
    inbox_put(ben, [event_make(at=JUNE)])
    drain(ben)
    assert Visitor.objects.get(pk=ben).months == [2025 * 12 + 5]
    assert len(Visitor.objects.get(pk=year).months) == 12
    services.visitor_erase(visitor_id=year)
    assert [visitor.pk for visitor in Visitor.objects.all()] == [ben]


def test_the_migration_finds_the_months_of_what_is_stored(year: UUID) -> None:
    known = Visitor.objects.get().months
    fill = import_module("tracking.migrations.0013_cleaning").months_fill
    Visitor.objects.all().delete()
    for _ in range(2):
        with connection.schema_editor() as editor:
            fill(apps, editor)
        assert Visitor.objects.get().months == known


# --- Rapid repeats ------------------------------------------------------------------------------


@pytest.fixture
def clicks() -> UUID:
    """Ana, on a site where a click within half a second is a repeat."""
    EventType.objects.filter(name="click").update(repeat_ms=500)
    return ana_make()


def click_at(at: float, **fields: Any) -> dict[str, Any]:
    return event_make("click", at=at, **fields)


def rows_of(visitor_id: UUID) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, type, part, amount, repeats, value, occurred_at FROM tracking_event"
            " WHERE visitor_id = %s ORDER BY seq",
            (visitor_id,),
        )
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


@pytest.mark.parametrize("size", [1, 2, 4])
def test_rapid_repeats_are_folded_into_one_with_their_number(clicks: UUID, size: int) -> None:
    now = time.time() * 1000 - 5000
    events = [click_at(now + at) for at in (0, 100, 500, 501)]
    for start in range(0, 4, size):
        inbox_put(clicks, events[start : start + size])
        drain(clicks)
    rows = rows_of(clicks)
    assert [row["amount"] for row in rows] == [1.0, 0.0, 0.0, 1.0]
    assert [row["part"] for row in rows] == [0, 1, 1, 0]
    assert sum(row["repeats"] for row in rows) == 2
    assert selectors.visitor_event_count(clicks) == 2
    assert finding_counts() == {"repeat_folded": 2}


def test_what_is_folded_together_has_its_number_on_the_first(clicks: UUID) -> None:
    now = time.time() * 1000 - 5000
    inbox_put(clicks, [click_at(now + at) for at in (0, 100, 200)])
    drain(clicks)
    assert [row["repeats"] for row in rows_of(clicks)] == [2, 0, 0]


def test_a_retried_repeat_is_a_duplicate(clicks: UUID) -> None:
    now = time.time() * 1000 - 5000
    first, repeat, late = (click_at(now + at) for at in (0, 100, 200))
    inbox_put(clicks, [first, repeat])
    drain(clicks)
    inbox_put(clicks, [repeat, late, repeat])
    drain(clicks)
    inbox_put(clicks, [late, first])
    drain(clicks)
    assert sum(row["repeats"] for row in rows_of(clicks)) == 2
    assert selectors.drop_counts() == {"duplicate": 4}


@pytest.mark.parametrize(
    "other",
    [
        {"type": "like"},
        {"view": str(uuid4())},
        {"path": "/b"},
        {"item": "beds"},
        {"element": {"id": "sell"}},
        {"element": {"id": "buy", "classes": ["wide"]}},
        {"element": {"id": "buy", "section": "foot"}},
    ],
)
def test_an_act_on_something_else_is_no_repeat(clicks: UUID, other: dict[str, Any]) -> None:
    now = time.time() * 1000 - 5000
    click = click_at(now, element={"id": "buy"}, path="/a")
    inbox_put(clicks, [click, click | {"id": str(uuid4())} | other])
    drain(clicks)
    assert [row["amount"] for row in rows_of(clicks)] == [1.0, 1.0]


def test_types_without_an_interval_have_no_repeats() -> None:
    ana, now = ana_make(), time.time() * 1000 - 5000
    EventType.objects.update(repeat_ms=0)
    inbox_put(ana, [click_at(now), click_at(now)])
    drain(ana)
    assert [row["amount"] for row in rows_of(ana)] == [1.0, 1.0]


def test_a_visit_remembers_a_bounded_number_of_acts(clicks: UUID) -> None:
    now = time.time() * 1000 - 60_000
    for number in range(3 * KEPT):
        inbox_put(clicks, [click_at(now + number * 1000, item=str(number))])
    drain(clicks)
    with connection.cursor() as cursor:
        cursor.execute("SELECT jsonb_array_length(state -> 'recent') FROM tracking_visit")
        assert cursor.fetchall() == [(KEPT,)]
    inbox_put(clicks, [click_at(now + (3 * KEPT - 1) * 1000 + 400, item=str(3 * KEPT - 1))])
    drain(clicks)
    assert rows_of(clicks)[-1]["amount"] == 0.0


def test_a_repeat_leaves_the_profile_as_it_is(clicks: UUID) -> None:
    now = time.time() * 1000 - 5000
    inbox_put(clicks, [click_at(now), click_at(now + 10), click_at(now + 20)])
    drain(clicks)
    (block,) = selectors.events_blocks(selectors.shard_of(clicks), through_seq=9)
    assert block.amount.tolist() == [1.0, 0.0, 0.0]
    assert block.is_new.tolist() == [True, False, False]
    assert block.occurred_ms[0] == pytest.approx(store.at(now).timestamp() * 1000)
