"""Readings of a profile, worked out by hand for a small history."""

from __future__ import annotations

import doctest
from copy import deepcopy
from math import isclose, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles import vector as module
from profiles.baseline import Baseline
from profiles.decay import log_mass
from profiles.state import DAY, LONG, SHORT, Mass, State
from profiles.vector import (
    Trends,
    Vector,
    Weight,
    behavioral_vector,
    half_lives_of,
    interest_curve,
    interest_ends_at,
    interest_list,
    momentum_of,
    pace_of,
    scroll_velocity,
)
from profiles.visits import Gaps
from tests.profiles.people import NOW, WEIGHTS, daily, state_of, visited

HISTORY = state_of(
    ("page_view", "gardening", "guide", 1.0, 0),
    ("click", "gardening", "guide", 1.0, 30),
    ("dwell", "cooking", "article", 40.0, 0),
    ("page_view", "cooking", "article", 1.0, 1),
)
SITE = Baseline(
    n=100,
    quantiles={
        "engagement": [0.0, 5.0, 10.0, 20.0, 100.0],
        "visits_per_week": [0.0, 0.25, 0.5, 1.0, 7.0],
    },
    daily_means={"dwell_time": 60.0, "clicks": 2.0, "visits": 0.5},
    shares={"gardening": 0.5, "cooking": 0.1},
)


def kept_for(state: State, signal: str, short: float, long: float, *ages: float) -> State:
    """The state with one event of a signal at each age, in days, kept for these half-lives."""
    state.half_lives[signal] = (short, long)
    for age in ages:
        at = NOW - age * DAY
        mass = Mass(log_mass(1.0, at, short), log_mass(1.0, at, long), 1)
        state.masses[f"{signal}|"] = state.masses[f"{signal}|c:gardening"] = mass
    return state


def test_the_examples_of_the_docstrings_run() -> None:
    failed, attempted = doctest.testmod(module)
    assert attempted
    assert not failed


# --- Interests ------------------------------------------------------------------------------------


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
    assert cooking.lift is None


def test_the_strongest_interest_is_first() -> None:
    names = [interest.category for interest in interest_list(HISTORY, WEIGHTS, now=NOW)]
    assert names == ["cooking", "gardening"]
    later = interest_list(HISTORY, WEIGHTS | {"click": Weight(30.0)}, now=NOW)
    assert later[0].category == "gardening"


def test_a_negative_signal_takes_off_but_never_below_nothing() -> None:
    state = state_of(("page_view", "gardening", "", 1.0, 0), ("dismiss", "gardening", "", 1.0, 0))
    (interest,) = interest_list(state, WEIGHTS, now=NOW)
    assert (interest.score, interest.now, interest.share) == (0.0, 0.0, 0.0)


def test_lift_compares_with_the_site_and_shrinks_towards_it() -> None:
    cooking, gardening = interest_list(HISTORY, WEIGHTS, now=NOW, baseline=SITE)
    total = cooking.score + gardening.score
    assert cooking.lift == pytest.approx((cooking.score + 10.0 * 0.1) / (total + 10.0) / 0.1)
    assert gardening.lift == pytest.approx((gardening.score + 10.0 * 0.5) / (total + 10.0) / 0.5)
    (later, _) = interest_list(HISTORY, WEIGHTS, now=NOW + 400 * DAY, baseline=SITE)
    assert later.lift == pytest.approx(1.0, abs=0.01), "faded evidence is little evidence"
    few = Baseline(n=49, shares=SITE.shares)
    assert interest_list(HISTORY, WEIGHTS, now=NOW, baseline=few)[0].lift is None


def test_when_an_interest_ends() -> None:
    state = state_of(("click", "gardening", "", 1.0, 0), ("page_view", "gardening", "", 1.0, 0))
    ends = interest_ends_at(state, WEIGHTS, category="gardening", threshold=1.0)
    assert ends == pytest.approx(NOW + 60 * DAY)  # 4 halves twice
    (_, first), *_, (_, last) = interest_curve(
        state, WEIGHTS, category="gardening", start=NOW, end=ends or 0.0
    )
    assert (first, last) == (pytest.approx(4.0), pytest.approx(1.0))
    assert interest_ends_at(state, WEIGHTS, category="cooking", threshold=1.0) is None


