"""Capacity: never given to more than so many, all visitors together, however many ask at once."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
import redis
from django.core.cache import cache
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from redis.exceptions import RedisError

from bench.page import round_trips
from personalization.frequency.capacity import Capacity
from personalization.frequency.counting import capacities_count, counters_prepare
from personalization.frequency.given import given_for_preview, given_keys
from personalization.models import Campaign, CampaignGiven
from personalization.selectors import decisions_explain, ruleset_latest, visitor_context
from personalization.visitor import Visitor
from tests.personalization.admin_site import Site
from tests.personalization.test_exposing import limits, page, reported, request_of, second
from tests.tracking.people import ana_make, ben_make, withdraw

pytestmark = pytest.mark.django_db(transaction=True)

ALWAYS = {"condition": "gpc", "value": "off"}


@pytest.fixture
def full_at_3(transactional_db: None) -> Campaign:
    """The small site; its campaign is for the first three visitors, whoever they are."""
    site = Site()
    return limits(site.campaign, rule=ALWAYS, capacity_count=3)


def at_once(visitors: Sequence[UUID]) -> list[bool]:
    """Whether each of these requests was given the campaign; all have read before any counts."""
    for one in visitors:
        assert Visitor(request_of(one)).known.state is not None  # cached, as Redis would have it
    ready = threading.Barrier(len(visitors))

    def request(visitor_id: UUID) -> bool:
        try:
            visitor = Visitor(request_of(visitor_id))
            assert visitor.known.consent.granted
            ready.wait(30)
            decision = visitor.decide("hero")
            return decision is not None and decision.personalized
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(visitors)) as pool:
        return list(pool.map(request, visitors))


def counter(redis_server: redis.Redis) -> dict[str, int]:
    """Each counter by campaign, what it counts and when."""
    return {
        key.decode().partition("given:")[2]: int(redis_server.get(key) or 0)
        for key in redis_server.scan_iter("*given:*")
    }


def said(visitor_id: UUID) -> str:
    """Why the campaign is not shown, as explanations say it."""
    (decision,) = decisions_explain(visitor_context(visitor_id, now=datetime.now(UTC)))
    return decision.considered[0].note


# --- Many at once ------------------------------------------------------------------------------


@pytest.mark.parametrize("counted", ["visitors", "exposures"])
def test_of_30_visitors_at_once_exactly_as_many_as_it_holds_are_given_it(
    full_at_3: Campaign, counted: str
) -> None:
    limits(full_at_3, capacity_counted=counted)
    people = [ana_make() for _ in range(15)]
    answers = at_once([*people, *people])
    visitors = {one for one, given in zip([*people, *people], answers, strict=True) if given}
    if counted == "exposures":
        assert answers.count(True) == 3
    else:
        assert len(visitors) == 3, "who has a place has it in every tab"
    others = [one for one in people if one not in visitors]
    assert not any(page(one)[0] for one in others)
    assert said(others[0]) in (
        "Full: given to 3 of 3 visitors.",
        "Full: given 3 of 3 times.",
    )


def test_a_visitor_takes_one_place_however_often(full_at_3: Campaign) -> None:
    ana = ana_make()
    assert at_once([ana] * 8) == [True] * 8
    assert [page(ana_make())[0] for _ in range(4)] == [True, True, False, False]
    assert page(ana) == [True], "a place is kept"


def test_when_it_is_full_the_next_campaign_that_matches_wins(full_at_3: Campaign) -> None:
    slot, variant = full_at_3.slot, full_at_3.variant
    after_it = second(full_at_3)
    Campaign.objects.filter(pk=after_it.pk).update(slot=slot, variant=variant, priority=1)
    limits(after_it, priority=2)
    winners = []
    for _ in range(5):
        decision = Visitor(request_of(ana_make())).decide("hero")
        assert decision is not None
        assert decision.campaign is not None
        winners.append(decision.campaign.id)
    assert winners == [full_at_3.pk] * 3 + [after_it.pk] * 2


def test_two_campaigns_of_a_page_take_their_places_together_or_not_at_all(
    full_at_3: Campaign, redis_server: redis.Redis
) -> None:
    other = second(full_at_3, capacity_count=1)
    assert page(ana_make(), "hero", "strip") == [True, True]
    assert page(ana_make(), "hero", "strip") == [True, False]
    held = counter(redis_server)
    assert held == {f"{full_at_3.pk}:visitors:ever": 2, f"{other.pk}:visitors:ever": 1}


def test_a_page_decided_on_old_news_is_told_that_it_is_full(full_at_3: Campaign) -> None:
    slow = Visitor(request_of(ana_make()))
    assert slow.known.copy is not None
    assert [page(ana_make()) for _ in range(3)] == [[True]] * 3
    decision = slow.decide("hero")
    assert decision is not None
    assert decision.reasons == ["Full: given to 3 of 3 visitors."]
    held, draft, now = ruleset_latest().capacities, {0: Capacity(3)}, datetime.now(UTC)
    assert held == {full_at_3.pk: Capacity(3)}
    (key,), (other,) = given_keys(held, now=now), given_keys(draft, now=now)
    assert given_for_preview({**held, **draft}, now=now) == {key: 3, other: 0}, "a draft has room"


def test_a_page_takes_one_round_trip_and_one_more_only_to_take_a_place(
    full_at_3: Campaign,
) -> None:
    ana, ben, late = ana_make(), ana_make(), ana_make()
    for one in (ana, ben):
        page(one)
    assert round_trips(cache, lambda: page(ana)) == 2
    page(ana_make())
    page(late)
    assert round_trips(cache, lambda: page(late)) == 1, "what is full is not counted"


# --- When counters are gone --------------------------------------------------------------------


def test_a_lost_counter_is_made_anew_from_the_stored_exposures(
    full_at_3: Campaign, redis_server: redis.Redis
) -> None:
    people = [ana_make() for _ in range(2)]
    for one in people:
        assert page(one) == [True]
        reported(one, full_at_3, "exposure", "exposure")
    redis_server.flushdb()
    newcomer = ana_make()
    assert page(newcomer) == [False], "nobody knows how many it was given to"
    assert "cannot be counted" in said(newcomer)
    capacities_count(now=datetime.now(UTC))
    assert [page(ana_make())[0] for _ in range(3)] == [True, False, False]
    assert page(people[0]) == [True], "who had a place has it, as their events say"


def test_a_total_stays_a_total_when_somebody_is_erased_and_redis_emptied(
    full_at_3: Campaign, redis_server: redis.Redis
) -> None:
    cleo = ana_make()
    for one in (cleo, ana_make(), ana_make()):
        assert page(one) == [True]
    capacities_count(now=datetime.now(UTC))
    withdraw(cleo)
    assert page(ana_make()) == [False]
    redis_server.flushdb()
    capacities_count(now=datetime.now(UTC))
    assert counter(redis_server) == {f"{full_at_3.pk}:visitors:ever": 3}
    assert page(ana_make()) == [False]
    redis_server.set(next(redis_server.scan_iter("*given:*")), 1)  # an older copy of Redis
    capacities_count(now=datetime.now(UTC))
    assert counter(redis_server) == {f"{full_at_3.pk}:visitors:ever": 3}
    assert str(cleo) not in str(list(CampaignGiven.objects.values()))


def test_while_redis_is_away_no_counter_is_made_and_no_events_are_read(
    full_at_3: Campaign, redis_server: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert page(ana_make()) == [True]
    client = cache._cache.get_client(None, write=True)  # type: ignore[attr-defined]
    away = redis.Redis(host="127.0.0.1", port=1, socket_connect_timeout=0.25).connection_pool
    with monkeypatch.context() as patched, CaptureQueriesContext(connection) as queries:
        patched.setattr(cache._cache, "_get_connection_pool", lambda write: away)  # type: ignore[attr-defined]
        patched.setattr(client, "connection_pool", away)
        with pytest.raises(RedisError):
            capacities_count(now=datetime.now(UTC))
        with pytest.raises(RedisError):
            counters_prepare(is_new=True)
    assert not any("tracking_event" in query["sql"] for query in queries)
    assert counter(redis_server) == {f"{full_at_3.pk}:visitors:ever": 1}


def test_a_capacity_that_comes_later_counts_what_was_given_before(full_at_3: Campaign) -> None:
    limits(full_at_3, capacity_count=None)
    for _ in range(2):
        ana = ana_make()
        assert page(ana) == [True]
        reported(ana, full_at_3, "exposure")
    limits(full_at_3, capacity_count=3)
    assert [page(ana_make())[0] for _ in range(2)] == [True, False]
    limits(full_at_3, capacity_count=4)
    assert [page(ana_make())[0] for _ in range(2)] == [True, False], "one more place"
    limits(full_at_3, capacity_count=2)
    assert said(ana_make()) == "Full: given to 4 of 2 visitors."


def test_a_counter_that_was_left_while_nothing_was_counted_is_not_gone_on_with(
    full_at_3: Campaign,
) -> None:
    limits(full_at_3, capacity_count=None)
    # As a worker puts it back that does not know the new version yet.
    (key,) = given_keys({full_at_3.pk: Capacity(3)}, now=datetime.now(UTC))
    cache.set(key, 0)
    for _ in range(2):
        ana = ana_make()
        assert page(ana) == [True]
        reported(ana, full_at_3, "exposure")
    limits(full_at_3, capacity_count=3)
    assert [page(ana_make())[0] for _ in range(2)] == [True, False]


def test_a_day_has_its_own_places(full_at_3: Campaign, redis_server: redis.Redis) -> None:
    limits(full_at_3, capacity_count=1, capacity_per="day", zone="Pacific/Kiritimati")
    assert [page(ana_make())[0] for _ in range(2)] == [True, False]
    assert said(ana_make()) == "Full: given to 1 of 1 visitor today."
    days = sorted(key.rpartition(":")[2] for key in counter(redis_server))[:2]
    first, then = (datetime.fromisoformat(day) for day in days if day != "ever")
    assert then - first == timedelta(days=1), "the next day's counter waits"


# --- Who is not counted ------------------------------------------------------------------------


def test_only_what_a_visitor_is_given_with_consent_takes_a_place(
    full_at_3: Campaign, redis_server: redis.Redis
) -> None:
    assert page(ben_make()) == page(None) == [False]
    for _ in range(2):
        said(ana_make())
    assert counter(redis_server) == {f"{full_at_3.pk}:visitors:ever": 0}
    cleo = ana_make()
    page(cleo)
    slow = Visitor(request_of(cleo))
    assert slow.known.consent.granted
    withdraw(cleo)
    slow.decide("hero")
    assert counter(redis_server) == {f"{full_at_3.pk}:visitors:ever": 1}
    assert list(redis_server.scan_iter("*shown:*")) == []
