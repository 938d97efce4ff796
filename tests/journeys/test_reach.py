"""The reach beside a rule in a real browser: live, with near misses that one key press applies."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

AXE = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}}
TEXT = "[data-reach-text]"
RULE = {
    "all": [
        {"condition": "events", "type": "page_view", "category": "gardening", "value": 3},
        {"condition": "events", "type": "purchase", "operator": "=", "value": 0, "days": 30},
        {"any": [{"condition": "device", "value": "phone"},
                 {"condition": "visits", "operator": ">=", "value": 1}]},
    ]
}  # fmt: skip


@pytest.fixture
def editor_page(tmp_path: Path, browser_page: Page) -> Page:
    """The form of a campaign with RULE; four visitors read 2, 2, 3 and 5 pages, one refused."""
    from demo.loader import demo_load
    from personalization.models import Campaign
    from tests.personalization.test_admin_visitor import reads
    from tests.tracking.people import ana_make, ben_make

    logins = tmp_path / "logins.json"
    demo_load(logins_path=logins)
    for pages in (2, 2, 3, 5):
        reads(ana_make(), count=pages)
    ben_make()
    campaign = Campaign.objects.get(name="Gardening readers")
    Campaign.objects.filter(pk=campaign.pk).update(rule=RULE)
    browser_page.goto("/admin/login/")
    browser_page.fill("#id_username", "marketer")
    browser_page.fill("#id_password", json.loads(logins.read_text())["marketer"])
    browser_page.press("#id_password", "Enter")
    browser_page.wait_for_url("**/admin/")
    browser_page.goto(f"/admin/personalization/campaign/{campaign.pk}/change/")
    return browser_page


def shot(page: Page, name: str) -> None:
    """A picture for whoever asked for them by SHOTS."""
    if folder := os.environ.get("SHOTS"):
        page.locator(".at-rule__top").screenshot(path=Path(folder) / f"{name}.png")


def test_a_near_miss_goes_into_its_field_by_keyboard_and_is_counted(editor_page: Page) -> None:
    page = editor_page
    expect(page.locator(TEXT)).to_have_text("2 of 4 visitors")
    panel = page.locator("[data-reach-panel]")
    expect(panel).to_contain_text("1 more visitor was asked and does not allow personalization")
    hint = panel.get_by_role("button", name="2 more with 2 instead of 3")
    hint.focus()
    page.keyboard.press("Enter")
    value = page.locator("[data-rule-row]").first.locator("[data-part=value]")
    expect(value).to_have_value("2")
    expect(value).to_be_focused()
    expect(page.locator(TEXT)).to_have_text("4 of 4 visitors")
    expect(page.locator("[data-rule-sentence]")).to_contain_text("2 times")


def test_typing_is_never_held_up_and_the_last_count_stays(editor_page: Page) -> None:
    page = editor_page
    expect(page.locator(TEXT)).to_have_text("2 of 4 visitors")
    value = page.locator("[data-rule-row]").first.locator("[data-part=value]")
    for number in ("31", "30", "4"):
        value.fill(number)
    expect(page.locator(TEXT)).to_have_text("1 of 4 visitors")
    value.fill("")
    expect(page.locator(TEXT)).to_have_text("Complete the rule to count.")
    expect(page.locator("[data-reach-panel]")).not_to_contain_text("match")


def test_axe_finds_nothing_in_the_panel_and_it_fits_a_phone(editor_page: Page) -> None:
    page = editor_page
    for scheme, width in (("light", 1280), ("light", 390), ("dark", 1280), ("dark", 390)):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.set_viewport_size({"width": width, "height": 900})
        page.reload()
        expect(page.locator(TEXT)).to_have_text("2 of 4 visitors")
        found = Axe().run(page, context={"include": [[".at-rule__top"]]}, options=AXE)
        assert found.response["violations"] == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        shot(page, f"reach-{width}-{scheme}")
