"""Counting exposures in Redis: exact under many requests at once, rebuilt when lost, and erased."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
import redis
from django.core.cache import cache
from django.db import connection, connections
from django.template import engines
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

from bench.page import round_trips
from consent.cookies import COOKIE_NAME, cookie_value
from personalization import exposing
from personalization.campaigns.campaigning import campaign_pause
from personalization.frequency.shown import ShownCopy, shown_cache_key, shown_read
from personalization.models import Campaign, ExclusionGroup, PressureBudget
from personalization.selectors import decisions_explain, ruleset_latest, visitor_context
from personalization.services import ruleset_publish
from personalization.visitor import Visitor
from tests.personalization.admin_site import Site
from tests.personalization.publishing import campaigns_publish
from tests.tracking.people import (
    ana_make,
    ben_make,
    drain,
    event_make,
    inbox_put,
    visitor_make,
    withdraw,
)
from tracking import merging, services
from tracking.signals import visitor_moved

pytestmark = pytest.mark.django_db(transaction=True)

ALWAYS = {"condition": "gpc", "value": "off"}


@pytest.fixture
def capped(transactional_db: None) -> Campaign:
    """The small site; its campaign is for everybody, three times a day."""
    site = Site()
    return limits(site.campaign, rule=ALWAYS, cap_count=3, cap_length=1)


def limits(campaign: Campaign, **values: Any) -> Campaign:
    campaigns_publish(Campaign.objects.filter(pk=campaign.pk), **values)
    campaign.refresh_from_db()
    return campaign


def second(campaign: Campaign, **values: Any) -> Campaign:
    """Another campaign for everybody in a slot of its own."""
    from personalization.models import Slot

    slot = Slot.objects.create(key="strip", name="Strip", default=campaign.variant)
    made = Campaign.objects.create(
        **{"name": "Second", "slot": slot, "variant": campaign.variant, "rule": ALWAYS, **values}
    )
    campaigns_publish(Campaign.objects.filter(pk=made.pk))
    return made


def page(visitor_id: UUID | None, *slots: str) -> list[bool]:
    """Whether each slot of one page was personalized."""
    visitor = Visitor(request_of(visitor_id))
    visitor.decide_all(slots or ("hero",))
    decided = [visitor.decide(slot) for slot in slots or ("hero",)]
    return [decision is not None and decision.personalized for decision in decided]


def request_of(visitor_id: UUID | None) -> Any:
    cookies = {}
    if visitor_id is not None:
        cookies[COOKIE_NAME] = cookie_value(visitor_id, datetime.now(UTC))
    request = RequestFactory().get("/")
    request.COOKIES.update(cookies)
    return request


def shown_times(visitor_id: UUID, pages: int = 6, slot: str = "hero") -> int:
    return sum(page(visitor_id, slot)[0] for _ in range(pages))


def keys(redis_server: redis.Redis) -> list[str]:
    return [key.decode() for key in redis_server.scan_iter("*shown:*")]


def reported(visitor_id: UUID, campaign: Campaign, *types: str) -> None:
    """The browser's events about a campaign, stored."""
    inbox_put(
        visitor_id,
        [event_make(type, properties={"slot": "hero", "campaign": campaign.pk}) for type in types],
    )
    drain(visitor_id)


# --- Many at once ------------------------------------------------------------------------------


def test_of_50_requests_at_once_exactly_the_cap_is_shown(capped: Campaign) -> None:
    ana, ready = ana_make(), threading.Barrier(50)

    def request(_: int) -> bool:
        try:
            visitor = Visitor(request_of(ana))
            assert visitor.known.consent.granted
            ready.wait(30)  # everybody has read before anybody counts
            decision = visitor.decide("hero")
            return decision is not None and decision.personalized
        finally:
            connections.close_all()

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(request, range(50)))
    assert answers.count(True) == 3
    assert page(ana) == [False]


def test_a_page_decided_on_old_news_decides_again(capped: Campaign) -> None:
    ana = ana_make()
    slow = Visitor(request_of(ana))
    assert slow.known.copy is not None
    assert shown_times(ana) == 3
    decision = slow.decide("hero")
    assert decision is not None
    assert decision.reasons == ["Not shown again: seen 3 of 3 times within a day."]


# --- What it costs -----------------------------------------------------------------------------


def trips(visitor_id: UUID, *slots: str) -> int:
    return round_trips(cache, lambda: page(visitor_id, *slots))


