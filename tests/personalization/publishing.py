"""Campaigns as tests want them on pages, by the steps a marketer takes."""

from typing import Any

from django.db.models import QuerySet

from personalization.campaigning import campaign_publish
from personalization.models import Campaign
from personalization.services import ruleset_publish
from personalization.versions import draft_differs


def campaigns_publish(campaigns: QuerySet[Campaign], **changed: Any) -> int:
    """Change the drafts and publish those that say something new; the version of the rules."""
    campaigns.update(**changed)
    for campaign in campaigns.all():
        if draft_differs(campaign):
            campaign_publish(campaign=campaign, by="test")
    return ruleset_publish(by="test")
