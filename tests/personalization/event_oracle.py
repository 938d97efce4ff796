"""What plain events say of each event condition, written down a second time.

Over the plain list of events; which events count is profiles.features.batch's to say.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from personalization.rules.conditions import BY_KIND
from personalization.rules.event_values import filters_of, window_of
from personalization.rules.operators import NOT_SET
from profiles.features.batch import feature_value
from profiles.features.definition import Calendar, Feature, Lifetime
from profiles.features.definition import Condition as Filter
from profiles.features.events import FeatureEvent
from profiles.features.values import UNITS, number_units
from tests.profiles.features.histories import starts_of

DAY_MS = 86_400_000
OF_SEVEN = [{"field": "property.campaign", "operator": "eq", "values": [7]}]

# --- Every condition a second time ----------------------------------------------------------------


class Told:
    """What the events say, for one condition's parameters at one moment."""

    def __init__(self, events: Sequence[FeatureEvent], params: dict[str, Any], now: int) -> None:
        self.events, self.params, self.now = events, params, now
        self.visit: int | None = None

    def value(self, aggregation: str, of: str = "", window: Any = None) -> Any:
        window = window_of(self.params["window"]) if window is None else window
        feature = Feature(self.params["type"], aggregation, window, of, self.where())
        return self.read(feature)

    def read(self, feature: Feature) -> Any:
        starts = starts_of(self.events)
        return feature_value(self.events, feature, self.now / 1000, visit=self.visit, starts=starts)

    def where(self) -> tuple[Filter, ...]:
        category = self.params["category"]
        first = (Filter("category", "eq", (category,)),) if category else ()
        return first + filters_of(self.params["where"])

    def times(self, start: int | None = None, end: int | None = None) -> list[int]:
        """When it happened, in (start, end], days before now."""
        low = self.now - start * DAY_MS if start is not None else float("-inf")
        high = self.now - end * DAY_MS if end is not None else self.now
        once = Feature(self.params["type"], "count", Lifetime(), where=self.where())
        return sorted(
            int(event.occurred_ms)
            for event in self.events
            if feature_value([event], once, 1e12) and low < event.occurred_ms <= high
        )

    def then(self, name: str = "then") -> "Told":
        """Of the events of another field."""
        params = {
            "type": self.params[name], "category": self.params[f"{name}_category"], "where": []
        }  # fmt: skip
        return Told(self.events, params, self.now)


def compared(value: Any, params: dict[str, Any]) -> bool | None:
    """What the operator says of a value; how operators compare is tested elsewhere."""
    operators = BY_KIND[params["condition"]].operators
    assert operators is not None
    operator = operators[params["operator"]]
    if operator.kind != "presence" and (value is None or value is NOT_SET):
        return None
    answer: bool | None = operator.test(params)(value)
    return answer


def said_distinct(told: Told) -> bool | None:
    return compared(told.value("distinct", told.params["field"]), told.params)


def said_value(told: Told) -> bool | None:
    value = told.value(told.params["aggregation"], told.params["field"])
    if value is None:
        return compared(NOT_SET, told.params)
    return compared(None if isinstance(value, bool | str) else value, told.params)


def said_latest(told: Told) -> bool | None:
    value = told.value("latest", told.params["field"])
    if value is None:
        return compared(NOT_SET, told.params)
    return compared(value if isinstance(value, str) else None, told.params)


def said_time(told: Told) -> bool:
    times, days = told.times(), told.params["days"]
    if not times:
        return False
    moment = times[0] if told.params["which"] == "first" else times[-1]
    is_within = moment > told.now - days * DAY_MS
    return is_within if told.params["when"] == "within" else not is_within


def said_days(told: Told) -> bool:
    zone = ZoneInfo(told.params["zone"])
    dates = [datetime.fromtimestamp(t / 1000, zone) for t in told.times(told.params["days"])]
    if told.params["period"] == "day":
        return len({date.date() for date in dates}) >= told.params["value"]
    return len({date.isocalendar()[:2] for date in dates}) >= told.params["value"]


def said_stopped(told: Told) -> bool:
    days, earlier = told.params["days"], told.params["earlier"]
    return bool(told.times(days + earlier, days)) and not told.times(days)


def said_resumed(told: Told) -> bool:
    days, pause = told.params["days"], told.params["pause"]
    return (
        bool(told.times(days))
        and not told.times(days + pause, days)
        and bool(told.times(None, days + pause))
    )


