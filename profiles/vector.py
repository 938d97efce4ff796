"""Readings of a profile at a moment: interests, and the behavioral vector.

Pure functions of a State, the marketers' signal weights, the site's baseline and `now` (seconds
since 1970 UTC). Changing a weight changes readings at once and rewrites no history. What never
gets in: clocks, settings, storage.
"""

from collections.abc import Callable, Mapping
from math import expm1, log2
from typing import Any, NamedTuple

from profiles.baseline import NO_BASELINE, Baseline, baseline_usable, level_of, lift_of
from profiles.decay import EPOCH, NOTHING, falls_below_at, log_add, mass_at
from profiles.state import DAY, LONG, SHORT, Masses, State
from profiles.trends import days_complete, trend_of
from profiles.visits import Gaps, consistency_of, gaps_list, temporal_gaps, visits_per_week

#: Half-life of the recency score, in seconds: a week without a visit halves it.
RECENCY_HALF_LIFE = 7 * DAY
#: The weighted long mass, and the visits a week, at which engagement and frequency are one half,
#: where the site has no baseline yet.
ENGAGEMENT_MIDPOINT = 40.0
FREQUENCY_MIDPOINT = 1.0
#: The half-lives of a signal that has none of its own.
STANDARD = (SHORT, LONG)
_LN2 = 0.6931471805599453


class Weight(NamedTuple):
    """How one signal counts: per unit of its mass; `negative` ones are kept apart."""

    weight: float
    negative: bool = False


Weights = Mapping[str, Weight]


class Interest(NamedTuple):
    """The affinity for one category.

    `score` is what the visitor likes (long half-life), `now` what they want at the moment
    (short), both weighted and decayed, negative signals taken off, never below 0. `share` is
    the part of all interests, 0 to 1. `evidence` counts the events behind it. `lift` compares the
    share with the site's (profiles.baseline.lift_of); None without a baseline.
    """

    category: str
    score: float
    now: float
    share: float
    evidence: int
    lift: float | None = None


class Trends(NamedTuple):
    """Smoothed change per day as a part of the site's usual day, -1 to 1 (profiles.trends)."""

    dwell_time: float
    clicks: float
    visits: float


class Vector(NamedTuple):
    """The behavioral vector. Every value with its formula, unit and range: docs/profiles.md.

    Scores and levels are 0 to 1, momentum and trends -1 to 1, `visits_per_week` and
    `scroll_velocity` (full pages per minute of attention) plain rates. None is unknown.
    """

    recency_score: float
    engagement_level: float
    frequency: float
    visits_per_week: float
    consistency: float | None
    momentum: float
    temporal_gaps: Gaps
    scroll_velocity: float | None
    preferred_content_type: str | None
    behavioral_trends: Trends


def half_lives_of(state: Masses, signal: str) -> tuple[float, float]:
    """The short and the long half-life, in seconds, that a signal's masses are kept for."""
    return state.half_lives.get(signal, STANDARD)


def topic_scores(
    state: Masses, weights: Weights, *, now: float, prefix: str
) -> dict[str, tuple[float, float, int]]:
    """(long, short, events) of every topic that starts with `prefix`, which is cut off."""
    ages: dict[str, tuple[float, float, float] | None] = {}  # signal → its sign, its two ages
    scores: dict[str, list[Any]] = {}
    for key, mass in state.masses.items():
        signal, _, topic = key.partition("|")
        if not topic.startswith(prefix):
            continue
        if signal not in ages:
            ages[signal] = _aged(state, weights, signal, now=now)
        aged = ages[signal]
        if aged is None:
            continue
        sign, short_age, long_age = aged
        # As mass_at has it, the ages taken once for each signal.
        long, short = sign * 2.0 ** (mass.long - long_age), sign * 2.0 ** (mass.short - short_age)
        score = scores.get(topic)
        if score is None:
            scores[topic] = [long, short, mass.events]
        else:
            score[0] += long
            score[1] += short
            score[2] += mass.events
    cut = len(prefix)
    return {
        topic[cut:]: (long if long > 0.0 else 0.0, short if short > 0.0 else 0.0, events)
        for topic, (long, short, events) in scores.items()
    }


def topic_score(
    state: Masses, weights: Weights, *, now: float, topic: str
) -> tuple[float, float, int] | None:
    """What topic_scores has of one topic, without what the others cost; None for one without."""
    end = "|" + topic
    masses = {key: mass for key, mass in state.masses.items() if key.endswith(end)}
    mine = Masses(masses, state.half_lives)
    return topic_scores(mine, weights, now=now, prefix=topic).get("")


