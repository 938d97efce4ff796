"""Conditions on how a visitor behaves, at every moment of a history at once.

BEHAVIOR_FORMS is the document. What never gets in: clocks, settings, storage.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from personalization.backtest.bounds import CODES, Bounds, bounds_exact
from personalization.backtest.columns import Columns, Form
from personalization.backtest.compared import compared, compared_range, where_open
from personalization.backtest.interests import OFF
from personalization.rules.context import Context
from personalization.rules.nodes import Leaf
from profiles.baseline import baseline_usable, level_of, percentile_rank
from profiles.columns import Bools, Floats
from profiles.state import DAY, State
from profiles.trends import MIN_DAYS, WINDOW_DAYS, slope_weights
from profiles.vector import ENGAGEMENT_MIDPOINT, FREQUENCY_MIDPOINT, RECENCY_HALF_LIFE

#: What powers and quotients can be off by beside their parts.
ROUNDING = 1e-9
#: What a power alone can be.
ULPS = 1e-14
_LN2 = 0.6931471805599453

# --- Recency -----------------------------------------------------------------------------------


def _has_events(columns: Columns) -> Bools:
    h = columns.history
    return h.moments > h.moment_begins


def _recency(columns: Columns, leaf: Leaf) -> Bounds:
    h = columns.history
    age = np.maximum(h.nows - h.when[h.moments - 1] / 1000.0, 0.0)
    there = _has_events(columns)
    score = np.where(there, np.exp2(-age / RECENCY_HALF_LIFE), 0.0)
    return compared(leaf, score, np.where(there & (age > 0.0), ULPS * score, 0.0))


def _first_seen(columns: Columns, leaf: Leaf) -> Bounds:
    h = columns.history
    return _asked_at(columns, leaf, (h.when[h.moment_begins]).tolist())


def _last_seen(columns: Columns, leaf: Leaf) -> Bounds:
    h = columns.history
    return _asked_at(columns, leaf, (h.when[h.moments - 1]).tolist())


def _asked_at(columns: Columns, leaf: Leaf, times: Sequence[int]) -> Bounds:
    """Asked of the condition itself, of a profile that knows nothing but a time."""
    there, nows = _has_events(columns).tolist(), columns.history.nows.tolist()
    nothing = State()
    answers = [
        CODES[leaf.ask(Context(now, State(first=at, last=at) if known else nothing))]
        for now, at, known in zip(nows, times, there, strict=True)
    ]
    return bounds_exact(np.array(answers, np.int8))


# --- Visits ------------------------------------------------------------------------------------


def _weekly(columns: Columns) -> Floats:
    weekly: Floats = columns.totals.visits_recent * 7.0 / WINDOW_DAYS
    return weekly


def _each(values: Floats, reading: Callable[[float], float]) -> Floats:
    """A reading of few different values, each read once."""
    different, which = np.unique(values, return_inverse=True)
    return np.array([reading(value) for value in different.tolist()], float)[which]


def _visits_per_week(columns: Columns, leaf: Leaf) -> Bounds:
    return compared(leaf, _weekly(columns))


def _frequency(columns: Columns, leaf: Leaf) -> Bounds:
    site = baseline_usable(columns.world.baseline)

    def level(weekly: float) -> float:
        return level_of(site, "visits_per_week", weekly, midpoint=FREQUENCY_MIDPOINT)

    return compared(leaf, _each(_weekly(columns), level))


def _consistency(columns: Columns, leaf: Leaf) -> Bounds:
    return compared(leaf, columns.totals.consistency, missing=None)


# --- Signals -----------------------------------------------------------------------------------


def _engagement_range(columns: Columns) -> tuple[Floats, Floats, Bools]:
    """(least, most, where digits run out) of the weighted mass of all signals."""
    total, gross = np.zeros(columns.size), np.zeros(columns.size)
    ancient = np.zeros(columns.size, bool)
    for signal in columns.history.types.values:
        if weight := columns.world.weights.get(signal):
            masses = columns.totals.masses(signal)
            mass = weight.weight * masses.long
            total += -mass if weight.negative else mass
            gross += mass
            ancient |= masses.is_ancient
    off = OFF * gross
    return np.maximum(total - off, 0.0), np.maximum(total + off, 0.0), ancient


def _engagement(columns: Columns, leaf: Leaf) -> Bounds:
    least, most, ancient = _engagement_range(columns)
    quantiles = baseline_usable(columns.world.baseline).quantiles.get("engagement")
    low, high = (_levels(quantiles, mass) for mass in (least, most))
    slack = _slack(low, high)
    bounds = compared_range(leaf, low - slack, high + slack, missing=None)
    return where_open(bounds, ancient)


def _levels(quantiles: Sequence[float] | None, mass: Floats) -> Floats:
    """profiles.baseline.level_of, of many."""
    level = _ranks(quantiles, mass) if quantiles else mass / (mass + ENGAGEMENT_MIDPOINT)
    return np.where(mass > 0.0, level, 0.0)


def _ranks(quantiles: Sequence[float], values: Floats) -> Floats:
    """profiles.baseline.percentile_rank, of many."""
    q, last = np.array(quantiles, float), len(quantiles) - 1
    low, high = np.searchsorted(q, values, "left"), np.searchsorted(q, values, "right")
    above = np.clip(low, 1, max(last, 1))
    below, upper = q[np.minimum(above, last) - 1], q[np.minimum(above, last)]
    step = np.where(upper > below, upper - below, 1.0)
    between = (above - 1 + (values - below) / step) / max(last, 1)
    outside = np.where(low == 0, 0.0, np.where(low > last, 1.0, between))
    return np.where(low < high, (low + high - 1) / 2 / max(last, 1), outside)


def _slack(low: Floats, high: Floats) -> Floats:
    """The rounding of ranks between these; who is below or above everybody is so exactly."""
    is_end = (low == high) & ((low == 0.0) | (low == 1.0))
    return np.where(is_end, 0.0, ROUNDING)


def _paces(columns: Columns, signal: str) -> tuple[Floats, Floats, Bools]:
    """(recent, usual, where digits run out) of a signal's units a day (profiles.vector)."""
    h, masses = columns.history, columns.totals.masses(signal)
    known = np.where(_has_events(columns), h.nows - h.when[h.moment_begins] / 1000.0, 0.0)
    paces = []
    for mass, life in zip(masses[:2], columns.totals.half_lives_of(signal), strict=True):
        span = -np.expm1(-_LN2 * known / life) * life / (_LN2 * DAY)
        there = (known > 0.0) & (span > 0.0)
        paces.append(np.where(there, mass / np.where(there, span, 1.0), 0.0))
    return paces[0], paces[1], masses.is_ancient


