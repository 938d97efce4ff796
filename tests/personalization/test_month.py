"""A month of bars: what is on which day, and what is on at the same time."""

from datetime import UTC, date, datetime

import pytest
from django.test import Client
from django.urls import reverse

from personalization.campaigns.month import Span, month_bars, month_read
from personalization.models import Campaign
from tests.personalization.admin_site import RULE, Site
from tests.personalization.publishing import campaigns_publish

MARCH = date(2026, 3, 1)
BERLIN = "Europe/Berlin"


def at(day: int, hour: int = 0, month: int = 3) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


def span(name: str, starts: datetime | None, ends: datetime | None, priority: int = 50) -> Span:
    return Span(name, priority, starts, ends, is_on=True)


@pytest.mark.parametrize(
    ("starts", "ends", "days"),
    [
        (at(3), at(5), (3, 4)),
        (at(3), at(5, 1), (3, 5)),
        (None, at(2), (1, 1)),
        (at(20), None, (20, 31)),
        (None, None, (1, 31)),
        (at(1, month=2), at(1, month=4), (1, 31)),
        (at(31), at(1, month=4), (31, 31)),
    ],
)
def test_a_bar_covers_the_days_its_campaign_is_on(
    starts: datetime | None, ends: datetime | None, days: tuple[int, int]
) -> None:
    [bar] = month_bars([span("A", starts, ends)], MARCH, "UTC")
    assert (bar.first, bar.last) == days


def test_what_ends_as_the_month_begins_is_not_in_it() -> None:
    assert month_bars([span("A", None, at(1))], MARCH, "UTC") == []
    assert month_bars([span("A", at(1, month=4), None)], MARCH, "UTC") == []


def test_days_are_those_of_the_zone() -> None:
    [bar] = month_bars([span("A", at(28, 23), at(29, 23))], MARCH, BERLIN)
    assert (bar.first, bar.last) == (29, 30), "the night the clocks change"


def test_bars_of_one_row_do_not_touch_and_neighbours_are_named() -> None:
    spans = [span("A", at(1), at(10)), span("B", at(5), at(20)), span("C", at(10), at(12))]
    bars = {bar.span.name: bar for bar in month_bars(spans, MARCH, "UTC")}
    assert (bars["A"].lane, bars["B"].lane, bars["C"].lane) == (1, 2, 1)
    assert [other.name for other in bars["A"].beside] == ["B"]
    assert [other.name for other in bars["B"].beside] == ["A", "C"]


@pytest.mark.parametrize("text", ["", "2026-13", "x", "0000-01", "9999-12", "1" * 50])
def test_what_is_no_month_is_this_one(text: str) -> None:
    assert month_read(text, date(2026, 11, 25)) == date(2026, 11, 1)


def test_the_calendar_shows_what_pages_follow(site: Site, marketer: Client) -> None:
    campaigns_publish(
        Campaign.objects.all(), starts_at=at(3), ends_at=at(5, 12), zone=BERLIN, priority=60
    )
    Campaign.objects.update(ends_at=at(20))
    Campaign.objects.create(
        name="Draft <b>", slot=site.slot, variant=site.variant, rule=RULE, starts_at=at(4)
    )
    url = reverse("admin:campaign_calendar")
    page = marketer.get(url, {"month": "2026-03"}).content.decode()
    assert "3 Mar 2026, 01:00 to 5 Mar 2026, 13:00 Europe/Berlin" in page
    assert "grid-column: 3 / 6" in page
    assert "Draft &lt;b&gt;" in page
    assert "at the same time" not in page, "a draft competes with nobody"
    campaigns_publish(Campaign.objects.filter(name__startswith="Draft"))
    page = marketer.get(url, {"month": "2026-03"}).content.decode()
    assert "at the same time as “Gardeners”; “Gardeners” goes first (priority 60)" in page
    empty = marketer.get(url, {"month": "2026-02"}).content.decode()
    assert "No campaign runs in February 2026." in empty
    for wrong in ("2026-99", "<script>", "\x00"):
        assert marketer.get(url, {"month": wrong}).status_code == 200
