"""What every page of the site needs, without asking the database on every page."""

import time
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from demo.readers import reader_current
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


class Navigation:
    """The categories, read from the database at most every NAVIGATION_TTL seconds."""

    def __init__(self) -> None:
        self._read_at = 0.0
        self._categories: tuple[NavCategory, ...] = ()

    def categories(self) -> tuple[NavCategory, ...]:
        if not self._categories or time.monotonic() - self._read_at > NAVIGATION_TTL:
            self._categories = tuple(
                NavCategory(slug=row.slug, name=row.name, description=row.description, hue=row.hue)
                for row in selectors.category_list()
            )
            self._read_at = time.monotonic()
        return self._categories

    def forget(self) -> None:
        """Read again on the next page (after loading the demo, between tests)."""
        self._categories = ()


navigation = Navigation()


def site(request: HttpRequest) -> dict[str, Any]:
    """Context processor: the site's name and words, its categories, and who is signed in."""
    return {
        "SITE_NAME": settings.SITE_NAME,
        "SITE_TAGLINE": TAGLINE,
        "SITE_DESCRIPTION": DESCRIPTION,
        "nav_categories": navigation.categories(),
        "reader": reader_current(request),
    }