def _aged(
    state: Masses, weights: Weights, signal: str, *, now: float
) -> tuple[float, float, float] | None:
    """(signed weight, short age, long age) of a signal, ages in half-lives; None without weight."""
    weight = weights.get(signal)
    if weight is None:
        return None
    short, long = half_lives_of(state, signal)
    sign = -weight.weight if weight.negative else weight.weight
    return sign, (now - EPOCH) / short, (now - EPOCH) / long


def interest_list(
    state: Masses, weights: Weights, *, now: float, baseline: Baseline | None = None
) -> list[Interest]:
    """The visitor's categories, strongest first; ties by name."""
    scores = topic_scores(state, weights, now=now, prefix="c:")
    total = sum(long for long, _, _ in scores.values())
    shares = baseline_usable(baseline).shares
    interests = [
        Interest(
            category,
            long,
            short,
            long / total if total else 0.0,
            events,
            lift_of(long, total, shares.get(category)),
        )
        for category, (long, short, events) in scores.items()
    ]
    return sorted(interests, key=lambda interest: (-interest.score, interest.category))


def behavioral_vector(
    state: State, weights: Weights, *, now: float, baseline: Baseline | None = None
) -> Vector:
    """The vector of a profile at `now`, against the site's baseline where there is one."""
    site = baseline_usable(baseline)
    return Vector(
        **{name: vector_value(name, state, weights, now=now, site=site) for name in Vector._fields}
    )


def vector_value(
    name: str, state: State, weights: Weights, *, now: float, site: Baseline = NO_BASELINE
) -> Any:
    """One value of the vector, by its name in Vector, without what the others cost.

    `site` is a usable baseline (profiles.baseline.baseline_usable).
    """
    return _VALUES[name](state, weights, now, site)


def recency_score(state: State, *, now: float) -> float:
    """1 at the latest event, halved by each RECENCY_HALF_LIFE since; 0 before the first."""
    if state.last is None:
        return 0.0
    age = max(now - state.last / 1000.0, 0.0)
    return float(2.0 ** (-age / RECENCY_HALF_LIFE))


def frequency_level(state: State, *, now: float, site: Baseline = NO_BASELINE) -> float:
    """Where the visits a week stand among the site's, 0 to 1."""
    weekly = visits_per_week(state, now=now)
    return level_of(site, "visits_per_week", weekly, midpoint=FREQUENCY_MIDPOINT)


def preferred_content_type(state: State, weights: Weights, *, now: float) -> str | None:
    """The content type of the highest long score, ties by name; None without any."""
    types = topic_scores(state, weights, now=now, prefix="t:")
    liked = [(-long, name) for name, (long, _, _) in types.items() if long > 0.0]
    return min(liked)[1] if liked else None


def engagement_level(
    state: Masses, weights: Weights, *, now: float, site: Baseline = NO_BASELINE
) -> float:
    """The vector's engagement level alone, for whoever asks it of many profiles; 0 to 1."""
    mass = engagement_mass(state, weights, now=now)
    return level_of(site, "engagement", mass, midpoint=ENGAGEMENT_MIDPOINT)


def engagement_mass(state: Masses, weights: Weights, *, now: float) -> float:
    """The weighted, decayed sum of all signals (long half-lives), negative ones taken off."""
    total = 0.0
    for key, mass in state.masses.items():
        signal, _, topic = key.partition("|")
        weight = weights.get(signal)
        if topic or weight is None:
            continue
        value = weight.weight * mass_at(mass.long, now, half_lives_of(state, signal)[1])
        total += -value if weight.negative else value
    return max(total, 0.0)


def momentum_of(state: State, weights: Weights, *, now: float) -> float:
    """(recent - usual) / (recent + usual) of the weighted paces, -1 to 1; 0 is unchanged.

    Each pace is a rate estimated from a decayed mass, the recent one by the short half-life, the
    usual one by the long; negative signals are left out. 0 for a visitor who has only just come,
    of whom the two are the same.
    """
    recent = usual = 0.0
    for signal, weight in weights.items():
        if weight.weight > 0.0 and not weight.negative:
            short, long = _paces(state, signal, now=now)
            recent += weight.weight * short
            usual += weight.weight * long
    return (recent - usual) / (recent + usual) if recent + usual > 0.0 else 0.0


def scroll_velocity(state: State, *, now: float) -> float | None:
    """Full pages scrolled per minute of attention, by the usual paces; None without attention."""
    scroll, dwell = (_paces(state, signal, now=now)[1] for signal in ("scroll", "dwell"))
    return 60.0 * scroll / dwell if dwell > 0.0 else None


def _paces(state: State, signal: str, *, now: float) -> tuple[float, float]:
    """(recent, usual): a signal's units a day, as its two masses estimate them."""
    mass = state.masses.get(signal + "|")
    if mass is None or state.first is None:
        return 0.0, 0.0
    known = now - state.first / 1000.0
    short, long = half_lives_of(state, signal)
    return (
        pace_of(mass_at(mass.short, now, short), half_life=short, known=known),
        pace_of(mass_at(mass.long, now, long), half_life=long, known=known),
    )


