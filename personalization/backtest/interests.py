"""Decayed interests at every moment at once.

The memory reader adds logarithms one event after another; here each category's mass is one decayed
running sum per visitor (a scan of log2 n steps). The two differ in their rounding, so every value
comes with what it can be off by, and who compares it within that leaves the answer open.

What never gets in: clocks, settings, storage.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np

from personalization.backtest.history import History
from profiles.columns import Bools, Floats, Ints
from profiles.decay import EPOCH
from profiles.state import HALF_LIVES
from profiles.vector import Weights

#: What a sum of decayed masses can be off by, as a part of what was added up: the rounding of
#: logarithms of many years' half-lives over many thousand events stays far below.
OFF = 1e-7
#: After so many half-lives a float64 is about to run out of digits.
ANCIENT = 900.0

HalfLives = Mapping[str, tuple[float, float]]


class Interests:
    """Of each moment and each category that its visitor has events of: the pairs (p,).

    `moment` is the pair's place among the moments, `category` the code of its category; `score` and
    `now` are the decayed sums as in profiles.vector.Interest, with `score_off` and `now_off` what
    they can be off by, and `evidence` the events behind them.
    """

    def __init__(self, history: History, weights: Weights, half_lives: HalfLives) -> None:
        self.history, self.weights, self.half_lives = history, weights, half_lives
        self.size = len(history.moments)
        rows, group_begins = self._grouped()
        self._pair(rows, group_begins)
        self._sum(rows, group_begins)

    def _grouped(self) -> tuple[Ints, Ints]:
        """The rows that interests are made of by visitor and category, and where groups begin."""
        h = self.history
        known = np.array([name in self.weights for name in h.types.values], bool)
        counted = np.flatnonzero(known[h.type] & (h.category > 0) & (h.amount > 0.0))
        group = h.visitor[counted] * len(h.categories.values) + h.category[counted]
        order = np.argsort(group, kind="stable")
        rows, group = counted[order], group[order]
        begins = np.flatnonzero(np.r_[True, group[1:] != group[:-1]]) if len(rows) else rows
        return rows, begins

    def _pair(self, rows: Ints, begins: Ints) -> None:
        """Each group with each moment of its visitor that has an event of the group before it."""
        h = self.history
        of_visitor = h.visitor[rows[begins]]
        first = np.searchsorted(h.moments, h.begins[of_visitor])
        until = np.searchsorted(h.moments, h.begins[of_visitor + 1])
        sizes = until - first
        group = np.repeat(np.arange(len(begins)), sizes)
        ends = np.cumsum(sizes)
        moment = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - sizes - first, sizes)
        number = np.repeat(np.arange(len(begins)), np.diff(np.append(begins, len(rows))))
        wide = len(h) + 1
        at = np.searchsorted(number * wide + rows, group * wide + h.moments[moment]) - 1
        there = at >= begins[group] if len(begins) else np.zeros(0, bool)
        self.moment, self._at, self._group = moment[there], at[there], group[there]
        self.category = h.category[rows[self._at]]

    def _sum(self, rows: Ints, begins: Ints) -> None:
        h = self.history
        place = np.arange(len(rows)) - np.repeat(begins, np.diff(np.append(begins, len(rows))))
        names = h.types.values
        signs = np.array([_sign(self.weights, name) for name in names])
        lives = np.array([self.half_lives.get(name, HALF_LIVES) for name in names]).reshape(-1, 2)
        signal, at = h.type[rows], h.occurred_ms[rows] / 1000.0 - EPOCH
        added = signs[signal] * h.amount[rows]
        now = h.nows[self.moment] - EPOCH
        horizons = []
        #: So long ago that a float64 runs out of digits.
        ancient = np.zeros(len(now), bool)
        for horizon in (0, 1):
            total, gross = np.zeros(len(now)), np.zeros(len(now))
            for life in np.unique(lives[:, horizon]).tolist():
                of_life = lives[signal, horizon] == life
                mine = np.where(of_life, added, 0.0)
                ages = (at[self._at] - now) / life
                ancient |= ages < -ANCIENT
                faded = np.exp2(ages)
                summed = decayed_sums(mine, at, place, life)
                total += summed[self._at] * faded
                if (mine < 0.0).any():
                    summed = decayed_sums(np.abs(mine), at, place, life)
                gross += summed[self._at] * faded
            horizons.append((np.maximum(total, 0.0), gross * OFF, total))
        (self.now, self.now_off, _), (self.score, self.score_off, raw) = horizons
        #: A category without a score is no interest; where rounding decides that, it is open.
        self.is_unsure = ((self.score_off > 0.0) & (np.abs(raw) <= self.score_off)) | ancient
        self.is_there = (self.score > 0.0) & ~self.is_unsure
        counted = np.cumsum(h.is_new[rows].astype(np.int64))
        before = np.where(begins > 0, counted[begins - 1], 0) if len(rows) else begins
        self.evidence = counted[self._at] - before[self._group]

    # --- Of every moment (m,) ------------------------------------------------------------------

    @cached_property
    def unsure(self) -> Bools:
        """Moments at which it is open whether some category is an interest."""
        return np.bincount(self.moment[self.is_unsure], minlength=self.size) > 0

    @cached_property
    def total(self) -> Floats:
        """The scores of all categories together."""
        return _summed(self.moment, self.score, self.size)

    @cached_property
    def total_off(self) -> Floats:
        return _summed(self.moment, self.score_off, self.size)

    @cached_property
    def now_total(self) -> Floats:
        """What is wanted of all categories that are interests together."""
        return _summed(self.moment, np.where(self.is_there, self.now, 0.0), self.size)

    @cached_property
    def now_total_off(self) -> Floats:
        return _summed(self.moment, self.now_off, self.size)

    def pairs_of(self, category: Ints) -> Ints:
        """The pair of each moment's category (m,), −1 where there is none."""
        found = np.full(self.size, -1)
        pairs = np.flatnonzero(self.category == category[self.moment])
        found[self.moment[pairs]] = pairs
        return found

    def highest(self, *, without: Ints | None = None) -> tuple[Floats, Floats]:
        """(the highest score, what it can be off by), but for these categories (m,)."""
        score, off = np.zeros(self.size), np.zeros(self.size)
        chosen = self.is_there | self.is_unsure
        if without is not None:
            chosen &= self.category != without[self.moment]
        np.maximum.at(score, self.moment[chosen], self.score[chosen])
        np.maximum.at(off, self.moment[chosen], self.score_off[chosen])
        return score, off

    def ranks(self, category: Ints) -> tuple[Floats, Floats]:
        """(best, worst) place of each moment's category, infinite where it is no interest."""
        pairs = self.pairs_of(category)
        own, off = of_pairs(self.score, pairs), of_pairs(self.score_off, pairs)
        other = (self.is_there | self.is_unsure) & (self.category != category[self.moment])
        moment, margin = self.moment, self.score_off + off[self.moment]
        surely = other & self.is_there & (self.score > own[moment] + margin)
        maybe = other & (self.score >= own[moment] - margin)
        best = _summed(moment[surely], np.ones(int(surely.sum())), self.size) + 1.0
        worst = _summed(moment[maybe], np.ones(int(maybe.sum())), self.size) + 1.0
        there, unsure = of_pairs(self.is_there, pairs), of_pairs(self.is_unsure, pairs)
        best = np.where(there | unsure, best, np.inf)
        return best, np.where(there, worst, np.inf)


