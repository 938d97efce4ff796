"""Campaigns to a file that personalization.interchange reads."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from personalization.interchange import FORMAT, LOCAL, VERSION
from personalization.models import Campaign, Variant
from personalization.versions import FIELDS
from personalization.zones import local_from_instant

#: Fields with a place of their own in the file; all others stand under "settings".
OWN_PLACE = frozenset({"name", "slot", "variant", "rule", "priority", "starts", "ends", "zone"})
SETTINGS = tuple(field for field in FIELDS if field.key not in OWN_PLACE)


def campaigns_export(campaigns: Iterable[Campaign]) -> str:
    """The drafts of campaigns with what they show, as the text of a file."""
    rows = [campaign_as_json(campaign) for campaign in campaigns]
    document = {"format": FORMAT, "version": VERSION, "campaigns": rows}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def campaign_as_json(campaign: Campaign) -> dict[str, Any]:
    """One campaign; slot and category go by their keys, which are the same everywhere."""
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
    settings = {f.key: f.to_json(getattr(campaign, f.attribute)) for f in SETTINGS}
    return {**row, **({"settings": settings} if settings else {})}


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
