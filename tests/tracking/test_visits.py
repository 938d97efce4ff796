"""Visits as the server verifies them: 30 minutes of inactivity, 24 hours, one beginning each."""

from __future__ import annotations

import time
from collections import defaultdict
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from tests.tracking.people import ana_make, drain, event_make, inbox_put
from tests.tracking.tables import finding_counts
from tracking import selectors
from tracking.models import Visit as VisitRow
from tracking.pipeline.visits import GAP_MS, LONGEST_MS, Visit, Visits

ANA, ROOT = uuid4(), uuid4()
MINUTE = 60_000.0
NOW = 1_763_800_000_000.0


def joined(*minutes: float, root: UUID = ROOT) -> list[tuple[UUID, bool]]:
    """Events of one root at these minutes, in this order: (visit, begins it)."""
    visits = Visits()
    found = [visits.join(ANA, root, NOW + minute * MINUTE) for minute in minutes]
    return [(visit.id, is_new) for visit, is_new in found]


def numbered(found: list[tuple[UUID, bool]]) -> list[int]:
    """The visits by their number in order of appearance."""
    order = list(dict.fromkeys(visit_id for visit_id, _ in found))
    return [order.index(visit_id) for visit_id, _ in found]


def test_the_first_visit_keeps_the_id_its_client_gave_it() -> None:
    assert joined(0, 29, 58) == [(ROOT, True), (ROOT, False), (ROOT, False)]


@pytest.mark.parametrize(
    ("minutes", "visits"),
    [
        ((0, 30), [0, 0]),
        ((0, 30.1), [0, 1]),
        ((0, -30), [0, 0]),
        ((0, -30.1), [0, 1]),
        ((0, 60, 30), [0, 1, 0]),  # as near to both: the earlier
        ((0, 60, 31), [0, 1, 1]),
        ((0, 100, 15, 90), [0, 1, 0, 1]),  # late events join the visit they fall in
        ((0, 20, 10), [0, 0, 0]),
        (tuple(range(0, 1441, 30)), [0] * 49),
        ((*range(0, 1441, 30), 1441), [0] * 49 + [1]),
        ((*range(0, 1441, 30), -1), [0] * 49 + [1]),
    ],
)
def test_events_are_split_into_visits(minutes: tuple[float, ...], visits: list[int]) -> None:
    assert numbered(joined(*minutes)) == visits


def test_the_id_of_a_split_visit_follows_from_its_beginning() -> None:
    assert joined(0, 100, 200) == joined(0, 100, 200)
    assert len({visit_id for visit_id, _ in joined(0, 100, 200)}) == 3


def test_events_without_a_visit_get_one_and_it_is_not_the_visitors_id() -> None:
    found = joined(0, 10, 100, root=ANA)
    assert numbered(found) == [0, 0, 1]
    assert ANA not in {visit_id for visit_id, _ in found}


def test_reading_keeps_a_visit_going_until_the_next_one_or_24_hours() -> None:
    visits = Visits()
    first, _ = visits.join(ANA, ROOT, NOW)
    visits.stay(first, NOW + 25 * MINUTE)
    assert visits.join(ANA, ROOT, NOW + 50 * MINUTE) == (first, False)
    second, _ = visits.join(ANA, ROOT, NOW + 90 * MINUTE)
    visits.stay(first, NOW + 3000 * MINUTE)
    assert first.ended_ms == second.started_ms
    visits.stay(second, NOW + 3000 * MINUTE)
    assert second.ended_ms == second.started_ms + LONGEST_MS


MOMENTS = st.lists(
    st.tuples(st.integers(0, 3), st.one_of(st.integers(0, 5000), st.integers(0, 120))),
    min_size=1,
    max_size=60,
)


@given(moments=MOMENTS, batches=st.lists(st.integers(1, 9), min_size=1, max_size=60))
def test_whatever_the_order_and_the_batches_visits_keep_their_bounds(
    moments: list[tuple[int, int]], batches: list[int]
) -> None:
    roots = [ANA, *(UUID(int=number) for number in (1, 2, 3))]
    events = [(roots[root], NOW + minute * MINUTE) for root, minute in moments]
    apart = assigned(events, batches)
    times: defaultdict[UUID, list[float]] = defaultdict(list)
    begun: defaultdict[UUID, int] = defaultdict(int)
    for (_, at), (visit_id, is_new) in zip(events, apart, strict=True):
        times[visit_id].append(at)
        begun[visit_id] += is_new
    assert set(begun.values()) == {1}
    for mine in times.values():
        assert max(mine) - min(mine) <= LONGEST_MS
        assert all(later - at <= GAP_MS for at, later in pairwise(sorted(mine)))
    assert apart == assigned(events, [len(events)])