# --- Half-lives of their own ----------------------------------------------------------------------


def test_a_signal_is_read_by_the_half_lives_it_is_kept_for() -> None:
    state = kept_for(
        state_of(("page_view", "gardening", "", 1.0, 0)), "click", 2 * DAY, 90 * DAY, 2
    )
    assert half_lives_of(state, "click") == (2 * DAY, 90 * DAY)
    assert half_lives_of(state, "page_view") == (SHORT, LONG)
    (interest,) = interest_list(state, WEIGHTS, now=NOW)
    assert interest.now == pytest.approx(1.0 + 3.0 / 2)
    assert interest.score == pytest.approx(1.0 + 3.0 * 2.0 ** (-2 / 90))
    level = interest.score / (interest.score + 40.0)
    assert behavioral_vector(state, WEIGHTS, now=NOW).engagement_level == pytest.approx(level)


@given(long=st.floats(0.5, 400.0), threshold=st.floats(0.01, 3.9))
def test_an_interest_of_several_half_lives_ends_where_its_curve_says(
    long: float, threshold: float
) -> None:
    state = kept_for(state_of(("page_view", "gardening", "", 1.0, 0)), "click", DAY, long * DAY, 0)
    ends = interest_ends_at(state, WEIGHTS, category="gardening", threshold=threshold)
    assert ends is not None
    (interest,) = interest_list(state, WEIGHTS, now=ends)
    assert isclose(interest.score, threshold, rel_tol=1e-4)


# --- The vector -----------------------------------------------------------------------------------


def test_the_behavioral_vector_by_hand() -> None:
    vector = behavioral_vector(HISTORY, WEIGHTS, now=NOW + 7 * DAY)
    assert vector.recency_score == pytest.approx(0.5)
    faded = 2.0 ** (-7 / 30)
    total = faded * (1.0 + 1.5 + 2.0 + 2.0 ** (-1 / 30))
    assert vector.engagement_level == pytest.approx(total / (total + 40.0))
    assert vector.preferred_content_type == "article"


def test_levels_are_ranks_among_the_visitors_of_the_site() -> None:
    state = visited(1, 8, state=state_of(*[("page_view", "", "", 1.0, 0)] * 15))
    vector = behavioral_vector(state, WEIGHTS, now=NOW, baseline=SITE)
    assert vector.engagement_level == pytest.approx(0.625), "15 is half way from 50 % to 75 %"
    assert (vector.visits_per_week, vector.frequency) == (0.5, 0.5)


def test_a_site_of_fewer_than_fifty_visitors_has_no_ranks() -> None:
    state = visited(1, 8, state=state_of(*[("page_view", "", "", 1.0, 0)] * 40))
    few = Baseline(49, SITE.quantiles, SITE.daily_means)
    vector = behavioral_vector(state, WEIGHTS, now=NOW, baseline=few)
    assert vector == behavioral_vector(state, WEIGHTS, now=NOW)
    assert vector.engagement_level == pytest.approx(0.5)
    assert vector.frequency == pytest.approx(0.5 / 1.5)


def test_a_steady_habit_has_no_momentum_and_a_burst_has() -> None:
    steady = [("click", "", "", 1.0, n / 10 + 0.05) for n in range(10 * 100)]
    assert momentum_of(state_of(*steady), WEIGHTS, now=NOW) == pytest.approx(0.0, abs=0.02)
    burst = state_of(*steady, *[("click", "", "", 1.0, n / 100) for n in range(50)])
    assert momentum_of(burst, WEIGHTS, now=NOW) > 0.4
    assert momentum_of(state_of(*steady), WEIGHTS, now=NOW + 10 * DAY) < -0.9


def test_a_visitor_of_today_has_no_usual_pace_to_differ_from() -> None:
    state = state_of(("click", "", "", 1.0, 0.01), ("click", "", "", 1.0, 0))
    assert momentum_of(state, WEIGHTS, now=NOW) == pytest.approx(0.0, abs=0.01)
    assert momentum_of(state, {}, now=NOW) == 0.0
    assert momentum_of(state, WEIGHTS, now=NOW - DAY) == 0.0, "read before the first event"


