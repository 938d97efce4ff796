"""Event conditions read from what a profile keeps say what the events themselves say.

Every condition is written down a second time in event_oracle.py. Read at or after the latest event,
and with few enough events that every feature is exact (docs/features.md).
"""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from personalization.rules.conditions import CONDITIONS, Condition, Field
from personalization.rules.context import Context, PageRequest
from personalization.rules.event_values import window_of
from personalization.rules.tree import rule_features, rule_parse
from profiles.features.checks import feature_document
from profiles.features.definition import Feature, Lifetime, Order, Rolling
from profiles.features.events import FeatureEvent
from profiles.features.fold import feature_compile, features_add
from profiles.features.state import FeatureState
from profiles.state import State
from tests.personalization.event_oracle import SAID, Told
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


def test_every_event_condition_is_written_down_a_second_time() -> None:
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
