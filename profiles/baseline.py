"""The site's baseline: what visitors do here, against which one visitor is read.

Read by profiles.vector, made from many profiles by profiles.census. What never gets in: clocks,
settings, storage, and measures or categories of fewer than MIN_PUBLISHED visitors.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

#: k-anonymity: a measure or a category of fewer visitors is not published.
MIN_PUBLISHED = 20
#: A baseline of fewer visitors is not read by: their ranks would jump with every newcomer.
MIN_VISITORS = 50
#: The evidence, in units of affinity, that is laid on the side of the site's shares before a
#: visitor's own counts: ten fresh page views.
PSEUDO_EVENTS = 10.0


@dataclass(frozen=True, slots=True)
class Baseline:
    """One computation over `n` visitors.

    `quantiles` has for each measure its values at 0, 1, … 100 %; `daily_means` what a visitor does
    on an average day (seconds of dwell_time, clicks, visits); `shares` each category's part of all
    affinity, 0 to 1.
    """

    n: int
    quantiles: Mapping[str, Sequence[float]] = field(default_factory=dict)
    daily_means: Mapping[str, float] = field(default_factory=dict)
    shares: Mapping[str, float] = field(default_factory=dict)


#: No baseline: every reading falls back on a formula of its own.
NO_BASELINE = Baseline(0)


def baseline_usable(baseline: Baseline | None) -> Baseline:
    """The baseline if enough visitors stand behind it, else NO_BASELINE."""
    return baseline if baseline is not None and baseline.n >= MIN_VISITORS else NO_BASELINE


def level_of(baseline: Baseline, measure: str, value: float, *, midpoint: float) -> float:
    """Where a value stands among the site's visitors, 0 to 1; 0 for nothing.

    The percentile rank, or value / (value + midpoint) where the baseline has no such measure.

    >>> level_of(NO_BASELINE, "engagement", 40.0, midpoint=40.0)
    0.5
    """
    if value <= 0.0:
        return 0.0
    quantiles = baseline.quantiles.get(measure)
    return percentile_rank(quantiles, value) if quantiles else value / (value + midpoint)


def percentile_rank(quantiles: Sequence[float], value: float) -> float:
    """The part of the visitors below a value, half of those at it, 0 to 1.

    `quantiles` are evenly spaced and ascending, from the lowest value to the highest; between two
    of them the rank is interpolated, the inverse of Hyndman and Fan's type 7 (The American
    Statistician, 1996).

    >>> percentile_rank([0.0, 10.0, 20.0, 40.0, 80.0], 30.0)
    0.625
    >>> percentile_rank([1.0, 1.0, 1.0, 2.0, 9.0], 1.0), percentile_rank([1.0, 2.0], 3.0)
    (0.25, 1.0)
    """
    last = len(quantiles) - 1
    low, high = bisect_left(quantiles, value), bisect_right(quantiles, value)
    if low < high:
        return (low + high - 1) / 2 / last
    if low == 0 or low > last:
        return 0.0 if low == 0 else 1.0
    below, above = quantiles[low - 1], quantiles[low]
    return (low - 1 + (value - below) / (above - below)) / last


def lift_of(score: float, total: float, share: float | None) -> float | None:
    """How much more of a category a visitor likes than the site: 2 is twice its share.

    ((m + k·p) / (M + k)) / p with the visitor's affinity m for the category and M for all of them,
    the site's share p, and k = PSEUDO_EVENTS: the mean of a Dirichlet posterior whose prior is the
    site. Little evidence gives a lift near 1, none gives 1. None without a share.
    Source: Gelman et al., Bayesian Data Analysis, ch. 3.4.

    >>> lift_of(0.0, 0.0, 0.2), lift_of(90.0, 90.0, 0.2), lift_of(1.0, 1.0, None)
    (1.0, 4.6, None)
    """
    if not share:
        return None
    return (score + PSEUDO_EVENTS * share) / (total + PSEUDO_EVENTS) / share
