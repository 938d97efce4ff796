"""POST /api/v1/decide: the visitor's variants, defaults without consent, one shape of refusal."""

from __future__ import annotations

import doctest
import re
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.inspect import type_info

from bench.page import round_trips
from personalization import answers, question
from personalization.api import STATUS
from personalization.models import Slot, Variant
from personalization.question import MAX_BODY_BYTES, Question, Refusal
from personalization.services import ruleset_publish
from tests.personalization.admin_site import Site
from tests.personalization.asking import HERE, PHONE, ask
from tests.personalization.publishing import campaigns_publish
from tests.tracking.people import ana_make, ben_make, drain, event_make, inbox_put, withdraw
from tests.tracking.test_parse import JSON
from tracking import counters
from tracking.models import Inbox
from tracking.pipeline.mistakes import PATTERNS
from tracking.pipeline.wire import WireEvent

pytestmark = pytest.mark.django_db


def publish(site: Site, rule: dict[str, Any], **variant: Any) -> int:
    """One campaign with this rule and variant, and a default that is another variant."""
    default = Variant.objects.create(name="Default", headline="Welcome")
    Slot.objects.update(default=default)
    Variant.objects.filter(pk=site.variant.pk).update(**variant)
    return campaigns_publish(type(site.campaign).objects.filter(pk=site.campaign.pk), rule=rule)


def on_page(**condition: Any) -> dict[str, Any]:
    return {"all": [condition]}


def hero_of(answer: Any) -> dict[str, Any]:
    assert answer.status_code == 200, answer.content
    hero: dict[str, Any] = answer.json()["decisions"]["hero"]
    return hero


def test_a_visitor_who_matches_gets_the_variant_with_its_reasons(
    client: Client, site: Site
) -> None:
    device = {"condition": "device", "value": "phone"}
    version = publish(site, on_page(**device), button_url="/c/gardening/", button_label="Go")
    answer = ask(client, "hero", visitor_id=ana_make(), headers=PHONE)
    assert answer.json()["version"] == version
    hero = hero_of(answer)
    assert (hero["campaign"], hero["variant"]) == (site.campaign.pk, site.variant.pk)
    assert hero["reasons"] == ["Using a phone."]
    assert hero["content"]["headline"] == "Dig in"
    assert hero["exposure"] == {
        "type": "exposure",
        "properties": {
            "slot": "hero",
            "campaign": site.campaign.pk,
            "variant": site.variant.pk,
            "version": version,
        },
    }
    assert hero_of(ask(client, "hero", visitor_id=ana_make()))["content"]["headline"] == "Welcome"


def test_addresses_are_those_of_this_site_for_a_page_elsewhere(client: Client, site: Site) -> None:
    device = {"condition": "device", "value": "phone"}
    publish(
        site, on_page(**device), button_url="/c/gardening/?a=b", image="gardening-hero.svg",
        items="category", category=site.category,
    )  # fmt: skip
    content = hero_of(ask(client, "hero", visitor_id=ana_make(), headers=PHONE))["content"]
    assert content["button"]["url"] == "http://testserver/c/gardening/?a=b"
    assert content["image"] == "http://testserver/static/demo/gardening-hero.svg"
    (item,) = content["items"]
    assert (item["url"], item["image"]) == ("http://testserver/items/beds/", None)


def test_an_address_that_got_past_the_form_is_left_out(client: Client, site: Site) -> None:
    device = {"condition": "device", "value": "phone"}
    publish(site, on_page(**device), button_url="javascript:alert(1)", image="../../x")
    content = hero_of(ask(client, "hero", visitor_id=ana_make(), headers=PHONE))["content"]
    assert content["button"] is None


@pytest.mark.parametrize(
    ("condition", "page", "other"),
    [
        ({"condition": "path", "operator": "starts_with", "value": "/shop/"},
         {"path": "/shop/spades"}, {"path": "/"}),
        ({"condition": "page_category", "category": "gardening"},
         {"category": "gardening"}, {"category": "music"}),
        ({"condition": "viewport", "value": "narrow"}, {"viewport": "narrow"}, {}),
        ({"condition": "language", "operator": "starts_with", "value": "nl"},
         {"language": "nl-BE"}, {"language": "en"}),
        ({"condition": "referrer", "value": "news.example.org"},
         {"referrer": "https://news.example.org/a?b"}, {"referrer": "http://["}),
    ],
)  # fmt: skip
def test_rules_see_what_the_page_says_of_itself(
    client: Client, site: Site, condition: Any, page: Any, other: Any
) -> None:
    publish(site, on_page(**condition))
    ana = ana_make()
    assert hero_of(ask(client, "hero", visitor_id=ana, **page))["campaign"] == site.campaign.pk
    nowhere: dict[str, Any] = {}
    for elsewhere in (other, nowhere):
        assert hero_of(ask(client, "hero", visitor_id=ana, **elsewhere))["campaign"] is None


