"""Readings of a profile at a moment: interests, and the behavioral vector.

Pure functions of a State, the marketers' signal weights and `now` (seconds since 1970 UTC).
Changing a weight changes readings at once and rewrites no history. What never gets in: clocks,
settings, storage.
"""

from collections.abc import Mapping
from math import log2
from typing import Any, NamedTuple

from profiles.decay import NOTHING, falls_below_at, log_add, mass_at
from profiles.state import DAY, LONG, SHORT, State

#: Half-life of the recency score, in seconds: a week without a visit halves it.
RECENCY_HALF_LIFE = 7 * DAY
#: The weighted long mass at which engagement is one half; the site's baseline will replace it.
ENGAGEMENT_MIDPOINT = 40.0
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
    the part of all interests, 0 to 1. `evidence` counts the events behind it.
    """

    category: str
    score: float
    now: float
    share: float
    evidence: int


class Trends(NamedTuple):
    """Change of the recent daily rate against the usual one, -1 to 1; 0 is unchanged."""

    dwell_time: float
    clicks: float


class Vector(NamedTuple):
    """The behavioral vector; scores 0 to 1."""

    recency_score: float
    engagement_level: float
    preferred_content_type: str | None
    behavioral_trends: Trends


def topic_scores(
    state: State, weights: Weights, *, now: float, prefix: str
) -> dict[str, tuple[float, float, int]]:
    """(long, short, events) of every topic that starts with `prefix`, which is cut off."""
    scores: dict[str, tuple[float, float, int]] = {}
    for key, mass in state.masses.items():
        signal, _, topic = key.partition("|")
        weight = weights.get(signal)
        if weight is None or not topic.startswith(prefix):
            continue
        sign = -weight.weight if weight.negative else weight.weight
        long, short, events = scores.get(topic, (0.0, 0.0, 0))
        scores[topic] = (
            long + sign * mass_at(mass.long, now, LONG),
            short + sign * mass_at(mass.short, now, SHORT),
            events + mass.events,
        )
    return {
        topic[len(prefix) :]: (max(long, 0.0), max(short, 0.0), events)
        for topic, (long, short, events) in scores.items()
    }


def interest_list(state: State, weights: Weights, *, now: float) -> list[Interest]:
    """The visitor's categories, strongest first; ties by name."""
    scores = topic_scores(state, weights, now=now, prefix="c:")
    total = sum(long for long, _, _ in scores.values())
    interests = [
        Interest(category, long, short, long / total if total else 0.0, events)
        for category, (long, short, events) in scores.items()
    ]
    return sorted(interests, key=lambda interest: (-interest.score, interest.category))


def behavioral_vector(state: State, weights: Weights, *, now: float) -> Vector:
    """The vector of a profile at `now`."""
    last = state.last
    age = max(now - last / 1000.0, 0.0) if last is not None else None
    types = topic_scores(state, weights, now=now, prefix="t:")
    liked = [(-long, name) for name, (long, _, _) in types.items() if long > 0.0]
    total = sum(
        sign * mass_at(mass.long, now, LONG)
        for key, mass in state.masses.items()
        if key.endswith("|") and (sign := _sign(weights, key[:-1]))
    )
    total = max(total, 0.0)
    return Vector(
        recency_score=2.0 ** (-age / RECENCY_HALF_LIFE) if age is not None else 0.0,
        engagement_level=total / (total + ENGAGEMENT_MIDPOINT),
        preferred_content_type=min(liked)[1] if liked else None,
        behavioral_trends=Trends(
            dwell_time=_trend(state, ("dwell",), now),
            clicks=_trend(state, ("click", "category_click"), now),
        ),
    )


def _sign(weights: Weights, signal: str) -> float:
    weight = weights.get(signal)
    if weight is None:
        return 0.0
    return -weight.weight if weight.negative else weight.weight


def _trend(state: State, signals: tuple[str, ...], now: float) -> float:
    """(recent − usual) / (recent + usual) of the daily rates the two half-lives estimate.

    A steady stream of r units a day has a mass of r·h/ln 2, so mass·ln 2/h estimates r.
    """
    short = long = NOTHING
    for signal in signals:
        mass = state.masses.get(signal + "|")
        if mass is not None:
            short, long = log_add(short, mass.short), log_add(long, mass.long)
    recent = mass_at(short, now, SHORT) * _LN2 / (SHORT / DAY)
    usual = mass_at(long, now, LONG) * _LN2 / (LONG / DAY)
    return (recent - usual) / (recent + usual) if recent + usual > 0.0 else 0.0


def interest_ends_at(
    state: State, weights: Weights, *, category: str, threshold: float
) -> float | None:
    """When the long score of a category falls below a threshold (seconds since 1970).

    Exact while no negative signal is involved; None when it never reached it.
    """
    x = NOTHING
    for key, mass in state.masses.items():
        signal, _, topic = key.partition("|")
        weight = weights.get(signal)
        if topic == "c:" + category and weight and weight.weight > 0.0 and not weight.negative:
            x = log_add(x, mass.long + log2(weight.weight))
    return falls_below_at(x, threshold, LONG) if x != NOTHING else None


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
    """The vector as the plain values people and APIs read, rounded to four digits."""
    return {
        "recency_score": round(vector.recency_score, 4),
        "engagement_level": round(vector.engagement_level, 4),
        "preferred_content_type": vector.preferred_content_type,
        "behavioral_trends": {
            name: round(value, 4) for name, value in vector.behavioral_trends._asdict().items()
        },
    }
