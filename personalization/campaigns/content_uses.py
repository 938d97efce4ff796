"""Who shows a variant, has a slot or is in a group: why it cannot be deleted, and what to do."""

from collections.abc import Iterable
from typing import NamedTuple

from django.db.models import Q

from personalization.frequency.models import ExclusionGroup
from personalization.models import Campaign, RuleSet, Slot, Variant

Status = Campaign.Status


class Use(NamedTuple):
    """Something that needs the content: what it is, where it is edited, and what to do there."""

    row: Campaign | Slot
    where: str
    remedy: str


def variants_on_pages() -> dict[int, list[int]]:
    """What pages show at present: the campaigns by variant, none for a slot's default.

    Also an earlier version's, which pages go on with while the published one is getting ready.
    """
    latest = RuleSet.objects.only("payload").first()
    if latest is None:
        return {}
    shown: dict[int, list[int]] = {int(key): [] for key in latest.payload["variants"]}
    for slot in latest.payload["slots"]:
        for entry in slot["campaigns"]:
            shown.setdefault(entry["variant"], []).append(entry["id"])
    return shown


def campaigns_showing(variant: Variant) -> list[Campaign]:
    """Published campaigns that pages show a variant of, or will when their version is ready."""
    on_pages = Q(pk__in=variants_on_pages().get(variant.pk, ()))
    rows = Campaign.objects.filter(on_pages | Q(live_variant=variant), status=Status.PUBLISHED)
    return list(rows.order_by("-priority", "name"))


def is_shown(variant: Variant) -> bool:
    """Whether a page may show a variant: by a published campaign, also a paused one, or a slot."""
    return (
        variant.pk in variants_on_pages()
        or Campaign.objects.filter(live_variant=variant).exists()
        or Slot.objects.filter(default=variant).exists()
    )


def variant_uses(variant: Variant) -> list[Use]:
    """The slots and campaigns that need a variant."""
    on_pages = variants_on_pages().get(variant.pk, [])
    waiting = Q(submitted__payload__variant=variant.pk)
    rows = Campaign.objects.filter(
        Q(variant=variant) | Q(live_variant=variant) | Q(pk__in=on_pages) | waiting
    )
    defaults = [
        Use(slot, "by default", "choose another default in it")
        for slot in Slot.objects.filter(default=variant)
    ]
    campaigns = rows.select_related("published", "submitted").order_by("name")
    return [*defaults, *(_of_campaign(row, variant, on_pages) for row in campaigns)]


def _of_campaign(campaign: Campaign, variant: Variant, on_pages: Iterable[int]) -> Use:
    is_live = campaign.live_variant_id == variant.pk
    is_earlier = campaign.pk in on_pages and not is_live
    submitted = campaign.submitted
    is_waiting = submitted is not None and submitted.payload["variant"] == variant.pk
    is_drafted = campaign.variant_id == variant.pk
    places = [
        (is_drafted, "in its draft"),
        (is_live, "in its published version"),
        (is_earlier, "in the earlier version that pages show until its new one is ready"),
        (is_waiting, "in the version that waits for review"),
    ]
    said = [words for holds, words in places if holds]
    where = " and ".join([", ".join(said[:-1]), said[-1]] if len(said) > 1 else said)
    return Use(campaign, where, _remedy(campaign, is_live, is_waiting, is_drafted))


def _remedy(campaign: Campaign, is_live: bool, is_waiting: bool, is_drafted: bool) -> str:
    if campaign.status == Status.ARCHIVED:
        return "restore it and choose another variant, or delete it"
    if is_waiting:
        return "decide on the review first"
    if is_live:
        return "choose another variant in it and publish that, or archive it"
    return "choose another variant in it" if is_drafted else "wait for that, or pause it"


def slot_uses(slot: Slot) -> list[Use]:
    """The campaigns that stand in a slot."""
    rows = Campaign.objects.filter(Q(slot=slot) | Q(live_slot=slot)).order_by("name")
    return [Use(row, "in this slot", "choose another slot in it, or delete it") for row in rows]


def group_uses(group: ExclusionGroup) -> list[Use]:
    """The campaigns that are in an exclusion group, or go on pages in it; archived ones are not."""
    live = Q(published__payload__frequency__group=group.pk)
    waiting = Q(submitted__payload__frequency__group=group.pk)
    rows = Campaign.objects.filter(live | waiting | Q(exclusion_group=group))
    rows = rows.exclude(status=Status.ARCHIVED).select_related("published").order_by("name")
    return [_in_group(row, group) for row in rows]


def _in_group(campaign: Campaign, group: ExclusionGroup) -> Use:
    remedy = "choose another group in it, or none"
    version = campaign.published
    if version is None or version.payload.get("frequency", {}).get("group") != group.pk:
        return Use(campaign, "in its draft", remedy)
    return Use(campaign, "in its published version", f"{remedy}, and publish that, or archive it")
