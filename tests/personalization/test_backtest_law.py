"""The replay reader says at every past moment what the memory reader said of the profile then."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any
from uuid import UUID

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from personalization.backtest.bounds import CODES
from personalization.backtest.columnwise import VECTORS
from personalization.backtest.exact import contexts_of
from personalization.backtest.moments import PLAIN
from personalization.backtest.past import World, request_of, rule_in_past, world_for
from personalization.backtest.replay import rules_replay
from personalization.rules.conditions import BY_KIND, CONDITIONS, Condition
from personalization.rules.context import Context
from personalization.rules.nodes import Node
from personalization.rules.tree import rule_parse
from profiles.features.fold import feature_compile, features_add
from profiles.state import Increment, state_add
from tests.personalization.backtest_histories import BASELINE, WORLD, Past, past_of, rows_random
from tests.personalization.trees import is_valid, leaves, ordered, trees

#: What rules name, so that they are about these events.
NAMED: dict[str, st.SearchStrategy[Any]] = {
    "category": st.sampled_from(["gardening", "cooking", "music"]),
    "event_type": st.sampled_from(["page_view", "click", "purchase"]),
    "purpose": st.sampled_from(["measurement", "personalization", "sale"]),
    "where": st.sampled_from(
        [
            [],
            [{"field": "content_type", "operator": "eq", "values": ["Article"]}],
            [{"field": "item", "operator": "eq", "values": ["a"]}],
        ]
    ),
    "text": st.sampled_from(["/", "/c/", "news", "utm_source"]),
    "campaign": st.just("7"),
    "event_field": st.sampled_from(["item", "category", "amount"]),
    "window": st.sampled_from(
        [
            {"kind": "rolling", "minutes": 1440},
            {"kind": "rolling", "minutes": 7 * 1440},
            {"kind": "lifetime"},
            {"kind": "visit"},
            {"kind": "calendar", "period": "day", "zone": "Europe/Copenhagen", "offset": -1},
            {"kind": "calendar", "period": "week", "zone": "America/St_Johns", "offset": 0},
            {"kind": "calendar", "period": "month", "zone": "UTC", "offset": -1},
        ]
    ),
}
NUMBERS: dict[str, st.SearchStrategy[Any]] = {
    "days": st.sampled_from([1, 7, 40]),
    "pause": st.sampled_from([1, 7]),
    "earlier": st.sampled_from([1, 7]),
    "evidence": st.integers(1, 3),
}


@st.composite
def near_leaves(draw: st.DrawFn, condition: Condition) -> dict[str, Any]:
    """A condition whose answer is not settled before it is asked."""
    leaf = draw(leaves(condition))
    for field in condition.fields_of(leaf.get("operator")):
        if field.type in NAMED:
            leaf[field.name] = draw(NAMED[field.type])
        elif field.name in NUMBERS:
            leaf[field.name] = draw(NUMBERS[field.name])
        elif field.type in {"number", "integer"}:
            low, high = max(field.low or 0, 0), min(field.high or 0, 12)
            leaf[field.name] = draw(st.integers(int(np.ceil(low)), int(high)))
    return ordered(leaf)


NEAR = st.one_of([near_leaves(condition).filter(is_valid) for condition in CONDITIONS])
VECTOR = st.one_of([near_leaves(BY_KIND[kind]).filter(is_valid) for kind in (*VECTORS, *PLAIN)])


def groups(leaf: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    members = st.lists(leaf, min_size=1, max_size=4)
    return st.one_of(
        leaf,
        *(st.fixed_dictionaries({kind: members}) for kind in ("all", "any", "none")),
        st.builds(lambda of: {"at_least": (len(of) + 1) // 2, "of": of}, members),
        st.builds(lambda one: {"not": one}, leaf),
    )


def told(rule: Node, past: Past, world: World, moment: int) -> int:
    """The memory reader's answer at one moment, by the fold of the events before it."""
    h = past.history
    visitor = int(h.visitor[moment])
    mine = np.flatnonzero(h.visitor == visitor)
    key = (h.occurred_ms[moment], h.seq[moment])
    before = [place for place in mine if (h.occurred_ms[place], h.seq[place]) < key]
    before.sort(key=lambda place: (h.occurred_ms[place], h.seq[place]))
    in_full = dict(
        zip(sorted(h.seq[mine].tolist()), past.details[h.visitors[visitor]], strict=True)
    )
    state, compiled = world.definition.new_state(), feature_compile(world.features)
    for place in before:
        type_, category, content_type = h.kinds[h.kind[place]]
        event = Increment(
            type_,
            category,
            content_type,
            float(h.amount[place]),
            float(h.occurred_ms[place]),
            bool(h.is_new[place]),
            bool(h.starts_visit[place]),
            int(h.visit[place]),
        )
        state_add(state, event, max_topics=world.max_topics)
        features_add(state.features, compiled, in_full[int(h.seq[place])])
    context = Context(
        now=float(h.occurred_ms[moment]) / 1000.0,
        state=state,
        weights=world.weights,
        baseline=world.baseline,
        request=request_of(h, fact=int(h.fact[moment]), kind=int(h.kind[moment])),
        consent=world.consent_of(h.bases[h.basis[moment]]),
        kept=world.kept,
    )
    return CODES[rule.test(context)]


