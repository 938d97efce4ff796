"""Publishing: what marketers have set, as one immutable version that pages are decided by."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from django.contrib.auth.models import Group, Permission
from django.core.cache import cache
from django.db import connection, transaction
from django.utils import timezone

from personalization.campaigns import readiness
from personalization.campaigns.campaigning import campaign_publish as campaign_publish  # noqa: PLC0414, a door
from personalization.campaigns.versions import variant_payload
from personalization.frequency.counting import counters_prepare
from personalization.frequency.payload import limits_shown, shared_limits
from personalization.models import Category, ContentItem, ExclusionGroup, RuleSet, Slot, Variant
from personalization.segments import declaring
from personalization.selectors import RULESET_VERSION_KEY, RULESET_VERSION_TTL, ruleset_version
from profiles import selectors as profile_selectors
from tracking import services as tracking_services

#: Cards kept per category: what a variant can show of a visitor's top interest.
CARDS_PER_CATEGORY = 6

#: Who publishes a campaign that was switched on before and became ready now.
BY_ITSELF = "Attune"

MARKETER_GROUP = "Marketer"
#: What a marketer may do, and nothing else: "app.action_model".
MARKETER_PERMISSIONS = (
    *(
        f"personalization.{action}_{model}"
        for model in (
            "category",
            "contentitem",
            "variant",
            "slot",
            "campaign",
            "exclusiongroup",
            "segment",
        )
        for action in ("view", "add", "change", "delete")
    ),
    *(
        f"personalization.{action}_{model}"
        for model in ("testprofile", "testinterest", "testdoing")
        for action in ("view", "add", "change", "delete")
    ),
    *(f"personalization.{action}_pressurebudget" for action in ("view", "change")),
    "personalization.publish_campaign",
    "personalization.view_ruleset",
    *(f"tracking.{action}_eventtype" for action in ("view", "add", "change", "delete")),
    "profiles.view_profile",
)

EDITOR_GROUP = "Editor"
#: An editor drafts campaigns and submits them; what a page shows is changed by others.
EDITOR_PERMISSIONS = (
    *(f"personalization.view_{model}" for model in ("category", "contentitem", "slot", "segment")),
    *(
        f"personalization.{action}_{model}"
        for model in ("variant", "campaign")
        for action in ("view", "add", "change")
    ),
    *(
        f"personalization.{action}_{model}"
        for model in ("testprofile", "testinterest", "testdoing")
        for action in ("view", "add", "change", "delete")
    ),
    "personalization.view_ruleset",
    "tracking.view_eventtype",
)


def ruleset_publish(*, by: str = "") -> int:
    """Publish the present state as a new version; returns the version in force.

    Nothing changed means no new version. The next page view of every process follows, because the
    version number is read with each decision.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            # One publication at a time: versions follow the order of what they hold.
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('attune publish'))")
        items_describe()
        readiness.features_declare()
        declaring.features_declare()
        payload = ruleset_payload()
        digest = hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()
        latest = RuleSet.objects.only("version", "sha256").first()
        is_new = latest is None or latest.sha256 != digest
        if latest is not None and not is_new:
            version = latest.version
        else:
            version = RuleSet.objects.create(
                payload=payload, sha256=digest, published_by=by
            ).version
        transaction.on_commit(partial(counters_prepare, is_new=is_new), robust=True)
        transaction.on_commit(_version_announce, robust=True)
    return version


def campaigns_ready_publish() -> bool:
    """Publish again if a campaign became ready, or what is declared is not what is needed.

    Returns whether it did. Says nothing of who: nobody asked for it just now.
    """
    if not readiness.is_behind():
        return False
    ruleset_publish(by=BY_ITSELF)
    return True


def items_describe() -> None:
    """Tell what each content item is about, for events that name an item alone."""
    rows = ContentItem.objects.values_list("slug", "category__slug", "content_type")
    tracking_services.item_describe(rows.iterator())


def _version_announce() -> None:
    """Tell every process; the version is read anew, since publications may end out of order."""
    cache.set(RULESET_VERSION_KEY, ruleset_version(), timeout=RULESET_VERSION_TTL)


def ruleset_payload() -> dict[str, Any]:
    """Everything a decision needs, as JSON, and nothing that no page can show."""
    return payload_of(readiness.campaigns_on_pages())


