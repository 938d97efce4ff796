"""Campaigns of before: what was live is published with a version 1, however often this runs."""

from datetime import UTC, datetime
from importlib import import_module

import pytest
from django.apps import apps

from personalization.campaigns.versions import draft_payload
from personalization.models import Campaign, CampaignVersion, ExclusionGroup
from personalization.services import ruleset_payload
from tests.personalization.admin_site import RULE, Site

migration = import_module("personalization.migrations.0006_live_is_published")
pytestmark = pytest.mark.django_db


def old(site: Site, name: str, status: str, **values: object) -> None:
    fields = {"slot": site.slot, "variant": site.variant, "rule": RULE, **values}
    Campaign.objects.create(name=name, status=status, **fields)


def test_what_was_live_is_published_and_pages_stay_as_they_are(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migration, "BATCH", 2)
    Campaign.objects.all().delete()
    for number in range(5):
        old(site, f"Live {number}", "live", ends_at=datetime(2027, 1, 1, tzinfo=UTC))
    group = ExclusionGroup.objects.create(name="Sales")
    old(
        site, "Paused", "paused", cap_count=2, cap_unit="visit", pause_event="purchase",
        pause_event_days=7, exclusion_group=group, budget_exempt="The law asks for it",
    )  # fmt: skip
    old(site, "Without a rule", "live", rule={})
    old(site, "Draft", "draft")
    for _ in range(2):
        migration.publish(apps, None)
        statuses = {row.name: row.status for row in Campaign.objects.all()}
        assert statuses == {
            **{f"Live {number}": "published" for number in range(5)},
            "Paused": "paused", "Without a rule": "draft", "Draft": "draft",
        }  # fmt: skip
        assert CampaignVersion.objects.count() == 6
    for campaign in Campaign.objects.exclude(published=None):
        assert campaign.published is not None
        assert campaign.published.number == 1
        assert campaign.published.payload == draft_payload(campaign), "as it is made now"
        assert campaign.live_variant == campaign.variant
    paused = Campaign.objects.get(name="Paused")
    assert paused.published is not None
    assert paused.published.payload["frequency"] == paused.frequency
    assert paused.frequency["cap"] == {"count": 2, "unit": "visit", "length": 1}
    names = [one["name"] for slot in ruleset_payload()["slots"] for one in slot["campaigns"]]
    assert names == [f"Live {number}" for number in range(5)]


def test_it_goes_back(site: Site) -> None:
    migration.unpublish(apps, None)
    assert Campaign.objects.get().status == "live"
