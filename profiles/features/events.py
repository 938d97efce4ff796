"""The event that features read, and the part of it that a condition or an aggregation looks at."""

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from profiles.features.definition import PROPERTY, TIME, date_of
from profiles.features.periods import period_number


class FeatureEvent(Struct, frozen=True, gc=False):
    """A stored event; anything else with these attributes will do. Empty texts are missing.

    `occurred_ms` is in milliseconds since 1970 UTC, of which whole ones count. `amount` is what
    profiles count of the event, `value` what was reported. `part` is 0 for an event and more for
    a later part, which has the increase. `visit` stands for the visit, by up to 63 bits.
    """

    type: str
    occurred_ms: float
    amount: float = 1.0
    part: int = 0
    value: float | None = None
    item: str = ""
    category: str = ""
    content_type: str = ""
    path: str = ""
    device: str = ""
    medium: str = ""
    source: str = ""
    visit: int | None = None
    properties: Mapping[str, Any] | None = None


def field_getter(field: str) -> Callable[[Any], Any]:
    """Reads a field of an event as it is; None for a property that it has not."""
    if field == TIME:
        return lambda event: int(event.occurred_ms) / 1000
    if date := date_of(field):
        period, zone = date
        number = period_number(period, ZoneInfo(zone))
        return lambda event: number(int(event.occurred_ms))
    name = field.removeprefix(PROPERTY)
    if name == field:
        return attrgetter(field)

    def get(event: FeatureEvent) -> Any:
        return event.properties.get(name) if event.properties else None

    return get
