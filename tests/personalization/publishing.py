"""Campaigns as tests want them on pages, by the steps a marketer takes."""

from typing import Any

from django.db.models import QuerySet

from personalization.campaigns.campaigning import campaign_publish
from personalization.campaigns.versions import draft_differs
from personalization.models import Campaign
from personalization.services import ruleset_publish


def campaigns_publish(campaigns: QuerySet[Campaign], **changed: Any) -> int:
    """Change the drafts and publish those that say something new; the version of the rules."""
    campaigns.update(**changed)
    for campaign in campaigns.all():
        if draft_differs(campaign):
            campaign_publish(campaign=campaign, by="test")
    return ruleset_publish(by="test")
