"""The life of a campaign in a real browser: edited, submitted, approved, compared, rolled back."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

AXE = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}}
BASE = "/admin/personalization/campaign"


@pytest.fixture
def passwords(tmp_path: Path) -> dict[str, str]:
    """The demo; returns the passwords of its logins."""
    from demo.loader import demo_load

    demo_load(logins_path=tmp_path / "logins.json")
    return dict(json.loads((tmp_path / "logins.json").read_text()))


def log_in(page: Page, name: str, passwords: dict[str, str]) -> Page:
    page.goto("/admin/login/")
    page.fill("#id_username", name)
    page.fill("#id_password", passwords[name])
    page.press("#id_password", "Enter")
    page.wait_for_url("**/admin/")
    return page


@pytest.fixture
def marketer(passwords: dict[str, str], browser_page: Page) -> Page:
    return log_in(browser_page, "marketer", passwords)


def campaign(name: str = "Gardening readers") -> Any:
    from personalization.models import Campaign

    return Campaign.objects.get(name=name)


def change_url(row: Any) -> str:
    return f"{BASE}/{row.pk}/change/"


def test_an_editor_submits_and_a_marketer_sends_back_then_approves(
    marketer: Page, passwords: dict[str, str], chromium: Browser, live_server: object
) -> None:
    context = chromium.new_context(base_url=str(live_server))
    context.set_default_timeout(10_000)
    editor = log_in(context.new_page(), "editor", passwords)
    row = campaign()
    editor.goto(change_url(row))
    expect(editor.get_by_role("button", name="Save and publish …")).to_have_count(0)
    editor.fill("#id_priority", "75")
    editor.get_by_role("button", name="Save and submit for review …").last.click()
    expect(editor.get_by_text("Priority: 60 → 75")).to_be_visible()
    editor.get_by_label("Comment").fill("Gardens first")
    editor.get_by_role("button", name="Submit for review").click()
    expect(editor.get_by_text("“Gardening readers” waits for review.")).to_be_visible()

    marketer.goto(change_url(row))
    expect(marketer.get_by_text("submitted by editor: “Gardens first”")).to_be_visible()
    marketer.get_by_role("link", name="Send back …").click()
    marketer.get_by_label("Comment").fill("Say until when.")
    marketer.get_by_role("button", name="Send back").click()
    marketer.wait_for_url("**/change/")

    editor.goto(change_url(row))
    editor.get_by_text("Latest steps").click()
    expect(editor.get_by_text("“Say until when.”")).to_be_visible()
    editor.select_option("#id_zone", "Europe/Berlin")
    editor.fill("#id_ends_at_0", "2036-10-26")
    editor.fill("#id_ends_at_1", "02:30")
    editor.get_by_role("button", name="Save and submit for review …").last.click()
    expect(editor.get_by_text("it is 02:30 twice in Europe/Berlin")).to_be_visible()
    editor.fill("#id_ends_at_1", "12:00")
    editor.get_by_role("button", name="Save and submit for review …").last.click()
    editor.get_by_role("button", name="Submit for review").click()
    editor.wait_for_url("**/change/")
    context.close()

    marketer.goto(change_url(row))
    marketer.get_by_role("link", name="Approve and publish …").click()
    expect(marketer.get_by_text("Ends: never → 26 Oct 2036, 12:00 Europe/Berlin")).to_be_visible()
    marketer.get_by_role("button", name="Approve and publish").click()
    expect(marketer.get_by_text("is approved and published. Pages follow at once")).to_be_visible()
    assert campaign().published.payload["priority"] == 75


def test_two_tabs_do_not_overwrite_each_other(marketer: Page) -> None:
    row = campaign()
    other = marketer.context.new_page()
    for page in (marketer, other):
        page.goto(change_url(row))
    other.fill("#id_priority", "61")
    other.get_by_role("button", name="Save", exact=True).click()
    other.wait_for_url(f"**{BASE}/")
    marketer.fill("#id_name", "Typed in the first tab")
    marketer.get_by_role("button", name="Save", exact=True).click()
    expect(marketer.get_by_text("saved this campaign while you had it open")).to_be_visible()
    expect(marketer.get_by_text("Priority: 61 → 60")).to_be_visible()
    expect(marketer.locator("#id_name")).to_have_value("Typed in the first tab")
    assert campaign().priority == 61
    marketer.get_by_role("button", name="Save", exact=True).click()
    marketer.wait_for_url(f"**{BASE}/")
    assert campaign("Typed in the first tab").priority == 60


def test_a_version_is_compared_and_comes_back(marketer: Page) -> None:
    row = campaign()
    marketer.goto(change_url(row))
    marketer.fill("#id_priority", "99")
    marketer.get_by_role("button", name="Save and publish …").last.click()
    marketer.get_by_role("button", name="Publish", exact=True).click()
    marketer.wait_for_url("**/change/")
    marketer.get_by_role("link", name="history History").click()
    marketer.get_by_label("From").select_option("1")
    marketer.get_by_label("To").select_option("2")
    marketer.get_by_role("button", name="Compare").click()
    expect(marketer.locator("main, #content").first).to_contain_text("Priority: 60 → 99")
    marketer.get_by_role("link", name="Go back to version 1 …").click()
    expect(marketer.get_by_text("Priority: 99 → 60").first).to_be_visible()
    marketer.get_by_role("button", name="Publish it again").click()
    expect(marketer.get_by_text("What version 1 says is published again.")).to_be_visible()
    assert campaign().published.number == 3


def test_words_get_their_form_by_buttons_and_keys(marketer: Page) -> None:
    from personalization.models import Variant

    variant = Variant.objects.get(name="Hero: garden")
    page = marketer
    page.goto(f"/admin/personalization/variant/{variant.pk}/change/")
    field = page.locator("#id_body")
    field.fill("Dig early")
    field.press("ControlOrMeta+a")
    page.get_by_role("button", name="Bold").press("Enter")
    expect(field).to_have_value("**Dig early**")
    expect(page.locator("[data-live-body] strong")).to_have_text("Dig early")
    field.press("End")
    field.press("Enter")
    page.get_by_role("button", name="List", exact=True).press("Space")
    page.get_by_label("Insert a picture").select_option("gardening-hero.svg")
    expect(field).to_have_value("**Dig early**\n\n- item![what it shows](gardening-hero.svg)")
    expect(page.locator("[data-live-body] img")).to_have_count(1)
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url("**/variant/")
    expect(page.get_by_text("Published as version")).to_be_visible()


@pytest.fixture
def busy(marketer: Page, tmp_path: Path) -> dict[str, str]:
    """A campaign with a history, one in review, one paused; the pages that show them."""
    from personalization.campaigns import campaigning
    from personalization.campaigns.interchange_write import campaigns_export
    from personalization.models import Campaign

    row = campaign()
    row.priority, row.ends_at = 75, datetime(2026, 12, 15, 9, tzinfo=UTC)
    row.save()
    campaigning.campaign_publish(campaign=row, by="marketer", note="Until the beds are dug")
    Campaign.objects.filter(pk=row.pk).update(priority=65)
    campaigning.campaign_pause(campaign=campaign("Cyclists"), by="marketer")
    sale = Campaign.objects.create(
        name="Winter sale of garden tools", slot=row.slot, variant=row.variant, rule=row.rule,
        starts_at=datetime(2026, 11, 10, 8, tzinfo=UTC),
        ends_at=datetime(2026, 11, 20, 8, tzinfo=UTC),
    )  # fmt: skip
    campaigning.campaign_submit(campaign=sale, by="editor", note="Ready for you")
    path = tmp_path / "campaigns.json"
    path.write_text(campaigns_export([campaign()]).replace('"Gardening', '"More gardening'))
    return {
        "list": f"{BASE}/",
        "form": change_url(row),
        "publish": f"{BASE}/{row.pk}/step/publish/",
        "review": f"{BASE}/{sale.pk}/step/approve/",
        "history": f"{BASE}/{row.pk}/history/?from=1&to=2",
        "rollback": f"{BASE}/{row.pk}/rollback/1/",
        "calendar": f"{BASE}/calendar/?month=2026-11",
        "empty month": f"{BASE}/calendar/?month=1990-01",
        "variant": f"/admin/personalization/variant/{row.variant_id}/change/",
        "import": f"{BASE}/import/#{path}",
    }


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_accessible_and_fits_a_phone(
    marketer: Page, busy: dict[str, str], scheme: Any
) -> None:
    page = marketer
    page.emulate_media(color_scheme=scheme)
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 900})
        for name, url in busy.items():
            page.goto(url.partition("#")[0])
            if name == "import":
                page.set_input_files("#id_file", url.partition("#")[2])
                page.get_by_role("button", name="See what it would do").click()
                page.get_by_role("button", name="Import 1").wait_for()
            page.wait_for_load_state("load")
            found = Axe().run(page, context={"include": [["#content"]]}, options=AXE)
            assert found.response["violations"] == [], (name, width)
            wide = "document.documentElement.scrollWidth > innerWidth"
            assert not page.evaluate(wide), (name, width)