def assigned(events: list[tuple[UUID, float]], batches: list[int]) -> list[tuple[UUID, bool]]:
    """In batches of these sizes, each knowing of the store what a drain would read."""
    stored: list[Visit] = []
    found: list[tuple[UUID, bool]] = []
    rest = list(events)
    while rest:
        size = batches[len(found) % len(batches)]
        batch, rest = rest[:size], rest[size:]
        visits = Visits()
        for visit in stored:
            mine = [at for root, at in batch if root == visit.root]
            if mine and (
                min(mine) - LONGEST_MS - GAP_MS <= visit.started_ms <= max(mine) + GAP_MS
                or visit.id == visit.root
            ):
                visits.add(visit)
        for root, at in batch:
            visit, is_new = visits.join(ANA, root, at)
            found.append((visit.id, is_new))
            if is_new:
                stored.append(visit)
    return found


# --- In the store -------------------------------------------------------------------------------


def rows_of(visitor_id: UUID) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT e.visit_id, e.starts_visit, (extract(epoch FROM e.occurred_at) * 1000)::float8"
            " FROM tracking_event AS e JOIN tracking_visit AS v"
            "  ON v.visitor_id = e.visitor_id AND v.id = e.visit_id"
            "  AND e.occurred_at BETWEEN v.started_at AND v.ended_at"
            " WHERE e.visitor_id = %s ORDER BY e.seq",
            (visitor_id,),
        )
        return list(cursor.fetchall())


@pytest.mark.django_db
def test_a_visit_that_went_on_too_long_is_split_across_drains() -> None:
    ana, visit, now = ana_make(), str(uuid4()), time.time() * 1000
    for ago in (300, 290, 200, 295, 190, 215):
        inbox_put(ana, [event_make(at=now - ago * MINUTE, visit=visit)])
        drain(ana)
    rows = rows_of(ana)
    assert numbered([row[:2] for row in rows]) == [0, 0, 1, 0, 1, 1]
    assert [row[1] for row in rows] == [True, False, True, False, False, False]
    assert {row.root for row in VisitRow.objects.all()} == {UUID(visit)}
    assert finding_counts() == {"visit_split": 1}


@pytest.mark.django_db
def test_events_that_name_no_visit_are_put_into_one() -> None:
    ana, now = ana_make(), time.time() * 1000
    for ago in (300, 280, 100):
        inbox_put(ana, [event_make(at=now - ago * MINUTE)])
        drain(ana)
    assert numbered([row[:2] for row in rows_of(ana)]) == [0, 0, 1]
    assert not finding_counts()
    assert len(selectors.visitor_visits(ana)) == 2


@pytest.mark.django_db
def test_a_long_read_is_no_inactivity() -> None:
    ana, visit, now = ana_make(), str(uuid4()), time.time() * 1000
    read = event_make("dwell", at=now - 60 * MINUTE, visit=visit)
    for seconds in (10.0, 1700.0):
        inbox_put(ana, [read | {"value": seconds}])
        drain(ana)
    inbox_put(ana, [event_make("click", at=now - 5 * MINUTE, visit=visit)])
    drain(ana)
    assert VisitRow.objects.get().id == UUID(visit)
    assert [row[1] for row in rows_of(ana)] == [True, False, False]


@pytest.mark.django_db
@given(moments=MOMENTS, size=st.integers(1, 20), shuffled=st.randoms())
def test_the_store_holds_what_the_rules_allow(
    moments: list[tuple[int, int]], size: int, shuffled: Any
) -> None:
    ana, now = ana_make(), time.time() * 1000
    roots = [None, *(str(uuid4()) for _ in range(3))]
    events = [
        event_make(at=round(now - minute * MINUTE), visit=roots[root]) for root, minute in moments
    ]
    events += events[:3]
    shuffled.shuffle(events)
    for start in range(0, len(events), size):
        inbox_put(ana, events[start : start + size])
        drain(ana)
    times: defaultdict[UUID, list[float]] = defaultdict(list)
    begun: defaultdict[UUID, int] = defaultdict(int)
    rows = rows_of(ana)
    assert len(rows) == len(moments)
    for visit_id, starts, at in rows:
        times[visit_id].append(at)
        begun[visit_id] += starts
    assert set(begun.values()) == {1}
    for mine in times.values():
        assert max(mine) - min(mine) <= LONGEST_MS
        assert all(later - at <= GAP_MS for at, later in pairwise(sorted(mine)))
    assert len(selectors.visitor_visits(ana, limit=1000)) == len(times)
