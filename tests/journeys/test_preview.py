"""A marketer invents a visitor and sees a draft in the real page as them, in a real browser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.journeys.test_admin import form_of, marketer, ours, part, site
from tests.personalization.previewed import DRAFTED, RULE

if TYPE_CHECKING:
    from playwright.sync_api import FrameLocator, Page

__all__ = ("marketer", "site")
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

DEFAULT = "Things worth doing slowly"


@pytest.fixture
def draft(site: dict[str, str]) -> Any:
    """A draft for the hero that no page shows."""
    from personalization.models import Campaign, Slot, Variant

    return Campaign.objects.create(
        name="Read on the way home",
        slot=Slot.objects.get(key="home-hero"),
        variant=Variant.objects.create(name="Drafted", headline=DRAFTED),
        rule=RULE,
        priority=100,
    )


def phone(page: Page) -> FrameLocator:
    return page.frame_locator("[data-preview-frame=phone] iframe")


def cookies_of(page: Page) -> dict[str, str]:
    return {one["name"]: one["value"] for one in page.context.cookies()}


def see_as(page: Page, name: str) -> None:
    """Choose whom the page is made for; it follows by itself."""
    page.get_by_label("See it as").select_option(label=name)
    expect(page.locator(".at-see__who strong").first).to_have_text(f"{name}.")


def test_a_marketer_invents_a_visitor_and_sees_the_draft_as_them(
    draft: Any,
    marketer: Page,
) -> None:
    page = marketer
    page.goto("/admin/personalization/testprofile/add/")
    page.fill("#id_name", "Bea on the bus")
    page.select_option("#id_device", label="Phone")
    page.fill("#id_visits", "4")
    page.fill("#id_first_days", "10")
    page.get_by_text("Add another Interest").click()
    page.select_option("#id_interests-0-category", label="Gardening")
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url("**/testprofile/")
    expect(page.get_by_text("4 visits since 10 days ago")).to_be_visible()

    page.goto(form_of(draft))
    with page.expect_popup() as opened:
        page.get_by_role("button", name="Preview in the page").click()
    preview = opened.value
    sent: set[str] = set()
    preview.on("request", lambda request: sent.add(request.method))
    cookies = cookies_of(page)
    expect(phone(preview).get_by_role("heading", name=DEFAULT, exact=True)).to_be_visible()

    see_as(preview, "Bea on the bus")
    expect(phone(preview).get_by_role("heading", name=DRAFTED)).to_be_visible()
    why = preview.locator(".at-slot").first
    expect(why).to_contain_text("Home: hero")
    expect(why).to_contain_text("this draft")
    for condition in ("viewed pages in Gardening", "has not purchased", "using a phone"):
        expect(why.locator("details[open]")).to_contain_text(condition)
    expect(why.locator("details[open]")).to_contain_text("measured: 8")

    see_as(preview, "Refused consent")
    expect(phone(preview).get_by_role("heading", name=DEFAULT, exact=True)).to_be_visible()
    expect(phone(preview).get_by_role("heading", name=DRAFTED)).to_have_count(0)
    expect(why).to_contain_text("Personalization is off")

    phone(preview).get_by_role("link", name="Gardening").first.click()
    preview.wait_for_url("**at=%2Fc%2Fgardening%2F*")
    expect(phone(preview).locator("h1")).to_contain_text("Gardening")
    expect(preview.locator(".at-alert")).to_contain_text("does not show the slot “Home: hero”")
    assert sent == {"GET"}, "nothing is reported"
    assert cookies_of(page) == cookies

    part(page.locator("[data-rule-row]").nth(3), "value").select_option(value="desktop")
    with page.expect_popup() as opened:
        page.get_by_role("button", name="Preview in the page").click()
    unsaved = opened.value
    expect(unsaved.get_by_text("which is not saved")).to_be_visible()
    see_as(unsaved, "Bea on the bus")
    expect(phone(unsaved).get_by_role("heading", name=DRAFTED)).to_have_count(0)
    draft.refresh_from_db()
    assert draft.rule == RULE
    prevented = "!dispatchEvent(new Event('beforeunload', {cancelable: true}))"
    assert page.evaluate(prevented), "the form still warns of what is not saved"


def test_the_preview_is_accessible_fits_a_phone_and_shows_both_themes(
    draft: Any,
    marketer: Page,
) -> None:
    from personalization.models import TestProfile

    page = marketer
    gardener = TestProfile.objects.get(name="Gardener on a phone")
    page.goto(f"/admin/preview/{draft.pk}/?as=profile:{gardener.pk}")
    expect(phone(page).get_by_role("heading", name=DRAFTED)).to_be_visible()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for width in (1280, 390):
            page.set_viewport_size({"width": width, "height": 900})
            assert ours(page) == [], (scheme, width)
            wide = "document.documentElement.scrollWidth > innerWidth"
            assert not page.evaluate(wide), (scheme, width)
    page.set_viewport_size({"width": 1280, "height": 900})
    back = "getComputedStyle(document.body).backgroundColor"
    body = page.frames[1]
    page.get_by_role("radio", name="Light").check()
    light = body.evaluate(back)
    page.get_by_role("radio", name="Dark").check()
    dark = body.evaluate(back)
    assert light != dark, "whatever the browser around it prefers"
    page.get_by_role("radio", name="Phone").check()
    expect(page.locator("[data-preview-frame=desktop]")).to_be_hidden()
    page.reload()
    expect(page.get_by_role("radio", name="Dark")).to_be_checked()
    expect(page.locator("[data-preview-frame=desktop]")).to_be_hidden()
    expect(phone(page).get_by_role("heading", name=DRAFTED)).to_be_visible()
    assert page.frames[1].evaluate(back) == dark
