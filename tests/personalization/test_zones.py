"""Local times as typed: each stands for one instant, or is refused with what to type instead."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from personalization.admin.campaigns import schedule_text
from personalization.campaigns.zones import (
    LocalTimeError,
    instant_from_local,
    local_from_instant,
    zone_names,
)
from personalization.models import Campaign
from tests.personalization.admin_site import Site

BERLIN = {"zone": "Europe/Berlin", "starts_at_0": "2026-07-01", "starts_at_1": "09:00"}


@given(
    local=st.datetimes(min_value=datetime(1980, 1, 1), max_value=datetime(2037, 1, 1)),
    zone=st.sampled_from(
        ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"]
    ),
)
def test_a_time_that_is_accepted_shows_as_it_was_typed(local: datetime, zone: str) -> None:
    try:
        instant = instant_from_local(local, zone)
    except LocalTimeError:
        return
    assert local_from_instant(instant, zone) == local


@pytest.mark.parametrize(
    ("zone", "local", "says"),
    [
        ("Europe/Berlin", datetime(2026, 3, 29, 2, 0), "there is no 02:00"),
        ("Europe/Berlin", datetime(2026, 3, 29, 2, 59), "Use 01:59 or 03:59."),
        ("Europe/Berlin", datetime(2026, 10, 25, 2, 30), "it is 02:30 twice"),
        ("Europe/Berlin", datetime(2026, 10, 25, 2, 30), "00:30 for the first, 01:30 for the sec"),
        ("America/New_York", datetime(2026, 3, 8, 2, 30), "Use 01:30 or 03:30."),
        ("Australia/Lord_Howe", datetime(2026, 10, 4, 2, 15), "Use 01:45 or 02:45."),
    ],
)
def test_a_time_of_a_clock_change_is_explained(zone: str, local: datetime, says: str) -> None:
    with pytest.raises(LocalTimeError, match=says):
        instant_from_local(local, zone)


@pytest.mark.parametrize("clock", ["01:59", "03:00"])
def test_the_edges_of_a_gap_are_times(clock: str) -> None:
    hour, minute = map(int, clock.split(":"))
    instant = instant_from_local(datetime(2026, 3, 29, hour, minute), "Europe/Berlin")
    assert instant == datetime(2026, 3, 29, 0 if hour == 1 else 1, minute, tzinfo=UTC)


def test_zones_are_places() -> None:
    names = zone_names()
    assert names[0] == "UTC"
    assert {"Europe/Berlin", "America/New_York", "Asia/Kolkata"} <= set(names)
    assert not any(name.startswith("Etc/") for name in names)


# --- In the form -------------------------------------------------------------------------------


def save(client: Client, site: Site, **changed: Any) -> Any:
    url = reverse("admin:personalization_campaign_change", args=[site.campaign.pk])
    return client.post(url, site.posted(**changed))


def errors_of(response: Any) -> dict[str, list[str]]:
    return dict(response.context["adminform"].form.errors)


def test_start_and_end_are_stored_as_instants_and_shown_as_typed(
    site: Site, marketer: Client
) -> None:
    assert save(marketer, site, **BERLIN).status_code == 302
    campaign = Campaign.objects.get()
    assert campaign.starts_at == datetime(2026, 7, 1, 7, 0, tzinfo=UTC)
    assert campaign.zone == "Europe/Berlin"
    url = reverse("admin:personalization_campaign_change", args=[campaign.pk])
    page = marketer.get(url).content.decode()
    assert 'value="09:00:00"' in page
    assert '<option value="Europe/Berlin" selected>' in page
    campaign.starts_at = datetime(2126, 7, 1, 7, 0, tzinfo=UTC)
    assert schedule_text(campaign) == "From 1 Jul 2126, 09:00 Europe/Berlin"


@pytest.mark.parametrize(
    ("posted", "field", "says"),
    [
        ({"starts_at_0": "2026-03-29", "starts_at_1": "02:30"}, "starts_at", "there is no 02:30"),
        ({"ends_at_0": "2026-10-25", "ends_at_1": "02:30"}, "ends_at", "it is 02:30 twice"),
        ({"starts_at_0": "2026-03-29"}, "starts_at", "Enter a time as well."),
        ({"starts_at_1": "10:00"}, "starts_at", "Enter a date as well."),
        ({"starts_at_0": "0001-01-01", "starts_at_1": "00:00"}, "starts_at", "Use a year between"),
        ({"zone": "Atlantis/Port"}, "zone", "Select a valid choice"),
        ({"zone": ""}, "zone", "This field is required"),
        (
            {"starts_at_0": "2026-03-02", "starts_at_1": "10:00", "ends_at_0": "2026-03-01",
             "ends_at_1": "10:00"},
            "ends_at",
            "The end must be after the start.",
        ),
    ],
)  # fmt: skip
def test_what_is_no_time_is_refused_beside_its_field(
    site: Site, marketer: Client, posted: dict[str, str], field: str, says: str
) -> None:
    response = save(marketer, site, **{**BERLIN, "starts_at_0": "", "starts_at_1": "", **posted})
    assert says in errors_of(response)[field][0]
    assert Campaign.objects.get().starts_at is None
