"""How often and how regularly a visitor comes: frequency, gaps between visits, consistency.

A gap is the time from one visit's beginning to the next one's; the latest RECENT_VISITS visits are
remembered. What never gets in: clocks, settings, storage.
"""

from itertools import pairwise
from math import fsum, sqrt
from typing import NamedTuple

from profiles.state import DAY, State
from profiles.trends import WINDOW_DAYS, day_number

#: Fewer gaps than these say nothing of how regular a visitor is.
MIN_GAPS = 3
#: A present gap is unusual when a visitor of this pace would stay away as long in fewer than one of
#: twenty cases.
UNUSUAL = 0.05


class Gaps(NamedTuple):
    """The time between visits, in days; None where there were too few visits to tell.

    `mean_days` and `latest_days` are over past gaps, `present_days` is the time since the last
    visit began. `is_unusual` says that it is longer than the visitor's own pace explains.
    """

    mean_days: float | None
    latest_days: float | None
    present_days: float | None
    is_unusual: bool


def visits_per_week(state: State, *, now: float) -> float:
    """Visits begun in the last 28 UTC days, today among them, divided by 4 weeks.

    Of a visitor first seen later the weeks before count as weeks without a visit: one visit today
    is not seven a week.
    """
    today = day_number(now)
    first = today - WINDOW_DAYS + 1
    visits = sum(day.visits for number, day in state.days.items() if first <= number <= today)
    return visits * 7.0 / WINDOW_DAYS


def gaps_list(state: State) -> list[float]:
    """The gaps between the remembered visits in days, the latest last."""
    return [(later - earlier) / (1000.0 * DAY) for earlier, later in pairwise(state.starts)]


def temporal_gaps(state: State, *, now: float) -> Gaps:
    """Past gaps and the present one.

    If visits come at random with an unknown constant rate (gaps exponential, every rate as likely
    before), a visitor whose n gaps sum to S stays away longer than g with probability
    (S / (S + g))ⁿ: the Lomax distribution. Source: Gelman et al., Bayesian Data Analysis, ch. 2.
    Regular visitors are late sooner than this says, so nobody is called late too soon.
    """
    if not state.starts:
        return Gaps(None, None, None, False)
    present = max(now - state.starts[-1] / 1000.0, 0.0) / DAY
    gaps = gaps_list(state)
    if not gaps:
        return Gaps(None, None, present, False)
    total = fsum(gaps)
    chance = (total / (total + present)) ** len(gaps) if total > 0.0 else 1.0
    return Gaps(total / len(gaps), gaps[-1], present, chance < UNUSUAL)


def consistency_of(gaps: list[float]) -> float | None:
    """How regular the gaps are, 0 to 1: 1 / (1 + their coefficient of variation).

    1 is clockwork, 0.5 is chance (the gaps of a Poisson process vary as much as they last), towards
    0 are bursts. It is (1 − B) / 2 of the burstiness B of Goh and Barabási, EPL 2008. The standard
    deviation is the sample's (n − 1). None for fewer than MIN_GAPS gaps.

    >>> consistency_of([7.0, 7.0, 7.0, 7.0]), consistency_of([7.0, 7.0])
    (1.0, None)
    """
    count = len(gaps)
    mean = fsum(gaps) / count if count else 0.0
    if count < MIN_GAPS or mean <= 0.0:
        return None
    deviation = sqrt(fsum((gap - mean) ** 2 for gap in gaps) / (count - 1))
    return 1.0 / (1.0 + deviation / mean)
