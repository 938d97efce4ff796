"""What pages read of memberships: of what is committed alone, in the one round trip they make."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from django.core.cache import cache
from django.db import transaction
from django.test import RequestFactory

from bench.page import round_trips
from consent.cookies import COOKIE_NAME, cookie_value
from personalization.models import Campaign
from personalization.segments.kept import memberships_cache_forget, memberships_cache_key
from personalization.visitor import Visitor
from tests.personalization.admin_site import Site
from tests.personalization.publishing import campaigns_publish
from tests.personalization.segment_people import count, read_by_pages, reads, segment_make
from tests.tracking.people import ana_make, withdraw

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _one_shard(settings: Any) -> None:
    settings.SHARDS = 1


def test_a_count_that_is_rolled_back_is_read_by_no_page() -> None:
    segment_make()
    count()
    visitor_id = ana_make()
    assert read_by_pages(visitor_id) == {}, "and cached"
    reads(visitor_id)
    with transaction.atomic():
        count()
        assert read_by_pages(visitor_id).keys() == {"fans"}
        transaction.set_rollback(True)
    assert read_by_pages(visitor_id) == {}


def test_what_was_counted_puts_nothing_back_that_was_forgotten_meanwhile() -> None:
    segment_make()
    count()
    visitor_id = ana_make()
    reads(visitor_id)
    with transaction.atomic():
        count()
        memberships_cache_forget([visitor_id])
    assert cache.get(memberships_cache_key(visitor_id)) is None


def test_a_page_reads_memberships_in_its_one_round_trip_and_asks_no_table(
    ana_page: Any, django_assert_num_queries: Any
) -> None:
    visitor_id, page = ana_page
    segment_make()
    count()
    reads(visitor_id)
    count()
    came = {"condition": "segment", "segment": "fans", "operator": "entered_within"}
    campaigns_publish(Campaign.objects.all(), rule={"all": [came]})
    assert page()[0] == "Gardeners"
    with django_assert_num_queries(0):
        assert page() == ("Gardeners", 1)
    withdraw(visitor_id)
    assert page()[0] is None


@pytest.fixture
def ana_page(site: Site) -> tuple[UUID, Any]:
    """Ana, and her page: the campaign that won, and how often Redis was asked."""
    visitor_id = ana_make()

    def page() -> tuple[str | None, int]:
        request = RequestFactory().get("/")
        request.COOKIES[COOKIE_NAME] = cookie_value(visitor_id, datetime.now(UTC))
        won: list[str | None] = []

        def decide() -> None:
            decision = Visitor(request).decide("hero")
            campaign = decision.campaign if decision else None
            won.append(campaign.name if campaign else None)

        asked = round_trips(cache, decide)
        return won[-1], asked

    return visitor_id, page