def check(rule_json: dict[str, Any], past: Past, world: World = WORLD) -> None:
    rule = rule_in_past(rule_parse(rule_json))
    world = world_for(world, [rule])
    types = list(world.compiled.by_type)

    def details_of(visitor: UUID) -> list[Any]:
        return past.details_of(visitor, types)

    replayed = rules_replay([rule], past.history, world, details_of, since=0.0)
    assert replayed.holds.all()
    wanted = [told(rule, past, world, moment) for moment in past.history.moments.tolist()]
    assert replayed.answers[0].tolist() == wanted


@given(rule=groups(NEAR), seed=st.integers(0, 10**6), most=st.sampled_from([3, 12, 40]))
@settings(max_examples=80)
def test_a_rule_replayed_says_what_memory_says(rule: dict[str, Any], seed: int, most: int) -> None:
    check(rule, past_of(rows_random(random.Random(seed), visitors=3, events=most)))


WORLDS = st.sampled_from([WORLD, replace(WORLD, baseline=BASELINE)])


@given(rule=groups(VECTOR), seed=st.integers(0, 10**6), world=WORLDS)
@settings(max_examples=120)
def test_conditions_in_columns_say_what_memory_says(
    rule: dict[str, Any], seed: int, world: World
) -> None:
    check(rule, past_of(rows_random(random.Random(seed), visitors=4, events=60)), world)


@given(leaf=near_leaves(BY_KIND["page_item"]), seed=st.integers(0, 10**6))
@settings(max_examples=15)
def test_the_item_of_a_page_is_that_of_its_view(leaf: dict[str, Any], seed: int) -> None:
    check(leaf, past_of(rows_random(random.Random(seed), visitors=2, events=30)))


@given(rule=trees(2), seed=st.integers(0, 10**6))
@settings(max_examples=30)
def test_any_rule_at_all_can_be_replayed(rule: dict[str, Any], seed: int) -> None:
    check(rule, past_of(rows_random(random.Random(seed), visitors=2, events=12)))


@given(rule=groups(VECTOR), seed=st.integers(0, 10**6))
@settings(max_examples=20)
def test_topics_that_gave_way_are_missed_as_in_a_profile(rule: dict[str, Any], seed: int) -> None:
    chance = random.Random(seed)
    rows = [
        row._replace(category=chance.choice(("gardening", f"c{chance.randrange(9)}")))
        for row in rows_random(chance, visitors=2, events=60)
    ]
    world = World(**{**vars(WORLD), "max_topics": 5})
    check(rule, past_of(rows), world)


@given(seed=st.integers(0, 10**6), operator=st.sampled_from([">=", ">", "=", "<"]))
@settings(max_examples=25)
def test_a_threshold_that_is_the_very_score_is_decided_as_memory_does(
    seed: int, operator: str
) -> None:
    past = past_of(rows_random(random.Random(seed), visitors=1, events=40))
    places = past.history.moments.tolist()
    scores = [
        context.interest_by_category["gardening"].score
        for _, context in contexts_of(past.history, WORLD, 0, places, lambda visitor: ())
        if "gardening" in context.interest_by_category
    ]
    for kind in ("engagement_level", "momentum", "scroll_velocity", "recency_score"):
        read = [
            context.vector_value(kind)
            for _, context in contexts_of(past.history, WORLD, 0, places[-2:], lambda visitor: ())
        ]
        for value in read:
            if value is not None:
                check({"condition": kind, "operator": operator, "value": value}, past)
    for score in scores[-3:]:
        asked = {"condition": "affinity", "category": "gardening", "horizon": "long"}
        check({**asked, "operator": operator, "value": score}, past)
