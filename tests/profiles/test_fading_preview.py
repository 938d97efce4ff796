"""A preview of half-lives says what profiles made anew by them would say."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from profiles import receivers
from profiles.fading_preview import FadingPreview, Side, Sums, fading_preview
from profiles.state import DAY, Increment, State, state_add
from profiles.vector import Weight
from tests.tracking.people import ana_make, ben_make, click_make, drain, inbox_put
from tracking import selectors as tracking_selectors

NOW = 1_800_000_000.0
WEIGHTS = {"page_view": Weight(1.0), "click": Weight(3.0)}
A, B = UUID(int=1), UUID(int=2)


def state_of(*events: tuple[str, str, float]) -> State:
    """(signal, category, days ago) of each event."""
    state = State()
    for signal, category, days in events:
        at = (NOW - days * DAY) * 1000.0
        state_add(state, Increment(signal, category, "", 1.0, at, True, False), max_topics=64)
    return state


def sums_of(days: float, *, long: tuple[float, float], short: tuple[float, float]) -> Sums:
    """One event so many days ago, by half-lives in days (before, after)."""
    return Sums(*(2.0 ** (-days / half_life) for half_life in (*long, *short)))


def preview(people: list[tuple[UUID, State]], sums: dict[UUID, dict[str, Sums]]) -> FadingPreview:
    return fading_preview(people, sums, WEIGHTS, signal="click", now=NOW)


def test_who_has_the_event_gains_by_a_longer_half_life_and_nobody_else_changes() -> None:
    people = [
        (A, state_of(("click", "music", 30.0), ("page_view", "cooking", 0.0))),
        (B, state_of(("page_view", "music", 3.0))),
    ]
    longer = {A: {"music": sums_of(30.0, long=(30.0, 90.0), short=(1.0, 1.0))}}
    found = preview(people, longer)
    assert found.visitors == 2
    assert found.likes == Side(gained=1, lost=0, same=1, moved=0)
    assert found.wants == Side(gained=0, lost=0, same=2, moved=0)


def test_a_shorter_half_life_makes_another_interest_the_first() -> None:
    people = [(A, state_of(("click", "music", 30.0), ("page_view", "cooking", 0.0)))]
    # 3 × ½ = 1.5 of music against 1 of cooking; by 5 days 3 × 2⁻⁶ is left.
    shorter = {A: {"music": sums_of(30.0, long=(30.0, 5.0), short=(1.0, 1.0))}}
    assert preview(people, shorter).likes == Side(gained=0, lost=1, same=0, moved=1)


def test_a_change_nobody_notices_is_none() -> None:
    people = [(A, state_of(("click", "music", 0.1)))]
    close = {A: {"music": sums_of(0.1, long=(30.0, 29.0), short=(1.0, 1.0))}}
    assert preview(people, close).likes == Side(gained=0, lost=0, same=1, moved=0)
    assert preview([], {}) == FadingPreview(0, Side(0, 0, 0, 0), Side(0, 0, 0, 0))


@pytest.mark.django_db
def test_events_are_added_up_as_by_hand() -> None:
    chance, now = random.Random(7), time.time()
    ana, ben = ana_make(), ana_make()
    ages = [chance.random() * 6 * DAY for _ in range(9)]
    for visitor_id, mine in ((ana, ages), (ben, ages[:2])):
        at = [int((now - age) * 1000) for age in mine]
        inbox_put(visitor_id, [click_make(category="music", at=one) for one in at])
        drain(visitor_id)
    inbox_put(ana, [click_make(category="music", at=int(now * 1000))], is_bot=True)
    drain(ana)
    lines = tracking_selectors.visitors_decayed(
        [ana, ben], type="click", half_lives=(DAY, 30 * DAY), now=datetime.fromtimestamp(now, UTC)
    )
    found = {line.visitor_id: (line.category, line.masses) for line in lines}
    for visitor_id, mine in ((ana, ages), (ben, ages[:2])):
        expected = [sum(2.0 ** (-age / half) for age in mine) for half in (DAY, 30 * DAY)]
        assert found[visitor_id] == ("music", pytest.approx(expected, rel=1e-3))


@pytest.mark.django_db
def test_only_visitors_who_agree_are_previewed(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer() -> Any:
        found = receivers.preview_on_half_lives(name="click", half_lives=(0.01, 0.02))
        assert found is not None
        return found.values

    assert answer().visitors == 0
    ana = ana_make()
    ben_make()
    inbox_put(ana, [click_make(category="music", at=int((time.time() - DAY) * 1000))])
    drain(ana)
    found = answer()
    assert (found.visitors, found.likes.lost, found.wants.lost) == (1, 1, 1)
    assert receivers.preview_on_half_lives(name="unheard_of", half_lives=(1.0, 2.0)) is None
