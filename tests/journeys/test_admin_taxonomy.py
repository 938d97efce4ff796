"""A marketer changes what counts in a real browser: by keyboard, seeing first who gains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.journeys.test_admin import marketer, ours, site  # noqa: F401, the fixtures

if TYPE_CHECKING:
    from uuid import UUID

    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LIST = "/admin/tracking/eventtype/"
SAYS = "#consequences [data-live-says]"
NOTHING_YET = "Change a weight, and see here who gains and who loses before you save."


@pytest.fixture
def visitor() -> UUID:
    """Who clicked cooking once and saw gardening twice: 3 against 2."""
    from tests.tracking.people import ana_make, drain, event_make, inbox_put

    ana = ana_make()
    seen = [event_make("page_view", category="gardening") for _ in range(2)]
    inbox_put(ana, [event_make("click", category="cooking"), *seen])
    drain(ana)
    return ana


def weight_of(name: str) -> float:
    from tracking.models import EventType

    return EventType.objects.get(name=name).weight


def test_a_weight_is_edited_by_keyboard_seen_and_saved(marketer: Page, visitor: UUID) -> None:  # noqa: F811
    page = marketer
    page.goto(LIST)
    expect(page.locator(SAYS)).to_have_text(NOTHING_YET)
    page.get_by_role("link", name="Click", exact=True).focus()
    page.keyboard.press("Tab")
    field = page.get_by_label("Weight of click", exact=True)
    expect(field).to_be_focused()
    page.keyboard.press("Control+a")
    page.keyboard.type("1.5")
    expect(page.locator(SAYS)).to_have_text("1 of 1 visitor gets another top interest.")
    expect(page.locator("#consequences [role=status]")).to_contain_text("1 of 1 visitor")
    expect(page.locator("#consequences")).to_contain_text("cooking → gardening")
    assert weight_of("click") == 3.0
    sample = page.locator("#consequences").get_by_role("link", name=str(visitor)[:8])
    expect(sample).to_have_attribute("href", f"/admin/visitors/{visitor}/")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Published as version")).to_be_visible()
    assert weight_of("click") == 1.5
    expect(page.locator(SAYS)).to_have_text(NOTHING_YET)


def test_only_the_last_of_several_edits_is_shown(marketer: Page, visitor: UUID) -> None:  # noqa: F811
    page = marketer
    page.goto(LIST)
    field = page.get_by_label("Weight of click", exact=True)
    for weight in ("9", "much", "1.5"):
        field.fill(weight)
    expect(page.locator(".at-changes")).to_have_text("Click 3 → 1.5")
    field.fill("much")
    expect(page.locator("#consequences")).to_contain_text("Click: Weight: use a number from 0 to")
    field.fill("3")
    expect(page.locator(SAYS)).to_have_text(NOTHING_YET)


def test_what_cannot_be_previewed_says_what_to_do(marketer: Page, visitor: UUID) -> None:  # noqa: F811
    page = marketer
    page.goto(LIST)
    page.route("**/preview/**", lambda route: route.abort())
    page.get_by_label("Weight of click", exact=True).fill("1.5")
    expect(page.get_by_text("press Preview to try again").last).to_be_visible()
    page.unroute("**/preview/**")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator(SAYS)).to_have_text("1 of 1 visitor gets another top interest.")
    expect(page.get_by_label("Weight of click", exact=True)).to_have_value("1.5")


def test_without_our_script_the_preview_is_a_page(marketer: Page, visitor: UUID) -> None:  # noqa: F811
    page = marketer
    page.route("**/admin-taxonomy*.js", lambda route: route.abort())
    page.goto(LIST)
    page.get_by_label("Weight of click", exact=True).fill("1.5")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("1 of 1 visitor gets another top interest.")).to_be_visible()
    expect(page.get_by_text("Nothing is saved yet.")).to_be_visible()
    assert weight_of("click") == 3.0
    assert ours(page) == []
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Published as version")).to_be_visible()
    assert weight_of("click") == 1.5


def test_an_own_event_type_is_made_by_keyboard(marketer: Page) -> None:  # noqa: F811
    from tracking.models import EventType

    page = marketer
    page.goto(LIST + "add/")
    page.fill("#id_label", "Brochure requested")
    page.fill("#id_name", "brochure_request")
    page.fill("#id_weight", "5")
    page.fill("#id_half_life_short", "3")
    expect(page.locator(".at-fading__key")).to_contain_text("half after 3 days")
    page.get_by_role("button", name="Add property").focus()
    page.keyboard.press("Enter")
    page.keyboard.type("pages")
    page.keyboard.press("Tab")
    page.keyboard.type("Whole")
    page.get_by_role("button", name="Add property").focus()
    page.keyboard.press("Enter")
    page.keyboard.type("topic")
    page.keyboard.press("Enter")
    rows = page.locator("[data-row]")
    expect(rows).to_have_count(3)
    expect(rows.nth(2).locator("[data-part=name]")).to_be_focused()
    rows.nth(2).locator("[data-row-remove]").focus()
    page.keyboard.press("Enter")
    expect(rows).to_have_count(2)
    expect(rows.nth(1).locator("[data-row-remove]")).to_be_focused()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("link", name="Brochure requested").first).to_be_visible()
    made = EventType.objects.get(name="brochure_request")
    assert (made.weight, made.half_life_short) == (5.0, 3.0)
    assert made.properties == {"pages": "integer", "topic": "text"}


def test_a_half_life_is_moved_by_keyboard_and_shows_who_gains(
    marketer: Page,  # noqa: F811
    visitor: UUID,
) -> None:
    page = marketer
    page.goto(LIST + "click/change/")
    field = page.locator("#id_half_life_long")
    slider = page.get_by_role("slider", name="What a visitor likes")
    expect(slider).to_have_attribute("aria-valuetext", "30 days")
    slider.focus()
    for _ in range(3):
        page.keyboard.press("PageUp")
    days = float(field.input_value())
    assert days > 60
    expect(slider).to_have_attribute("aria-valuetext", f"{days:g} days")
    expect(page.locator(".at-fading__key")).to_contain_text(f"half after {days:g} days")
    expect(page.locator(".at-fades")).to_contain_text("Of 1 visitor, ")
    expect(page.locator(".at-fades [role=status]")).to_contain_text("Of 1 visitor, ")
    field.fill("0.1")
    page.locator("#id_half_life_short").fill("0.01")
    expect(slider).to_have_attribute("aria-valuetext", "0.1 days")
    assert ours(page) == []
    from tracking.models import EventType

    assert EventType.objects.get(name="click").half_life_long == 30.0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_list_and_form_are_accessible_and_fit_a_phone(
    marketer: Page,  # noqa: F811
    visitor: UUID,
    scheme: Any,
) -> None:
    page = marketer
    page.emulate_media(color_scheme=scheme)
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 900})
        for url, field in ((LIST, page.get_by_label("Weight of click", exact=True)),
                           (LIST + "click/change/", page.locator("#id_weight")),
                           (LIST + "add/", None)):  # fmt: skip
            page.goto(url)
            page.wait_for_load_state("networkidle")
            if field is not None:
                field.fill("1.5")
                expect(page.locator(SAYS)).to_contain_text("1 of 1")
            page.get_by_role("button", name="Add property").or_(page.locator("h2")).first.focus()
            assert ours(page) == [], (url, width)
            wide = "document.documentElement.scrollWidth > innerWidth"
            assert not page.evaluate(wide), (url, width)
