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
) -> int:
    """Ask both readers of every visitor; returns how often SQL answered by itself."""
    nodes = [rule_parse(tree) for tree in trees]
    features = {f.key: f for node in nodes for f in rule_features(node)} if is_kept else {}
    version = definition_make(list(features.values()), half_lives)
    now_ms = int(time.time() * 1000)
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
