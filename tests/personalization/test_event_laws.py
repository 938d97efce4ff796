"""Event conditions read from what a profile keeps say what the events themselves say.

Every condition is written down here a second time, over the plain list of events; which events
count is profiles.features.batch's to say. Read at or after the latest event, and with few enough
events that every feature is exact (docs/features.md).
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from personalization.rules.conditions import BY_KIND, CONDITIONS, Condition, Field
from personalization.rules.context import Context, PageRequest
from personalization.rules.event_values import filters_of, window_of
from personalization.rules.operators import NOT_SET
from personalization.rules.tree import rule_features, rule_parse
from profiles.features.batch import feature_value
from profiles.features.checks import feature_document
from profiles.features.definition import Calendar, Feature, Lifetime, Order, Rolling
from profiles.features.definition import Condition as Filter
from profiles.features.events import FeatureEvent
from profiles.features.fold import feature_compile, features_add
from profiles.features.state import FeatureState
from profiles.features.values import UNITS, number_units
from profiles.state import State
from tests.personalization.trees import is_valid, values
from tests.profiles.features.histories import CONDITIONS as FILTERS
from tests.profiles.features.histories import WINDOWS, ZONES, histories, starts_of

DAY_MS = 86_400_000
EVENT_CONDITIONS = tuple(each for each in CONDITIONS if each.features is not None)
_DOCUMENTS = [
    feature_document(Feature("view", "count", window))
    for window in WINDOWS
    if not isinstance(window, Order)
]
DRAWN: dict[str, st.SearchStrategy[Any]] = {
    "event_type": st.sampled_from(["view", "view", "click"]),
    "category": st.sampled_from(["", "", "garden"]),
    "where": st.lists(st.sampled_from(FILTERS), max_size=2).map(
        lambda chosen: feature_document(Feature("view", "count", Lifetime(), where=tuple(chosen)))
        .get("where", [])
    ),
    "window": st.sampled_from([document["window"] for document in _DOCUMENTS]),
    "zone": st.sampled_from(ZONES),
    "event_field": st.sampled_from(["item", "value", "category", "amount", "property.plan"]),
    "text": st.sampled_from(["a", "É", "garden", "pro"]),
    "campaign": st.just("7"),
}  # fmt: skip
NUMBERS = {
    "days": st.sampled_from([1, 2, 7, 14, 30]),
    "pause": st.sampled_from([1, 2, 7, 30]),
    "earlier": st.sampled_from([1, 2, 7, 30]),
    "value": st.integers(0, 5),
    "to": st.integers(0, 5),
}


def drawn(field: Field) -> st.SearchStrategy[Any]:
    if field.name == "without":
        return st.sampled_from(["", "view", "click"])
    if field.type in DRAWN:
        return DRAWN[field.type]
    is_number = field.name in NUMBERS and field.choices is None
    return NUMBERS[field.name] if is_number else values(field)


@st.composite
def any_leaves(draw: st.DrawFn, condition: Condition) -> dict[str, Any]:
    operator = draw(st.sampled_from(sorted(condition.operators))) if condition.operators else None
    leaf: dict[str, Any] = {"condition": condition.kind}
    for field in condition.fields_of(operator):
        leaf[field.name] = operator if field.type == "operator" else draw(drawn(field))
    return leaf


def leaves(condition: Condition) -> st.SearchStrategy[dict[str, Any]]:
    return any_leaves(condition).filter(is_valid)


LEAVES = st.one_of([leaves(condition) for condition in EVENT_CONDITIONS])


def context_of(events: Sequence[FeatureEvent], features: Sequence[Feature], now_ms: int) -> Context:
    """The visitor whose profile keeps these features of these events."""
    kept: dict[str, FeatureState] = {}
    compiled = feature_compile(features)
    for event in events:
        features_add(kept, compiled, event)
    latest = max(events, key=lambda event: event.occurred_ms, default=None)
    state = State(definition=1, features=kept, starts=starts_of(events))
    if pages := sorted(int(e.occurred_ms) for e in events if e.type == "page_view" and not e.part):
        state.recent["page_view|"] = pages
    if latest is not None:
        state.last, state.visit = int(latest.occurred_ms), latest.visit or 0
    return Context(
        *(now_ms / 1000, state),
        kept={feature.key for feature in features},
        request=PageRequest(page_item="a"),
    )


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


def test_every_event_condition_is_written_down_here() -> None:
    assert list(SAID) == [condition.kind for condition in EVENT_CONDITIONS]


def contact(event: FeatureEvent) -> FeatureEvent:
    """The same moment as a contact with a campaign."""
    kind = {"view": "exposure", "click": "dismiss"}[event.type]
    number = 7 if event.category else 8
    return FeatureEvent(
        kind, event.occurred_ms, part=event.part, visit=event.visit,
        properties={"campaign": number},
    )  # fmt: skip


def shown(event: FeatureEvent) -> FeatureEvent:
    """What was viewed as an exposure; clicks stay, as goals."""
    return contact(event) if event.type == "view" else event


def of_visit(event: FeatureEvent) -> FeatureEvent:
    """The same moment as a page view that says where it was and came from, or as a dwell."""
    text = {"": "", "a": "/a", "A": "/b", "b": "direct"}.get(event.item, "email")
    return FeatureEvent(
        {"view": "page_view", "click": "dwell"}[event.type],
        event.occurred_ms, event.amount, event.part, visit=event.visit, path=text, medium=text,
        properties={"utm_source": text},
    )  # fmt: skip


def of_page(event: FeatureEvent) -> FeatureEvent:
    return msgspec.structs.replace(event, type=event.type.replace("view", "page_view"))


#: What a history is turned into, for conditions that name their event types themselves.
TURNED = {"campaign_contact": contact, "campaign_conversion": shown, "page_item": of_page}
TURNED |= dict.fromkeys(list(SAID)[-4:], of_visit)


@pytest.mark.parametrize("condition", EVENT_CONDITIONS, ids=lambda condition: condition.kind)
@given(data=st.data())
@settings(max_examples=50, deadline=None)
def test_a_condition_says_of_the_profile_what_the_events_say(
    condition: Condition, data: st.DataObject
) -> None:
    leaf = data.draw(leaves(condition))
    rule = rule_parse(leaf)
    features = rule_features(rule)
    # Events lie whole steps apart: of the condition's own days, so that its edges are met.
    own = (
        window_of(leaf["window"]) if "window" in leaf else Rolling(int(leaf.get("days", 1)) * 1440)
    )
    events, moments = data.draw(histories(own, most=data.draw(st.sampled_from([2, 4, 25]))))
    if turn := TURNED.get(leaf["condition"]):
        events = [turn(event) for event in events]
    latest = int(max((event.occurred_ms for event in events), default=0))
    shuffled = data.draw(st.permutations(events))
    for now in {max(moment, latest) for moment in moments}:
        told = Told(events, dict(leaf), now)
        context = context_of(shuffled, features, now)
        told.visit = context.visit
        assert rule.test(context) is SAID[leaf["condition"]](told), (leaf, now)


@given(leaf=LEAVES)
@settings(max_examples=60, deadline=None)
def test_what_a_profile_does_not_keep_is_unknown_and_so_is_its_opposite(
    leaf: dict[str, Any],
) -> None:
    event = FeatureEvent("view", 1000.0)
    context = context_of([event], (), 2000)
    if leaf.get("operator") == "is_unknown":
        assert rule_parse(leaf).test(context) is True
        return
    assert rule_parse(leaf).test(context) is None
    assert rule_parse({"not": leaf}).test(context) is None
