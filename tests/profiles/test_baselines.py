"""The site's baseline, from stored profiles to the page: of those who agree, at no page's cost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client, RequestFactory, override_settings
from django.urls import reverse

from bench.page import round_trips
from consent.cookies import COOKIE_NAME, cookie_value
from personalization.selectors import visitor_context
from personalization.services import ruleset_publish
from personalization.visitor import Visitor
from profiles import baselines, selectors, store, tasks
from profiles.baseline import Baseline
from profiles.models import Baseline as BaselineRow
from profiles.state import DAY, Increment, State, state_add
from tests.tracking.people import ana_make, ben_make, withdraw

pytestmark = pytest.mark.django_db

AT = datetime.now(UTC)


def profile_put(visitor_id: UUID, *, views: int = 1, days_ago: float = 0.0) -> UUID:
    state = State()
    at = (AT.timestamp() - days_ago * DAY) * 1000
    for _ in range(views):
        event = Increment("page_view", "gardening", "guide", 1.0, at, True, False)
        state_add(state, event, max_topics=64)
    store.states_write({visitor_id: state}, shard=0)
    return visitor_id


@pytest.fixture
def ana() -> UUID:
    """Of sixty visitors, the one who has viewed 30 pages; the others 1 to 60, but 30."""
    for views in range(1, 61):
        if views != 30:
            profile_put(ana_make(), views=views)
    return profile_put(ana_make(), views=30)


def test_the_baseline_is_of_the_visitors_who_agree_and_were_here_lately(ana: UUID) -> None:
    profile_put(ben_make())
    profile_put(uuid4())
    cleo = profile_put(ana_make())
    withdraw(cleo)
    profile_put(ana_make(), days_ago=29)
    profile_put(ana_make(), days_ago=27)
    site = baselines.baseline_compute(now=AT)
    assert site.n == 61
    assert site.shares == {"gardening": 1.0}
    assert site.quantiles["engagement"][100] == pytest.approx(60.0)
    assert selectors.baseline_latest() == site


def test_of_many_visitors_a_sample_is_taken(ana: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baselines, "SAMPLE", 25)
    monkeypatch.setattr(baselines, "CHUNK", 10)
    first, second = (baselines.baseline_compute(now=AT) for _ in range(2))
    assert first.n == second.n == 25
    assert first.quantiles != second.quantiles, "another sample each time"


def test_the_task_keeps_the_latest_and_those_of_a_month() -> None:
    old = BaselineRow.objects.create(computed_at=AT - timedelta(days=31), n=0)
    kept = BaselineRow.objects.create(computed_at=AT - timedelta(days=29), n=0)
    tasks.baseline_compute_task()
    numbers = list(BaselineRow.objects.values_list("pk", flat=True))
    assert numbers == [selectors.baseline_version(), kept.pk]
    assert old.pk not in numbers


def visitor_of(visitor_id: UUID) -> Visitor:
    request = RequestFactory().get("/")
    request.COOKIES[COOKIE_NAME] = cookie_value(visitor_id, datetime.now(UTC))
    return Visitor(request)


def test_a_page_reads_a_profile_against_the_baseline(ana: UUID) -> None:
    ruleset_publish()
    before = visitor_of(ana).context.vector
    assert before is not None
    assert before.engagement_level == pytest.approx(30 / 70, abs=0.01)
    baselines.baseline_compute(now=AT)
    cache.delete(selectors.BASELINE_VERSION_KEY)  # what the commit's announcement replaces
    after = visitor_of(ana).context
    assert after.vector is not None
    assert after.vector.engagement_level == pytest.approx(29 / 59, abs=0.01)
    assert after.interests[0].lift == pytest.approx(1.0)
    told = visitor_context(ana, now=datetime.now(UTC)).vector
    assert told is not None
    assert told.engagement_level == pytest.approx(after.vector.engagement_level, abs=0.001)


@pytest.mark.django_db(transaction=True)
def test_a_new_baseline_is_announced_to_every_process(ana: UUID) -> None:
    assert selectors.baseline_current() is None
    assert cache.get(selectors.BASELINE_VERSION_KEY) == 0
    site = baselines.baseline_compute(now=AT)
    version = cache.get(selectors.BASELINE_VERSION_KEY)
    assert version == selectors.baseline_version()
    assert selectors.baseline_current(version) == site


def test_the_baseline_costs_a_page_no_query_and_no_round_trip(
    ana: UUID, django_assert_num_queries: Any
) -> None:
    baselines.baseline_compute(now=AT)
    assert visitor_of(ana).context.baseline

    def page() -> None:
        assert visitor_of(ana).context.baseline

    with django_assert_num_queries(0):
        page()
    assert round_trips(cache, page) == 1


def test_nothing_of_the_baseline_is_read_for_who_refused() -> None:
    baselines.baseline_compute(now=AT)
    assert visitor_of(ben_make()).known.baseline is None


def test_a_baseline_that_cannot_be_read_breaks_no_page(ana: UUID) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE profiles_baseline RENAME TO profiles_baseline_away")
    visitor = visitor_of(ana)
    cache.set(selectors.BASELINE_VERSION_KEY, 10**9, timeout=60)
    assert visitor.known.baseline is None
    assert visitor.known.state is not None


@override_settings(
    CACHES={
        "default": {
            "BACKEND": "config.cache.RedisCache",
            "LOCATION": "unix:///nonexistent/valkey.sock?db=0",
        }
    }
)
def test_a_page_without_redis_reads_the_baseline_from_postgresql(ana: UUID) -> None:
    site = baselines.baseline_compute(now=AT)
    assert visitor_of(ana).known.baseline == site


def test_an_operator_looks_at_a_baseline(ana: UUID, admin_client: Client) -> None:
    baselines.baseline_compute(now=AT)
    row = BaselineRow.objects.get()
    listed = admin_client.get(reverse("admin:profiles_baseline_changelist")).content.decode()
    assert "too few visitors" in listed, "nobody has a complete day yet"
    url = reverse("admin:profiles_baseline_change", args=[row.pk])
    page = admin_client.get(url).content.decode()
    for part in ("gardening", "100.0 %", "Engagement (units of weight)", "30.5", "Not published"):
        assert part in page
    assert baselines.baseline_compute(now=AT) == Baseline(
        row.n, row.quantiles, row.daily_means, row.shares
    )
