"""A replay of what is stored says of visitors as they stand what memory says of their profiles."""

from __future__ import annotations

import random
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from personalization.backtest.history import history_asked
from personalization.backtest.past import World, rule_in_past, world_for
from personalization.backtest.standing import Standing, rules_answer, view_asked
from personalization.reach.counting import rule_without_request
from personalization.rules.context import Context, PageRequest
from personalization.rules.nodes import Node
from personalization.rules.tree import rule_parse
from profiles.features.fold import feature_compile, features_add
from profiles.state import Increment, state_add
from tests.personalization.backtest_histories import (
    BASIS,
    DAY_MS,
    NOW_MS,
    WORLD,
    Past,
    Row,
    past_of,
    rows_random,
)
from tests.personalization.corpus import UNTOLD
from tests.personalization.test_backtest_law import NEAR, groups

GRANTED = dict.fromkeys(BASIS.split(","), "granted")
READ = {"condition": "event_count", "type": "page_view", "category": "gardening", "where": [],
        "operator": ">=", "value": 2, "window": {"kind": "rolling", "minutes": 10080}}  # fmt: skip
MUSIC = {"condition": "top_interest", "category": "music", "value": 1}
ENGAGED = {"condition": "engagement_level", "operator": ">", "value": 0.1}


def standing_of(past: Past, world: World) -> Standing:
    asked = history_asked(past.history, float(NOW_MS), [BASIS] * len(past.history.visitors))
    types = list(world.compiled.by_type)

    def details_of(visitor: UUID) -> list[Any]:
        view = [view_asked(visitor, BASIS)] if "page_view" in types else []
        return [*past.details_of(visitor, types), *view]

    return Standing(asked, world, details_of)


def profile_answer(rule: Node, rows: list[Row], past: Past, visitor: int, world: World) -> Any:
    """Memory's, of the profile that grew as events were stored."""
    state, compiled = world.definition.new_state(), feature_compile(world.features)
    mine = [row for row in rows if row.visitor == visitor]
    for row, detail in zip(mine, past.details[UUID(int=1 + visitor)], strict=True):
        about = (row.category, row.content_type, row.amount, row.at_ms)
        event = Increment(row.type, *about, row.part == 0, row.starts_visit, row.visit)
        state_add(state, event, max_topics=world.max_topics)
        features_add(state.features, compiled, detail)  # type: ignore[arg-type]
    context = Context(
        now=NOW_MS / 1000.0,
        state=state,
        weights=world.weights,
        baseline=world.baseline,
        request=PageRequest(**UNTOLD),
        consent=GRANTED,
        kept=world.kept,
    )
    return rule.test(context)


def compare(rule_json: dict[str, Any], rows: list[Row]) -> int:
    """How many visitors the replay answers by itself, as memory does."""
    rows = [row for row in rows if row.at_ms <= NOW_MS]
    if not rows:
        return 0
    past = past_of(rows)
    rule = rule_in_past(rule_without_request(rule_parse(rule_json)))
    world = world_for(WORLD, [rule])
    [answers] = rules_answer(standing_of(past, world), [rule])
    for visitor_id, answer in answers.items():
        visitor = visitor_id.int - 1
        assert answer is profile_answer(rule, rows, past, visitor, world)
    return len(answers)


@given(rule=groups(NEAR), seed=st.integers(0, 10**6), most=st.sampled_from([3, 12, 40]))
@settings(max_examples=40)
def test_the_end_of_a_history_is_the_profile(rule: dict[str, Any], seed: int, most: int) -> None:
    compare(rule, rows_random(random.Random(seed), visitors=3, events=most))


def test_every_visitor_is_answered_whose_answer_rounding_does_not_decide() -> None:
    rows = [
        Row(visitor, "page_view", float(NOW_MS - (1 + number) * DAY_MS), "gardening")
        for visitor in range(4)
        for number in range(visitor)
    ] + [Row(visitor, "click", float(NOW_MS - DAY_MS), "music") for visitor in range(4)]
    for rule in (READ, MUSIC, ENGAGED, {"all": [READ, {"not": MUSIC}, ENGAGED]}):
        assert compare(rule, rows) == 4


def test_what_rounding_decides_is_no_answer_of_its_own() -> None:
    score = {"condition": "affinity", "category": "music", "horizon": "long", "operator": ">="}
    rows = [Row(0, "page_view", float(NOW_MS - 30 * DAY_MS), "music")]
    assert compare({**score, "value": 0.5}, rows) == 0
    assert compare({**score, "value": 0.49}, rows) == 1