def test_the_language_is_the_browsers_where_the_page_says_none(client: Client, site: Site) -> None:
    publish(site, on_page(condition="language", operator="starts_with", value="nl"))
    dutch = {"Accept-Language": "nl-NL,nl;q=0.9"}
    assert hero_of(ask(client, "hero", visitor_id=ana_make(), headers=dutch))["campaign"]


def test_behavior_decides(client: Client, site: Site) -> None:
    twice = {"condition": "events", "type": "page_view", "category": "gardening", "value": 2}
    publish(site, on_page(**twice, operator=">=", days=7))
    ana = ana_make()
    assert hero_of(ask(client, "hero", visitor_id=ana))["campaign"] is None
    inbox_put(ana, [event_make(category="gardening") for _ in range(2)])
    drain(ana)
    assert hero_of(ask(client, "hero", visitor_id=ana))["campaign"] == site.campaign.pk


def test_a_slot_that_nobody_made_is_named_and_the_others_are_answered(
    client: Client, site: Site
) -> None:
    answer = ask(client, "nowhere", "hero", "hero", visitor_id=ana_make()).json()
    assert list(answer["decisions"]) == ["hero"]
    assert answer["unknown_slots"] == ["nowhere"]


def test_before_anything_is_published_every_slot_is_unknown(client: Client, db: None) -> None:
    answer = ask(client, "hero", visitor_id=ana_make()).json()
    assert answer == {"version": 0, "decisions": {}, "unknown_slots": ["hero"]}


# --- Consent ---------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["nobody", "ben", "cleo", "signal", "unknown id"])
def test_without_consent_there_are_defaults_and_no_trace(
    client: Client, site: Site, who: str, caplog: pytest.LogCaptureFixture
) -> None:
    publish(site, on_page(condition="device", value="phone"))
    visitor_id = {"nobody": lambda: None, "ben": ben_make, "unknown id": uuid4}.get(who, ana_make)()
    if who == "cleo":
        assert visitor_id is not None
        withdraw(visitor_id)
    headers = PHONE | ({"Sec-GPC": "1"} if who == "signal" else {})
    caplog.clear()
    answer = ask(client, "hero", visitor_id=visitor_id, headers=headers)
    hero = hero_of(answer)
    assert (hero["campaign"], hero["content"]["headline"], hero["exposure"]) == (
        None, "Welcome", None
    )  # fmt: skip
    assert hero["reasons"] == ["Personalization is off: you see what everyone sees."]
    # A signal against a grant rotates the id, as on any page; nobody else is given a cookie.
    assert bool(answer.cookies) == (who == "signal")
    assert not Inbox.objects.exists()
    assert not caplog.records


def test_an_answer_is_never_kept_by_a_cache(client: Client, site: Site) -> None:
    answers = [ask(client, "hero", visitor_id=one) for one in (None, ana_make())]
    for answer in [*answers, ask(client, body=b"{", visitor_id=ana_make())]:
        assert answer["Cache-Control"] == "private, no-store"
        assert {"Cookie", "Sec-GPC", "Origin"} <= set(answer["Vary"].split(", "))


# --- Refusals --------------------------------------------------------------------------------


def assert_refused(answer: Any, reason: Refusal) -> str:
    """One problem shape, counted once; returns the detail."""
    assert (answer.status_code, answer["Content-Type"]) == (
        STATUS[reason], "application/problem+json"
    )  # fmt: skip
    problem = answer.json()
    assert (problem["reason"], problem["status"]) == (reason, STATUS[reason])
    assert problem["type"] == f"/docs/errors#{reason}"
    assert counters.drop_totals("decide") == {reason: 1}
    detail: str = problem["detail"]
    assert detail
    return detail


@pytest.mark.parametrize("body", [b" ", b"{", b"\xff", b'{"slots": ["\xff"]}'])
def test_what_is_no_json_is_refused(client: Client, body: bytes) -> None:
    assert_refused(ask(client, body=body), Refusal.INVALID_JSON)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "slots"),
        ([], "object"),
        ({"slots": []}, "slots"),
        ({"slots": ["a"] * 21}, "slots"),
        ({"slots": ["../x"]}, "slots[0]"),
        ({"slots": [1]}, "slots[0]"),
        ({"slots": ["a"], "visitor": "b"}, "visitor"),
        ({"slots": ["a"], "page": {"pathe": "/"}}, "pathe"),
        ({"slots": ["a"], "page": {"path": "https://a.example/"}}, "page.path"),
        ({"slots": ["a"], "page": {"path": "/" * 1001}}, "page.path"),
        ({"slots": ["a"], "page": {"category": "<script>"}}, "page.category"),
        ({"slots": ["a"], "page": {"query": {"a": 1}}}, "page.query"),
        ({"slots": ["a"], "page": {"query": {str(n): "" for n in range(51)}}}, "page.query"),
        ({"slots": ["a"], "page": {"referrer": "x" * 2001}}, "page.referrer"),
        ({"slots": ["a"], "page": {"language": "en; q=1"}}, "page.language"),
        ({"slots": ["a"], "page": {"viewport": "360"}}, "page.viewport"),
    ],
)
def test_another_shape_is_refused_with_the_field(client: Client, body: Any, field: str) -> None:
    said = assert_refused(ask(client, body=msgspec.json.encode(body)), Refusal.INVALID_REQUEST)
    assert field in said


