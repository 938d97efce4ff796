"""A visitor says "not this", or clicks: the next page knows, with and without scripts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
import redis
from django.test import Client

from consent.cookies import COOKIE_NAME, cookie_value
from personalization.models import Campaign, Slot
from tests.personalization.admin_site import Site
from tests.personalization.publishing import campaigns_publish
from tests.tracking.people import BROWSER, ana_make, ben_make

pytestmark = pytest.mark.django_db(transaction=True)

URL = "/slots/outcome/"
OURS = {"Sec-Fetch-Site": "same-origin", "User-Agent": BROWSER}


@pytest.fixture
def campaign(transactional_db: None) -> Campaign:
    """Live in the home page's hero, for everybody, with pauses of a week."""
    site = Site()
    Slot.objects.update(key="home-hero")
    always = {"condition": "gpc", "value": "off"}
    campaigns_publish(
        Campaign.objects.all(), rule=always, pause_dismissed_days=7, pause_clicked_days=7
    )
    return Campaign.objects.get(pk=site.campaign.pk)


def client_for(visitor_id: UUID) -> Client:
    client = Client()
    client.cookies[COOKIE_NAME] = cookie_value(visitor_id, datetime.now(UTC))
    return client


def tell(client: Client, headers: dict[str, str] = OURS, **fields: Any) -> Any:
    return client.post(URL, fields, headers=headers)


def is_shown(client: Client) -> bool:
    return "data-attune-campaign" in client.get("/").content.decode()


def test_a_dismissal_takes_effect_on_the_next_page(campaign: Campaign) -> None:
    client = client_for(ana_make())
    page = client.get("/").content.decode()
    assert f'<input type="hidden" name="campaign" value="{campaign.pk}">' in page
    assert 'data-track="dismiss"' in page
    response = tell(client, campaign=campaign.pk, outcome="dismiss", next="/?from=here")
    assert (response.status_code, response["Location"]) == (303, "/?from=here")
    assert not is_shown(client)


def test_a_click_is_told_by_a_beacon(campaign: Campaign) -> None:
    client = client_for(ana_make())
    assert f'data-pause-click="{URL}"' in client.get("/").content.decode()
    assert tell(client, campaign=campaign.pk, outcome="click").status_code == 204
    assert not is_shown(client)


def test_what_gives_no_pause_has_no_button_and_changes_nothing(
    campaign: Campaign, redis_server: redis.Redis
) -> None:
    campaigns_publish(Campaign.objects.all(), pause_dismissed_days=None, pause_clicked_days=None)
    client = client_for(ana_make())
    page = client.get("/").content.decode()
    assert "data-attune-campaign" in page
    assert URL not in page
    assert tell(client, campaign=campaign.pk, outcome="dismiss").status_code == 204
    assert list(redis_server.scan_iter("*shown:*")) == []


def test_another_sites_page_dismisses_nothing(campaign: Campaign) -> None:
    client = client_for(ana_make())
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {}):
        assert tell(client, headers, campaign=campaign.pk, outcome="dismiss").status_code == 403
    assert is_shown(client)


def test_it_leads_nowhere_else(campaign: Campaign) -> None:
    client = client_for(ana_make())
    for path in ("https://evil.example/", "//evil.example", "javascript:alert(1)"):
        response = tell(client, campaign=campaign.pk, outcome="dismiss", next=path)
        assert response["Location"] == "/"


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"campaign": 1, "outcome": "buy"}, "`outcome` must be one of: dismiss, click."),
        ({"campaign": "x", "outcome": "click"}, "`campaign` must be the number of a campaign."),
        ({"campaign": "9" * 40, "outcome": "click"}, "`campaign` must be the number"),
        ({"campaign": "٣", "outcome": "click"}, "`campaign` must be the number"),
        ({}, "`outcome` must be one of"),
    ],
)
def test_what_names_no_outcome_is_refused(
    campaign: Campaign, fields: dict[str, Any], says: str
) -> None:
    response = tell(client_for(ana_make()), **fields)
    assert response.status_code == 400
    assert says in response.content.decode()


def test_without_consent_nothing_is_kept(campaign: Campaign, redis_server: redis.Redis) -> None:
    for client in (client_for(ben_make()), Client()):
        assert tell(client, campaign=campaign.pk, outcome="dismiss").status_code == 204
    assert list(redis_server.scan_iter("*shown:*")) == []


def test_only_posting_tells(campaign: Campaign) -> None:
    assert client_for(ana_make()).get(URL).status_code == 405
