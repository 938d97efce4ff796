"""Campaigns that were live, or paused after they were, are published with a version 1.

Batched and rerunnable: a batch is one transaction, and what it has worked is no longer found.
"""

from django.db import migrations, transaction

BATCH = 500
BY = "migration"


def publish(apps, schema_editor):
    Campaign = apps.get_model("personalization", "Campaign")
    # "live" is a status of old rows alone; a row without a rule was never shown by any page.
    Campaign.objects.filter(status__in=("live", "paused"), published=None, rule={}).update(
        status="draft"
    )
    while _work_batch(Campaign):
        pass


def _work_batch(Campaign):
    """Work one batch; how many rows it had."""
    with transaction.atomic():
        rows = list(
            Campaign.objects.select_for_update(of=("self",))
            .filter(status__in=("live", "paused"), published=None)
            .select_related("slot", "variant__category", "exclusion_group")
            .order_by("pk")[:BATCH]
        )
        for row in rows:
            _publish(row)
    return len(rows)


def _publish(campaign):
    versions = campaign._meta.get_field("published").related_model.objects
    version, _ = versions.get_or_create(
        campaign=campaign,
        number=1,
        defaults={"payload": _payload(campaign), "state": "published", "made_by": BY},
    )
    campaign.published = version
    campaign.live_slot = campaign.slot
    campaign.live_variant = campaign.variant
    if campaign.status == "live":
        campaign.status = "published"
    campaign.save(update_fields=["published", "live_slot", "live_variant", "status"])
    campaign.steps.create(version=version, action="published", by=BY)


def _payload(campaign):
    """As personalization.campaigns.versions.draft_payload was when this was written."""
    variant = campaign.variant
    return {
        "name": campaign.name,
        "slot": campaign.slot_id,
        "variant": campaign.variant_id,
        "rule": campaign.rule,
        "priority": campaign.priority,
        "starts": campaign.starts_at.timestamp() if campaign.starts_at else None,
        "ends": campaign.ends_at.timestamp() if campaign.ends_at else None,
        "zone": campaign.zone,
        "frequency": _limits(campaign),
        "slot_name": campaign.slot.name,
        "variant_name": variant.name,
        "group_name": campaign.exclusion_group.name if campaign.exclusion_group else "",
        "content": {
            "eyebrow": variant.eyebrow,
            "headline": variant.headline,
            "text": variant.text,
            "body": "",
            "button_label": variant.button_label,
            "button_url": variant.button_url,
            "image": variant.image,
            "items_from": variant.items,
            "category": variant.category.slug if variant.category else "",
        },
    }


def _limits(campaign):
    is_once = campaign.cap_unit in ("visit", "ever")
    length = 1 if is_once else campaign.cap_length
    cap = {"count": campaign.cap_count, "unit": campaign.cap_unit, "length": length}
    after_event = campaign.pause_event and campaign.pause_event_days
    values = {
        "cap": cap if campaign.cap_count else None,
        "after_dismissal": campaign.pause_dismissed_days,
        "after_click": campaign.pause_clicked_days,
        "after_event": [campaign.pause_event, campaign.pause_event_days] if after_event else None,
        "group": campaign.exclusion_group_id,
        "exempt": campaign.budget_exempt,
    }
    return {name: value for name, value in values.items() if value}


def unpublish(apps, schema_editor):
    Campaign = apps.get_model("personalization", "Campaign")
    Campaign.objects.filter(status="published").update(status="live")
    Campaign.objects.filter(status__in=("review", "archived")).update(status="draft")


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("personalization", "0005_campaign_versions")]

    operations = [migrations.RunPython(publish, unpublish)]
