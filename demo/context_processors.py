"""What every page of the site needs, without asking the database on every page."""

import time
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from personalization import selectors

TAGLINE = "things worth doing slowly"
DESCRIPTION = (
    "Notes from the garden, the road, the kitchen and the workbench: "
    "articles, videos, guides and a few good tools."
)
#: Seconds a process shows the categories it has read last.
NAVIGATION_TTL = 30.0


@dataclass(frozen=True, slots=True)
class NavCategory:
    slug: str
    name: str
    description: str
    hue: int

    @property
    def url(self) -> str:
        return f"/c/{self.slug}/"


_navigation: tuple[float, tuple[NavCategory, ...]] = (0.0, ())


def site(request: HttpRequest) -> dict[str, Any]:
    """Context processor: the site's name and words, and the categories of the navigation."""
    return {
        "SITE_NAME": settings.SITE_NAME,
        "SITE_TAGLINE": TAGLINE,
        "SITE_DESCRIPTION": DESCRIPTION,
        "nav_categories": navigation_categories(),
    }


def navigation_categories() -> tuple[NavCategory, ...]:
    """The categories, read at most every NAVIGATION_TTL seconds by one process."""
    global _navigation
    read_at, categories = _navigation
    if categories and time.monotonic() - read_at < NAVIGATION_TTL:
        return categories
    categories = tuple(
        NavCategory(slug=row.slug, name=row.name, description=row.description, hue=row.hue)
        for row in selectors.category_list()
    )
    _navigation = (time.monotonic(), categories)
    return categories


def navigation_forget() -> None:
    """Read the categories again on the next page (after loading the demo, in tests)."""
    global _navigation
    _navigation = (0.0, ())
