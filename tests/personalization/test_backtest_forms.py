"""Conditions answered for whole columns: they are where they are said to be, also in a crowd."""

from __future__ import annotations

import doctest
import random
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from personalization.backtest import zone_periods
from personalization.backtest.columnwise import VECTORS, Columnwise
from personalization.backtest.past import world_for
from personalization.backtest.replay import crowded_visitors
from personalization.backtest.zone_periods import period_numbers
from personalization.rules.conditions import BY_KIND
from personalization.rules.nodes import Leaf
from personalization.rules.tree import rule_parse
from profiles.features.periods import period_number
from tests.personalization.backtest_histories import (
    BASELINE,
    DAY_MS,
    NOW_MS,
    WORLD,
    Past,
    Row,
    past_of,
    rows_random,
)
from tests.personalization.test_backtest_law import check, replace

#: What a condition asks where its defaults ask for what nobody has.
NAMED = {"category": "gardening", "purpose": "measurement", "campaign": "7", "what": "click",
         "type": "click"}  # fmt: skip
FILTERED = {"where": [{"field": "item", "operator": "eq", "values": ["a"]}]}


def leaf_of(kind: str, **more: Any) -> Leaf:
    fields = {field.name: field.default for field in BY_KIND[kind].fields}
    taken = BY_KIND[kind].fields_of(fields.get("operator"))
    asked = {field.name: NAMED.get(field.name, field.default) for field in taken}
    leaf = rule_parse({"condition": kind, **asked, **more})
    assert isinstance(leaf, Leaf)
    return leaf


def closed(leaf: Leaf, past: Past) -> float:
    """The part of the moments that columns alone answer."""
    world = world_for(replace(WORLD, baseline=BASELINE), [leaf])
    history = past.history
    columns = Columnwise(history, world, crowded_visitors(history, world))
    return 1.0 - float(columns.leaf_bounds(leaf).is_open.mean())


@pytest.mark.parametrize("kind", [kind for kind in VECTORS if kind != "date_time"])
def test_a_condition_with_a_form_is_answered_in_columns(kind: str) -> None:
    past = past_of(rows_random(random.Random(7), visitors=5, events=200))
    assert closed(leaf_of(kind), past) > 0.9
    if any(field.name == "where" for field in BY_KIND[kind].fields):
        assert closed(leaf_of(kind, **FILTERED), past) > 0.9


def test_a_sequence_that_is_interrupted_is_told_from_one_that_is_not() -> None:
    past = past_of(rows_random(random.Random(8), visitors=5, events=200))
    for without in ("", "page_view"):
        rule = leaf_of("event_sequence", then="page_view", days=30, without=without)
        check({"condition": "event_sequence", **rule.params}, past)


WINDOWS = (
    {"kind": "rolling", "minutes": 1440},
    {"kind": "rolling", "minutes": 10_080},
    {"kind": "visit"},
    {"kind": "calendar", "period": "week", "zone": "America/St_Johns", "offset": -1},
    {"kind": "dates", "zone": "America/St_Johns", "from": "2027-01-13", "to": "2027-01-15"},
    # Of these every event is asked.
    {"kind": "visits", "visits": 2},
    {"kind": "since", "type": "page_view"},
)


@given(
    seed=st.integers(0, 10**6),
    window=st.sampled_from(WINDOWS),
    value=st.sampled_from([3, 60, 66]),
    operator=st.sampled_from([">=", "<", "="]),
)
@settings(max_examples=16)
def test_a_crowd_that_profiles_keep_in_buckets_is_counted_as_they_do(
    seed: int, window: dict[str, Any], value: int, operator: str
) -> None:
    chance = random.Random(seed)
    rows = [
        Row(
            0,
            chance.choice(("page_view", "click", "click")),
            float(NOW_MS - int(chance.expovariate(1.0 / DAY_MS))),
            visit=chance.randrange(1, 9),
            properties={"campaign": chance.choice((7, 7, 7, 8))},
        )
        for _ in range(160)
    ]
    rule = leaf_of("campaign_contact", operator=operator, value=value, window=window)
    check({"condition": "campaign_contact", **rule.params}, past_of(rows))


@pytest.mark.parametrize("value", [100, 101, 105, 106])
def test_what_lies_in_the_bucket_of_a_windows_edge_counts_as_in_a_profile(value: int) -> None:
    """A hundred clicks in the last day, and five just before it, in the half hour of its edge."""
    now = float(NOW_MS + 10 * 60_000)
    before = [Row(0, "click", now - DAY_MS - 60_000 - number) for number in range(5)]
    within = [Row(0, "click", now - DAY_MS + 3_600_000 + 1000 * number) for number in range(100)]
    window = {"kind": "rolling", "minutes": 1440}
    rule = leaf_of("event_count", type="click", category="", value=value, window=window)
    rows = [*before, *within, Row(0, "page_view", now)]
    check({"condition": "event_count", **rule.params}, past_of(rows))


@pytest.mark.parametrize("value", [0.3, 0.4, 0.5, 0.6, 0.7])
def test_regularity_is_that_of_as_many_visits_as_profiles_remember(value: float) -> None:
    """Many in a burst, then one a day: the burst is forgotten visit by visit."""
    minutes = [*range(0, 200, 5), *(1440 * day for day in range(1, 60))]
    at = [float(NOW_MS - 60 * DAY_MS + minute * 60_000) for minute in minutes]
    rows = [Row(0, "page_view", when, starts_visit=True) for when in at]
    check({"condition": "consistency", "operator": ">=", "value": value}, past_of(rows))


ZONES = st.sampled_from(
    ["UTC", "Europe/Copenhagen", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu",
     "Africa/Casablanca", "Pacific/Apia", "America/Sao_Paulo"]
)  # fmt: skip


@given(
    zone=ZONES.map(ZoneInfo),
    period=st.sampled_from(["day", "week", "month"]),
    times=st.lists(st.integers(315_532_800_000, 2_200_000_000_000), max_size=6),
    near=st.integers(-90, 90),
)
@settings(max_examples=60)
def test_periods_of_many_moments_are_those_of_each(
    zone: ZoneInfo, period: str, times: list[int], near: int
) -> None:
    # Where clocks change: the last Sunday of October, at one in the morning UTC, and around it.
    times = [*times, 1_792_890_000_000 + near * 60_000, 1_762_054_260_000 + near * 1_000]
    number = period_number(period, zone)
    found = period_numbers(period, zone, np.array(times, np.int64)).tolist()
    assert found == [number(when) for when in times]


def test_the_examples_of_the_docstrings_run() -> None:
    results = doctest.testmod(zone_periods)
    assert results.attempted
    assert not results.failed
