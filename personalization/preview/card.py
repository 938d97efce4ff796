"""What a variant will say, for the admin: its words, its picture, its items."""

from dataclasses import dataclass

from django.utils.safestring import SafeString

from personalization import selectors
from personalization.decide import ITEMS_SHOWN
from personalization.models import Variant
from personalization.pictures import picture_address, rich_show
from personalization.rich_text import rich_render


@dataclass(frozen=True)
class Preview:
    """A variant as a small card. `note` says where its items come from when it depends."""

    variant: Variant
    image_url: str
    body: SafeString
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
    body = rich_show(rich_render(variant.body))
    return Preview(variant, picture_address(variant.image), body, items, note)
