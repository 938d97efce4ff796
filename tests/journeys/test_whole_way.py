"""A campaign from nothing to a visitor's page, in real browsers: no JSON, no code, one way through.

Built, counted, backtested, previewed, published; then who matches sees it and is told why, and who
does not match, or refused, sees what everyone sees.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from playwright.sync_api import expect

from consent.cookies import COOKIE_NAME, cookie_value
from tests.journeys.test_admin import SENTENCE, campaign, marketer, ours, part, save, site
from tests.waiting import wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.conftest import StartCelery

__all__ = ("marketer", "site")
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15"
    " (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1"
)
NAME, HEADLINE = "Readers of gardening", "Read this on the way home"
CONDITIONS = (
    "Viewed pages in Gardening where content type is “article” at least 3 times within 14 days",
    "Has not purchased so far",
    "Gardening is among the top 3 interests",
    "Using a phone",
)


@pytest.fixture
def visitors(site: dict[str, str]) -> dict[str, UUID]:
    """Visitors with a past: who matches, who reads too little, and who has bought."""
    from personalization.models import Variant
    from tests.personalization.past_events import gardener_make, past_make, view_make
    from tests.tracking.people import event_make

    Variant.objects.create(name="Hero: on the way home", headline=HEADLINE)
    buyer = gardener_make(days=4.0, device="phone")
    past_make(event_make("purchase"), view_make(0.1), visitor_id=buyer, device="phone")
    return {
        "reader": gardener_make(days=2.5, device="phone"),
        "another": gardener_make(days=5.5, device="phone"),
        "at a desk": gardener_make(days=3.5),
        "two articles": gardener_make(days=3.5, reads=2, device="phone"),
        "buyer": buyer,
    }


def rule_build(page: Page) -> None:
    """The four conditions, by what stands in the pickers."""
    add = page.get_by_role("button", name="Add condition")

    def row(number: int, label: str) -> Any:
        add.click()
        made = page.locator("[data-rule-row]").nth(number)
        part(made, "condition").select_option(label=label)
        return made

    read = row(0, "Did something so often, with filters")
    part(read, "category").select_option(label="Gardening")
    part(read, "value").fill("3")
    read.get_by_role("button", name="Add filter").click()
    part(read, "where0_field").select_option(label="content type")
    part(read, "where0_values").fill("article")
    bought = row(1, "Did something, or did not")
    part(bought, "answer").select_option("did_not")
    part(bought, "type").select_option("purchase")
    part(bought, "window_unit").select_option("lifetime")
    top = row(2, "Category is a top interest")
    part(top, "category").select_option(label="Gardening")
    part(top, "value").fill("3")
    part(row(3, "Device"), "value").select_option("phone")


def hero_of(chromium: Browser, live_server: object, visitor_id: UUID | None, **more: Any) -> Page:
    """The home page of a visitor, None: who refuses there."""
    context = chromium.new_context(base_url=str(live_server), **more)
    context.set_default_timeout(10_000)
    if visitor_id is not None:
        value = cookie_value(visitor_id, datetime.now(UTC))
        context.add_cookies([{"name": COOKIE_NAME, "value": value, "url": str(live_server)}])
    page = context.new_page()
    page.goto("/")
    if visitor_id is None:
        page.get_by_role("button", name="Reject all").click()
        expect(page.get_by_role("button", name="Reject all")).to_have_count(0)
        page.goto("/")
    return page


def test_a_marketer_takes_a_campaign_all_the_way_to_a_page(
    marketer: Page,
    visitors: dict[str, UUID],
    chromium: Browser,
    live_server: object,
    start_celery: StartCelery,
    tmp_path: Path,
) -> None:
    start_celery("worker", "--concurrency", "1", "--without-gossip", "--without-mingle")
    start_celery("beat", "--pidfile=", "--schedule", str(tmp_path / "schedule"))
    page = marketer
    page.goto("/admin/personalization/campaign/add/")
    page.fill("#id_name", NAME)
    page.select_option("#id_slot", label="Home: hero")
    page.select_option("#id_variant", label="Hero: on the way home")
    rule_build(page)
    page.fill("#id_priority", "100")
    expect(page.locator(SENTENCE)).to_have_text(
        f"{CONDITIONS[0]} and has not purchased so far and {CONDITIONS[2]} and using a phone."
    )
    expect(page.locator("[data-reach-text]")).to_have_text("At most 5 of 5 visitors")
    expect(page.locator("[data-reach]")).to_contain_text("Known once it is published")
    assert ours(page) == []
    page.get_by_role("button", name="Save and continue editing").last.click()
    page.wait_for_url("**/change/")

    page.get_by_role("link", name="Backtest …").click()
    page.get_by_label("7 days").check()
    page.get_by_role("button", name="Start the backtest").click()
    matched = page.get_by_role("listitem").filter(has_text="Visitors it matches")
    expect(matched).to_contain_text("3", timeout=60_000)

    made = campaign(NAME)
    page.goto(f"/admin/personalization/campaign/{made.pk}/change/")
    with page.expect_popup() as opened:
        page.get_by_role("button", name="Preview in the page").click()
    preview = opened.value
    for who, times in (("Gardener on a phone", 1), ("Refused consent", 0)):
        preview.get_by_label("See it as").select_option(label=who)
        expect(preview.locator(".at-see__who strong").first).to_have_text(f"{who}.")
        frame = preview.frame_locator("[data-preview-frame=phone] iframe")
        expect(frame.get_by_role("heading", name=HEADLINE)).to_have_count(times)
    preview.close()

    page.get_by_role("button", name="Save and publish …").last.click()
    page.wait_for_url("**/step/publish/")
    page.get_by_role("button", name="Publish", exact=True).click()
    page.goto(f"/admin/personalization/campaign/{made.pk}/change/")
    state = page.locator(f"[data-readiness='{made.pk}']")
    expect(state).to_have_text("Yes", timeout=60_000)
    page.get_by_role("button", name="Count again").click()
    expect(page.locator("[data-reach-text]")).to_have_text(
        "0 of 5 visitors; 3 more depend on the next page view"
    )
    save(page)

    def is_shown(who: str | None, **more: Any) -> bool:
        shown = hero_of(chromium, live_server, visitors[who] if who else None, **more)
        found = shown.get_by_role("heading", name=HEADLINE).count() == 1
        shown.context.close()
        return found

    wait_until(lambda: is_shown("reader", user_agent=PHONE))
    assert not is_shown("reader"), "at a desk"
    assert not is_shown("two articles", user_agent=PHONE)
    assert not is_shown("buyer", user_agent=PHONE)
    assert not is_shown(None, user_agent=PHONE), "has refused"

    reader = hero_of(chromium, live_server, visitors["another"], user_agent=PHONE)
    reader.get_by_text("Why am I seeing this?").first.click()
    for said in CONDITIONS:
        expect(reader.locator(".why__body").first).to_contain_text(f"{said}.")
    reader.context.close()