def _momentum(columns: Columns, leaf: Leaf) -> Bounds:
    recent, usual = np.zeros(columns.size), np.zeros(columns.size)
    ancient = np.zeros(columns.size, bool)
    for signal in columns.history.types.values:
        weight = columns.world.weights.get(signal)
        if weight and weight.weight > 0.0 and not weight.negative:
            short, long, is_ancient = _paces(columns, signal)
            recent, usual = recent + weight.weight * short, usual + weight.weight * long
            ancient |= is_ancient
    both = recent + usual
    value = np.where(both > 0.0, (recent - usual) / np.where(both > 0.0, both, 1.0), 0.0)
    off = np.where(both > 0.0, 4.0 * OFF, 0.0)
    return where_open(compared(leaf, value, off), ancient)


def _velocity(columns: Columns) -> tuple[Floats, Floats, Bools]:
    """(pages scrolled a minute, what it can be off by, where digits run out); NaN: unknown."""
    _, scroll, old = _paces(columns, "scroll")
    _, dwell, also_old = _paces(columns, "dwell")
    there = dwell > 0.0
    value = np.where(there, 60.0 * scroll / np.where(there, dwell, 1.0), np.nan)
    return value, value * 4.0 * OFF, old | also_old


def _scroll_velocity(columns: Columns, leaf: Leaf) -> Bounds:
    value, off, ancient = _velocity(columns)
    return where_open(compared(leaf, value, off, missing=None), ancient)


def _percentile(columns: Columns, leaf: Leaf) -> Bounds:
    measure = leaf.params["measure"]
    quantiles = baseline_usable(columns.world.baseline).quantiles.get(measure)
    if not quantiles:
        unknown = np.full(columns.size, np.nan)
        return compared(leaf, unknown, missing=None)
    if measure == "visits_per_week":
        ranks = _each(_weekly(columns), lambda value: 100.0 * percentile_rank(quantiles, value))
        return compared(leaf, ranks)
    if measure == "engagement":
        least, most, ancient = _engagement_range(columns)
    else:
        value, off, ancient = _velocity(columns)
        least, most = value - off, value + off
    ends = (least, most)
    low, high = (np.where(np.isnan(end), np.nan, _ranks(quantiles, end)) for end in ends)
    slack = _slack(low, high)
    bounds = compared_range(leaf, 100.0 * (low - slack), 100.0 * (high + slack), missing=None)
    return where_open(bounds, ancient)


# --- Days --------------------------------------------------------------------------------------


def _trend(columns: Columns, leaf: Leaf) -> Bounds:
    measure = leaf.params["measure"]
    usual = baseline_usable(columns.world.baseline).daily_means.get(measure)
    values, lengths, which = columns.totals.days_complete(measure)
    weights = np.zeros((WINDOW_DAYS + 1, WINDOW_DAYS))
    for length in range(MIN_DAYS, WINDOW_DAYS + 1):
        weights[length, -length:] = slope_weights(length)
    sums = values.sum(axis=1)
    scale = np.full(len(values), usual) if usual else sums / np.maximum(lengths, 1)
    counts = (lengths >= MIN_DAYS) & (scale > 0.0) & (sums > 0.0)
    scale = np.where(counts, scale, 1.0)
    slope = (weights[lengths] * values).sum(axis=1) / scale
    gross = (np.abs(weights[lengths]) * values).sum(axis=1) / scale
    trend = np.where(counts, np.clip(slope, -1.0, 1.0), 0.0)
    off = np.where(counts, ROUNDING * gross + 1e-11, 0.0)
    return compared(leaf, 100.0 * trend[which], 100.0 * off[which])


BEHAVIOR_FORMS: Mapping[str, Form] = {
    "recency_score": _recency,
    "first_seen": _first_seen,
    "last_seen": _last_seen,
    "visits_per_week": _visits_per_week,
    "frequency": _frequency,
    "consistency": _consistency,
    "engagement_level": _engagement,
    "momentum": _momentum,
    "scroll_velocity": _scroll_velocity,
    "percentile": _percentile,
    "trend": _trend,
}
