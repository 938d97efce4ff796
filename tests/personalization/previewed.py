"""A small site with slots on real pages, invented visitors, and a draft to preview."""

from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.urls import reverse

from demo.context_processors import navigation
from personalization.models import Campaign, Category, ContentItem, Slot, TestProfile, Variant
from personalization.services import ruleset_publish

#: Asks of past events what no profile holds before it is published.
READ_THREE = {
    "condition": "event_count", "type": "page_view", "category": "gardening",
    "operator": ">=", "value": 3,
    "window": {"kind": "rolling", "minutes": 14 * 24 * 60},
}  # fmt: skip
RULE = {
    "all": [
        READ_THREE,
        {"condition": "event_did", "answer": "did_not", "type": "purchase"},
        {"condition": "top_interest", "category": "gardening", "value": 3},
        {"condition": "device", "value": "phone"},
    ]
}
DRAFTED = "Read this on the way home"


@pytest.fixture(name="draft")
def draft_made(db: None) -> Campaign:
    """A small site, invented visitors, and a draft for the hero that no page shows."""
    slot, variant = small_site(headline=DRAFTED)
    return Campaign.objects.create(
        name="Drafted", slot=slot, variant=variant, rule=RULE, priority=100
    )


def small_site(*, headline: str) -> tuple[Slot, Variant]:
    """Two categories with an item each; returns the hero's slot and a variant nothing shows yet."""
    welcome = Variant.objects.create(name="Welcome", headline="Welcome to everyone")
    categories = {}
    for slug in ("gardening", "cycling"):
        category = Category.objects.create(slug=slug, name=slug.capitalize())
        ContentItem.objects.create(
            slug=f"{slug}-item", title=slug, category=category, content_type="article"
        )
        categories[slug] = category
    hero = Slot.objects.create(key="home-hero", name="Home: hero", default=welcome)
    Slot.objects.create(
        key="category-banner", name="Banner", default=welcome, address="/c/gardening/"
    )
    for name, device, slug in (
        ("Gardener on a phone", "phone", "gardening"),
        ("Cyclist who buys", "desktop", "cycling"),
    ):
        profile = TestProfile.objects.create(name=name, device=device, visits=6, first_days=12)
        profile.interests.create(category=categories[slug], strength=8)
        if slug == "cycling":
            profile.doings.create(type="purchase", category=categories[slug])
    navigation.forget()
    ruleset_publish(by="test")
    return hero, Variant.objects.create(name="Drafted", headline=headline)


def profile_key(name: str) -> str:
    return f"profile:{TestProfile.objects.get(name=name).pk}"


def preview(client: Client, reference: object, **asked: str) -> Any:
    return client.get(f"{reverse('preview', args=[reference])}?{urlencode(asked)}")


def frames(page: Any) -> dict[str, str]:
    """The addresses of a preview's frames by device."""
    return {frame["device"]: frame["url"] for frame in page.context_data["frames"]}


def shown(client: Client, reference: object, device: str = "phone", **asked: str) -> str:
    """What the frame shows."""
    response = client.get(frames(preview(client, reference, **asked))[device])
    assert response.status_code == 200
    return str(response.content.decode())
