"""The standard event types: what can be reported, and how much each counts by default.

Pure values, seeded into the EventType table where marketers edit the weights.
The table is read by tracking.selectors; nothing else decides what an event type means.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

Kind = Literal["active", "passive", "negative"]
Unit = Literal["event", "second", "depth"]
#: The names of `tracking.pipeline.properties.KINDS`.
ValueKind = Literal["text", "number", "integer", "boolean", "id", "list"]
#: The properties an event of a type may carry, each with its kind of value.
Schema = Mapping[str, ValueKind]


class StandardType(NamedTuple):
    """One event type as shipped.

    `weight` is per `unit`: per event, per second of dwell, or per full scroll depth (0 to 1).
    A `cumulative` type reports a growing value under one id; the largest report counts.
    `value_cap` bounds that value: a page left open overnight is not an interest.
    Half-lives are in days. Repeats on one element within `repeat_ms` count once. Events are
    deleted after `retention_days`; None: when the site's setting says so.
    """

    name: str
    label: str
    kind: Kind
    weight: float
    unit: Unit = "event"
    value_cap: float | None = None
    properties: Schema = {}
    repeat_ms: int = 0
    half_life_short: float = 1.0
    half_life_long: float = 30.0
    retention_days: int | None = None

    @property
    def cumulative(self) -> bool:
        return self.unit != "event"


#: Two clicks of a double click, or of a hand that trembles, are one.
CLICK_REPEAT_MS = 500

#: The element an active event happened on; the worker flattens it into these.
ELEMENT: Schema = {"element_id": "text", "element_classes": "list", "element_section": "text"}
#: The personalized content an event is about.
PLACEMENT: Schema = {
    "slot": "id",
    "campaign": "id",
    "variant": "id",
    "version": "integer",
    "reason": "id",
    "position": "integer",
}
#: Where a link or a button leads, and from which list.
LINK: Schema = {"target": "text", "label": "text", "list_name": "text"}
#: What an address said of the campaign that led to it; of a click id only which kind it was.
CAMPAIGN: Schema = {
    "utm_source": "text",
    "utm_medium": "text",
    "utm_campaign": "text",
    "utm_term": "text",
    "utm_content": "text",
    "utm_id": "text",
    "click_id": "id",
}
GOODS: Schema = {"price": "number", "currency": "id", "brand": "text"}
BASKET: Schema = {**GOODS, "quantity": "integer", "sku": "id"}
ORDER: Schema = {**BASKET, "order": "id", "value": "number", "coupon": "id"}
PLAYBACK: Schema = {
    "title": "text",
    "position": "number",
    "duration": "number",
    "percent": "number",
}

STANDARD_TYPES = (
    StandardType(
        *("page_view", "Page view", "passive", 1.0),
        properties={"title": "text", **CAMPAIGN, **GOODS},
    ),
    StandardType("dwell", "Dwell time", "passive", 0.05, "second", 1800.0),
    StandardType("scroll", "Scroll depth", "passive", 1.0, "depth", 1.0),
    StandardType(
        *("click", "Click", "active", 3.0),
        properties={**LINK, **PLACEMENT, **ELEMENT},
        repeat_ms=CLICK_REPEAT_MS,
    ),
    StandardType(
        *("category_click", "Category click", "active", 2.0),
        properties={**LINK, **PLACEMENT, **ELEMENT},
        repeat_ms=CLICK_REPEAT_MS,
    ),
    StandardType("form_start", "Form started", "active", 2.0, properties={"form": "id", **ELEMENT}),
    StandardType(
        *("form_submit", "Form submitted", "active", 4.0),
        properties={"form": "id", "fields": "text", **ELEMENT},
    ),
    StandardType(
        *("search", "Search", "active", 2.0),
        properties={"query": "text", "results": "integer", "fields": "text", **ELEMENT},
    ),
    StandardType("video_play", "Video played", "active", 4.0, properties={**PLAYBACK, **ELEMENT}),
    StandardType(
        "video_progress", "Video progress", "active", 1.0, properties={**PLAYBACK, **ELEMENT}
    ),
    StandardType(
        "video_complete", "Video completed", "active", 3.0, properties={**PLAYBACK, **ELEMENT}
    ),
    StandardType(
        *("add_to_cart", "Added to cart", "active", 6.0),
        properties={"list_name": "text", **BASKET, **PLACEMENT, **ELEMENT},
    ),
    StandardType(
        *("remove_from_cart", "Removed from cart", "negative", 3.0),
        properties={**BASKET, **ELEMENT},
    ),
    StandardType(
        "checkout", "Checkout", "active", 8.0, properties={"step": "integer", **ORDER, **ELEMENT}
    ),
    StandardType("purchase", "Purchase", "active", 10.0, properties={**ORDER, **ELEMENT}),
    StandardType("share", "Shared", "active", 4.0, properties={"channel": "id", **ELEMENT}),
    StandardType("bookmark", "Bookmarked", "active", 4.0, properties=ELEMENT),
    StandardType("like", "Liked", "active", 3.0, properties=ELEMENT),
    StandardType("comment", "Commented", "active", 5.0, properties=ELEMENT),
    StandardType("follow", "Followed", "active", 5.0, properties=ELEMENT),
    StandardType(
        *("download", "Downloaded", "active", 4.0),
        properties={"file": "text", "format": "id", **ELEMENT},
    ),
    StandardType("exposure", "Exposure", "passive", 0.0, properties=PLACEMENT),
    StandardType("view", "Seen in view", "passive", 0.0, properties=PLACEMENT),
    StandardType("dismiss", "Dismissed", "negative", 3.0, properties={**PLACEMENT, **ELEMENT}),
)
