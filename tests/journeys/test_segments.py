"""A marketer makes a segment without code, uses it in a campaign, and sees who is in it."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.journeys.test_admin import (  # noqa: F401, the fixtures
    SENTENCE,
    campaign,
    form_of,
    marketer,
    ours,
    part,
    publish,
    site,
)

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
#: A folder to put pictures of the pages into, for people to look at.
SHOTS = os.environ.get("SHOTS", "")


def shot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)


def series_make(segment: Any) -> None:
    """Three weeks of counts, as workers would have kept them."""
    from personalization.models import SegmentSize

    today = datetime.now(UTC).date()
    SegmentSize.objects.filter(segment=segment).delete()
    for back in range(21):
        SegmentSize.objects.create(
            segment=segment, day=today - timedelta(days=back), size=340 - 11 * back,
            entered=14 + back % 5, left=3 + back % 3, counted_at=datetime.now(UTC),
        )  # fmt: skip


def test_a_marketer_makes_a_segment_uses_it_and_sees_who_is_in_it(marketer: Page) -> None:  # noqa: F811
    from personalization.models import Segment
    from personalization.segments.counting import segments_count
    from tests.personalization.segment_people import fan_make, reads
    from tests.tracking.people import ana_make

    fan, reader = fan_make(), ana_make()
    reads(reader, 1)
    page = marketer
    page.goto("/admin/personalization/segment/add/")  # loaded: what fills the key in listens
    page.locator("#id_name").press_sequentially("Garden fans")
    expect(page.locator("#id_key")).to_have_value("garden-fans")
    page.get_by_role("button", name="Add condition").click()
    row = page.locator("[data-rule-row]").first
    part(row, "condition").select_option(value="events")
    part(row, "type").select_option(value="page_view")
    part(row, "category").select_option(label="Gardening")
    part(row, "value").fill("3")
    expect(page.locator("[data-reach-text]")).to_have_text("1 of 2 visitors")
    page.get_by_role("button", name="Save and continue editing").click()
    expect(page.get_by_text("It is counted in a moment.")).to_be_visible()
    segments_count()

    page.goto(form_of(campaign()))
    first = page.locator("[data-rule-row]").first
    part(first, "condition").select_option(label="In a segment")
    part(first, "segment").select_option(label="Garden fans")
    expect(page.locator(SENTENCE)).to_contain_text("n the segment “Garden fans”")
    page.locator("[data-reach-among]").select_option(label="in “Garden fans”")
    expect(page.locator("[data-reach-text]")).to_contain_text("all in “Garden fans”")
    shot(page, "campaign-1280")
    publish(page)

    segment = Segment.objects.get(key="garden-fans")
    page.goto(f"/admin/personalization/segment/{segment.pk}/change/")
    expect(page.get_by_role("img", name="Size, last 30 days: 1 visitor now")).to_be_visible()
    expect(page.get_by_text("Saving here changes pages at once.")).to_be_visible()
    expect(page.get_by_text("the campaign “Gardening readers”")).to_be_visible()
    page.get_by_role("link", name="Who is in it now").click()
    page.get_by_role("link", name=str(fan)[:8]).click()
    expect(page.get_by_role("heading", name="Segments")).to_be_visible()

    page.goto(f"/admin/personalization/segment/{segment.pk}/change/")
    page.get_by_role("button", name="Archive").click()
    expect(page.get_by_text("it is used by the campaign “Gardening readers”")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_of_segments_are_accessible_and_fit_a_phone(
    marketer: Page,  # noqa: F811
    scheme: Any,
) -> None:
    from personalization.models import Segment
    from personalization.segments.counting import segments_count
    from tests.personalization.segment_people import fan_make, segment_make

    fan_make()
    segment = segment_make("garden-fans", note="Who reads about gardening often.")
    segment_make("others", {"condition": "segment", "segment": "garden-fans", "operator": "not_in"})
    segments_count()
    for row in Segment.objects.all():
        series_make(row)
    page = marketer
    page.emulate_media(color_scheme=scheme)
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 900})
        for name, address in {
            "list": "/admin/personalization/segment/",
            "form": f"/admin/personalization/segment/{segment.pk}/change/",
            "members": f"/admin/personalization/segment/{segment.pk}/members/",
        }.items():
            page.goto(address)
            page.wait_for_load_state("networkidle")
            shot(page, f"{name}-{width}-{scheme}")
            assert ours(page) == [], (name, width)
            wide = "document.documentElement.scrollWidth > innerWidth"
            assert not page.evaluate(wide), (name, width)
