"""The site's baseline from many profiles, one after the other.

Memory is bounded: a profile is let go once it is counted, a few floats of it stay, and of
categories at most MAX_CATEGORIES. What never gets in: clocks, settings, storage, visitor ids.
"""

from collections.abc import Iterable, Sequence
from statistics import quantiles

from profiles.baseline import MIN_PUBLISHED, Baseline
from profiles.state import State
from profiles.trends import days_complete
from profiles.vector import Weights, engagement_mass, scroll_velocity, topic_scores
from profiles.visits import visits_per_week

#: Beyond, categories that a single visitor has are forgotten: a flood of invented names.
MAX_CATEGORIES = 20_000


class _Days:
    """The days of many visitors, pooled: each day counts the same, whoever's it is."""

    def __init__(self) -> None:
        self.visitors = self.days = 0
        self.totals = {"dwell_time": 0.0, "clicks": 0.0, "visits": 0.0}

    def add(self, state: State, *, now: float) -> None:
        days = days_complete(state, now=now)
        self.visitors += bool(days)
        self.days += len(days)
        for day in days:
            self.totals["dwell_time"] += day.dwell
            self.totals["clicks"] += day.clicks
            self.totals["visits"] += day.visits

    def means(self) -> dict[str, float]:
        if self.visitors < MIN_PUBLISHED:
            return {}
        return {name: _rounded(total / self.days) for name, total in self.totals.items()}


class _Shares:
    """Affinity by category, and how many visitors each has."""

    def __init__(self) -> None:
        self.total = 0.0
        self.scores: dict[str, float] = {}
        self.visitors: dict[str, int] = {}

    def add(self, state: State, weights: Weights, *, now: float) -> None:
        for category, (score, _, _) in topic_scores(state, weights, now=now, prefix="c:").items():
            if score > 0.0:
                self.total += score
                self.scores[category] = self.scores.get(category, 0.0) + score
                self.visitors[category] = self.visitors.get(category, 0) + 1
        if len(self.scores) > MAX_CATEGORIES:
            shared = {name: count for name, count in self.visitors.items() if count > 1}
            self.visitors = dict(sorted(shared.items(), key=_most)[: MAX_CATEGORIES // 2])
            self.scores = {name: self.scores[name] for name in self.visitors}

    def shares(self) -> dict[str, float]:
        return {
            category: _rounded(score / self.total)
            for category, score in sorted(self.scores.items())
            if self.visitors[category] >= MIN_PUBLISHED
        }


def _most(pair: tuple[str, int]) -> tuple[int, str]:
    return -pair[1], pair[0]


def baseline_of(states: Iterable[State], weights: Weights, *, now: float) -> Baseline:
    """The baseline of these visitors at `now`.

    A measure is in it when at least MIN_PUBLISHED visitors have a value of it, a category when at
    least so many have an affinity for it.
    """
    measures: dict[str, list[float]] = {
        "engagement": [],
        "visits_per_week": [],
        "scroll_velocity": [],
    }
    days, shares, count = _Days(), _Shares(), 0
    for state in states:
        count += 1
        measures["engagement"].append(engagement_mass(state, weights, now=now))
        measures["visits_per_week"].append(visits_per_week(state, now=now))
        velocity = scroll_velocity(state, now=now)
        if velocity is not None:
            measures["scroll_velocity"].append(velocity)
        days.add(state, now=now)
        shares.add(state, weights, now=now)
    return Baseline(
        n=count,
        quantiles={
            name: quantiles_of(values)
            for name, values in measures.items()
            if len(values) >= MIN_PUBLISHED
        },
        daily_means=days.means(),
        shares=shares.shares(),
    )


def quantiles_of(values: Sequence[float]) -> list[float]:
    """The values at 0, 1, … 100 %, interpolated (Hyndman and Fan's type 7).

    >>> quantiles_of([float(n) for n in range(201)])[:3]
    [0.0, 2.0, 4.0]
    """
    inner = quantiles(values, n=100, method="inclusive")
    return [_rounded(value) for value in (min(values), *inner, max(values))]


def _rounded(value: float) -> float:
    """Eight digits are more than a sample of 10,000 can tell."""
    return float(f"{value:.8g}")
