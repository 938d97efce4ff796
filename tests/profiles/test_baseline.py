"""The site's baseline: ranks, shares and usual days of many; nothing of a few."""

from __future__ import annotations

import doctest
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles import baseline, census
from profiles.baseline import NO_BASELINE, Baseline, lift_of, percentile_rank
from profiles.census import baseline_of, quantiles_of
from profiles.state import State
from tests.profiles.people import NOW, WEIGHTS, daily, state_of, visited

VALUES = st.lists(st.floats(0, 1e6), min_size=20, max_size=300)


def test_the_examples_of_the_docstrings_run() -> None:
    for module in (baseline, census):
        failed, attempted = doctest.testmod(module)
        assert attempted
        assert not failed


# --- Ranks ----------------------------------------------------------------------------------------


def rank_by_counting(values: list[float], value: float) -> float:
    below = sum(other < value for other in values)
    return (below + sum(other == value for other in values) / 2) / len(values)


@given(values=st.lists(st.integers(0, 40).map(float), min_size=200, max_size=400))
def test_a_rank_is_the_part_of_the_visitors_below(values: list[float]) -> None:
    quantiles = quantiles_of(values)
    for value in set(values):
        counted = rank_by_counting(values, value)
        assert percentile_rank(quantiles, value) == pytest.approx(counted, abs=0.02)


@given(values=VALUES, asked=st.lists(st.floats(0, 1e6), min_size=2))
def test_ranks_rise_with_the_value_from_0_to_1(values: list[float], asked: list[float]) -> None:
    quantiles = quantiles_of(values)
    ranks = [percentile_rank(quantiles, value) for value in sorted(asked)]
    assert ranks == sorted(ranks)
    assert all(0.0 <= rank <= 1.0 for rank in ranks)
    assert percentile_rank(quantiles, -1.0) == 0.0
    assert percentile_rank(quantiles, 2e6) == 1.0


def test_quantiles_of_many_equal_values_are_those() -> None:
    quantiles = quantiles_of([5.0] * 30)
    assert quantiles == [5.0] * 101
    assert percentile_rank(quantiles, 5.0) == 0.5


# --- Lift -----------------------------------------------------------------------------------------


@given(st.floats(0, 1e4), st.floats(0, 1e4), st.floats(0.001, 1.0))
def test_lift_lies_between_1_and_the_plain_ratio(score: float, other: float, share: float) -> None:
    lift = lift_of(score, score + other, share)
    plain = score / (score + other) / share if score + other else 1.0
    assert lift is not None
    assert min(1.0, plain) - 1e-9 <= lift <= max(1.0, plain) + 1e-9


def test_lifts_weighed_by_the_sites_shares_are_1_on_average() -> None:
    shares, scores = {"a": 0.6, "b": 0.3, "c": 0.1}, {"a": 2.0, "b": 30.0, "c": 0.0}
    lifts = {name: lift_of(scores[name], 32.0, share) or 0.0 for name, share in shares.items()}
    assert sum(shares[name] * lifts[name] for name in shares) == pytest.approx(1.0)


# --- From many profiles ---------------------------------------------------------------------------


def site_of(count: int) -> Baseline:
    """Visitor n has read n + 1 pages of gardening, every other one cooking, and scrolled."""
    states = []
    for number in range(count):
        events = [("page_view", "gardening", "", 1.0, 0.0)] * (number + 1)
        if number % 2:
            events.append(("page_view", "cooking", "", 1.0, 0.0))
            events += [("dwell", "", "", 60.0, 0.5), ("scroll", "", "", 1.0, 0.5)]
        states.append(visited(*range(number % 4 + 1), state=state_of(*events)))
    return baseline_of(states, WEIGHTS, now=NOW)


def test_a_baseline_by_hand() -> None:
    site = site_of(60)
    assert site.n == 60
    views = [n + 1.0 + (n % 2) * (1.0 + 4.0 * 2.0 ** (-0.5 / 30)) for n in range(60)]
    assert site.quantiles["engagement"] == pytest.approx(quantiles_of(views))
    assert site.quantiles["engagement"][50] == pytest.approx(statistics.median(views))
    assert site.quantiles["visits_per_week"][0] == 0.25
    assert site.quantiles["visits_per_week"][100] == 1.0
    assert site.quantiles["scroll_velocity"] == pytest.approx([1.0] * 101)
    gardening = sum(range(1, 61))
    assert site.shares == {
        "cooking": pytest.approx(30 / (gardening + 30)),
        "gardening": pytest.approx(gardening / (gardening + 30)),
    }
    # whoever began k days ago has come on each day since
    assert site.daily_means == {"dwell_time": 0.0, "clicks": 0.0, "visits": 1.0}


def test_a_usual_day_is_over_all_days_of_all_visitors() -> None:
    states = [daily(30.0, 0.0, 0.0) for _ in range(30)] + [daily(90.0) for _ in range(30)]
    site = baseline_of(states, WEIGHTS, now=NOW)
    assert site.daily_means["dwell_time"] == 30.0


def test_of_fewer_than_twenty_nothing_is_published() -> None:
    few = site_of(19)
    assert few == Baseline(n=19)
    assert baseline_of([], WEIGHTS, now=NOW) == NO_BASELINE
    enough = site_of(20)
    assert set(enough.quantiles) == {"engagement", "visits_per_week"}, "10 have scrolled"
    assert set(enough.shares) == {"gardening"}, "10 have read of cooking"
    new = baseline_of([state_of(("click", "", "", 1.0, 0.1))] * 30, WEIGHTS, now=NOW)
    assert new.daily_means == {}, "nobody has a complete day yet"


def test_a_flood_of_invented_categories_takes_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(census, "MAX_CATEGORIES", 100)
    states = [
        state_of(
            ("page_view", "gardening", "", 1.0, 0.0),
            *[("page_view", f"{visitor}-{n}", "", 1.0, 0.0) for n in range(9)],
        )
        for visitor in range(200)
    ]
    site = baseline_of(states, WEIGHTS, now=NOW)
    assert site.shares == {"gardening": pytest.approx(0.1)}


def test_a_new_visitor_counts_as_one_who_did_nothing() -> None:
    site = baseline_of([State()] * 25, WEIGHTS, now=NOW)
    assert site.quantiles["engagement"] == [0.0] * 101
    assert site.shares == {}
