"""What other signal weights would change for visitors: who gains, who loses, by how much.

A pure function of states, two sets of weights and `now` (seconds since 1970 UTC). States hold
masses per signal and weights are applied on reading, so both readings are of the same states and
nothing is rewritten. What is said of interests is what profiles.vector.interest_list says with
either weights; here both are read in one pass, since somebody waits for the answer.
What never gets in: clocks, settings, storage.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple
from uuid import UUID

from msgspec.structs import replace

from profiles.decay import mass_at
from profiles.state import Mass, Masses
from profiles.vector import Weight, Weights, engagement_level, half_lives_of

#: How much of each list is told; the rest is counted.
MOVES_SHOWN = 5
SHIFTS_SHOWN = 8
SAMPLES_SHOWN = 5


class Move(NamedTuple):
    """So many `visitors` have another top interest; "" for none at all."""

    before: str
    after: str
    visitors: int


class Shift(NamedTuple):
    """A category's affinity summed over all visitors, and its share of all categories', 0 to 1."""

    category: str
    before: float
    after: float
    share_before: float
    share_after: float

    @property
    def change(self) -> float:
        return self.after - self.before

    @property
    def size(self) -> float:
        """The change without its sign."""
        return abs(self.change)

    @property
    def percent_before(self) -> float:
        return 100.0 * self.share_before

    @property
    def percent_after(self) -> float:
        return 100.0 * self.share_after


class Top(NamedTuple):
    """A visitor's strongest interest; `score` above 0."""

    category: str
    score: float


class Sample(NamedTuple):
    """One visitor's top interest before and after; None for none at all."""

    visitor_id: UUID
    before: Top | None
    after: Top | None

    @property
    def short_id(self) -> str:
        return str(self.visitor_id)[:8]

    @property
    def moves(self) -> bool:
        return _category(self.before) != _category(self.after)

    @property
    def size(self) -> float:
        """By how much the top score changes."""
        return abs(_score(self.before) - _score(self.after))


class Preview(NamedTuple):
    """The consequences among `visitors` profiles, of which `moved` change their top interest.

    Lists have the biggest first; `moves_rest` visitors and `shifts_rest` categories are left out.
    Samples begin with visitors whose top interest changes. Engagement is the average level, 0 to 1.
    """

    visitors: int
    moved: int
    moves: list[Move]
    moves_rest: int
    shifts: list[Shift]
    shifts_rest: int
    engagement_before: float
    engagement_after: float
    samples: list[Sample]

    @property
    def widest(self) -> float:
        """The largest change of a category, which its bar fills."""
        return max((shift.size for shift in self.shifts), default=0.0)


def weights_changed(weights: Weights, changes: Mapping[str, float]) -> dict[str, Weight]:
    """The weights with some replaced; names that are no signal's are left out."""
    known = {name: weight for name, weight in changes.items() if name in weights}
    return {**weights, **{name: weights[name]._replace(weight=known[name]) for name in known}}


def weight_preview(
    states: Iterable[tuple[UUID, Masses]], before: Weights, after: Weights, *, now: float
) -> Preview:
    """Compare what two sets of weights, of the same signals, say of the same states."""
    signs = {name: (_sign(before[name]), _sign(after[name])) for name in before}
    moves: Counter[tuple[str, str]] = Counter()
    totals: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    engagement = [0.0, 0.0]
    samples = []
    for visitor_id, state in states:
        scores, overall = _read(state, signs, now)
        for category, (old, new) in scores.items():
            total = totals[category]
            total[0] += old
            total[1] += new
        for index, weights in enumerate((before, after)):
            engagement[index] += engagement_level(overall, weights, now=now)
        sample = Sample(visitor_id, _top(scores, 0), _top(scores, 1))
        samples.append(sample)
        if sample.moves:
            moves[_category(sample.before), _category(sample.after)] += 1
    ranked = [Move(*pair, count) for pair, count in moves.items()]
    ranked.sort(key=lambda move: (-move.visitors, move.before, move.after))
    shifts = _shifts(totals)
    return Preview(
        visitors=len(samples),
        moved=moves.total(),
        moves=ranked[:MOVES_SHOWN],
        moves_rest=sum(move.visitors for move in ranked[MOVES_SHOWN:]),
        shifts=shifts[:SHIFTS_SHOWN],
        shifts_rest=len(shifts[SHIFTS_SHOWN:]),
        engagement_before=engagement[0] / max(len(samples), 1),
        engagement_after=engagement[1] / max(len(samples), 1),
        samples=_samples(samples),
    )


def _sign(weight: Weight) -> float:
    return -weight.weight if weight.negative else weight.weight


def _read(
    state: Masses, signs: Mapping[str, tuple[float, float]], now: float
) -> tuple[dict[str, tuple[float, float]], Masses]:
    """The scores of every category by both weights, and the state without its topics."""
    scores: dict[str, tuple[float, float]] = {}
    overall: dict[str, Mass] = {}
    for key, mass in state.masses.items():
        signal, _, topic = key.partition("|")
        if not topic:
            overall[key] = mass
        elif topic.startswith("c:") and signal in signs:
            _, half_life = half_lives_of(state, signal)
            long = mass_at(mass.long, now, half_life)
            old, new = signs[signal]
            score = scores.get(topic, (0.0, 0.0))
            scores[topic] = score[0] + old * long, score[1] + new * long
    liked = {topic[2:]: (max(old, 0.0), max(new, 0.0)) for topic, (old, new) in scores.items()}
    return liked, replace(state, masses=overall)


def _top(scores: Mapping[str, tuple[float, float]], index: int) -> Top | None:
    """The strongest category by one of the weights; ties by name."""
    best = min(((-score[index], category) for category, score in scores.items()), default=None)
    return Top(best[1], -best[0]) if best and best[0] < 0.0 else None


def _shifts(totals: Mapping[str, list[float]]) -> list[Shift]:
    """The categories whose total changes, the largest change first."""
    sum_before = sum(before for before, _ in totals.values()) or 1.0
    sum_after = sum(after for _, after in totals.values()) or 1.0
    shifts = [
        Shift(category, before, after, before / sum_before, after / sum_after)
        for category, (before, after) in totals.items()
        if before != after
    ]
    return sorted(shifts, key=lambda shift: (-shift.size, shift.category))


def _samples(samples: Iterable[Sample]) -> list[Sample]:
    """Who changes most, those with another top interest first; nobody who stays as they are."""
    changed = [sample for sample in samples if sample.size > 0.0 or sample.moves]
    return sorted(changed, key=lambda sample: (not sample.moves, -sample.size))[:SAMPLES_SHOWN]


def _category(top: Top | None) -> str:
    return top.category if top else ""


def _score(top: Top | None) -> float:
    return top.score if top else 0.0
