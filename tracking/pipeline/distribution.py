"""What is usual, from counts in fixed bins: quantiles, a robust spread, and the fences.

The bins are as wide as DDSketch's (Masson, Rim and Lee, "DDSketch: A fast and fully-mergeable
quantile sketch with relative-error guarantees", PVLDB 12(12), 2019), on log(1 + x) so that 0 has
a bin: each stands for its values within 2 %. Counts in the same bins can be added up, taken back
and made to fade, so many writers need no common state.

Everything is measured on log(1 + x): reading times and counts are skewed, and on their own scale
Tukey's rule would call every twelfth value of a log-normal an outlier.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import expm1, log1p, sqrt
from typing import NamedTuple

#: log γ of DDSketch for a relative error of 2 %: γ = (1 + 0.02) / (1 − 0.02).
WIDTH = 0.04
#: Observations without which nothing is called unusual.
LEAST = 200
#: σ of a normal distribution in units of its median absolute deviation.
MAD_SIGMA = 1.4826
#: Where Tukey's fence lies on a normal distribution, in σ: 0.6745 + 1.5 × 1.349.
TUKEY_SIGMA = 2.698
#: The least σ: 3 σ are never less than a doubling of 1 + the median.
LEAST_SIGMA = 0.231


class Distribution(NamedTuple):
    """What a histogram tells, in the unit of what was observed; `sigma` on log(1 + x)."""

    observations: float
    lower_quartile: float
    median: float
    upper_quartile: float
    sigma: float
    z_score: float
    iqr: float


@lru_cache(maxsize=8192)
def bin_of(value: float) -> int:
    """
    >>> bin_of(0.0), bin_of(1.0), bin_of(1800.0)
    (0, 17, 187)
    """
    return int(log1p(value) / WIDTH + 0.5)


def bin_value(number: int) -> float:
    """The value a bin stands for.

    >>> abs(bin_value(bin_of(1800.0)) / 1800.0 - 1.0) < 0.02
    True
    """
    return expm1(number * WIDTH)


def distribution_of(bins: Mapping[int, float], *, counted: bool) -> Distribution | None:
    """The distribution of counts by bin, with its fences; None below LEAST observations.

    `z_score` is the fence 3 σ above the median, with σ = 1.4826 × the median absolute deviation;
    `iqr` is Tukey's, 1.5 interquartile ranges above the upper quartile. Neither is nearer to the
    median than the least σ allows. Of `counted` things σ is at least that of a Poisson
    distribution of the same median, √m / (1 + m) on log(1 + x): where most visits have one click,
    deviations are 0, and two clicks are still nothing unusual.
    """
    # Taking a value out of its bin after its count has faded leaves a little less than nothing.
    counts = sorted((number, count) for number, count in bins.items() if count > 0.0)
    observations = sum(count for _, count in counts)
    if observations < LEAST:
        return None
    lower, median, upper = (_quantile(counts, share, observations) for share in (0.25, 0.5, 0.75))
    deviations = sorted((abs(number - median), count) for number, count in counts)
    least = LEAST_SIGMA
    if counted:
        usual = max(bin_value(median), 1.0)
        least = max(least, sqrt(usual) / (1.0 + usual))
    sigma = max(MAD_SIGMA * WIDTH * _quantile(deviations, 0.5, observations), least)
    tukey = max(upper + 1.5 * (upper - lower), median + TUKEY_SIGMA * least / WIDTH)
    return Distribution(
        observations=observations,
        lower_quartile=bin_value(lower),
        median=bin_value(median),
        upper_quartile=bin_value(upper),
        sigma=sigma,
        z_score=expm1(median * WIDTH + 3.0 * sigma),
        iqr=expm1(tukey * WIDTH),
    )


def _quantile(counts: Sequence[tuple[int, float]], share: float, total: float) -> int:
    """The first number at which the counts, in order, reach a share of their total."""
    reached = 0.0
    for number, count in counts:
        reached += count
        if reached >= share * total:
            return number
    return counts[-1][0]
