"""What a version records of a campaign, from the row to the payload and back.

FIELDS is the one list of what a campaign says: a field written there is recorded, compared,
published, rolled back, duplicated, exported and imported.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models import Max

from personalization.campaigns.changes import campaign_changes, field_same
from personalization.models import Campaign, CampaignVersion, Variant
from personalization.rich_text import rich_render
from personalization.rules.nodes import rule_awaits
from personalization.rules.tree import RuleError
from personalization.segments.resolving import rule_now

Payload = dict[str, Any]


def _same(value: Any) -> Any:
    return value


def _seconds(instant: datetime | None) -> float | None:
    return instant.timestamp() if instant else None


def _instant(seconds: float | None) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds is not None else None


@dataclass(frozen=True)
class Field:
    """One thing a campaign says. `default` stands in for versions older than the field."""

    key: str
    attribute: str
    to_json: Callable[[Any], Any] = _same
    from_json: Callable[[Any], Any] = _same
    default: Any = None
    on_pages: bool = True


FIELDS: tuple[Field, ...] = (
    Field("name", "name"),
    Field("slot", "slot_id", on_pages=False),
    Field("variant", "variant_id"),
    Field("rule", "rule"),
    Field("priority", "priority"),
    Field("starts", "starts_at", _seconds, _instant),
    Field("ends", "ends_at", _seconds, _instant),
    Field("zone", "zone", default="UTC"),
    Field("frequency", "frequency", default={}),
)


def draft_payload(campaign: Campaign) -> Payload:
    """What the draft says, with what its variant shows and the names it goes by at present."""
    group = campaign.exclusion_group
    return {
        **{field.key: field.to_json(getattr(campaign, field.attribute)) for field in FIELDS},
        "slot_name": campaign.slot.name,
        "variant_name": campaign.variant.name,
        "group_name": group.name if group else "",
        "content": variant_payload(campaign.variant),
    }


def draft_fill(campaign: Campaign, payload: Mapping[str, Any]) -> None:
    """Make the draft say what a version said. Saves nothing."""
    for field in FIELDS:
        value = field.from_json(payload.get(field.key, field.default))
        setattr(campaign, field.attribute, value)


def page_payload(campaign_id: int, payload: Mapping[str, Any]) -> Payload:
    """The part of a version that a decision needs."""
    shown = {f.key: payload.get(f.key, f.default) for f in FIELDS if f.on_pages}
    if not shown["frequency"]:
        del shown["frequency"]  # so that no limits leave no trace
    return {"id": campaign_id, **shown}


def draft_differs(campaign: Campaign, version: CampaignVersion | None = None) -> bool:
    """Whether the draft says anything else than a version: the published one if none is named."""
    version = version or campaign.published
    if version is None:
        return True
    draft = {f.key: f.to_json(getattr(campaign, f.attribute)) for f in FIELDS}
    return not all(
        field_same(f.key, draft[f.key], version.payload.get(f.key, f.default)) for f in FIELDS
    )


def with_content_now(payload: Mapping[str, Any]) -> Payload:
    """What a version says, with what its variant shows at present: content publishes by itself."""
    variant = Variant.objects.select_related("category").filter(pk=payload["variant"]).first()
    if variant is None:
        return dict(payload)
    now = {"variant_name": variant.name, "content": variant_payload(variant)}
    return {**payload, **now}


def content_digest(payload: Mapping[str, Any]) -> str:
    """What a variant shows, in short: to tell whether it was edited since somebody looked."""
    content = json.dumps(with_content_now(payload)["content"], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:32]


def pages_change(campaign: Campaign, after: Mapping[str, Any]) -> list[str]:
    """What pages would change if a campaign said `after` instead of what is published, in words."""
    if campaign.published is None:
        return []
    return campaign_changes(with_content_now(campaign.published.payload), with_content_now(after))


def problems_of(payload: Mapping[str, Any]) -> list[str]:
    """Why a campaign cannot be published, each with what to do; nothing when it can."""
    if not payload["rule"]:
        return ["Its rule needs at least one condition."]
    try:
        rule = rule_now(payload["rule"])
    except RuleError as error:
        return [f"Its rule cannot be used: {error}"]
    return rule_awaits(rule)


def version_make(
    campaign: Campaign, payload: Payload, *, state: str, by: str, note: str = ""
) -> CampaignVersion:
    """The next version of a campaign. Its row must be locked: two at once would have one number."""
    latest = campaign.versions.aggregate(latest=Max("number"))["latest"] or 0
    return CampaignVersion.objects.create(
        campaign=campaign, number=latest + 1, payload=payload, state=state, made_by=by, note=note
    )


def campaigns_in_force() -> Iterator[tuple[Campaign, Payload]]:
    """Every published campaign with what its published version says; highest priority first."""
    rows = Campaign.objects.filter(status=Campaign.Status.PUBLISHED, published__isnull=False)
    found = [(row, row.published.payload) for row in rows.select_related("published")]  # type: ignore[union-attr]
    yield from sorted(found, key=lambda pair: (-pair[1]["priority"], pair[0].pk))


def variant_payload(variant: Variant) -> Payload:
    """What pages show of a variant. `body` is HTML made of the variant's Markdown, and clean."""
    return {
        "eyebrow": variant.eyebrow,
        "headline": variant.headline,
        "text": variant.text,
        "body": rich_render(variant.body),
        "button_label": variant.button_label,
        "button_url": variant.button_url,
        "image": variant.image,
        "items_from": variant.items,
        "category": variant.category.slug if variant.category else "",
    }
