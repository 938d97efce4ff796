"""What a variant will say, for the admin: its words, its picture, its items."""

from dataclasses import dataclass

from personalization import selectors
from personalization.decide import ITEMS_SHOWN
from personalization.models import Variant
from personalization.pictures import picture_address


@dataclass(frozen=True)
class Preview:
    """A variant as a small card. `note` says where its items come from when it depends."""

    variant: Variant
    image_url: str
    items: list[str]
    note: str


def variant_preview(variant: Variant) -> Preview:
    """The preview of a saved variant."""
    items: list[str] = []
    note = ""
    if variant.items == Variant.Items.CATEGORY and variant.category is not None:
        newest = selectors.item_list(category=variant.category.slug, limit=ITEMS_SHOWN)
        items = [item.title for item in newest]
    elif variant.items == Variant.Items.INTEREST:
        note = f"The {ITEMS_SHOWN} newest items of each visitor's top interest."
    return Preview(variant, picture_address(variant.image), items, note)
