"""The SQL reader answers as the memory reader does, for every condition, rule and visitor."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consent.models import EffectiveConsent
from personalization.reach.asking import Site
from personalization.reach.comparing import memory_answers, sql_rows
from personalization.rules.context import Context
from personalization.rules.nodes import Node
from personalization.rules.tree import rule_features, rule_parse
from tests.personalization.reaching import (
    BASELINE,
    HALF_LIVES,
    HISTORIES,
    LEAVES,
    definition_make,
    rules,
    site_made,
    state_made,
    visitors_put,
)
from tests.tracking.people import ana_make, visitor_make

pytestmark = pytest.mark.django_db


@pytest.fixture
def consents(db: None) -> list[EffectiveConsent]:
    """Ana agreed to both purposes, Pia to personalization alone."""
    ids = (ana_make(), visitor_make("personalization"))
    return [EffectiveConsent.objects.get(visitor_id=each) for each in ids]


def answers_compare(
    trees: Sequence[Any],
    histories: Any,
    consent: EffectiveConsent,
    *,
    baseline: Any,
    half_lives: Any,
    is_kept: bool = True,
    part_ms: int = 0,
) -> int:
    """Ask both readers of every visitor, so many milliseconds after a whole second; returns how
    often SQL answered by itself."""
    nodes = [rule_parse(tree) for tree in trees]
    features = {f.key: f for node in nodes for f in rule_features(node)} if is_kept else {}
    version = definition_make(list(features.values()), half_lives)
    now_ms = int(time.time()) * 1000 + part_ms
    states = [
        state_made(
            history,
            now_ms=now_ms,
            features=list(features.values()),
            definition=version,
            half_lives=half_lives,
        )
        for history in histories
    ]
    site = site_made(now_ms, baseline=baseline)
    made = visitors_put(states, consent, basis=site.basis)
    words = site.consent_words(consent.granted, decided=True)
    contexts = {visitor_id: site.context(state, words) for visitor_id, state in made.items()}
    return sum(answer_compare(node, site, contexts) for node in nodes)


def answer_compare(node: Node, site: Site, contexts: dict[UUID, Context]) -> int:
    expected = memory_answers(node, site, contexts)
    rows = sql_rows(node, site, list(contexts))
    assert {row[0] for row in rows} == contexts.keys()
    for visitor_id, value, is_possible, is_own in rows:
        if is_own:
            assert value is expected[visitor_id]
        # Whoever an index does not find has to be FALSE, by whichever reader.
        assert is_possible or (value is False and expected[visitor_id] is False) or not is_own
    return sum(is_own for *_, is_own in rows)


ASKED = {
    "histories": HISTORIES,
    "baseline": st.sampled_from([None, BASELINE]),
    "half_lives": HALF_LIVES,
    "is_kept": st.sampled_from([True, True, False]),
    "part_ms": st.sampled_from([0, 0, 1, 417]),
    "which": st.integers(0, 1),
}


@settings(max_examples=60)
@given(trees=st.lists(rules(), min_size=1, max_size=6), **ASKED)
def test_sql_answers_every_rule_as_memory_does(
    consents: list[EffectiveConsent], trees: Any, which: int, histories: Any, **facts: Any
) -> None:
    answers_compare(trees, histories, consents[which], **facts)


@settings(max_examples=60)
@given(trees=st.lists(LEAVES, min_size=3, max_size=10), **ASKED)
def test_sql_answers_every_condition_as_memory_does(
    consents: list[EffectiveConsent], trees: Any, which: int, histories: Any, **facts: Any
) -> None:
    answers_compare(trees, histories, consents[which], **facts)


# --- Edges, by hand --------------------------------------------------------------------------

DAY = 86_400_000
READ, CLICKED = "page_view", "click"


def at(*ages: int, signal: str = READ, category: str = "garden") -> list[Any]:
    return [(signal, category, "article", 1.0, age, False) for age in ages]


def events(value: int, days: float, **more: Any) -> dict[str, Any]:
    return {"condition": "events", "type": READ, "category": "garden", "value": value,
            "days": days, **more}  # fmt: skip


def affinity(value: float, **more: Any) -> dict[str, Any]:
    return {"condition": "affinity", "category": "garden", "value": value, **more}


def counted(value: int, period: str, offset: int) -> dict[str, Any]:
    window = {"kind": "calendar", "period": period, "zone": "UTC", "offset": offset}
    return {"condition": "event_count", "type": READ, "value": value, "window": window}


RESEMBLING = [*at(DAY), *at(DAY, category="music")]
#: What visitors did, what is asked, and whether SQL has to answer by itself.
EDGES: dict[str, tuple[list[Any], dict[str, Any], bool]] = {
    "exactly as long ago": (at(7 * DAY), events(1, 7), True),
    "a millisecond later": (at(7 * DAY - 1), events(1, 7), True),
    "one of two within": (at(7 * DAY, DAY), events(2, 7), True),
    "never, of nothing": ([], events(0, 7, operator="="), True),
    "more than are kept": (at(*range(40)), events(32, 7), True),
    "not more than are kept": (at(*range(40)), events(32, 7, operator=">"), True),
    "now": (at(0), events(1, 7), True),
    "ahead of the clock": (at(-5_000, DAY), events(2, 7), False),
    "a score at its edge": (at(30 * DAY), affinity(0.5), False),
    "a score above it": (at(30 * DAY - 10_000), affinity(0.5), True),
    "a score below it": (at(30 * DAY + 10_000), affinity(0.5), True),
    "a short score long gone": (at(3_000 * DAY), affinity(0, horizon="short", operator=">"), False),
    "no such interest": (at(DAY), affinity(0, operator="<=", category="music"), True),
    "all of all interests": (
        at(DAY), {"condition": "interest_share", "category": "garden", "value": 100, "evidence": 1},
        True,
    ),
    "two alike, by name": (
        RESEMBLING, {"condition": "top_interest", "category": "music", "value": 1}, True,
    ),
    "taken off": (
        [*at(DAY), *at(DAY, signal="dismiss")], affinity(0, operator="="), True,
    ),
    "the thirtieth minute": (
        at(30 * 60_000), {"condition": "pages_in_visit", "value": 1}, True,
    ),
    "after the thirtieth minute": (
        at(30 * 60_000 + 1), {"condition": "pages_in_visit", "value": 1}, True,
    ),
    "on the very moment of days": (
        at(7 * DAY), {"condition": "days_since_last_event", "operator": "<=", "value": 7}, True,
    ),
    "within the last, edge out": (
        at(7 * DAY),
        {"condition": "last_seen", "operator": "within_last", "amount": 7, "unit": "days"},
        True,
    ),
    "a feature at its edge": (
        at(14 * DAY, 14 * DAY - 1),
        {"condition": "event_count", "type": READ, "value": 2,
         "window": {"kind": "rolling", "minutes": 14 * 1440}},
        True,
    ),
    "a feature with a crowd": (
        at(*range(0, 90_000, 1000)),
        {"condition": "event_count", "type": READ, "value": 80,
         "window": {"kind": "rolling", "minutes": 1440}},
        False,
    ),
    "a crowd that is enough": (
        at(*range(0, 90_000, 1000)),
        {"condition": "event_count", "type": READ, "value": 60,
         "window": {"kind": "rolling", "minutes": 1440}},
        True,
    ),
    "last week": (at(7 * DAY, 7 * DAY), counted(2, "week", -1), True),
    "not this week": (at(7 * DAY), counted(1, "week", 0), True),
    "today as yesterday": (
        at(0, 0, DAY),
        {"condition": "event_trend", "type": READ, "period": "day", "value": 2},
        True,
    ),
    "more than on no day": (
        at(0), {"condition": "event_trend", "type": READ, "period": "day", "value": 2}, True,
    ),
    "this visit": (
        at(0, 60_000),
        {"condition": "event_count", "type": READ, "value": 2, "window": {"kind": "visit"}},
        True,
    ),
    "a visit that is over": (
        at(31 * 60_000),
        {"condition": "event_count", "type": READ, "value": 1, "window": {"kind": "visit"}},
        True,
    ),
    "attention in this visit": (
        at(0, signal="dwell"), {"condition": "active_seconds_in_visit", "value": 1}, True,
    ),
    "how this visit began": (at(0), {"condition": "entry_medium", "value": "email"}, True),
    "different values": (
        [*at(DAY, 20 * DAY), *at(DAY, category="music"), *at(20 * DAY, category="bikes")],
        {"condition": "event_distinct", "type": READ, "field": "category", "operator": "=",
         "value": 2, "window": {"kind": "rolling", "minutes": 14 * 1440}},
        True,
    ),
    "regularly": (
        at(DAY, DAY, 3 * DAY, 9 * DAY),
        {"condition": "event_days", "type": READ, "value": 3, "days": 7}, True,
    ),
    "a name with no end": (at(DAY, category="a\x00b"), affinity(1), True),
}  # fmt: skip


@pytest.mark.parametrize("case", EDGES)
def test_edges_are_the_same_for_both(consents: list[EffectiveConsent], case: str) -> None:
    history, rule, is_own = EDGES[case]
    for tree in (rule, {"not": rule}):
        own = answers_compare([tree], [history], consents[0], baseline=None, half_lives={})
        assert own == is_own


def test_within_a_second_only_whole_ones_are_told_apart(consents: list[EffectiveConsent]) -> None:
    """A row has times in whole seconds: at another moment memory says which side of it."""
    facts: dict[str, Any] = {"baseline": None, "half_lives": {}, "part_ms": 417}
    for age, own in ((7 * DAY, 0), (7 * DAY - 400, 0), (7 * DAY - 1000, 1), (7 * DAY + 1000, 1)):
        assert answers_compare([events(1, 7)], [at(age)], consents[0], **facts) == own


@pytest.mark.parametrize(
    "rule",
    [affinity(1), {"condition": "top_interest", "category": "garden", "value": 1},
     {"condition": "engagement_level", "value": 0.1}],
    ids=lambda rule: str(rule["condition"]),
)  # fmt: skip
def test_a_half_life_of_its_own_is_left_to_memory(
    consents: list[EffectiveConsent], rule: Any
) -> None:
    history = [*at(20 * DAY, signal=CLICKED), *at(DAY, DAY + 1, category="music")]
    slow = {"click": (2.0 * DAY / 1000, 90.0 * DAY / 1000)}
    own = answers_compare([rule], [history], consents[0], baseline=None, half_lives=slow)
    assert own == 0
