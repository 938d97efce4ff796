"""What is unusual: told by a robust running estimate, capped for profiles, kept as reported."""

from __future__ import annotations

import math
import random
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection

from tests.tracking.people import ana_make, drain, event_make, inbox_put
from tests.tracking.tables import finding_counts
from tracking import distributions, outliers, selectors, services, signals
from tracking.models import Fence as FenceRow
from tracking.models import Outlier
from tracking.pipeline.distribution import LEAST, bin_of, distribution_of

HOUR = 3_600_000.0
NOW = datetime.now(UTC)


def bins_of(values: list[float]) -> dict[int, float]:
    return {number: float(count) for number, count in Counter(map(bin_of, values)).items()}


# --- What is usual ------------------------------------------------------------------------------


@pytest.mark.parametrize(("median", "sigma"), [(20.0, 0.8), (300.0, 0.5), (5.0, 1.2)])
def test_the_fences_are_those_of_the_values_themselves(median: float, sigma: float) -> None:
    chance = random.Random(7)
    values = [chance.lognormvariate(math.log(median), sigma) for _ in range(20_000)]
    found = distribution_of(bins_of(values), counted=False)
    assert found is not None
    logs = [math.log1p(value) for value in values]
    lower, middle, upper = statistics.quantiles(logs, n=4)
    mad = 1.4826 * statistics.median(abs(each - middle) for each in logs)
    assert found.observations == len(values)
    assert found.median == pytest.approx(math.expm1(middle), rel=0.05)
    assert math.log1p(found.z_score) == pytest.approx(middle + 3 * mad, abs=0.12)
    assert math.log1p(found.iqr) == pytest.approx(upper + 1.5 * (upper - lower), abs=0.12)
    beyond = sum(value > min(found.z_score, found.iqr) for value in values) / len(values)
    assert beyond < 0.01


def test_a_tenth_of_absurd_values_moves_the_fence_little() -> None:
    chance = random.Random(7)
    values = [chance.lognormvariate(3.0, 0.8) for _ in range(9_000)]
    clean, dirty = (
        distribution_of(bins_of(each), counted=False) for each in (values, values + [1e6] * 1000)
    )
    assert clean is not None
    assert dirty is not None
    assert dirty.z_score < 2 * clean.z_score


def test_nothing_is_unusual_before_200_observations() -> None:
    assert distribution_of(bins_of([1.0] * (LEAST - 1)), counted=False) is None
    assert distribution_of(bins_of([1.0] * LEAST), counted=False) is not None


def test_where_most_visits_have_one_a_few_are_still_usual() -> None:
    found = distribution_of(bins_of([1.0] * 900 + [2.0] * 100), counted=True)
    assert found is not None
    assert 5 < min(found.z_score, found.iqr) < 10


def test_less_than_nothing_in_a_bin_is_nothing() -> None:
    bins = bins_of([5.0] * 300)
    assert distribution_of(bins | {3: -2.0}, counted=True) == distribution_of(bins, counted=True)


# --- In the store -------------------------------------------------------------------------------


@pytest.fixture
def fenced(db: None) -> Iterator[None]:
    """A site on which a read of over 60 s, and a fourth click in a visit, is unusual."""
    for type_, z_score, iqr in (("dwell", 100.0, 60.0), ("click", 3.0, 3.5)):
        FenceRow.objects.create(
            type=type_, content_type="guide", observations=999, lower_quartile=1, median=1,
            upper_quartile=1, sigma=1, z_score=z_score, iqr=iqr, updated_at=NOW,
        )  # fmt: skip
    selectors._fences.cache_clear()
    yield
    selectors._fences.cache_clear()


def put(visitor_id: UUID, *events: dict[str, Any], **receipt: Any) -> None:
    inbox_put(visitor_id, events, **receipt)
    drain(visitor_id)


def read_make(seconds: float, **fields: Any) -> dict[str, Any]:
    return event_make("dwell", value=seconds, content_type="guide", at=time.time() * 1000, **fields)


def click_make(**fields: Any) -> dict[str, Any]:
    return event_make("click", content_type="guide", item=str(uuid4()), **fields)


def rows_of(visitor_id: UUID) -> list[tuple[float, float, str]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT value, amount, outlier FROM tracking_event WHERE visitor_id = %s ORDER BY seq",
            (visitor_id,),
        )
        return list(cursor.fetchall())


@pytest.mark.parametrize(
    ("seconds", "counted", "why"),
    [(60.0, 60.0, ""), (60.5, 60.0, "iqr"), (100.0, 60.0, "iqr"), (100.5, 60.0, "both")],
)
def test_a_value_beyond_a_fence_counts_as_the_fence(
    fenced: None, seconds: float, counted: float, why: str
) -> None:
    ana = ana_make()
    put(ana, read_make(seconds))
    assert rows_of(ana) == [(seconds, counted, why)]
    assert finding_counts() == ({"outlier_capped": 1} if why else {})


def test_one_fence_can_be_nearer_than_the_other(fenced: None) -> None:
    FenceRow.objects.filter(type="dwell").update(iqr=500.0)
    ana = ana_make()
    put(ana, read_make(200.0))
    assert rows_of(ana) == [(200.0, 100.0, "z_score")]


@pytest.mark.parametrize("together", [True, False])
def test_a_growing_value_stays_capped_and_is_flagged_once(fenced: None, *, together: bool) -> None:
    ana, read = ana_make(), read_make(50.0)
    reports = [read | {"value": value} for value in (50.0, 90.0, 300.0, 400.0)]
    for batch in [reports] if together else [[report] for report in reports]:
        put(ana, *batch)
    assert rows_of(ana) == [
        (50.0, 50.0, ""), (40.0, 10.0, "iqr"), (210.0, 0.0, ""), (100.0, 0.0, ""),
    ]  # fmt: skip


