"""Reach: the same rule, evaluated over recent visitors who allow it."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from personalization.reach.counting import Reach, reach_of
from personalization.rules.tree import rule_parse
from profiles.models import Profile
from tests.personalization.admin_site import Site
from tests.personalization.examples import context, increment
from tests.personalization.test_admin_visitor import reads
from tests.tracking.people import ana_make, withdraw

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
