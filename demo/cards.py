"""What a card shows of a content item: one shape for pages and slots."""

from collections.abc import Iterable
from typing import Any, TypedDict

from personalization import selectors


class Card(TypedDict):
    """The same keys as `content.items` of a slot (personalization/decisions)."""

    slug: str
    url: str
    title: str
    summary: str
    category: str
    category_name: str
    hue: int
    content_type: str
    minutes: int | None
    price: Any
    image: str


def card_make(item: Any) -> Card:
    """The card of one content item; its category must be loaded with it."""
    return Card(
        slug=item.slug,
        url=item.get_absolute_url(),
        title=item.title,
        summary=item.summary,
        category=item.category.slug,
        category_name=item.category.name,
        hue=item.category.hue,
        content_type=item.content_type,
        minutes=item.minutes,
        price=item.price,
        image=item.image,
    )


def related_list(*, item: Any, limit: int = 3) -> list[Card]:
    """Other items of the same category: most shared tags first, then the newest."""
    others = [row for row in selectors.item_list(category=item.category.slug) if row != item]
    tags = set(item.tags)
    others.sort(key=lambda row: -len(tags & set(row.tags)))
    return [card_make(row) for row in others[:limit]]


def shelves_make(*, items: Iterable[Any], size: int = 4) -> dict[str, list[Card]]:
    """The first `size` items of each category, by the category's slug, in the given order."""
    shelves: dict[str, list[Card]] = {}
    for item in items:
        shelf = shelves.setdefault(item.category.slug, [])
        if len(shelf) < size:
            shelf.append(card_make(item))
    return shelves
