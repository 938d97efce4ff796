"""Days, moments and times of day as rules write them, each read by the clocks of a named zone.

    date "2026-12-24" · moment "2026-12-24T18:00" · time "18:00" · zone "Europe/Berlin"

All instants are seconds since 1970 UTC. An hour that a zone's clocks show twice is the first of
the two, one that they leave out is read by the offset before (PEP 495, fold 0).
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from typing import TypeVar
from zoneinfo import ZoneInfo, available_timezones

DATE_PATTERN = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
TIME_PATTERN = r"^[0-9]{2}:[0-9]{2}$"
MOMENT_PATTERN = DATE_PATTERN[:-1] + "T" + TIME_PATTERN[1:]
MIN_YEAR, MAX_YEAR = 1970, 2200

WEEKDAYS = {
    "mon": "Monday",
    "tue": "Tuesday",
    "wed": "Wednesday",
    "thu": "Thursday",
    "fri": "Friday",
    "sat": "Saturday",
    "sun": "Sunday",
}
MONTHS = {
    "jan": "January",
    "feb": "February",
    "mar": "March",
    "apr": "April",
    "may": "May",
    "jun": "June",
    "jul": "July",
    "aug": "August",
    "sep": "September",
    "oct": "October",
    "nov": "November",
    "dec": "December",
}
UNITS = {"minutes": 60, "hours": 3600, "days": 86_400, "weeks": 604_800}
_Day = TypeVar("_Day", date, datetime)
_DAY_KEYS, _MONTH_KEYS = tuple(WEEKDAYS), tuple(MONTHS)
#: What clocks say before 1970 or after MAX_YEAR is not asked.
_FIRST, _LAST = 0.0, datetime(MAX_YEAR + 1, 1, 1, tzinfo=UTC).timestamp() - 86_400.0


@cache
def zone_names() -> frozenset[str]:
    """The zones there are, by their names in the tz database."""
    return frozenset(available_timezones())


def date_read(text: str) -> date | None:
    """The day a text names; None for none.

    >>> date_read("2026-02-28"), date_read("2026-02-29"), date_read("28.2.2026")
    (datetime.date(2026, 2, 28), None, None)
    """
    return _read(DATE_PATTERN, date.fromisoformat, text)


def moment_read(text: str) -> datetime | None:
    """The moment a text names, without a zone; None for none."""
    return _read(MOMENT_PATTERN, datetime.fromisoformat, text)


def time_read(text: str) -> time | None:
    """The time of day a text names; None for none."""
    return (
        time.fromisoformat(text)
        if _is(TIME_PATTERN, text) and text < "24" and text[3] < "6"
        else None
    )


def _is(pattern: str, text: str) -> bool:
    return re.fullmatch(pattern[1:-1], text) is not None


def _read(pattern: str, read: Callable[[str], _Day], text: str) -> _Day | None:
    try:
        found = read(text) if _is(pattern, text) else None
    except ValueError:
        return None
    return found if found and MIN_YEAR <= found.year <= MAX_YEAR else None


@lru_cache(maxsize=1024)
def instant_of(text: str, zone: str) -> float | None:
    """The instant at which a zone's clocks show a date (its midnight) or a moment; None for none.

    >>> instant_of("1970-01-02T01:00", "Europe/Berlin"), instant_of("1970-01-02", "UTC")
    (86400.0, 86400.0)
    """
    found = moment_read(text)
    if found is None:
        day = date_read(text)
        found = datetime.combine(day, time()) if day else None
    return found.replace(tzinfo=ZoneInfo(zone)).timestamp() if found else None


def local_at(at: float, zone: str) -> datetime | None:
    """What a zone's clocks show at an instant; None beyond the years that are asked."""
    return datetime.fromtimestamp(at, ZoneInfo(zone)) if _FIRST <= at < _LAST else None


def weekday_at(at: float, zone: str) -> str | None:
    """The day of the week, one of WEEKDAYS.

    >>> weekday_at(0.0, "UTC"), weekday_at(0.0, "America/New_York")
    ('thu', 'wed')
    """
    local = local_at(at, zone)
    return _DAY_KEYS[local.weekday()] if local else None


def month_at(at: float, zone: str) -> str | None:
    """The month, one of MONTHS."""
    local = local_at(at, zone)
    return _MONTH_KEYS[local.month - 1] if local else None


def is_within_day(at: float, zone: str, start: time, end: time) -> bool:
    """Whether clocks show a time in [start, end); past midnight where the end comes first.

    >>> is_within_day(3600.0, "UTC", time(22), time(6))
    True
    """
    local = local_at(at, zone)
    if local is None:
        return False
    shown = local.time()
    return start <= shown < end if start < end else shown >= start or shown < end


def is_within_week(at: float, zone: str, days: frozenset[str], start: time, end: time) -> bool:
    """As is_within_day, on these days; what lies after midnight belongs to the day before.

    >>> night = frozenset({"wed"}), time(22), time(6)
    >>> is_within_week(3600.0, "UTC", *night), is_within_week(86_400.0 - 3600.0, "UTC", *night)
    (True, False)
    """
    local = local_at(at, zone)
    if local is None or not is_within_day(at, zone, start, end):
        return False
    began = local.weekday() - (end <= start and local.time() < end)
    return _DAY_KEYS[began] in days


def is_anniversary(at: float, now: float, zone: str) -> bool:
    """Whether today is the yearly return of a day, that day itself not; 29 February returns on
    28 February in other years.

    >>> is_anniversary(0.0, 365 * 86_400.0, "UTC"), is_anniversary(0.0, 0.0, "UTC")
    (True, False)
    """
    then, today = local_at(at, zone), local_at(now, zone)
    if then is None or today is None or today.year <= then.year:
        return False
    if (then.month, then.day) == (2, 29):
        next_day = today.date() + timedelta(days=1)
        return today.month == 2 and next_day.month == 3
    return (then.month, then.day) == (today.month, today.day)
