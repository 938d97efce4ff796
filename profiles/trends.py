"""Whether a visitor does more or less from day to day: smoothed slopes of a daily series.

A series has the last WINDOW_DAYS complete UTC days since the first event, oldest first; a day
without events is a zero. Today is left out because it is not over, the day of the first event
because nobody has one without events: counting it would make every newcomer fall. It is smoothed by
an exponentially weighted moving average of span SPAN (weight 1 − 2/(SPAN + 1) for each day further
back, divided by the weights there are, so that the first days are not pulled to zero), which
dampens the rhythm of the week. The slope is that of least squares of the smoothed series on
the equally smoothed days: a straight line keeps its slope exactly, however short the series.

Source: Roberts, Control Chart Tests Based on Geometric Moving Averages, Technometrics 1959; least
squares. What never gets in: clocks, settings, storage.
"""

from collections.abc import Sequence
from functools import lru_cache
from math import fsum
from operator import mul

from profiles.state import DAY, Day, State

#: Four whole weeks, so that each weekday counts as often as any other.
WINDOW_DAYS = 28
SPAN = 7
#: Fewer days than these have no trend.
MIN_DAYS = 3
_NONE = Day()


def days_complete(state: State, *, now: float) -> list[Day]:
    """The complete days of the window after that of the first event, oldest first."""
    if state.first is None:
        return []
    today = day_number(now)
    start = max(today - WINDOW_DAYS, day_number(state.first / 1000.0) + 1)
    return [state.days.get(number, _NONE) for number in range(start, today)]


def day_number(at: float) -> int:
    """The UTC day of a time in seconds since 1970, counted from 1970-01-01.

    >>> day_number(86_399.0), day_number(86_400.0)
    (0, 1)
    """
    return int(at // DAY)


def trend_of(values: Sequence[float], *, usual_day: float | None) -> float:
    """The smoothed change per day as a part of a usual day, −1 to 1: +0.05 is 5 % more each day.

    `usual_day` is what a visitor of this site does on an average day (profiles.baseline); where
    that is unknown or 0 the series' own mean takes its place. 0 for fewer than MIN_DAYS values.

    >>> trend_of([1.0, 2.0, 3.0, 4.0], usual_day=20.0)
    0.05
    >>> trend_of([5.0, 5.0, 5.0], usual_day=None), trend_of([1.0, 9.0], usual_day=1.0)
    (0.0, 0.0)
    """
    if len(values) < MIN_DAYS:
        return 0.0
    scale = usual_day or fsum(values) / len(values)
    if scale <= 0.0:
        return 0.0
    slope = fsum(map(mul, slope_weights(len(values)), values))
    return max(-1.0, min(1.0, round(slope / scale, 12))) + 0.0  # no negative zero


@lru_cache(maxsize=64)
def slope_weights(days: int) -> tuple[float, ...]:
    """How much each of so many days adds to the slope: it is linear in the values.

    >>> [round(weight, 3) for weight in slope_weights(3)]
    [-0.632, 0.264, 0.368]
    """
    units = [[float(day == other) for other in range(days)] for day in range(days)]
    times = ewma([float(day) for day in range(days)])
    middle = fsum(times) / days
    spread = fsum((time - middle) ** 2 for time in times)
    return tuple(
        fsum((time - middle) * value for time, value in zip(times, ewma(unit), strict=True))
        / spread
        for unit in units
    )


def ewma(values: Sequence[float]) -> list[float]:
    """The exponentially weighted moving average of each value and those before it.

    >>> ewma([4.0, 4.0, 4.0])
    [4.0, 4.0, 4.0]
    """
    keep = 1.0 - 2.0 / (SPAN + 1)
    smoothed, total, weights = [], 0.0, 0.0
    for value in values:
        total = total * keep + value
        weights = weights * keep + 1.0
        smoothed.append(total / weights)
    return smoothed