def payload_of(on_pages: Iterable[readiness.Shown]) -> dict[str, Any]:
    """What pages need to show these campaigns.

    They stand in the order in which they win: by priority, then published first, then by id.
    """
    campaigns: dict[str, list[dict[str, Any]]] = {}
    latest = RuleSet.objects.only("payload").first()
    before = latest.payload if latest else {"slots": []}
    published = _published_since(before)
    groups = set(ExclusionGroup.objects.values_list("pk", flat=True))

    def order(shown: readiness.Shown) -> tuple[int, float, int]:
        number = shown.entry["id"]
        return -shown.entry["priority"], published(number), number

    for slot, entry in sorted(on_pages, key=order):
        values = limits_shown(entry, groups)
        if since := published(entry["id"]):
            values["published"] = since
        campaigns.setdefault(slot, []).append(values)
    slots = [
        {
            "key": slot.key,
            "name": slot.name,
            "default": slot.default_id,
            "campaigns": campaigns.get(slot.key, []),
        }
        for slot in Slot.objects.order_by("key")
    ]
    variants = _variants_shown(slots)
    return {
        "slots": slots,
        "variants": {str(variant.pk): variant_payload(variant) for variant in variants},
        "weights": {
            name: [weight.weight, weight.negative]
            for name, weight in sorted(profile_selectors.weights_current().items())
        },
        "cards": {
            category.slug: [card_payload(item) for item in _newest(category)]
            for category in _categories_shown(variants)
        },
        **shared_limits(slots, before),
    }


def _published_since(before: Mapping[str, Any]) -> Callable[[int], float]:
    """By campaign, since when it has been published without a break, in seconds since 1970.

    0 for what was published before versions said so.
    """
    since = {
        campaign["id"]: campaign.get("published", 0.0)
        for slot in before["slots"]
        for campaign in slot["campaigns"]
    }
    now = timezone.now().timestamp()
    return lambda number: since.get(number, now)


def _variants_shown(slots: Iterable[Mapping[str, Any]]) -> list[Variant]:
    """The variants of defaults and published campaigns."""
    used = {slot["default"] for slot in slots} | {
        campaign["variant"] for slot in slots for campaign in slot["campaigns"]
    }
    return list(Variant.objects.filter(pk__in=used).select_related("category").order_by("pk"))


def _categories_shown(variants: Iterable[Variant]) -> list[Category]:
    """The categories whose newest items these variants can show; all for a visitor's interest."""
    categories = Category.objects.order_by("slug")
    if any(variant.items == Variant.Items.INTEREST for variant in variants):
        return list(categories)
    by_category = [v for v in variants if v.items == Variant.Items.CATEGORY]
    named = {v.category.slug for v in by_category if v.category}
    return list(categories.filter(slug__in=named))


def _newest(category: Category) -> list[ContentItem]:
    items = ContentItem.objects.filter(is_published=True, category=category)
    return list(items.select_related("category")[:CARDS_PER_CATEGORY])


def card_payload(item: ContentItem) -> dict[str, Any]:
    """What a card shows of an item."""
    return {
        "slug": item.slug,
        "url": item.get_absolute_url(),
        "title": item.title,
        "summary": item.summary,
        "category": item.category.slug,
        "category_name": item.category.name,
        "hue": item.category.hue,
        "content_type": item.content_type,
        "minutes": item.minutes,
        "price": str(item.price) if item.price is not None else "",
        "image": item.image,
    }


def marketer_group_ensure() -> Group:
    """The group that edits and publishes campaigns and content: exactly MARKETER_PERMISSIONS."""
    return _group_ensure(MARKETER_GROUP, MARKETER_PERMISSIONS)


def editor_group_ensure() -> Group:
    """The group whose campaigns somebody else publishes: exactly EDITOR_PERMISSIONS."""
    return _group_ensure(EDITOR_GROUP, EDITOR_PERMISSIONS)


def groups_complete() -> None:
    """Give the two groups, where they are there, what they lack; take nothing away."""
    for name, permissions in (
        (MARKETER_GROUP, MARKETER_PERMISSIONS),
        (EDITOR_GROUP, EDITOR_PERMISSIONS),
    ):
        for group in Group.objects.filter(name=name):
            group.permissions.add(*_permissions(permissions))


def _permissions(named: Iterable[str]) -> list[Permission]:
    """Those of "app.action_model" that are there."""
    wanted = set(named)
    rows = Permission.objects.select_related("content_type")
    return [
        row
        for row in rows.filter(codename__in={each.partition(".")[2] for each in wanted})
        if f"{row.content_type.app_label}.{row.codename}" in wanted
    ]


def _group_ensure(name: str, permissions: Iterable[str]) -> Group:
    group, _ = Group.objects.get_or_create(name=name)
    wanted = []
    for permission in permissions:
        app, _, codename = permission.partition(".")
        wanted.append(Permission.objects.get(content_type__app_label=app, codename=codename))
    group.permissions.set(wanted)
    return group