def pace_of(mass: float, *, half_life: float, known: float) -> float:
    """The steady rate per day that has such a mass after `known` seconds.

    A steady stream of r a day has the mass r·(h / ln 2)·(1 - 2^(-known/h)), h in days: without the
    last factor whoever is new would seem slow by the longer half-life.

    >>> round(pace_of(0.5, half_life=DAY, known=DAY), 4), pace_of(1.0, half_life=DAY, known=0.0)
    (0.6931, 0.0)
    """
    span = -expm1(-_LN2 * known / half_life) * half_life / (_LN2 * DAY) if known > 0.0 else 0.0
    return mass / span if span > 0.0 else 0.0


def trends_of(state: State, *, now: float, usual: Mapping[str, float]) -> Trends:
    """The trends of the daily figures; `usual` is the site's usual day, empty where unknown."""
    days = days_complete(state, now=now)
    return Trends(
        dwell_time=trend_of([day.dwell for day in days], usual_day=usual.get("dwell_time")),
        clicks=trend_of([day.clicks for day in days], usual_day=usual.get("clicks")),
        visits=trend_of([day.visits for day in days], usual_day=usual.get("visits")),
    )


def interest_ends_at(
    state: State, weights: Weights, *, category: str, threshold: float
) -> float | None:
    """When the long score of a category falls below a threshold (seconds since 1970).

    Exact while no negative signal is involved, to a second where signals have several half-lives;
    None when it never reached it.
    """
    parts: dict[float, float] = {}
    for key, mass in state.masses.items():
        signal, _, topic = key.partition("|")
        weight = weights.get(signal)
        if topic == "c:" + category and weight and weight.weight > 0.0 and not weight.negative:
            half_life = half_lives_of(state, signal)[1]
            x = mass.long + log2(weight.weight)
            parts[half_life] = log_add(parts.get(half_life, NOTHING), x)
    return _sum_ends_at(parts, threshold)


def _sum_ends_at(parts: Mapping[float, float], threshold: float) -> float | None:
    """When a sum of masses falls below a threshold; `parts` maps half-lives to x."""
    alive = {half_life: x for half_life, x in parts.items() if x != NOTHING}
    if not alive:
        return None
    # Each alone ends no later than the sum, and the sum before all are below their equal part.
    low = max(falls_below_at(x, threshold, half) for half, x in alive.items())
    high = max(falls_below_at(x, threshold / len(alive), half) for half, x in alive.items())
    while high - low > 1.0:
        middle = (low + high) / 2.0
        if sum(mass_at(x, middle, half) for half, x in alive.items()) >= threshold:
            low = middle
        else:
            high = middle
    return low


def interest_curve(
    state: State, weights: Weights, *, category: str, start: float, end: float, points: int = 60
) -> list[tuple[float, float]]:
    """(time, score) of a category's long score as it decays from `start`, nothing added."""
    step = (end - start) / (points - 1)
    return [
        (at, topic_scores(state, weights, now=at, prefix="c:").get(category, (0.0, 0.0, 0))[0])
        for at in (start + step * index for index in range(points))
    ]


def vector_as_dict(vector: Vector) -> dict[str, Any]:
    """The vector as the plain values that programs read, rounded to four digits."""
    return _plain(vector)


def _plain(values: Any) -> dict[str, Any]:
    return {
        name: _plain(value)
        if isinstance(value, tuple)
        else round(value, 4)
        if isinstance(value, float)
        else value
        for name, value in values._asdict().items()
    }


#: Each value of the vector from (state, weights, now, usable baseline).
_VALUES: Mapping[str, Callable[[State, Weights, float, Baseline], Any]] = {
    "recency_score": lambda state, weights, now, site: recency_score(state, now=now),
    "engagement_level": lambda state, weights, now, site: engagement_level(
        state, weights, now=now, site=site
    ),
    "frequency": lambda state, weights, now, site: frequency_level(state, now=now, site=site),
    "visits_per_week": lambda state, weights, now, site: visits_per_week(state, now=now),
    "consistency": lambda state, weights, now, site: consistency_of(gaps_list(state)),
    "momentum": lambda state, weights, now, site: momentum_of(state, weights, now=now),
    "temporal_gaps": lambda state, weights, now, site: temporal_gaps(state, now=now),
    "scroll_velocity": lambda state, weights, now, site: scroll_velocity(state, now=now),
    "preferred_content_type": lambda state, weights, now, site: preferred_content_type(
        state, weights, now=now
    ),
    "behavioral_trends": lambda state, weights, now, site: trends_of(
        state, now=now, usual=site.daily_means
    ),
}
