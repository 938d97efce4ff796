"""Days, weeks and months as a zone's clocks show them, by number. No clocks, no settings."""

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo


@lru_cache(maxsize=256)
def period_number(period: str, zone: ZoneInfo) -> Callable[[int], int]:
    """From milliseconds to the number of the zone's day, week or month they fall in.

    >>> day = period_number("day", ZoneInfo("Europe/Copenhagen"))
    >>> day(1_774_738_799_999) - day(1_774_656_000_000), day(1_774_738_800_000)
    (0, 739704)
    """

    # Since 1972 every clock has gone by whole minutes, and changed at whole minutes.
    @lru_cache(maxsize=1024)
    def number(minute: int) -> int:
        local = datetime.fromtimestamp(minute * 60, zone)
        if period == "month":
            return local.year * 12 + local.month
        day = local.toordinal()
        return day if period == "day" else (day - 1) // 7  # day 1 was a Monday

    return lambda when: number(when // 60_000)
