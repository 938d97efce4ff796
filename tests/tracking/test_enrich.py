"""In the worker: how a visitor came, and what an item is about."""

from __future__ import annotations

import doctest
from typing import Any
from uuid import uuid4

import pytest

from tests.tracking.people import ana_make, drain, event_make, inbox_put, stored
from tests.tracking.test_steps import receipt_of, wire_of
from tracking import selectors, services
from tracking.models import Event as EventRow
from tracking.models import Item
from tracking.pipeline import enrich
from tracking.pipeline.enrich import CLICK_IDS, MEDIA, UTM_MEDIA, ItemFacts
from tracking.pipeline.hosts import HOSTS
from tracking.pipeline.steps import STEPS, Batch, event_build, events_clean

HOSTS_OWN = frozenset({"shop.example", ".group.example"})
ITEMS = {"spade": ItemFacts("gardening", "product")}


def enriched(type: str = "page_view", *, imported: bool = False, **fields: Any) -> Any:
    receipt = receipt_of(None if imported else uuid4())
    fields |= {"visitor": str(uuid4())} if imported else {}
    event = event_build(wire_of(type, **fields), receipt)
    assert event is not None
    batch = Batch(
        consented=frozenset({event.visitor_id.int}), cumulative={}, hosts=HOSTS_OWN, items=ITEMS
    )
    ((kept, _),), _ = events_clean([(event, receipt)], batch, steps=STEPS)
    return kept


@pytest.mark.parametrize(
    ("referrer", "properties", "medium"),
    [
        ("", {}, "direct"),
        ("https://shop.example/", {}, "internal"),
        ("https://group.example/", {}, "internal"),
        ("https://de.group.example/", {}, "internal"),
        ("https://www.google.com/search?q=beds", {}, "search"),
        ("https://www.google.co.uk/", {}, "search"),
        ("https://google.evil.example/", {}, "referral"),
        ("https://duckduckgo.com/", {}, "search"),
        ("https://m.facebook.com/", {}, "social"),
        ("https://t.co/abc", {}, "social"),
        ("https://mail.google.com/", {}, "email"),
        ("https://blog.example/post", {}, "referral"),
        ("https://www.google.com/", {"click_id": "gclid"}, "paid"),
        ("", {"click_id": "fbclid"}, "social"),
        ("", {"click_id": "mc_eid"}, "email"),
        ("https://blog.example/", {"click_id": "unheard_of"}, "referral"),
        ("", {"utm_medium": "Email", "utm_source": "news"}, "email"),
        ("", {"utm_medium": "paid_social"}, "paid"),
        ("https://www.google.com/", {"utm_medium": "cpc"}, "paid"),
        ("https://t.co/", {"utm_medium": "organic"}, "search"),
        ("", {"utm_medium": "social", "click_id": "gclid"}, "social"),
        ("", {"utm_source": "flyer", "utm_medium": "qr"}, "referral"),
        ("https://t.co/", {"utm_source": "flyer", "utm_medium": "qr"}, "social"),
    ],
)
def test_how_a_visitor_came(referrer: str, properties: dict[str, str], medium: str) -> None:
    assert enriched(referrer=referrer, properties=properties).medium == medium


def test_only_a_page_view_says_how_its_visitor_came() -> None:
    assert enriched("click", referrer="https://t.co/").medium == ""


def test_a_log_that_names_no_referrer_does_not_say_how_its_visitors_came() -> None:
    assert enriched(imported=True).medium == ""
    assert enriched(imported=True, properties={"utm_medium": "email"}).medium == "email"


def test_every_medium_of_the_tables_is_one() -> None:
    named = {*CLICK_IDS.values(), *UTM_MEDIA.values(), *HOSTS.values()}
    assert named <= set(MEDIA)
    assert max(map(len, MEDIA)) <= (EventRow._meta.get_field("medium").max_length or 0)


@pytest.mark.parametrize(
    ("fields", "category", "content_type"),
    [
        ({"item": "spade"}, "gardening", "product"),
        ({"item": "spade", "category": "tools"}, "tools", "product"),
        ({"item": "spade", "category": "tools", "content_type": "guide"}, "tools", "guide"),
        ({"item": "unknown"}, "", ""),
        ({}, "", ""),
    ],
)
def test_what_a_described_item_is_about(
    fields: dict[str, Any], category: str, content_type: str
) -> None:
    event = enriched("purchase", **fields)
    assert (event.category, event.content_type) == (category, content_type)


@pytest.mark.django_db
def test_an_item_is_described_and_described_anew() -> None:
    ana = ana_make()

    def bought() -> tuple[str, str]:
        inbox_put(ana, [event_make("purchase", item="hori-hori-9")])
        drain(ana)
        row = stored(ana)[-1]
        return row["category"], row["content_type"]

    assert bought() == ("", "")
    services.item_describe([("hori-hori-9", "tools", "product"), ("other-9", "tools", "")])
    assert bought() == ("tools", "product")
    services.item_describe([("hori-hori-9", "gardening", "product")])
    assert bought() == ("gardening", "product")
    assert Item.objects.filter(category="tools").count() == 1
    services.item_describe([])


@pytest.mark.django_db
def test_no_more_items_are_remembered_than_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selectors, "ITEMS_KEPT", 2)
    services.item_describe([("first-9", "a", ""), ("second-9", "b", "")])
    for _ in range(3):
        assert selectors.items_described({"first-9", "none-9", "gone-9"}) == {
            "first-9": ItemFacts("a", "")
        }
        assert selectors.items_described({"second-9"}) == {"second-9": ItemFacts("b", "")}


@pytest.mark.django_db
def test_the_medium_is_stored() -> None:
    ana = ana_make()
    inbox_put(ana, [event_make(referrer="https://t.co/"), event_make(referrer="http://localhost/")])
    drain(ana)
    media = EventRow.objects.filter(visitor_id=ana).values_list("medium", flat=True)
    assert sorted(media) == ["internal", "social"]


def test_the_examples_of_the_docstrings_run() -> None:
    result = doctest.testmod(enrich)
    assert result.attempted
    assert not result.failed