def _summed(places: Ints, values: Floats, size: int) -> Floats:
    """What is at each place, added up (size,)."""
    return np.bincount(places, weights=values, minlength=size).astype(np.float64)


def of_pairs(values: Any, pairs: Ints) -> Any:
    """The values of pairs, 0 or False where there is none (−1)."""
    return np.append(values, values.dtype.type(0))[pairs]


def _sign(weights: Weights, signal: str) -> float:
    weight = weights.get(signal)
    if weight is None:
        return 0.0
    return -weight.weight if weight.negative else weight.weight


def decayed_sums(added: Floats, at: Floats, place: Ints, half_life: float) -> Floats:
    """Running sums of what is added (n,) at ascending times `at` within each group, decayed.

    `place` is each row's place in its group. After step k a row holds the last 2^k of its group, so
    log2 of the longest group's steps do; nothing grows, so nothing overflows. Source: Hillis and
    Steele, Data Parallel Algorithms, CACM 1986.
    """
    sums, step = added.copy(), 1
    longest = int(place.max()) if len(place) else 0
    while step <= longest:
        later = np.flatnonzero(place >= step)
        faded = np.exp2((at[later - step] - at[later]) / half_life)
        sums[later] = sums[later] + sums[later - step] * faded
        step *= 2
    return sums