@given(rate=st.floats(0.1, 50.0), known=st.floats(0.1, 300.0), half_life=st.floats(0.5, 90.0))
def test_a_pace_is_the_rate_of_the_stream_behind_the_mass(
    rate: float, known: float, half_life: float
) -> None:
    mass = rate * half_life / log(2) * (1 - 2 ** (-known / half_life))
    found = pace_of(mass, half_life=half_life * DAY, known=known * DAY)
    assert found == pytest.approx(rate, rel=1e-6)


def test_scroll_velocity_is_pages_per_minute_of_attention() -> None:
    state = state_of(
        ("scroll", "", "", 0.5, 3), ("scroll", "", "", 1.0, 3), ("dwell", "", "", 30, 3)
    )
    assert scroll_velocity(state, now=NOW) == pytest.approx(3.0)
    assert scroll_velocity(state, now=NOW + 90 * DAY) == pytest.approx(3.0), "both fade alike"
    assert scroll_velocity(state_of(("dwell", "", "", 30, 3)), now=NOW) == 0.0
    assert scroll_velocity(state_of(("scroll", "", "", 1.0, 3)), now=NOW) is None


def test_trends_are_parts_of_the_usual_day_of_the_site() -> None:
    rising = daily(*[3.0 * n for n in range(40)])
    trends = behavioral_vector(rising, WEIGHTS, now=NOW, baseline=SITE).behavioral_trends
    assert trends == Trends(0.05, 0.0, 0.0), "3 s more each day where 60 s are usual"
    alone = behavioral_vector(rising, WEIGHTS, now=NOW).behavioral_trends
    mean = 3.0 * sum(range(12, 40)) / 28
    assert alone.dwell_time == pytest.approx(3.0 / mean)
    clicks = behavioral_vector(daily(9, 8, 7, 6, name="clicks"), WEIGHTS, now=NOW, baseline=SITE)
    assert clicks.behavioral_trends.clicks == pytest.approx(-0.5)


def test_nothing_is_known_of_a_new_visitor() -> None:
    nothing = Vector(
        0.0, 0.0, 0.0, 0.0, None, 0.0, Gaps(None, None, None, False), None, None, Trends(0, 0, 0)
    )
    for baseline in (None, SITE):
        assert behavioral_vector(State(), WEIGHTS, now=NOW, baseline=baseline) == nothing
    assert interest_list(State(), WEIGHTS, now=NOW) == []


def test_gaps_trends_and_content_type_are_parts_of_the_vector() -> None:
    state = visited(0.5, 3.1, 5.2, 9, state=deepcopy(HISTORY))
    vector = behavioral_vector(state, WEIGHTS, now=NOW, baseline=SITE)
    assert vector.temporal_gaps == pytest.approx(Gaps(2.8333, 2.6, 0.5, False), abs=1e-4)
    assert vector.behavioral_trends._fields == ("dwell_time", "clicks", "visits")
    assert vector.preferred_content_type == "article"


@given(
    ages=st.lists(st.floats(0, 60), max_size=40),
    events=st.lists(
        st.tuples(
            st.sampled_from(["page_view", "click", "dwell", "scroll", "dismiss"]),
            st.sampled_from(["", "gardening"]),
            st.sampled_from(["", "guide"]),
            st.floats(0.01, 1e4),
            st.floats(0, 400),
        ),
        max_size=20,
    ),
    later=st.floats(-30, 400),
    has_baseline=st.booleans(),
)
def test_every_value_keeps_its_range_whatever_happened(
    ages: list[float],
    events: list[tuple[str, str, str, float, float]],
    later: float,
    has_baseline: bool,
) -> None:
    state = state_of(*events)
    if ages:
        visited(*ages, state=state)
    site = SITE if has_baseline else None
    vector = behavioral_vector(state, WEIGHTS, now=NOW + later * DAY, baseline=site)
    for name in ("recency_score", "engagement_level", "frequency"):
        assert 0.0 <= getattr(vector, name) <= 1.0
    assert vector.consistency is None or 0.0 <= vector.consistency <= 1.0
    assert all(-1.0 <= value <= 1.0 for value in (vector.momentum, *vector.behavioral_trends))
    assert vector.visits_per_week >= 0.0
    assert vector.scroll_velocity is None or vector.scroll_velocity >= 0.0