def said_trend(told: Told) -> bool | None:
    period = told.params["period"]
    if period.endswith("_days"):
        days = int(period.removesuffix("_days"))
        this, before = len(told.times(days)), len(told.times(2 * days, days))
    else:
        this, before = (
            told.value("count", window=Calendar(period, told.params["zone"], offset))
            for offset in (0, -1)
        )
    if not this and not before:
        return compared(NOT_SET, told.params)
    return compared(this / before if before else float("inf"), told.params)


def said_sequence(told: Told) -> bool:
    days = told.params["days"]
    then = told.then().times(days)
    without = told.then("without").times() if told.params["without"] else []
    return any(
        first < second and not any(first < between < second for between in without)
        for first in told.times(days)
        for second in then
    )


def said_unfinished(told: Told) -> bool:
    begun = told.times()
    if not begun or begun[-1] <= told.now - told.params["days"] * DAY_MS:
        return False
    return not any(then >= begun[-1] for then in told.then().times())


def said_contact(told: Told) -> bool | None:
    where = filters_of(OF_SEVEN)
    window = window_of(told.params["window"])
    feature = Feature(told.params["what"], "count", window, where=where)
    return compared(told.read(feature), told.params)


def said_conversion(told: Told) -> bool:
    told.params |= {"type": "exposure", "category": "", "where": OF_SEVEN}
    shown = told.times(told.params["days"])
    told.params |= {"type": told.params["then"], "where": []}
    reached = any(first < then for first in shown for then in told.times())
    return reached == (told.params["value"] == "yes")


def in_visit(told: Told, kind: str) -> list[FeatureEvent]:
    return [
        event
        for event in told.events
        if event.type == kind
        and event.visit is not None
        and event.visit == told.visit
        and int(event.occurred_ms) <= told.now
    ]


def said_entry(told: Told, field: str) -> Any:
    found = [
        (int(event.occurred_ms), value)
        for event in in_visit(told, "page_view")
        if event.part == 0 and (value := of_event(event, field))
    ]
    return min(found)[1] if found else NOT_SET


def of_event(event: FeatureEvent, field: str) -> Any:
    return (event.properties or {}).get(field) if field == "utm_source" else getattr(event, field)


def said_medium(told: Told) -> bool | None:
    value = said_entry(told, "medium")
    return None if value is NOT_SET else bool(value == told.params["value"])


def said_attention(told: Told) -> bool | None:
    units = sum(number_units(event.amount) or 0 for event in in_visit(told, "dwell"))
    return compared(units / UNITS, told.params)


def said_item(told: Told) -> bool:
    views = [e for e in told.events if e.type == "page_view" and not e.part]
    own = [int(e.occurred_ms) for e in views if e.item in ("a", "A")]
    others = [int(e.occurred_ms) for e in views if e.item not in ("a", "A")]
    gap, began = 30 * 60_000, float("inf")
    latest = max((int(event.occurred_ms) for event in told.events), default=0)
    if told.now - latest <= gap:  # the visit goes on
        visits = [start - gap for start in starts_of(told.events)]
        began = max([*visits, *others], default=float("-inf"))
    since = told.now - told.params["days"] * DAY_MS
    seen = sum(since < when <= began for when in own)
    return seen >= told.params["value"] if told.params["operator"] == "seen" else not seen


SAID: dict[str, Callable[[Told], bool | None]] = {
    "event_did": lambda told: (told.value("count") > 0) == (told.params["answer"] == "did"),
    "event_count": lambda told: compared(told.value("count"), told.params),
    "event_distinct": said_distinct,
    "event_value": said_value,
    "event_latest": said_latest,
    "event_time": said_time,
    "event_days": said_days,
    "event_stopped": said_stopped,
    "event_resumed": said_resumed,
    "event_trend": said_trend,
    "event_sequence": said_sequence,
    "event_unfinished": said_unfinished,
    "campaign_contact": said_contact,
    "campaign_conversion": said_conversion,
    "page_item": said_item,
    "active_seconds_in_visit": said_attention,
    "entry_page": lambda told: compared(said_entry(told, "path"), told.params),
    "entry_source": lambda told: compared(said_entry(told, "utm_source"), told.params),
    "entry_medium": said_medium,
}
