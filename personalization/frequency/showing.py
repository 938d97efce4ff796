"""How full campaigns are, for people to see beside their schedules."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from personalization.campaigns.versions import draft_payload
from personalization.frequency.capacity import Capacity, capacity_words
from personalization.frequency.compile import capacity_of
from personalization.frequency.given import given_counts
from personalization.models import Campaign


@dataclass(frozen=True)
class Fullness:
    """How many of a capacity's places are taken."""

    capacity: Capacity
    given: int

    @property
    def is_full(self) -> bool:
        return self.given >= self.capacity.count

    @property
    def words(self) -> str:
        words = capacity_words(self.capacity, self.given)
        return f"Full: {words}" if self.is_full else f"{words[0].upper()}{words[1:]}"


def fullness_of(campaigns: Iterable[Campaign], *, now: datetime) -> dict[int, Fullness]:
    """By campaign, of those that have a capacity: as pages follow it; of a campaign that is on
    none, as its draft says. One read for all of them."""
    said = {campaign.pk: capacity_of(_said(campaign)) for campaign in campaigns}
    capacities = {campaign: capacity for campaign, capacity in said.items() if capacity}
    if not capacities:
        return {}
    given = given_counts(capacities, now=now)
    return {campaign: Fullness(one, given[campaign]) for campaign, one in capacities.items()}


def _said(campaign: Campaign) -> dict[str, Any]:
    return campaign.published.payload if campaign.published else draft_payload(campaign)