def test_values_of_other_content_are_measured_by_their_own(fenced: None) -> None:
    ana = ana_make()
    put(ana, read_make(900.0) | {"content_type": "video"}, read_make(900.0) | {"type": "scroll"})
    assert [row[2] for row in rows_of(ana)] == ["", ""]


@pytest.mark.parametrize("size", [1, 5])
def test_events_too_many_in_a_visit_count_nothing(fenced: None, size: int) -> None:
    ana, now = ana_make(), time.time() * 1000 - 5 * HOUR
    events = [click_make(at=now + number * 1000) for number in range(5)]
    events += [click_make(at=now + 4 * HOUR)]
    for start in range(0, 6, size):
        put(ana, *events[start : start + size])
    assert [row[1] for row in rows_of(ana)] == [1.0, 1.0, 1.0, 0.0, 0.0, 1.0]
    assert [row[2] for row in rows_of(ana)] == ["", "", "", "both", "both", ""]


def test_bots_are_neither_capped_nor_counted(fenced: None) -> None:
    ana = ana_make()
    put(ana, read_make(900.0), *(click_make() for _ in range(5)), is_bot=True)
    assert {row[2] for row in rows_of(ana)} == {""}
    assert not distributions.bins_read()


@pytest.mark.parametrize("size", [1, 3, 9])
def test_the_histograms_hold_final_values_and_counts(db: None, size: int) -> None:
    ana, visit, read = ana_make(), str(uuid4()), read_make(10.0)
    events = [read | {"value": value} for value in (10.0, 40.0, 90.0)]
    events += [read_make(20.0), *(click_make(visit=visit) for _ in range(5))]
    for start in range(0, len(events), size):
        put(ana, *events[start : start + size])
    put(ana, *events)
    found = {
        kind: {number: count for number, count in bins.items() if count}
        for kind, bins in distributions.bins_read().items()
    }
    assert found == {
        ("dwell", "guide"): bins_of([90.0, 20.0]),
        ("click", "guide"): bins_of([5.0]),
    }


def fill(values: list[float], *, shard: int = 3, type: str = "dwell") -> None:
    moved = {(f"{type}|guide", number): int(n) for number, n in bins_of(values).items()}
    distributions.bins_add(shard, moved)


def test_fences_come_of_all_shards_and_go_with_their_observations(db: None) -> None:
    values = [float(value) for value in range(1, 121)]
    fill(values, shard=3)
    assert outliers.fences_update(now=NOW) == 0
    fill(values, shard=4)
    fill(values * 2, type="gone")
    assert outliers.fences_update(now=NOW) == 1
    fence = FenceRow.objects.get()
    assert (fence.type, fence.content_type, fence.observations) == ("dwell", "guide", 240)
    assert fence.median == pytest.approx(60.5, rel=0.05)
    distributions.bins_fade(3, factor=0.5)
    assert outliers.fences_update(now=NOW + timedelta(minutes=5)) == 0
    assert not FenceRow.objects.exists()


def test_old_counts_fade_by_half_in_a_half_life_however_often_it_is_done(db: None) -> None:
    fill([10.0] * 100)
    for days in (0, 0.1, 1, 1, 5, outliers.HALF_LIFE.days, outliers.HALF_LIFE.days):
        outliers.fences_update(now=NOW + timedelta(days=days))
    assert sum(distributions.bins_read()["dwell", "guide"].values()) == pytest.approx(50.0)
    outliers.fences_update(now=NOW + timedelta(days=400))
    assert not distributions.bins_read()


# --- Overruled ----------------------------------------------------------------------------------


@pytest.fixture
def changed() -> Iterator[list[UUID]]:
    """Whose events were said to be changed."""
    told: list[UUID] = []

    def hear(*, visitor_id: UUID, **kwargs: Any) -> None:
        told.append(visitor_id)

    signals.events_changed.connect(hear)
    yield told
    signals.events_changed.disconnect(hear)


def test_what_is_accepted_counts_in_full_from_then_on(
    fenced: None, changed: list[UUID], django_capture_on_commit_callbacks: Any
) -> None:
    ana, read = ana_make(), read_make(50.0)
    for value in (50.0, 90.0, 300.0):
        put(ana, read | {"value": value})
    flagged = Outlier.objects.get()
    assert (flagged.reported, flagged.counted, flagged.why) == (300.0, 60.0, "iqr")
    with django_capture_on_commit_callbacks(execute=True):
        assert services.outlier_accept(visitor_id=ana, event_id=UUID(read["id"])) == 3
    assert changed == [ana]
    put(ana, read | {"value": 400.0})
    assert [row[1] for row in rows_of(ana)] == [50.0, 40.0, 210.0, 100.0]
    assert [row[2] for row in rows_of(ana)] == ["", "accepted", "", ""]
    assert services.outlier_accept(visitor_id=ana, event_id=UUID(read["id"])) == 0
    assert changed == [ana]


def test_an_event_too_many_can_be_accepted(fenced: None) -> None:
    ana, visit = ana_make(), str(uuid4())
    clicks = [click_make(visit=visit, value=9.0) for _ in range(5)]
    put(ana, *clicks)
    assert {row.reported for row in Outlier.objects.all()} == {5.0}
    services.outlier_accept(visitor_id=ana, event_id=UUID(clicks[4]["id"]))
    assert [row[1] for row in rows_of(ana)] == [1.0, 1.0, 1.0, 0.0, 1.0]
