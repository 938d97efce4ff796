"""Which pages have a slot: those like the pages on which something was shown in it before.

An event does not say which slots its page had, an exposure says which one it was in. Pages of one
template differ in the last part of their address, so "/items/tomatoes/" speaks for "/items/…". Of
a slot in which nothing was shown yet nothing is known: then every page counts as having it.

What never gets in: clocks, settings, storage.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from personalization.backtest.history import History
from profiles.columns import Bools

#: Shapes that are told apart; of a site with more, every page counts as having the slot.
MAX_SHAPES = 200


@dataclass(frozen=True)
class SlotPages:
    """The shapes of the addresses that have the slot; none: every page."""

    shapes: frozenset[str] = frozenset()

    @property
    def is_everywhere(self) -> bool:
        return not self.shapes

    def among(self, history: History) -> Bools:
        """Which moments are on a page with the slot (m,)."""
        if self.is_everywhere or "path" not in history.fact_names:
            return np.ones(len(history.moments), bool)
        place = list(history.fact_names).index("path")
        has = [bool(fact) and page_shape(fact[place]) in self.shapes for fact in history.facts]
        return np.array(has, bool)[history.fact[history.moments]]


def page_shape(path: str) -> str:
    """What pages of one template have in common in their addresses.

    >>> page_shape("/"), page_shape("/search/"), page_shape("/items/tomatoes/")
    ('/', '/search', '/items/…')
    """
    *above, last = [part for part in path.split("/") if part] or [""]
    return "/" + "/".join([*above, "…" if above else last])


def slot_pages_of(paths: Iterable[str]) -> SlotPages:
    """The pages of a slot from the addresses on which something was shown in it."""
    shapes = frozenset(map(page_shape, paths))
    return SlotPages(shapes if len(shapes) <= MAX_SHAPES else frozenset())
