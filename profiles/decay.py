"""Forward decay in the log domain: one float per decayed sum, the same in any order.

With half-life h, events of weight wᵢ at times tᵢ have at time `now` the mass
Σ wᵢ·2^(−(now−tᵢ)/h). It is kept as x = log2 Σ wᵢ·2^((tᵢ−EPOCH)/h), which no passing of time
changes. Source: Cormode, Shkapenyuk, Srivastava, Xu: Forward Decay, ICDE 2009; the logarithm
keeps 2^(t/h) in range.

All times are seconds since 1970 UTC, half-lives are seconds, masses are in units of weight.
What never gets in: clocks, settings, storage.
"""

from math import inf, log1p, log2

#: Counting from here instead of 1970 keeps four more decimal digits of x (2020-01-01 UTC).
EPOCH = 1_577_836_800.0

NOTHING = -inf
_PER_LN2 = 1.0 / 0.6931471805599453
#: Below this difference the smaller term is lost in a float64's rounding.
_NEGLIGIBLE = -60.0


def log_mass(weight: float, at: float, half_life: float) -> float:
    """x of one event.

    >>> log_mass(1.0, EPOCH + 86400, 86400)
    1.0
    >>> log_mass(0.0, EPOCH, 86400)
    -inf
    """
    return log2(weight) + (at - EPOCH) / half_life if weight > 0.0 else NOTHING


def log_add(x: float, y: float) -> float:
    """x of two sums together: log2(2^x + 2^y). Commutative, associative up to rounding.

    >>> log_add(3.0, 3.0)
    4.0
    >>> log_add(NOTHING, 2.5)
    2.5
    """
    if x < y:
        x, y = y, x
    if y == NOTHING:
        return x
    difference = y - x
    if difference < _NEGLIGIBLE:
        return x
    return x + log1p(2.0**difference) * _PER_LN2


def mass_at(x: float, now: float, half_life: float) -> float:
    """The decayed sum at `now`; times after `now` count more than their weight.

    >>> mass_at(log_mass(8.0, EPOCH, 3600), EPOCH + 3 * 3600, 3600)
    1.0
    """
    return 2.0 ** (x - (now - EPOCH) / half_life) if x != NOTHING else 0.0


def falls_below_at(x: float, threshold: float, half_life: float) -> float:
    """When the mass falls below `threshold`, if nothing is added (seconds since 1970).

    >>> falls_below_at(log_mass(8.0, EPOCH, 3600), 1.0, 3600) - EPOCH
    10800.0
    """
    return EPOCH + half_life * (x - log2(threshold))
