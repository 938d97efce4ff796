"""How many a campaign may be given to, all visitors together: "the first 500 visitors".

A counter for each campaign says how many places are taken; it holds a number and no id. Whether a
visitor has one already says what that visitor was shown (frequency.limits.Shown), so a place is
taken once, however many tabs and devices of a profile ask. Exact at once is frequency.shown's to
see to.

What never gets in: clocks, storage, visitor ids.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

MOST = 1_000_000_000
DAY = "day"
#: What is counted, and one of it.
COUNTED = {"visitors": "visitor", "exposures": "time"}


@dataclass(frozen=True)
class Capacity:
    """At most `count` "visitors" or "exposures" in all; with a `zone` on each day of its clocks."""

    count: int
    counted: str = "visitors"
    zone: str = ""

    def day(self, now_ms: int) -> str:
        """The day that a moment (milliseconds since 1970) counts for; "ever" without days.

        >>> Capacity(5, zone="Asia/Tokyo").day(1_795_618_800_000)
        '2026-11-26'
        """
        if not self.zone:
            return "ever"
        return f"{datetime.fromtimestamp(now_ms / 1000, ZoneInfo(self.zone)):%Y-%m-%d}"

    def day_after(self, now_ms: int) -> str:
        """The day that comes next."""
        if not self.zone:
            return "ever"
        today = datetime.fromtimestamp(now_ms / 1000, ZoneInfo(self.zone)).date()
        return f"{today + timedelta(days=1):%Y-%m-%d}"

    def begins(self, now_ms: int) -> datetime | None:
        """Since when what is given counts at a moment; None: since ever."""
        if not self.zone:
            return None
        at = datetime.fromtimestamp(now_ms / 1000, ZoneInfo(self.zone))
        return at.replace(hour=0, minute=0, second=0, microsecond=0)

    def key(self, campaign: int, day: str) -> str:
        """The counter's name."""
        return f"given:{campaign}:{self.counted}:{day}"

    def has_place(self, times: Iterable[int], now_ms: int) -> bool:
        """Whether who was given the campaign at these times takes no further place."""
        if self.counted != "visitors":
            return False
        today = self.day(now_ms)
        return any(self.day(when) == today for when in times)


def capacity_words(capacity: Capacity, given: int) -> str:
    """How full it is.

    >>> capacity_words(Capacity(1500), 1200)
    'given to 1,200 of 1,500 visitors'
    >>> capacity_words(Capacity(1, "exposures", "UTC"), 1)
    'given 1 of 1 time today'
    """
    one = COUNTED[capacity.counted]
    to = "to " if capacity.counted == "visitors" else ""
    units = one if capacity.count == 1 else f"{one}s"
    return f"given {to}{given:,} of {capacity.count:,} {units}{' today' if capacity.zone else ''}"
