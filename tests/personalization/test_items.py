"""What content items are about is told to tracking, for events that name an item alone."""

from __future__ import annotations

import pytest

from personalization import services
from personalization.models import Category, ContentItem
from tracking import selectors
from tracking.pipeline.enrich import ItemFacts

pytestmark = pytest.mark.django_db


def test_publishing_describes_the_items_as_they_are_now() -> None:
    kites = Category.objects.create(slug="kites", name="Kites")
    item = ContentItem.objects.create(
        slug="box-kite", title="A", summary="a", body="a", category=kites, content_type="guide"
    )
    services.ruleset_publish()
    assert selectors.items_described({"box-kite"}) == {"box-kite": ItemFacts("kites", "guide")}
    item.content_type = "video"
    item.save()
    services.ruleset_publish()
    assert selectors.items_described({"box-kite"}) == {"box-kite": ItemFacts("kites", "video")}
