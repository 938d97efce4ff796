"""The standard event types: what can be reported, and how much each counts by default.

Pure values, seeded into the EventType table where marketers edit the weights.
The table is read by tracking.selectors; nothing else decides what an event type means.
"""

from typing import Literal, NamedTuple

Kind = Literal["active", "passive", "negative"]
Unit = Literal["event", "second", "depth"]


class StandardType(NamedTuple):
    """One event type as shipped.

    `weight` is per `unit`: per event, per second of dwell, or per full scroll depth (0 to 1).
    A `cumulative` type reports a growing value under one id; the largest report counts.
    `value_cap` bounds that value: a page left open overnight is not an interest.
    """

    name: str
    label: str
    kind: Kind
    weight: float
    unit: Unit = "event"
    value_cap: float | None = None

    @property
    def cumulative(self) -> bool:
        return self.unit != "event"


STANDARD_TYPES = (
    StandardType("page_view", "Page view", "passive", 1.0),
    StandardType("dwell", "Dwell time", "passive", 0.05, "second", 1800.0),
    StandardType("scroll", "Scroll depth", "passive", 1.0, "depth", 1.0),
    StandardType("click", "Click", "active", 3.0),
    StandardType("category_click", "Category click", "active", 2.0),
    StandardType("form_submit", "Form submitted", "active", 4.0),
    StandardType("search", "Search", "active", 2.0),
    StandardType("video_play", "Video played", "active", 4.0),
    StandardType("add_to_cart", "Added to cart", "active", 6.0),
    StandardType("purchase", "Purchase", "active", 10.0),
    StandardType("share", "Shared", "active", 4.0),
    StandardType("bookmark", "Bookmarked", "active", 4.0),
    StandardType("like", "Liked", "active", 3.0),
    StandardType("comment", "Commented", "active", 5.0),
    StandardType("follow", "Followed", "active", 5.0),
    StandardType("exposure", "Exposure", "passive", 0.0),
    StandardType("dismiss", "Dismissed", "negative", 3.0),
)
