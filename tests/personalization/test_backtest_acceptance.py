"""Acceptance: replaying the published rules gives the exposures that pages really gave.

Real pages of the demonstration are asked for, what they show is reported as the tracker reports
it, drained and folded before the next page; then the past is replayed and compared.
"""

from __future__ import annotations

import re
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from demo.browser import Page
from demo.loader import demo_load
from personalization.backtest.causes import CAUSES, Case, cause_of
from personalization.backtest.comparing import Comparison, exposures_compare
from personalization.models import Campaign, RuleSet
from profiles import services as profile_services
from tests.personalization.admin_site import Site
from tests.personalization.asking import PHONE, be
from tests.personalization.past_events import exposure_make, past_make, view_make
from tests.personalization.publishing import campaigns_publish
from tests.personalization.test_backtests import live_make
from tests.tracking.people import BROWSER, ana_make, drain, event_make, post
from tracking import selectors

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("few_shards")]

SLOTS = ("home-hero", "home-strip", "category-banner", "item-aside")
PATHS = ("/", "/c/gardening/", "{item}", "/", "{item}", "/c/cycling/", "{item}", "/", "{item}", "/")
DESKTOP = {"User-Agent": BROWSER}


@pytest.fixture
def demo(tmp_path: Any) -> None:
    demo_load(logins_path=tmp_path / "logins.json")


class Reader:
    """A visitor at pages, and the tracker in them."""

    def __init__(self, agent: dict[str, str] = DESKTOP) -> None:
        self.visitor_id, self.agent, self.visit = ana_make(), agent, str(uuid4())
        self.client = Client()
        self.shown: list[tuple[str, int]] = []

    def open(self, path: str) -> Page:
        """Ask for a page and report it; the next one is decided by what this one added."""
        be(self.client, self.visitor_id)
        page = Page(self.client.get(path, headers=self.agent).content.decode())
        fields = {"view": str(uuid4()), "visit": self.visit, "path": path, **page.subject}
        events = [event_make(**fields)]
        events += [event_make("exposure", **fields, properties=slot) for slot in page.slots]
        answer = post(self.client, events, visitor_id=self.visitor_id, headers=self.agent)
        assert answer.status_code == 202
        drain(self.visitor_id)
        profile_services.shard_fold(selectors.shard_of(self.visitor_id))
        self.shown += [(str(slot["slot"]), int(slot["campaign"])) for slot in page.slots]
        return page

    def read(self, paths: tuple[str, ...]) -> None:
        items: list[str] = []
        for path in paths:
            page = self.open(path.format(item=items.pop(0)) if "{" in path else path)
            items = [f"/items/{slug}/" for slug in page.slugs("items")] or items


def compared(slot: str) -> Comparison:
    return exposures_compare(slot=slot, days=1, now=timezone.now() + timedelta(seconds=5))


def test_every_exposure_of_real_pages_is_reproduced(demo: None) -> None:
    readers = [Reader(), Reader(PHONE)]
    for reader in readers:
        reader.read(PATHS)
    given = [slot for reader in readers for slot, _ in reader.shown]
    assert len(given) > 5
    for slot in SLOTS:
        found = compared(slot)
        assert (found.logged, found.reproduced) == (given.count(slot), given.count(slot)), slot
        assert found.causes == {}, found.differences


def test_caps_are_reproduced_from_page_to_page(demo: None) -> None:
    changed = {"cap_count": 2, "cap_length": 1, "cap_unit": "days"}
    campaigns_publish(Campaign.objects.filter(slot__key="home-hero"), **changed)
    reader = Reader(PHONE)
    for _ in range(5):
        reader.open("/")
    found = compared("home-hero")
    assert 0 < found.reproduced == found.logged < 5
    assert found.causes == {}, found.differences


def logged_by(campaign: Campaign) -> None:
    """An exposure of two days ago, by the rules that are in force now."""
    version = RuleSet.objects.latest("version").version
    RuleSet.objects.update(published_at=timezone.now() - timedelta(days=9))
    shown = view_make(2)
    past_make(shown, exposure_make(shown, campaign, version=version))


def causes() -> dict[str, int]:
    return dict(exposures_compare(slot="hero", days=7, now=timezone.now()).causes)


def test_an_exposure_by_earlier_rules_is_told_as_that(site: Site) -> None:
    campaign = live_make(site)
    logged_by(campaign)
    assert causes() == {}
    campaigns_publish(
        Campaign.objects.filter(pk=campaign.pk),
        rule={"condition": "visits", "operator": ">=", "value": 9},
    )
    assert causes() == {"other_rules": 1}


def test_what_events_do_not_store_is_told_as_that(site: Site) -> None:
    logged_by(live_make(site, {"condition": "gpc", "value": "off"}))
    assert causes() == {"not_stored": 1}


def test_an_exposure_without_its_page_view_is_told_as_that(site: Site) -> None:
    campaign = live_make(site)
    logged_by(campaign)
    past_make(exposure_make(view_make(1), campaign))
    assert causes() == {"no_page_view": 1}


def test_a_page_view_without_its_exposure_is_told_as_that(site: Site) -> None:
    logged_by(live_make(site))
    past_make(view_make(1))
    assert causes() == {"not_reported": 1}


def test_a_moment_before_which_events_came_late_is_told_as_that(site: Site) -> None:
    logged_by(live_make(site, {"condition": "pages_in_visit", "operator": "=", "value": 0}))
    past_make(view_make(1), view_make(0.9))
    assert causes() == {"not_reported": 1, "late": 1}


@pytest.mark.parametrize("name", [name for name in CAUSES if name != "unexplained"])
def test_each_cause_is_named_by_what_it_is(name: str) -> None:
    case = {
        "no_page_view": Case(1, 0, has_page=False),
        "other_rules": Case(1, 0, other_rules=True),
        "not_stored": Case(1, 0, untold=True),
        "late": Case(1, 0, late=True),
        "limits": Case(1, 0, limited=True),
        "other_baseline": Case(1, 0, other_baseline=True),
        "not_reported": Case(0, 1),
    }[name]
    assert cause_of(case) == name
    assert cause_of(Case(1, 0)) == "unexplained"


def test_every_cause_has_its_line_in_the_docs() -> None:
    docs = (Path(__file__).resolve().parents[2] / "docs/backtests.md").read_text()
    table = docs.partition("| cause | meaning |")[2]
    assert re.findall(r"^\| `(\w+)` \|", table, re.M) == list(CAUSES)


def test_the_command_says_it_in_lines(site: Site) -> None:
    campaign = live_make(site)
    logged_by(campaign)
    past_make(exposure_make(view_make(1, path="/new/"), campaign))
    out = StringIO()
    call_command("compare_exposures", "hero", stdout=out)
    said = out.getvalue()
    assert "hero: 1 of 2 logged exposures reproduced, 1 differences" in said
    assert "1 × no page view was stored for it" in said
    assert "logged Live, replayed the default (no_page_view)" in said
    with pytest.raises(CommandError, match="There is no published slot 'nowhere'"):
        call_command("compare_exposures", "nowhere")
