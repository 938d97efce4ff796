"""Readings of a profile, worked out by hand for a small history."""

from __future__ import annotations

import math

import pytest

from profiles.state import DAY, Increment, State, state_add
from profiles.vector import (
    Trends,
    Vector,
    Weight,
    behavioral_vector,
    interest_curve,
    interest_ends_at,
    interest_list,
    vector_as_dict,
)

NOW = 1_763_800_000.0
WEIGHTS = {
    "page_view": Weight(1.0),
    "click": Weight(3.0),
    "dwell": Weight(0.05),
    "dismiss": Weight(3.0, negative=True),
}


def state_of(*events: tuple[str, str, str, float, float]) -> State:
    """From (signal, category, content type, weight, age in days)."""
    state = State()
    for signal, category, content_type, weight, days in events:
        at = (NOW - days * DAY) * 1000
        event = Increment(signal, category, content_type, weight, at, True, False)
        state_add(state, event, max_topics=100)
    return state


HISTORY = state_of(
    ("page_view", "gardening", "guide", 1.0, 0),
    ("click", "gardening", "guide", 1.0, 30),
    ("dwell", "cooking", "article", 40.0, 0),
    ("page_view", "cooking", "article", 1.0, 1),
)


def test_interests_are_weighted_decayed_and_shared() -> None:
    gardening, cooking = (
        next(i for i in interest_list(HISTORY, WEIGHTS, now=NOW) if i.category == name)
        for name in ("gardening", "cooking")
    )
    # a view now counts 1; a click a long half-life ago 3/2, after 30 short ones nothing
    assert gardening.score == pytest.approx(1.0 + 1.5)
    assert gardening.now == pytest.approx(1.0 + 3.0 * 2.0**-30)
    assert gardening.evidence == 2
    # forty seconds at 0.05 count 2; a view a day ago
    assert cooking.score == pytest.approx(2.0 + 2.0 ** (-1 / 30))
    assert cooking.now == pytest.approx(2.0 + 0.5)
    assert cooking.share + gardening.share == pytest.approx(1.0)
    assert cooking.share == pytest.approx(cooking.score / (cooking.score + gardening.score))


def test_the_strongest_interest_is_first() -> None:
    names = [interest.category for interest in interest_list(HISTORY, WEIGHTS, now=NOW)]
    assert names == ["cooking", "gardening"]
    later = interest_list(HISTORY, WEIGHTS | {"click": Weight(30.0)}, now=NOW)
    assert later[0].category == "gardening"


def test_a_negative_signal_takes_off_but_never_below_nothing() -> None:
    state = state_of(("page_view", "gardening", "", 1.0, 0), ("dismiss", "gardening", "", 1.0, 0))
    (interest,) = interest_list(state, WEIGHTS, now=NOW)
    assert (interest.score, interest.now, interest.share) == (0.0, 0.0, 0.0)


def test_the_behavioral_vector_by_hand() -> None:
    vector = behavioral_vector(HISTORY, WEIGHTS, now=NOW + 7 * DAY)
    assert vector.recency_score == pytest.approx(0.5)
    faded = 2.0 ** (-7 / 30)
    total = faded * (1.0 + 1.5 + 2.0 + 2.0 ** (-1 / 30))
    assert vector.engagement_level == pytest.approx(total / (total + 40.0))
    assert vector.preferred_content_type == "article"


def test_a_steady_habit_has_no_trend_and_a_new_one_a_rising_one() -> None:
    steady = state_of(*(("click", "", "", 1.0, n / 10) for n in range(10 * 400)))
    assert behavioral_vector(steady, WEIGHTS, now=NOW).behavioral_trends.clicks == pytest.approx(
        0.0, abs=0.02
    )
    new = state_of(("click", "", "", 1.0, 0))
    recent, usual = math.log(2), math.log(2) / 30
    rising = behavioral_vector(new, WEIGHTS, now=NOW).behavioral_trends
    assert rising.clicks == pytest.approx((recent - usual) / (recent + usual))
    assert behavioral_vector(new, WEIGHTS, now=NOW + 20 * DAY).behavioral_trends.clicks < -0.9
    assert rising.dwell_time == 0.0


def test_nothing_is_known_of_a_new_visitor() -> None:
    vector = behavioral_vector(State(), WEIGHTS, now=NOW)
    assert vector == Vector(0.0, 0.0, None, Trends(0.0, 0.0))
    assert interest_list(State(), WEIGHTS, now=NOW) == []
    assert vector_as_dict(vector)["behavioral_trends"] == {"dwell_time": 0.0, "clicks": 0.0}


def test_when_an_interest_ends() -> None:
    state = state_of(("click", "gardening", "", 1.0, 0), ("page_view", "gardening", "", 1.0, 0))
    ends = interest_ends_at(state, WEIGHTS, category="gardening", threshold=1.0)
    assert ends == pytest.approx(NOW + 60 * DAY)  # 4 halves twice
    (_, first), *_, (_, last) = interest_curve(
        state, WEIGHTS, category="gardening", start=NOW, end=ends or 0.0
    )
    assert (first, last) == (pytest.approx(4.0), pytest.approx(1.0))
    assert interest_ends_at(state, WEIGHTS, category="cooking", threshold=1.0) is None