def test_a_page_takes_one_round_trip_and_one_more_only_to_count(
    capped: Campaign, redis_server: redis.Redis
) -> None:
    second(capped, cap_count=3)
    ana = ana_make()
    page(ana, "hero", "strip")  # what is read once is read
    assert trips(ana, "hero", "strip") == 2, "two slots are counted together"
    page(ana, "hero", "strip")
    before = redis_server.dump(keys(redis_server)[0])
    assert trips(ana, "hero", "strip") == 1, "what is capped is not counted"
    assert redis_server.dump(keys(redis_server)[0]) == before
    with CaptureQueriesContext(connection) as queries:
        page(ana, "hero", "strip")
    assert len(queries) == 0


def test_a_template_that_names_its_slots_first_counts_them_together(capped: Campaign) -> None:
    second(capped, cap_count=9)
    ana = ana_make()
    page(ana)
    for named, expected in (("{% slots 'hero' 'strip' %}", 2), ("", 3)):
        source = named + "{% slot 'hero' %}{% slot 'strip' %}{% slot 'hero' %}"
        template = engines["django"].from_string(source)
        request = request_of(ana)
        request.visitor = Visitor(request)
        html: list[str] = []

        def render(template: Any = template, request: Any = request, html: Any = html) -> None:
            html.append(template.render({}, request))

        assert round_trips(cache, render) == expected
        assert html[0].count("data-attune-campaign") == 3
    assert page(ana) == [False], "a slot used twice on a page counts once"


def test_a_page_without_limits_writes_nothing(capped: Campaign, redis_server: redis.Redis) -> None:
    ana = ana_make()
    for values in ({"cap_count": None}, {"pause_event": "purchase", "pause_event_days": 7}):
        limits(capped, **values)
        page(ana)
        assert trips(ana) == 1
    limits(capped, cap_count=1, rule={"condition": "gpc", "value": "on"})
    page(ana)
    assert trips(ana) == 1, "it does not match"
    assert keys(redis_server) == []


def test_what_is_kept_has_an_end(capped: Campaign, redis_server: redis.Redis) -> None:
    page(ana_make())
    (key,) = keys(redis_server)
    assert 29 * 86400 < redis_server.ttl(key) <= 30 * 86400
    assert len(redis_server.get(key) or b"") < 100


# --- Groups and the budget ---------------------------------------------------------------------


def test_one_campaign_of_a_group_is_shown_also_on_one_page(capped: Campaign) -> None:
    group = ExclusionGroup.objects.create(name="Sales")
    other = second(capped, exclusion_group=group)
    limits(capped, exclusion_group=group)
    ana = ana_make()
    assert page(ana, "hero", "strip") == [True, False]
    campaign_pause(campaign=capped, by="test")
    ruleset_publish(by="test")
    assert page(ana, "strip") == [False], f"{capped} was seen, though it has ended"
    assert page(ana_make(), "strip") == [True], other


def test_the_budget_is_for_all_campaigns_but_the_exempt(capped: Campaign) -> None:
    other = second(capped)
    PressureBudget.objects.create(pk=1, count=4, days=1)
    limits(capped, cap_count=None)
    ana = ana_make()
    assert [page(ana, "strip", "hero") for _ in range(3)] == [
        [True, True],
        [True, True],
        [False, False],
    ]
    limits(other, budget_exempt="They asked for it.")
    assert [page(ana, "strip", "hero") for _ in range(3)] == [
        [True, True],
        [True, True],
        [True, False],
    ]


# --- When Redis has lost it, or is away --------------------------------------------------------


def test_counts_come_back_from_the_events_when_redis_is_emptied(
    capped: Campaign, redis_server: redis.Redis
) -> None:
    ana = ana_make()
    assert page(ana) == page(ana) == [True]
    reported(ana, capped, "exposure", "exposure")
    redis_server.flushdb()
    assert shown_times(ana) == 1, "two of three are known from the events"
    redis_server.flushdb()
    assert shown_times(ana) == 1, "the third was not reported, and is off by that"


def test_a_campaign_shown_before_it_had_a_cap_counts_from_the_events(capped: Campaign) -> None:
    ana = ana_make()
    other = second(capped, cap_count=5)
    limits(capped, cap_count=None)
    page(ana, "strip", "hero")
    reported(ana, capped, *["exposure"] * 3)
    limits(capped, cap_count=3)
    assert page(ana, "strip", "hero") == [True, False], other


