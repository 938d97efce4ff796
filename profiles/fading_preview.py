"""What other half-lives of one event type would change for visitors: who gains, who loses.

Profiles hold sums for the half-lives from before, which tell nothing of other ones. So the caller
adds up the events of a sample of visitors by both, and here the difference is laid on what their
profiles say. What never gets in: clocks, settings, storage.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple
from uuid import UUID

from profiles.state import Masses
from profiles.vector import Weights, topic_scores

#: Below this part of a score a change is none.
NOTICED = 0.01


class Sums(NamedTuple):
    """One visitor's events of the type on one category, decayed by the old and new half-lives."""

    long_before: float
    long_after: float
    short_before: float
    short_after: float


class Side(NamedTuple):
    """Of one score of each visitor, all their interests together: how many gain, lose and stay,
    and how many get another top interest."""

    gained: int
    lost: int
    same: int
    moved: int


class FadingPreview(NamedTuple):
    """Among `visitors` profiles: what they like (long half-life) and want now (short)."""

    visitors: int
    likes: Side
    wants: Side


def fading_preview(
    states: Iterable[tuple[UUID, Masses]],
    sums: Mapping[UUID, Mapping[str, Sums]],
    weights: Weights,
    *,
    signal: str,
    now: float,
) -> FadingPreview:
    """Compare what the states say with what they would say; `sums` by visitor and category."""
    weight = weights[signal]
    sign = -weight.weight if weight.negative else weight.weight
    likes: list[tuple[Mapping[str, float], Mapping[str, float]]] = []
    wants: list[tuple[Mapping[str, float], Mapping[str, float]]] = []
    for visitor_id, state in states:
        scores = topic_scores(state, weights, now=now, prefix="c:")
        mine = sums.get(visitor_id, {})
        long = {category: score[0] for category, score in scores.items()}
        short = {category: score[1] for category, score in scores.items()}
        more_long = {c: sign * (each.long_after - each.long_before) for c, each in mine.items()}
        more_short = {c: sign * (each.short_after - each.short_before) for c, each in mine.items()}
        likes.append((_liked(long), _liked(_added(long, more_long))))
        wants.append((_liked(short), _liked(_added(short, more_short))))
    return FadingPreview(len(likes), _side(likes), _side(wants))


def _added(scores: Mapping[str, float], more: Mapping[str, float]) -> dict[str, float]:
    """Categories that the profile has let go of stay gone."""
    return {category: score + more.get(category, 0.0) for category, score in scores.items()}


def _liked(scores: Mapping[str, float]) -> dict[str, float]:
    return {category: score for category, score in scores.items() if score > 0.0}


def _side(pairs: list[tuple[Mapping[str, float], Mapping[str, float]]]) -> Side:
    gained = lost = moved = 0
    for before, after in pairs:
        old, new = sum(before.values()), sum(after.values())
        gained += new > old * (1 + NOTICED)
        lost += new < old * (1 - NOTICED)
        moved += _top(before) != _top(after)
    return Side(gained, lost, len(pairs) - gained - lost, moved)


def _top(scores: Mapping[str, float]) -> str:
    """The strongest category; ties by name, "" for none."""
    return min(scores, key=lambda category: (-scores[category], category), default="")
