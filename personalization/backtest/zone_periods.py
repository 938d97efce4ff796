"""Days, weeks and months as a zone's clocks show them, of many moments at once.

The same numbers as profiles.features.periods gives. What never gets in: clocks, settings, storage.
"""

from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np

from profiles.columns import Ints

MINUTE_MS = 60_000
HOUR, DAY = 60, 24 * 60
#: Minutes that a zone's changes are looked up for at a time.
STRIDE = 32 * DAY
#: 1970-01-01 as an ordinal, and its month as periods number it.
_FIRST_DAY, _FIRST_MONTH = 719_163, 1970 * 12 + 1


def period_numbers(period: str, zone: ZoneInfo, times: Ints) -> Ints:
    """The number of the day, week or month of each time (ms since 1970).

    >>> zone = ZoneInfo("Europe/Copenhagen")
    >>> period_numbers("day", zone, np.array([1_774_738_799_999, 1_774_738_800_000])).tolist()
    [739703, 739704]
    """
    if not len(times):
        return np.zeros(0, np.int64)
    minutes = times // MINUTE_MS
    begins, offsets = _offsets(zone, minutes)
    days = (minutes + offsets[np.searchsorted(begins, minutes, side="right") - 1]) // DAY
    if period == "month":
        return days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) + _FIRST_MONTH
    numbers = days + _FIRST_DAY
    return numbers if period == "day" else (numbers - 1) // 7


def _offsets(zone: ZoneInfo, minutes: Ints) -> tuple[Ints, Ints]:
    """(from which minutes, how many minutes the zone is ahead of UTC), wherever there is one."""
    strides = np.unique(minutes // STRIDE).tolist()
    changes = [change for stride in strides for change in _changes(zone, stride)]
    begins, offsets = np.array(changes, np.int64).T
    return begins, offsets


@lru_cache(maxsize=4096)
def _changes(zone: ZoneInfo, stride: int) -> tuple[tuple[int, int], ...]:
    """The offset at the beginning of a stride, and each that changes within it."""
    hours = range(stride * STRIDE, (stride + 1) * STRIDE + 1, HOUR)
    changes = [(hours[0], _offset(zone, hours[0]))]
    for hour in hours[1:]:
        while (offset := _offset(zone, hour)) != changes[-1][1]:
            changes.append(_next_change(zone, max(changes[-1][0], hour - HOUR), hour))
            if changes[-1][1] == offset:
                break
    return tuple(change for change in changes if change[0] < (stride + 1) * STRIDE)


def _next_change(zone: ZoneInfo, low: int, high: int) -> tuple[int, int]:
    """The first minute in (low, high] at which the offset is another, and that offset."""
    before = _offset(zone, low)
    for minute in range(low + 1, high + 1):
        if (offset := _offset(zone, minute)) != before:
            return minute, offset
    return high, _offset(zone, high)


def _offset(zone: ZoneInfo, minute: int) -> int:
    ahead = datetime.fromtimestamp(minute * 60, zone).utcoffset()
    assert ahead is not None
    return int(ahead.total_seconds() // 60)
