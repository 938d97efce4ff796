"""A marketer backtests a draft in a real browser, with real workers."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.journeys.test_admin import marketer, ours, site  # noqa: F401, the fixtures

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.celery_process import CeleryProcess

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def draft() -> Any:
    """A draft in the home page's slot, and visitors with a past."""
    from personalization.models import Campaign, Variant
    from tests.personalization.past_events import exposure_make, gardener_make, past_make, view_make
    from tests.personalization.test_backtests import READS_GARDENING

    live = Campaign.objects.filter(slot__key="home-hero", status="published")[0]
    for number in range(6):
        gardener_make(days=2.5 + number)
        view = view_make(1.5 + number)
        past_make(view, exposure_make(view, live))
    return Campaign.objects.create(
        name="Draft",
        slot=live.slot,
        variant=Variant.objects.all()[0],
        rule=READS_GARDENING,
        priority=90,
    )


def test_a_marketer_backtests_a_draft(
    marketer: Page,  # noqa: F811
    draft: Any,
    celery_worker_process: CeleryProcess,
) -> None:
    page = marketer
    page.goto(f"/admin/personalization/campaign/{draft.pk}/change/")
    page.get_by_role("link", name="Backtest …").click()
    shoot(page, "start")
    page.get_by_label("7 days").check()
    page.get_by_role("button", name="Start the backtest").click()
    expect(page.get_by_role("heading", name="Visitors who would see it")).to_be_visible()
    figure = page.get_by_role("listitem").filter(has_text="Visitors it matches")
    expect(figure).to_contain_text("6")
    page.get_by_text("would have seen it").first.click()
    expect(page.get_by_text("it matched here").first).to_be_visible()
    address = page.url
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for width in (1280, 390):
            page.set_viewport_size({"width": width, "height": 900})
            for where in (address, address.rsplit("/", 2)[0] + "/"):
                page.goto(where)
                page.wait_for_load_state("networkidle")
                assert ours(page) == [], (where, width)
                wide = "document.documentElement.scrollWidth > innerWidth"
                assert not page.evaluate(wide), (where, width)
            page.goto(address)
            for summary in page.locator(".at-sample summary").all()[:1]:
                summary.click()
            shoot(page, f"result-{scheme}-{width}")


def test_a_run_is_cancelled_while_nobody_works_it(marketer: Page, draft: Any) -> None:  # noqa: F811
    page = marketer
    page.goto(f"/admin/personalization/campaign/{draft.pk}/backtest/")
    page.get_by_role("button", name="Start the backtest").click()
    expect(page.get_by_text("Waiting for a worker.")).to_be_visible()
    assert ours(page) == []
    shoot(page, "progress")
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Nothing was kept of it.")).to_be_visible()


def shoot(page: Page, name: str) -> None:
    """A picture for people, where they ask for some."""
    if folder := os.environ.get("SHOTS"):
        page.screenshot(path=f"{folder}/backtest-{name}.png", full_page=True)