def test_every_pattern_of_the_wire_formats_is_said_in_words() -> None:
    shapes = str([type_info(shape) for shape in (WireEvent, Question)])
    patterns = set(re.findall(r"pattern='(.*?)'", shapes))
    assert len(patterns) > 5
    assert patterns <= PATTERNS.keys()


def test_a_large_body_is_refused(client: Client) -> None:
    assert_refused(ask(client, body=b" " * (MAX_BODY_BYTES + 1)), Refusal.BODY_TOO_LARGE)


def test_another_media_type_is_refused(client: Client) -> None:
    refused = ask(client, "hero", content_type="application/xml")
    assert_refused(refused, Refusal.UNSUPPORTED_MEDIA_TYPE)


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "same-site", "Origin": "null"},
        {"Sec-Fetch-Site": "none"},
    ],
)
def test_a_page_of_another_site_is_refused(client: Client, headers: dict[str, str]) -> None:
    assert_refused(ask(client, "hero", headers=HERE | headers), Refusal.FOREIGN_ORIGIN)


def test_plain_text_is_read_as_json(client: Client, site: Site) -> None:
    assert ask(client, "hero", content_type="text/plain").status_code == 200


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    body=st.binary(min_size=1, max_size=200)
    | JSON.map(msgspec.json.encode)
    | st.fixed_dictionaries({"slots": st.lists(st.text(max_size=9) | JSON), "page": JSON}).map(
        msgspec.json.encode
    )
)
def test_nothing_sent_breaks_it(client: Client, site: Site, body: bytes) -> None:
    answer = ask(client, body=body, visitor_id=None)
    assert answer.status_code in {200, 400}
    answer.json()


def test_deep_nesting_is_refused(client: Client) -> None:
    for body in (b"[" * 8000, b'{"slots":' + b"[" * 8000, b'{"a":' * 3000):
        assert ask(client, body=body).status_code == 400


def test_the_examples_of_the_docstrings_run() -> None:
    for module in (question, answers):
        results = doctest.testmod(module)
        assert results.attempted
        assert not results.failed


# --- Cost ------------------------------------------------------------------------------------


def test_a_decision_costs_one_round_trip_to_redis_and_no_sql(client: Client, site: Site) -> None:
    publish(site, on_page(condition="visits", operator=">=", value=1))
    ana = ana_make()
    inbox_put(ana, [event_make(category="gardening")])
    drain(ana)
    ask(client, "hero", visitor_id=ana)
    costs = []
    for _ in range(3):  # the purposes are read anew once a second, which may be now
        with CaptureQueriesContext(connection) as queries:
            trips = round_trips(cache, lambda: ask(client, "hero", visitor_id=ana))
        costs.append((trips, len(queries)))
    assert (1, 0) in costs
    assert max(trips for trips, _ in costs) == 1


def test_a_content_made_once_is_shown_with_the_reasons_of_each_visitor(
    client: Client, site: Site
) -> None:
    """Contents are kept for a version; what differs between visitors is not."""
    came = {"condition": "visits", "operator": ">=", "value": 1}
    first = publish(site, {"any": [{"condition": "device", "value": "phone"}, came]})
    ana, bea = ana_make(), ana_make()
    inbox_put(bea, [event_make(category="gardening")])
    drain(bea)
    shown = [
        hero_of(ask(client, "hero", visitor_id=ana, headers=PHONE)),
        hero_of(ask(client, "hero", visitor_id=bea)),
        hero_of(ask(client, "hero", visitor_id=ana)),
    ]
    assert [hero["content"]["headline"] for hero in shown] == ["Dig in", "Dig in", "Welcome"]
    assert shown[0]["reasons"] != shown[1]["reasons"]
    assert [len(hero["content"]["items"]) for hero in shown] == [0, 1, 0]  # of Bea's top interest
    Variant.objects.filter(pk=site.variant.pk).update(headline="Dig deeper")
    assert ruleset_publish(by="test") > first
    cache.clear()  # as the commit would
    again = hero_of(ask(client, "hero", visitor_id=ana, headers=PHONE))
    assert again["content"]["headline"] == "Dig deeper"
