"""Days, weeks and months as a zone's clocks show them, by number. No clocks, no settings."""

import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
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


#: The years that a day may be of.
MIN_YEAR, MAX_YEAR = 1970, 2200
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def day_read(text: str) -> date | None:
    """The day a text names; None for none.

    >>> day_read("2026-02-28"), day_read("2026-02-29"), day_read("28.2.2026")
    (datetime.date(2026, 2, 28), None, None)
    """
    try:
        day = date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        return None
    return day if day and MIN_YEAR <= day.year <= MAX_YEAR else None


def day_begins(text: str, zone: ZoneInfo) -> int:
    """When a day begins on the zone's clocks, in milliseconds since 1970: of a midnight that they
    show twice the first, of one that they leave out the moment at which they do.

    >>> day_begins("2026-03-29", ZoneInfo("Europe/Copenhagen"))
    1774738800000
    """
    day = day_read(text)
    if day is None:
        raise ValueError(f"{text} is no day.")
    return int(datetime.combine(day, time(), zone).timestamp()) * 1000


def dates_edges(start: str, end: str, zone: str) -> tuple[float, float]:
    """The moments from which and before which the days from `start` to `end` lie, both days among
    them, in milliseconds since 1970; "" is open.

    >>> dates_edges("1970-01-02", "1970-01-02", "UTC"), dates_edges("", "", "UTC")
    ((86400000, 172800000), (-inf, inf))
    """
    clock = ZoneInfo(zone)
    after = f"{date.fromisoformat(end) + timedelta(days=1)}" if end else ""
    return (
        day_begins(start, clock) if start else float("-inf"),
        day_begins(after, clock) if after else float("inf"),
    )
