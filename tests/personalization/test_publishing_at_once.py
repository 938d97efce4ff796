"""Two who publish at the same time: each one's version is whole, and none is lost or older."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from threading import Barrier
from typing import Any

import pytest
from django.db import transaction

from personalization.campaigns import campaigning
from personalization.campaigns.steps import CampaignStepError
from personalization.models import Campaign, CampaignVersion, RuleSet, Variant
from personalization.services import ruleset_publish
from tests.personalization.admin_site import Site
from tests.tracking.test_drain import run_together

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 4


def publish(campaign: Campaign, by: str) -> None:
    """As the admin does: the campaign's version and that of all rules in one transaction."""
    with transaction.atomic():
        campaigning.campaign_publish(campaign=campaign, by=by)
        ruleset_publish(by=by)


def payloads() -> list[Any]:
    """All versions of the rules, the first first."""
    return list(RuleSet.objects.order_by("version").values_list("payload", flat=True))


def test_two_campaigns_published_at_once_are_both_in_the_rules_and_neither_goes_back(
    site: Site,
) -> None:
    other = Campaign.objects.create(
        name="Others", slot=site.slot, variant=site.variant, rule=site.campaign.rule
    )
    start = Barrier(2)

    def rounds(campaign: Campaign) -> Callable[[], None]:
        def work() -> None:
            for number in range(ROUNDS):
                row = Campaign.objects.get(pk=campaign.pk)
                row.priority = 60 + number
                row.save()
                start.wait(60)
                publish(row, "mara")

        return work

    assert run_together(rounds(site.campaign), rounds(other)) == [None, None]
    for campaign, before in ((site.campaign, 1), (other, 0)):
        numbers = CampaignVersion.objects.filter(campaign=campaign).values_list("number", flat=True)
        assert sorted(numbers) == list(range(1, before + ROUNDS + 1))
    listed = [
        {entry["id"]: entry["priority"] for slot in payload["slots"] for entry in slot["campaigns"]}
        for payload in payloads()
    ]
    assert len(listed) == 1 + 2 * ROUNDS
    assert listed[-1] == {site.campaign.pk: 60 + ROUNDS - 1, other.pk: 60 + ROUNDS - 1}
    for earlier, later in pairwise(listed):
        assert all(later[campaign] >= priority for campaign, priority in earlier.items())


def test_two_variants_saved_at_once_are_both_in_the_rules_and_neither_goes_back(
    site: Site,
) -> None:
    site.item.delete()  # describing it would make the two wait for each other as well
    other = Variant.objects.create(name="Other", headline="0")
    campaign = Campaign.objects.create(
        name="Others", slot=site.slot, variant=other, rule=site.campaign.rule
    )
    Variant.objects.update(headline="0")
    publish(campaign, "mara")
    before, start = len(payloads()), Barrier(2)

    def rounds(variant: Variant) -> Callable[[], None]:
        def work() -> None:
            for number in range(1, ROUNDS + 1):
                start.wait(60)
                with transaction.atomic():  # as the admin saves what publishes by itself
                    Variant.objects.filter(pk=variant.pk).update(headline=str(number))
                    ruleset_publish(by="mara")

        return work

    assert run_together(rounds(site.variant), rounds(other)) == [None, None]
    listed = [
        [int(payload["variants"][str(each.pk)]["headline"]) for each in (site.variant, other)]
        for payload in payloads()[before:]
    ]
    assert len(listed) == 2 * ROUNDS
    assert listed[-1] == [ROUNDS, ROUNDS]
    assert all(sum(later) == sum(earlier) + 1 for earlier, later in pairwise(listed))


def test_of_two_who_publish_the_same_campaign_one_does_and_the_other_is_told(site: Site) -> None:
    start = Barrier(2)
    Campaign.objects.filter(pk=site.campaign.pk).update(priority=70)

    def one(by: str) -> Callable[[], str]:
        def work() -> str:
            row = Campaign.objects.get(pk=site.campaign.pk)
            start.wait(60)
            try:
                publish(row, by)
            except CampaignStepError as error:
                return str(error)
            return ""

        return work

    said = sorted(run_together(one("mara"), one("mia")))
    assert said[0] == ""
    assert "has changed since you opened it" in said[1]
    assert "Nothing was done" in said[1]
    numbers = CampaignVersion.objects.filter(campaign=site.campaign).values_list("number", "state")
    assert sorted(numbers) == [(1, "retired"), (2, "published")]
    assert len(payloads()) == 2
