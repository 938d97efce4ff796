"""A preview of weights says what a plain recomputation says, and leaves the states alone."""

from __future__ import annotations

import random
from collections import Counter
from uuid import UUID

import pytest

from profiles.state import DAY, Increment, State, state_add, state_encode
from profiles.vector import Weight, behavioral_vector, interest_list
from profiles.weight_preview import Preview, weight_preview, weights_changed

NOW = 1_800_000_000.0
WEIGHTS = {
    "page_view": Weight(1.0),
    "click": Weight(3.0),
    "dismiss": Weight(3.0, negative=True),
}
SIGNALS = ("page_view", "page_view", "click", "dismiss")
Population = list[tuple[UUID, State]]


def state_of(*events: tuple[str, str]) -> State:
    state = State()
    for signal, category in events:
        increment = Increment(signal, category, "guide", 1.0, NOW * 1000.0, True, False)
        state_add(state, increment, max_topics=64)
    return state


def population(seed: int, size: int = 60) -> Population:
    chance = random.Random(seed)
    people = []
    for number in range(size):
        state = State()
        for _ in range(chance.randrange(12)):
            at = (NOW - chance.random() * 60 * DAY) * 1000.0
            category = chance.choice(("cooking", "cycling", "music", ""))
            event = Increment(chance.choice(SIGNALS), category, "", 1.0, at, True, False)
            state_add(state, event, max_topics=64)
        people.append((UUID(int=number), state))
    return people


def preview_of(people: Population, **changes: float) -> Preview:
    return weight_preview(people, WEIGHTS, weights_changed(WEIGHTS, changes), now=NOW)


def top(state: State, weights: dict[str, Weight]) -> str:
    liked = [one for one in interest_list(state, weights, now=NOW) if one.score > 0.0]
    return liked[0].category if liked else ""


@pytest.mark.parametrize("seed", range(5))
def test_it_says_what_reading_everybody_twice_says(seed: int) -> None:
    people = population(seed)
    after = WEIGHTS | {"click": Weight(0.5), "dismiss": Weight(9.0, negative=True)}
    preview = preview_of(people, click=0.5, dismiss=9.0)

    moves = Counter((top(state, WEIGHTS), top(state, after)) for _, state in people)
    moves = Counter({pair: count for pair, count in moves.items() if pair[0] != pair[1]})
    assert preview.visitors == len(people)
    assert preview.moved == moves.total() > 0
    assert all(moves[move.before, move.after] == move.visitors for move in preview.moves)
    assert sum(move.visitors for move in preview.moves) + preview.moves_rest == preview.moved

    for shift in preview.shifts:
        totals = [
            sum(
                one.score
                for _, state in people
                for one in interest_list(state, weights, now=NOW)
                if one.category == shift.category
            )
            for weights in (WEIGHTS, after)
        ]
        assert [shift.before, shift.after] == pytest.approx(totals)
    assert sum(shift.share_after for shift in preview.shifts) <= 1.0 + 1e-9

    for weights, average in (
        (WEIGHTS, preview.engagement_before),
        (after, preview.engagement_after),
    ):
        levels = [
            behavioral_vector(state, weights, now=NOW).engagement_level for _, state in people
        ]
        assert average == pytest.approx(sum(levels) / len(levels))


def test_by_hand() -> None:
    ana = UUID(int=1), state_of(("click", "music"), ("page_view", "cooking"))
    ben = UUID(int=2), state_of(("page_view", "cooking"))
    preview = preview_of([ana, ben], click=0.5)
    assert (preview.visitors, preview.moved) == (2, 1)
    assert preview.moves == [("music", "cooking", 1)]
    (shift,) = preview.shifts
    assert (shift.category, shift.before, shift.after) == ("music", 3.0, 0.5)
    assert (shift.change, preview.widest) == (-2.5, 2.5)
    assert (shift.share_before, shift.share_after) == (pytest.approx(3 / 5), pytest.approx(0.2))
    (sample,) = preview.samples
    assert sample.visitor_id == UUID(int=1)
    assert [one and one.category for one in sample[1:]] == ["music", "cooking"]


def test_an_interest_can_go_altogether_and_come() -> None:
    ana = UUID(int=1), state_of(("click", "music"))
    assert preview_of([ana], click=0.0).moves == [("music", "", 1)]
    back = weight_preview([ana], weights_changed(WEIGHTS, {"click": 0.0}), WEIGHTS, now=NOW)
    assert back.moves == [("", "music", 1)]


def test_the_same_weights_change_nothing() -> None:
    preview = preview_of(population(1), click=3.0)
    assert (preview.moved, preview.moves, preview.shifts, preview.samples) == (0, [], [], [])
    assert preview.engagement_before == preview.engagement_after


def test_nobody_is_an_answer_too() -> None:
    preview = preview_of([], click=9.0)
    assert (preview.visitors, preview.moved, preview.widest) == (0, 0, 0.0)
    assert preview.engagement_before == preview.engagement_after == 0.0


def test_a_negative_signal_stays_one_and_an_unknown_name_is_no_signal() -> None:
    after = weights_changed(WEIGHTS, {"dismiss": 5.0, "nothing": 7.0})
    assert after == WEIGHTS | {"dismiss": Weight(5.0, negative=True)}


def test_states_are_read_and_not_written() -> None:
    people = population(2)
    before = [state_encode(state) for _, state in people]
    preview_of(people, click=50.0, page_view=0.0)
    assert [state_encode(state) for _, state in people] == before
