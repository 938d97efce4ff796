"""Campaigns to a file that personalization.campaigns.interchange reads."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from personalization.campaigns.interchange import FORMAT, LOCAL, VERSION
from personalization.campaigns.interchange_limits import limits_write
from personalization.campaigns.zones import local_from_instant
from personalization.models import Campaign, Variant


def campaigns_export(campaigns: Iterable[Campaign]) -> str:
    """The drafts of campaigns with what they show, as the text of a file."""
    rows = [campaign_as_json(campaign) for campaign in campaigns]
    document = {"format": FORMAT, "version": VERSION, "campaigns": rows}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def campaign_as_json(campaign: Campaign) -> dict[str, Any]:
    """One campaign; what it refers to goes by keys and names, which are the same everywhere."""
    row = {
        "name": campaign.name,
        "slot": campaign.slot.key,
        "priority": campaign.priority,
        "rule": campaign.rule,
        "schedule": {
            "zone": campaign.zone,
            "starts": _local(campaign.starts_at, campaign.zone),
            "ends": _local(campaign.ends_at, campaign.zone),
        },
        "variant": {"name": campaign.variant.name, **variant_as_json(campaign.variant)},
    }
    group = campaign.exclusion_group
    limits = limits_write(campaign.frequency, group.name if group else "")
    return {**row, **({"frequency": limits} if limits else {})}


def variant_as_json(variant: Variant) -> dict[str, str]:
    """What a variant says, by the names of interchange.VARIANT_TEXTS."""
    return {
        "eyebrow": variant.eyebrow,
        "headline": variant.headline,
        "text": variant.text,
        "body": variant.body,
        "button_label": variant.button_label,
        "button_url": variant.button_url,
        "image": variant.image,
        "items": variant.items,
        "category": variant.category.slug if variant.category else "",
    }


def _local(instant: datetime | None, zone: str) -> str | None:
    return local_from_instant(instant, zone).strftime(LOCAL) if instant else None
