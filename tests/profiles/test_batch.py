"""Adding many events at once is adding them one by one. Pure, over random histories."""

from __future__ import annotations

import doctest
from itertools import pairwise
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles import columns as columns_module
from profiles import definition as definition_module
from profiles.batch import columns_add, increments
from profiles.columns import Codes, Columns
from profiles.compare import state_differences
from profiles.definition import Definition
from profiles.state import DAY, TOPIC_KEYS, Increment, State, state_add

NOW_MS = 1_763_800_000_000
BOUND = 5

INCREMENTS = st.builds(
    Increment,
    signal=st.sampled_from(["page_view", "click", "category_click", "dwell", "dismiss"]),
    category=st.sampled_from(["", *"abcdefgh"]),
    content_type=st.sampled_from(["", "article", "video"]),
    weight=st.sampled_from([0.0, 0.5, 1.0, 1e-9, 1e9]),
    occurred_ms=st.integers(NOW_MS - 90 * 86_400_000, NOW_MS).map(float),
    is_new=st.booleans(),
    starts_visit=st.booleans(),
    visit=st.integers(0, 3),
)
HISTORIES = st.lists(st.tuples(st.integers(0, 2), INCREMENTS), max_size=120)
DEFINITION = Definition(3, {"click": (2 * DAY, 90 * DAY)})


def columns_make(rows: list[tuple[int, Increment]]) -> Columns:
    signals, categories, content_types = Codes(), Codes([""]), Codes([""])
    events = [event for _, event in rows]
    return Columns(
        visitor=np.array([visitor for visitor, _ in rows], np.int64),
        signal=signals.of([event.signal for event in events]),
        category=categories.of([event.category for event in events]),
        content_type=content_types.of([event.content_type for event in events]),
        occurred_ms=np.array([event.occurred_ms for event in events]),
        weight=np.array([event.weight for event in events]),
        is_new=np.array([event.is_new for event in events], bool),
        starts_visit=np.array([event.starts_visit for event in events], bool),
        visit=np.array([event.visit for event in events], np.int64),
        visitors=[UUID(int=number) for number in range(3)],
        signals=signals.values,
        categories=categories.values,
        content_types=content_types.values,
    )


def one_by_one(
    rows: list[tuple[int, Increment]], definition: Definition, max_topics: int
) -> dict[UUID, State]:
    states: dict[UUID, State] = {}
    for visitor, event in rows:
        state = states.setdefault(UUID(int=visitor), definition.new_state())
        state_add(state, event, max_topics=max_topics)
    return states


@pytest.mark.parametrize("max_topics", [64, BOUND], ids=["roomy", "bounded"])
@pytest.mark.parametrize("definition", [Definition(), DEFINITION], ids=["plain", "own half-lives"])
@given(rows=HISTORIES, cuts=st.lists(st.integers(0, 120), max_size=3))
def test_any_batches_are_the_events_one_by_one(
    rows: list[tuple[int, Increment]], cuts: list[int], definition: Definition, max_topics: int
) -> None:
    states: dict[UUID, State] = {}
    edges = [0, *sorted(cuts), len(rows)]
    for start, end in pairwise(edges):
        columns = columns_make(rows[start:end])
        columns_add(states, columns, max_topics=max_topics, new_state=definition.new_state)
    expected = one_by_one(rows, definition, max_topics)
    assert states.keys() == expected.keys()
    for visitor, state in states.items():
        assert state_differences(state, expected[visitor]) == []


@given(HISTORIES)
def test_columns_tell_the_events_in_their_order(rows: list[tuple[int, Increment]]) -> None:
    assert list(increments(columns_make(rows))) == [event for _, event in rows]


def test_a_bound_is_kept_whatever_the_batches() -> None:
    rows = [
        (0, Increment("click", f"topic{n % 190}", "", 1.0, NOW_MS + n, True, False))
        for n in range(1000)
    ]
    states: dict[UUID, State] = {}
    for start in range(0, len(rows), 70):
        columns_add(states, columns_make(rows[start : start + 70]), max_topics=64)
    (state,) = states.values()
    assert len(state.masses) + len(state.recent) <= 64 * TOPIC_KEYS
    assert state.masses["click|"].events == 1000
    expected = one_by_one(rows, Definition(), 64)[UUID(int=0)]
    assert state_differences(state, expected) == []


@pytest.mark.parametrize("module", [columns_module, definition_module])
def test_the_examples_of_the_docstrings_run(module: object) -> None:
    failed, attempted = doctest.testmod(module)  # type: ignore[arg-type]
    assert attempted
    assert not failed