def test_a_dismissal_comes_back_from_the_events(
    capped: Campaign, redis_server: redis.Redis
) -> None:
    limits(capped, pause_dismissed_days=7, cap_count=None)
    ana = ana_make()
    assert page(ana) == [True]
    reported(ana, capped, "dismiss")
    redis_server.flushdb()
    assert page(ana) == [False]


def test_while_redis_is_away_nothing_with_limits_is_shown(
    capped: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana = ana_make()
    second(capped)
    visitor = Visitor(request_of(ana))
    assert visitor.known.copy is not None
    client = cache._cache.get_client(None, write=True)  # type: ignore[attr-defined]
    away = redis.Redis(host="127.0.0.1", port=1, socket_connect_timeout=0.25)
    monkeypatch.setattr(client, "connection_pool", away.connection_pool)
    hero, strip = visitor.decide("hero"), visitor.decide("strip")
    assert hero is not None
    assert strip is not None
    assert (hero.personalized, strip.personalized) == (False, True)
    assert "cannot be counted" in hero.reasons[0]


# --- Consent -----------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [ben_make, lambda: visitor_make("measurement")])
def test_without_consent_nothing_is_counted(
    capped: Campaign, redis_server: redis.Redis, make: Callable[[], UUID]
) -> None:
    assert page(make()) == page(None) == [False]
    assert keys(redis_server) == []


def test_a_withdrawal_forgets_what_was_shown(capped: Campaign, redis_server: redis.Redis) -> None:
    cleo = ana_make()
    page(cleo)
    assert len(keys(redis_server)) == 1
    withdraw(cleo)
    assert keys(redis_server) == []


@pytest.fixture
def slow_page(capped: Campaign) -> tuple[UUID, Visitor]:
    """A page of Cleo's that has read her consent and not counted yet."""
    cleo = ana_make()
    page(cleo)  # her consent is cached
    visitor = Visitor(request_of(cleo))
    assert visitor.known.consent.granted
    return cleo, visitor


def test_a_page_under_way_counts_nothing_after_a_withdrawal(
    slow_page: tuple[UUID, Visitor], redis_server: redis.Redis
) -> None:
    cleo, visitor = slow_page
    withdraw(cleo)
    decision = visitor.decide("hero")
    assert decision is not None
    assert not decision.personalized
    assert keys(redis_server) == []


def test_an_erasure_forgets_again(capped: Campaign, redis_server: redis.Redis) -> None:
    cleo = ana_make()
    withdraw(cleo)
    ShownCopy(cleo).swap(exposing.Shown({1: [1]}))  # a page that slipped through
    services.visitor_erase(visitor_id=cleo)
    assert keys(redis_server) == []


# --- Sign-in -----------------------------------------------------------------------------------


def test_whoever_signs_in_has_been_shown_what_the_browser_was(capped: Campaign) -> None:
    from tests.consent.visitors import Device

    phone, laptop = Device(), Device()
    for device in (phone, laptop):
        device.choose("measurement", "personalization")
    assert phone.visitor_id is not None
    assert laptop.visitor_id is not None
    assert page(phone.visitor_id) == page(phone.visitor_id) == page(laptop.visitor_id) == [True]
    browser = laptop.visitor_id
    phone.sign_in("ana")
    laptop.sign_in("ana")
    account = laptop.visitor_id
    assert account is not None
    assert page(account) == [False], "two and one are three"
    merging.visitor_merge(from_id=browser)
    assert page(account) == [False]
    assert cache.get(shown_cache_key(browser)) is None


def test_a_successor_inherits_from_the_events_what_redis_had_lost(capped: Campaign) -> None:
    ana, account = ana_make(), ana_make()
    assert page(account) == [True]
    reported(account, capped, *["exposure"] * 3)  # as moved from the browser's id
    assert page(account) == [True], "nobody has looked"
    visitor_moved.send(sender=None, from_id=ana, into_id=account)
    assert page(account) == [False]


# --- For people to read ------------------------------------------------------------------------


def test_an_explanation_says_what_is_capped_and_counts_nothing(
    capped: Campaign, redis_server: redis.Redis
) -> None:
    ana = ana_make()
    now = datetime.now(UTC)
    decisions_explain(visitor_context(ana, now=now))
    assert keys(redis_server) == []
    assert shown_times(ana) == 3
    (hero,) = decisions_explain(visitor_context(ana, now=datetime.now(UTC)))
    assert hero.considered[0].note == "Not shown again: seen 3 of 3 times within a day."
    shown = shown_read(ana, replace(ruleset_latest(), frequency_basis="so the events are asked"))
    assert len(shown.exposures[capped.pk]) == 3
