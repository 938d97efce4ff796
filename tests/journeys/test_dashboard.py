"""The admin's first page in a real browser: readable by everybody, at any width, in both themes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from tests.journeys.test_admin import marketer, ours, site  # noqa: F401, the fixtures

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def activity() -> None:
    """Five days of two visitors: reading, being shown a campaign, clicking; the baseline."""
    from personalization.models import Campaign
    from profiles.models import Baseline
    from tests.tracking.people import ana_make, drain, event_make, inbox_put
    from tracking import activity

    now = datetime.now(UTC)
    shown = {"slot": "home-hero", "campaign": Campaign.objects.filter(status="published")[0].pk}
    for hours in (0, 1, 3, 7, 20, 50, 100):
        ana = ana_make()
        at = int((now - timedelta(hours=hours)).timestamp() * 1000)
        events = [event_make(at=at, category="gardening") for _ in range(3 + hours % 5)]
        events += [event_make("exposure", at=at, properties=shown) for _ in range(4)]
        events += [event_make("click", at=at, view=str(uuid4()), properties=shown)]
        inbox_put(ana, events)
        drain(ana)
    activity.activity_count(now=now)
    shares = {"gardening": 0.6, "cooking": 0.3, "music": 0.1}
    Baseline.objects.create(computed_at=now, n=90, shares=shares)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_first_page_is_accessible_and_fits_a_phone(
    marketer: Page,  # noqa: F811
    activity: None,
    scheme: Any,
) -> None:
    page = marketer
    page.emulate_media(color_scheme=scheme)
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 900})
        for address in ("/admin/", "/admin/?period=30d"):
            page.goto(address)
            page.wait_for_load_state("networkidle")
            assert ours(page) == [], (address, width)
            wide = "document.documentElement.scrollWidth > innerWidth"
            assert not page.evaluate(wide), (address, width)


def test_a_chart_is_read_as_a_table_by_keyboard(marketer: Page, activity: None) -> None:  # noqa: F811
    page = marketer
    page.goto("/admin/")
    expect(page.get_by_role("img", name="Exposures, last 24 hours: 20 in all")).to_be_visible()
    summary = page.get_by_text("Exposures as a table")
    summary.focus()
    page.keyboard.press("Enter")
    table = page.get_by_role("table").filter(has_text="Time (UTC)").filter(has_text="Exposures")
    expect(table.get_by_role("row")).to_have_count(25)
    page.get_by_role("link", name="Last 30 days").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("img", name="Exposures, last 30 days: 28 in all")).to_be_visible()
    live = page.get_by_role("region", name="Live campaigns, last 30 days")
    expect(live.last).to_contain_text("25.0 %")
