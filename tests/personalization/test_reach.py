"""Reach: the same rule, evaluated over the visitors who allow it."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from personalization.reach.counting import Reach
from personalization.rules.tree import rule_parse
from profiles.models import Profile
from tests.personalization.admin_site import Site
from tests.personalization.examples import context, increment
from tests.personalization.reaching import reach_of
from tests.personalization.segment_people import segment_make
from tests.personalization.test_admin_visitor import reads
from tests.tracking.people import ana_make, ben_make, withdraw

GARDENERS = {
    "rule.kind": "all",
    "rule.0.condition": "affinity",
    "rule.0.category": "gardening",
    "rule.0.value": "3",
}


def count(client: Client, posted: dict[str, str]) -> dict[str, Any]:
    response = client.post(reverse("admin:campaign_reach"), posted)
    assert response.status_code == 200
    return response.json()


def test_a_condition_on_the_page_leaves_it_open() -> None:
    fan, stranger = context(increment(), increment(), increment()), context()
    rule = {"condition": "affinity", "category": "gardening", "value": 2}
    path = {"condition": "path", "operator": "starts_with", "value": "/"}
    asked = [fan, stranger]
    assert reach_of(rule_parse(rule), asked) == Reach(1, 0, 2)
    assert reach_of(rule_parse({"all": [rule, path]}), asked) == Reach(0, 1, 2)
    assert reach_of(rule_parse({"any": [rule, path]}), asked) == Reach(1, 1, 2)
    assert reach_of(rule_parse({"none": [path]}), asked) == Reach(0, 2, 2)


def test_visitors_who_read_enough_are_counted(site: Site, marketer: Client) -> None:
    for pages in (1, 4, 5):
        reads(ana_make(), count=pages)
    answer = count(marketer, GARDENERS)
    assert {name: answer[name] for name in ("matching", "open", "visitors")} == {
        "matching": 2, "open": 0, "visitors": 3,
    }  # fmt: skip
    assert answer["text"] == "2 of 3 visitors"
    assert count(marketer, GARDENERS | {"rule.0.value": "4.5"})["matching"] == 1


def test_near_misses_are_told_also_where_the_page_has_the_last_word(
    site: Site, marketer: Client
) -> None:
    for pages in (1, 4, 5):
        reads(ana_make(), count=pages)
    read = {
        "rule.kind": "all", "rule.0.condition": "events", "rule.0.type": "page_view",
        "rule.0.category": "gardening", "rule.0.operator": ">=", "rule.0.value": "5",
        "rule.0.days": "7",
    }  # fmt: skip
    on_a_phone = {"rule.1.condition": "device", "rule.1.value": "phone"}
    for rule in (read, read | on_a_phone):
        assert "1 more with 4 instead of 5" in count(marketer, rule)["html"]


def test_who_withdrew_is_not_counted(site: Site, marketer: Client) -> None:
    ana = ana_make()
    reads(ana)
    kept = Profile.objects.get(visitor_id=ana)
    withdraw(ana)
    kept.save(force_insert=not Profile.objects.filter(visitor_id=ana).exists())
    assert count(marketer, GARDENERS)["visitors"] == 0


@pytest.mark.parametrize("change", [{"rule.0.value": "x"}, {"rule.0.condition": ""}])
def test_an_unfinished_rule_is_not_counted(
    site: Site, marketer: Client, change: dict[str, str]
) -> None:
    assert count(marketer, GARDENERS | change)["text"] == "Complete the rule to count."


def test_counting_is_posted_with_a_token(site: Site, marketer: Client) -> None:
    assert marketer.get(reverse("admin:campaign_reach")).status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = marketer.cookies
    assert strict.post(reverse("admin:campaign_reach"), GARDENERS).status_code == 403


def test_the_preview_is_the_servers(site: Site, marketer: Client) -> None:
    url = reverse("admin:campaign_preview")
    assert "Dig in" in marketer.get(url, {"variant": site.variant.pk}).content.decode()
    assert marketer.get(url, {"variant": "9999"}).status_code == 404
    assert marketer.get(url, {"variant": "x"}).status_code == 404


def test_the_panel_says_who_is_nearly_reached_and_who_is_lost(site: Site, marketer: Client) -> None:
    for pages in (2, 2, 3):
        reads(ana_make(), count=pages)
    ben_make()
    often = {
        "rule.kind": "all", "rule.0.condition": "events", "rule.0.type": "page_view",
        "rule.0.category": "", "rule.0.operator": ">=", "rule.0.value": "3", "rule.0.days": "7",
    }  # fmt: skip
    answer = count(marketer, often)
    assert answer["matching"] == 1
    assert "2 more with 2 instead of 3" in answer["html"]
    assert 'data-place="0" data-field="value" data-value="2"' in answer["html"]
    assert "1 more visitor was asked and does not allow personalization" in answer["html"]
    near = count(marketer, often | {"rule.0.value": "2"})
    assert near["matching"] == 3


def test_a_near_miss_beside_a_segment_is_of_its_own_row_and_never_of_the_segments(
    site: Site, marketer: Client
) -> None:
    for pages in (2, 2, 3):
        reads(ana_make(), count=pages)
    some = {"condition": "events", "type": "page_view", "category": "", "operator": ">="}
    segment_make(
        "some", {"all": [{**some, "value": 3, "days": 7}, {**some, "value": 1, "days": 7}]}
    )
    often = {
        "rule.kind": "all", "rule.0.condition": "segment", "rule.0.segment": "some",
        "rule.0.operator": "not_in",
        "rule.1.condition": "events", "rule.1.type": "page_view",
        "rule.1.category": "", "rule.1.operator": ">=", "rule.1.value": "3", "rule.1.days": "7",
    }  # fmt: skip
    answer = count(marketer, often)
    assert answer["matching"] == 0
    assert "2 more with 2 instead of 3" in answer["html"]
    assert set(re.findall(r'data-place="(\d+)"', answer["html"])) == {"1"}


def test_what_profiles_do_not_keep_yet_is_counted_as_a_bound(site: Site, marketer: Client) -> None:
    for pages in (1, 4):
        reads(ana_make(), count=pages)
    draft = {
        "rule.kind": "all",
        "rule.0.condition": "events", "rule.0.type": "page_view", "rule.0.category": "",
        "rule.0.operator": ">=", "rule.0.value": "3", "rule.0.days": "7",
        "rule.1.condition": "event_did", "rule.1.answer": "did_not", "rule.1.type": "purchase",
        "rule.1.category": "", "rule.1.window.kind": "lifetime",
    }  # fmt: skip
    answer = count(marketer, draft)
    assert answer["text"] == "At most 1 of 2 visitors"
    assert "Known once it is published" in answer["html"]


def test_names_in_a_rule_stay_text_in_the_panel(site: Site, marketer: Client) -> None:
    reads(ana_make())
    site.category.name = "<script>alert(1)</script>"
    site.category.save()
    answer = count(marketer, GARDENERS | {"rule.0.value": "50"})
    assert "<script>" not in answer["html"]
    trend = {"rule.kind": "all", "rule.0.condition": "event_did", "rule.0.answer": "did",
             "rule.0.type": "page_view", "rule.0.category": "gardening",
             "rule.0.window.kind": "lifetime"}  # fmt: skip
    shown = count(marketer, trend)["html"]
    assert "&lt;script&gt;" in shown
    assert "<script>" not in shown
