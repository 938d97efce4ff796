"""A stored event in full: what declared features look at.

What never gets in: clocks, settings, storage.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import UUID


class Detail(NamedTuple):
    """An event with all that a condition may ask of it; see tracking.models.Event.

    `occurred_ms` is in milliseconds since 1970. `part` is 0 for an event, more for what adds to one
    or is one too many of its kind. `visit` stands for the visit, by 63 bits.
    """

    visitor_id: UUID
    basis: str
    type: str
    occurred_ms: float
    amount: float
    part: int
    value: float | None
    item: str
    category: str
    content_type: str
    path: str
    device: str
    medium: str
    source: str
    visit: int | None
    properties: Mapping[str, Any] | None
