"""Counters of refusals: exact after each commit, and nobody waits for anybody."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from tests.tracking.test_drain import run_together
from tracking import counters, runs, selectors, services, store
from tracking.models import DropCount, DropIncrement
from tracking.pipeline.wire import Refusal

pytestmark = pytest.mark.django_db
TRACKER = ("no_consent", "tracker")


def test_what_was_added_up_and_what_was_not_make_one_count() -> None:
    for _ in range(3):
        store.drops_add({TRACKER: 2, ("duplicate", "x#1"): 1})
        counters.drops_merge()
    store.drops_add({TRACKER: -1, ("duplicate", "x#1"): 1})
    assert selectors.drop_counts() == {"no_consent": 5, "duplicate": 4}
    assert runs.drop_counts("x#1") == {"duplicate": 4}
    assert runs.drop_counts("y#1") == {}


def test_adding_up_leaves_one_row_a_day_and_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counters, "MERGE_ROWS", 2)
    for _ in range(5):
        store.drops_add({TRACKER: 1})
    store.drops_add({TRACKER: 1}, day=date(2026, 1, 31))
    assert counters.drops_merge() == 6
    assert not DropIncrement.objects.exists()
    days = dict(DropCount.objects.values_list("day", "count"))
    assert days == {date(2026, 1, 31): 1, datetime.now(UTC).date(): 5}
    assert counters.drops_merge() == 0


def test_the_list_of_refusals_shows_what_was_just_counted(admin_client: Client) -> None:
    services.drops_count({Refusal.NO_CONSENT: 4_321}, source="tracker")
    page = admin_client.get(reverse("admin:tracking_dropcount_changelist"))
    assert DropCount.objects.get().count == 4_321
    assert "no_consent" in page.content.decode()


@pytest.mark.django_db(transaction=True)
def test_a_writer_does_not_wait_for_another_ones_transaction() -> None:
    store.drops_add({TRACKER: 1})
    counters.drops_merge()

    def add() -> int:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '200ms'")
            store.drops_add({TRACKER: 10})
        return selectors.drop_counts()["no_consent"]

    def add_up() -> int:
        return counters.drops_merge()

    with transaction.atomic():
        store.drops_add({TRACKER: 100})
        assert run_together(add) == [11]
        assert run_together(add_up) == [1]
    assert selectors.drop_counts() == {"no_consent": 111}
    assert counters.drops_merge() == 1
    assert selectors.drop_counts() == {"no_consent": 111}


@pytest.mark.django_db(transaction=True)
def test_two_writers_and_two_who_add_up_count_each_refusal_once() -> None:
    def write() -> None:
        for _ in range(100):
            store.drops_add({TRACKER: 1, ("too_old", "tracker"): 2})

    def add_up() -> None:
        for _ in range(30):
            counters.drops_merge()

    assert run_together(write, add_up, write, add_up) == [None] * 4
    assert selectors.drop_counts() == {"no_consent": 200, "too_old": 400}
    counters.drops_merge()
    assert sum(DropCount.objects.values_list("count", flat=True)) == 600
