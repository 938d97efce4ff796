"""How often, in a real browser: two tabs share a cap, and "Not this" works without scripts too."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.journeys.test_admin import marketer, ours, site

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

__all__ = ["marketer", "site"]
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

NAME = "Short hero on phones"
SHOWN = "[data-attune-slot=home-hero][data-attune-campaign]"
AXE = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}}


def campaign(tmp_path: Path, **limits: Any) -> Any:
    """The demo with one live campaign, for everybody, in the home page's hero."""
    from demo.loader import demo_load
    from personalization.models import Campaign
    from tests.personalization.publishing import campaigns_publish

    demo_load(logins_path=tmp_path / "logins.json")
    Campaign.objects.exclude(name=NAME).update(status="draft")
    chosen = Campaign.objects.filter(name=NAME)
    campaigns_publish(chosen, rule={"condition": "gpc", "value": "off"}, **limits)
    return chosen.get()


def accept(page: Page) -> None:
    page.goto("/preferences/")
    for purpose in ("measurement", "personalization"):
        page.locator(f"#purpose-{purpose}").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved")).to_be_visible()


def test_two_tabs_together_are_shown_no_more_than_the_cap(
    browser_context: BrowserContext, tmp_path: Path
) -> None:
    campaign(tmp_path, cap_count=3, cap_length=1)
    first, second = browser_context.new_page(), browser_context.new_page()
    accept(first)
    second.goto("/preferences/")
    counted = []
    for _ in range(4):
        with first.expect_navigation(), second.expect_navigation():
            for tab in (first, second):  # both under way before either is there
                tab.evaluate("setTimeout(() => location.assign('/'))")
        counted += [tab.locator(SHOWN).count() for tab in (first, second)]
    assert sum(counted) == 3, counted


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])
def test_not_this_takes_it_away(
    chromium: Browser, live_server: object, tmp_path: Path, scripts: bool
) -> None:
    from tests.waiting import wait_until
    from tracking import services
    from tracking.models import Event

    shown = campaign(tmp_path, pause_dismissed_days=7)
    context = chromium.new_context(base_url=str(live_server), java_script_enabled=scripts)
    context.set_default_timeout(10_000)
    page = context.new_page()
    accept(page)
    page.goto("/?from=here")
    expect(page.locator(SHOWN)).to_have_count(1)
    button = page.get_by_role("button", name="Not this")
    button.focus()
    page.keyboard.press("Enter")
    expect(page.locator(SHOWN)).to_have_count(0)
    assert page.url.endswith("/?from=here")
    if scripts:

        def stored() -> bool:
            for shard in range(16):
                services.shard_drain(shard)
            return Event.objects.filter(type="dismiss").exists()

        wait_until(stored)
        (event,) = Event.objects.filter(type="dismiss")
        assert event.properties is not None
        assert event.properties["campaign"] == shown.pk
        assert event.properties["slot"] == "home-hero"
    context.close()


def test_a_click_gives_its_campaign_a_pause(browser_page: Page, tmp_path: Path) -> None:
    from tests.waiting import wait_until

    campaign(tmp_path, pause_clicked_days=7)
    page = browser_page
    accept(page)
    page.goto("/")
    page.locator(f"{SHOWN} .why summary").click()
    page.goto("/")
    expect(page.locator(SHOWN)).to_have_count(1)
    page.locator(f"{SHOWN} a.button").click()
    page.wait_for_url("**/search/**")

    def is_paused() -> bool:
        page.goto("/")
        return page.locator(SHOWN).count() == 0

    wait_until(is_paused)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_slots_tools_are_accessible_and_fit_a_phone(
    browser_page: Page, tmp_path: Path, scheme: Any
) -> None:
    campaign(tmp_path, pause_dismissed_days=7)
    page = browser_page
    page.emulate_media(color_scheme=scheme)
    accept(page)
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 900})
        page.goto("/")
        page.locator(f"{SHOWN} .why summary").click()
        found = Axe().run(page, context={"include": [[SHOWN]]}, options=AXE)
        assert found.violations_count == 0, found.generate_report()
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
        box = page.get_by_role("button", name="Not this").bounding_box()
        assert box is not None
        assert box["height"] >= 24


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_groups_and_budget_are_accessible_and_fit_a_phone(marketer: Page, scheme: Any) -> None:
    from personalization.models import Campaign, ExclusionGroup

    group = ExclusionGroup.objects.create(name="Seasonal offers")
    Campaign.objects.update(exclusion_group=group, budget_exempt="The law asks for it.")
    Campaign.objects.update(published=None, status="draft", capacity_count=500)
    marketer.emulate_media(color_scheme=scheme)
    for width in (1280, 390):
        marketer.set_viewport_size({"width": width, "height": 900})
        for url in (f"exclusiongroup/{group.pk}/change/", "pressurebudget/", "campaign/"):
            marketer.goto(f"/admin/personalization/{url}")
            assert marketer.locator(".at-places__bar").count() == (7 if "campaign/" in url else 0)
            assert ours(marketer) == [], (url, width)
            wide = "document.documentElement.scrollWidth > innerWidth"
            assert not marketer.evaluate(wide), (url, width)


def test_limits_are_said_while_a_marketer_edits_them(marketer: Page) -> None:
    from personalization.models import Campaign

    row = Campaign.objects.get(name="Cyclists")
    marketer.goto(f"/admin/personalization/campaign/{row.pk}/change/")
    words = marketer.locator("[data-live-body]")
    expect(words).to_have_text("As often as the rule matches.")
    marketer.fill("#id_cap_count", "3")
    expect(words).to_have_text("At most 3 times a week.")
    marketer.fill("#id_pause_dismissed_days", "7")
    expect(words).to_have_text("At most 3 times a week, 7 days' pause after it was dismissed.")
    marketer.fill("#id_pause_dismissed_days", "")
    marketer.fill("#id_capacity_count", "500")
    expect(words).to_have_text("At most 3 times a week, for the first 500 visitors.")
    marketer.get_by_role("button", name="Save", exact=True).click()
    marketer.wait_for_url("**/campaign/")
    row.refresh_from_db()
    assert (row.cap_count, row.capacity_count) == (3, 500)
