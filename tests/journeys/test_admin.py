"""A marketer in a real browser: builds a rule from nothing, by keyboard too, without codes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from consent.cookies import COOKIE_NAME, cookie_value

if TYPE_CHECKING:
    from uuid import UUID

    from django.test import Client
    from playwright.sync_api import Locator, Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

AXE = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}}
SENTENCE = "[data-rule-sentence]"
NESTED = {
    "all": [
        {"condition": "affinity", "category": "gardening", "value": 0.25},
        {
            "any": [
                {"condition": "device", "value": "phone"},
                {
                    "at_least": 2,
                    "of": [
                        {"condition": "visits", "value": 2},
                        {"condition": "events", "type": "add_to_cart", "category": "music"},
                        {"not": {"condition": "query", "name": "utm_source", "value": "a $& {b}"}},
                    ],
                },
            ]
        },
        {"none": [{"condition": "gpc", "value": "on"}, {"condition": "consent"}]},
        {
            "any": [
                {"condition": "events", "type": "purchase", "operator": "=", "value": 0, "days": 1},
                {"condition": "events", "type": "gone_type", "category": "gone-away", "value": 1},
                {"condition": "top_interest", "category": "gone-away", "value": 1},
                {"condition": "visits", "operator": "=", "value": 1},
                {"condition": "days_since_last_event", "value": 0.5},
            ]
        },
    ]
}


@pytest.fixture
def site(tmp_path: Path) -> dict[str, str]:
    """The demo; returns the passwords."""
    from demo.loader import demo_load

    demo_load(logins_path=tmp_path / "logins.json")
    return dict(json.loads((tmp_path / "logins.json").read_text()))


@pytest.fixture
def marketer(site: dict[str, str], browser_page: Page) -> Page:
    """A page logged in as the marketer."""
    browser_page.goto("/admin/login/")
    browser_page.fill("#id_username", "marketer")
    browser_page.fill("#id_password", site["marketer"])
    browser_page.press("#id_password", "Enter")
    browser_page.wait_for_url("**/admin/")
    return browser_page


def campaign(name: str = "Gardening readers") -> Any:
    from personalization.models import Campaign

    return Campaign.objects.get(name=name)


def form_of(row: Any) -> str:
    return f"/admin/personalization/campaign/{row.pk}/change/"


def save(page: Page) -> None:
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url("**/campaign/")


def publish(page: Page) -> None:
    """Save, look at what would change, and confirm."""
    page.get_by_role("button", name="Save and publish …").last.click()
    page.wait_for_url("**/step/publish/")
    page.get_by_role("button", name="Publish", exact=True).click()
    page.wait_for_url("**/change/")
    expect(page.get_by_text("Pages follow at once")).to_be_visible()


def part(row: Locator, name: str) -> Locator:
    return row.locator(f"[data-part={name}]")


def test_a_marketer_builds_a_rule_from_nothing(marketer: Page) -> None:
    page = marketer
    page.goto("/admin/personalization/campaign/add/")
    expect(page.locator(SENTENCE)).to_have_text("Nobody yet: add a condition.")
    page.fill("#id_name", "Cyclists on phones")
    page.select_option("#id_slot", label="Home: hero")
    page.select_option("#id_variant", label="Hero: bicycle")
    expect(page.locator(".at-preview__headline")).to_have_text("Quiet miles, sound brakes")

    page.get_by_role("button", name="Add condition").click()
    first = page.locator("[data-rule-row]").first
    expect(part(first, "condition")).to_be_focused()
    part(first, "category").select_option(label="Cycling")
    part(first, "value").fill("7.5")
    expect(page.locator(SENTENCE)).to_have_text("The interest in Cycling is at least 7.5.")

    page.get_by_role("button", name="Add group").click()
    group = page.locator("[data-rule-group] [data-rule-group]")
    inner = group.locator("[data-rule-row]").first
    part(inner, "condition").select_option(label="Device")
    group.get_by_role("button", name="Add condition").click()
    second = group.locator("[data-rule-row]").nth(1)
    part(second, "condition").select_option(label="Number of visits")
    expect(page.locator(SENTENCE)).to_have_text(
        "The interest in Cycling is at least 7.5 and (using a phone or made at least 2 visits)."
    )
    expect(page.locator("[data-reach-text]")).to_have_text(
        "No visitor who allows personalization has a profile yet."
    )
    publish(page)
    made = campaign("Cyclists on phones")
    assert made.status == "published"
    assert made.rule == {
        "all": [
            {"condition": "affinity", "category": "cycling", "horizon": "long",
             "operator": ">=", "value": 7.5},
            {"any": [{"condition": "device", "value": "phone"},
                     {"condition": "visits", "operator": ">=", "value": 2}]},
        ]
    }  # fmt: skip


def test_a_changed_threshold_reaches_the_next_page_view(
    marketer: Page, visitor: UUID, client: Client
) -> None:
    from personalization.models import Campaign
    from tests.personalization.publishing import campaigns_publish

    only = Campaign.objects.filter(name="Gardening readers")
    Campaign.objects.exclude(name="Gardening readers").update(status="draft")
    rule = {"condition": "strongest_interest", "operator": ">=", "value": 100}
    campaigns_publish(only, rule=rule)

    def shown() -> bool:
        client.cookies[COOKIE_NAME] = cookie_value(visitor, datetime.now(UTC))
        return only.get().variant.headline in client.get("/").content.decode()

    assert not shown()
    marketer.goto(form_of(only.get()))
    part(marketer.locator("[data-rule-row]").first, "value").fill("7")
    save(marketer)
    assert not shown(), "what is saved is a draft"
    marketer.goto(form_of(only.get()))
    publish(marketer)
    assert only.get().rule["value"] == 7, "a rule of one condition stays one"
    assert shown()


def test_the_browser_says_a_rule_as_the_server_does(marketer: Page) -> None:
    row = campaign()
    row.rule = NESTED
    row.save()
    said = marketer.request.get(form_of(row)).text()
    marketer.goto(form_of(row))
    expect(marketer.locator("[data-rule][data-ready]")).to_have_count(1)
    text = marketer.locator(SENTENCE).inner_text()
    assert text.startswith("The interest in Gardening is at least 0.25 and (using a phone or")
    parsed = marketer.evaluate(
        "html => new DOMParser().parseFromString(html, 'text/html')"
        f".querySelector('{SENTENCE}').textContent",
        said,
    )
    assert parsed == text
    save(marketer)
    from personalization.rules.tree import rule_as_json, rule_parse

    row.refresh_from_db()
    assert row.rule == rule_as_json(rule_parse(NESTED)), "opened, initialised and saved unchanged"


def test_rows_move_and_go_by_keyboard_alone(marketer: Page) -> None:
    row = campaign()
    row.rule = {"all": [{"condition": "device"}, {"condition": "visits"}, {"condition": "gpc"}]}
    row.save()
    page = marketer
    page.goto(form_of(row))
    page.locator("[data-rule-row]").nth(2).locator("[data-rule-up]").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    expect(page.locator("[data-rule-row]").first.locator("[data-rule-down]")).to_be_focused()
    page.locator("[data-rule-row]").nth(1).locator("[data-rule-remove]").focus()
    page.keyboard.press("Enter")
    expect(part(page.locator("[data-rule-row]").nth(1), "condition")).to_be_focused()
    save(page)
    row.refresh_from_db()
    assert [leaf["condition"] for leaf in row.rule["all"]] == ["gpc", "visits"]


def test_an_error_is_shown_beside_its_field_and_can_be_mended(marketer: Page) -> None:
    page = marketer
    page.goto(form_of(campaign()))
    value = part(page.locator("[data-rule-row]").first, "value")
    value.fill("400")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Times: use a number from 0 to 32.")).to_be_visible()
    value = part(page.locator("[data-rule-row]").first, "value")
    expect(value).to_have_value("400")
    expect(value).to_have_attribute("aria-invalid", "true")
    expect(value).to_be_focused()
    expect(page.get_by_text("Times: use a number from 0 to 32.")).to_be_in_viewport()
    value.fill("4")
    save(page)
    assert campaign().rule["all"][0]["value"] == 4


def test_an_error_of_fields_together_is_led_to(marketer: Page) -> None:
    page = marketer
    page.goto(form_of(campaign()))
    row = page.locator("[data-rule-row]").first
    part(row, "condition").select_option(value="event_did")
    part(row, "window_unit").select_option(label="between dates")
    page.get_by_role("button", name="Save", exact=True).click()
    says = page.get_by_text("Within: name the first day or the last one.")
    expect(says).to_be_in_viewport()
    expect(part(page.locator("[data-rule-row]").first, "window_unit")).to_be_focused()


def test_undo_follows_the_keys_while_nothing_is_focused(marketer: Page) -> None:
    page = marketer
    page.goto(form_of(campaign()))
    rows = page.locator("[data-rule-row]")
    page.get_by_role("button", name="Add condition").first.click()
    expect(rows).to_have_count(2)
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Control+z")
    expect(rows).to_have_count(1)
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Control+Shift+z")
    expect(rows).to_have_count(2)


def test_a_group_has_no_deeper_group_than_a_rule_may_have(marketer: Page) -> None:
    page = marketer
    page.goto("/admin/personalization/campaign/add/")
    for _ in range(3):
        page.locator("[data-rule-add-group]:visible").first.click()
        page.locator("[data-rule-group] [data-rule-group]").last.wait_for()
        innermost = page.locator("[data-rule-group]").last
        adds = innermost.locator("[data-rule-add-group]:visible")
        if not adds.count():
            break
        adds.first.click()
    depth = page.evaluate(
        """() => Math.max(...[...document.querySelectorAll('[data-rule-group]')].map(
             (group) => { let n = 0; for (let at = group; at; at =
               at.parentElement.closest('[data-rule-group]')) n += 1; return n; }))"""
    )
    assert depth == 4


def test_without_our_script_a_rule_is_still_edited_and_grows(marketer: Page) -> None:
    """Unfold's pages need its own scripts; ours may be missing and the fields still do."""
    page = marketer
    page.route("**/admin-rule*.js", lambda route: route.abort())
    page.goto(form_of(campaign()))
    expect(page.get_by_role("button", name="Add condition")).to_have_count(0)
    page.locator("[name='rule.0.value']").fill("5")
    page.locator("[name='rule.1.condition']").select_option("visits")
    save(page)
    rule = campaign().rule["all"]
    assert rule[0]["value"] == 5
    assert rule[1] == {"condition": "visits", "operator": ">=", "value": 2}
    page.goto(form_of(campaign()))
    page.locator("[name='rule.0.condition']").select_option("")
    save(page)
    assert [leaf["condition"] for leaf in campaign().rule["all"]] == ["visits"]


# --- For everybody -----------------------------------------------------------------------------


def ours(page: Page) -> list[str]:
    """What axe finds in the parts that are ours; unfold's own frame is left out."""
    found = Axe().run(page, context={"include": [["#content"]]}, options=AXE)
    return [
        f"{one['id']}: {node['html'][:200]}"
        for one in found.response["violations"]
        for node in one["nodes"]
        if "at-" in node["html"] or any(".at-" in str(step) for step in node["target"])
    ]


@pytest.fixture
def visitor() -> UUID:
    from tests.personalization.test_admin_visitor import reads
    from tests.tracking.people import ana_make

    ana = ana_make()
    reads(ana, count=8)
    return ana


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_form_and_visitor_are_accessible_and_fit_a_phone(
    marketer: Page, visitor: UUID, scheme: Any
) -> None:
    row = campaign()
    row.rule = NESTED
    row.save()
    marketer.emulate_media(color_scheme=scheme)
    for width in (1280, 390):
        marketer.set_viewport_size({"width": width, "height": 900})
        for url in (form_of(row), f"/admin/visitors/{visitor}/", "/admin/",
                    "/admin/tracking/eventtype/"):  # fmt: skip
            marketer.goto(url)
            marketer.wait_for_load_state("networkidle")
            assert ours(marketer) == [], (url, width)
            wide = "document.documentElement.scrollWidth > innerWidth"
            assert not marketer.evaluate(wide), (url, width)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_list_cuts_no_words_on_a_phone(marketer: Page, scheme: Any) -> None:
    marketer.emulate_media(color_scheme=scheme)
    marketer.set_viewport_size({"width": 390, "height": 844})
    marketer.goto("/admin/personalization/campaign/")
    cells = marketer.locator("#result_list td, #result_list th")
    cut = cells.evaluate_all(
        """cells => cells.filter((cell) => cell.scrollHeight > cell.clientHeight + 1
             || cell.scrollWidth > cell.clientWidth + 1).map((cell) => cell.innerText)"""
    )
    assert cells.count() > 20
    assert cut == []
