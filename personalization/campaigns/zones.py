"""Times as people type them, in a zone they name, and the instants they stand for. Pure.

What never gets in: settings, storage, the current time.
"""

import zoneinfo
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

#: Names that are no place: old spellings, offsets with the sign turned round.
_NO_PLACE = ("Etc/", "SystemV/", "US/", "posix/", "right/")


class LocalTimeError(ValueError):
    """A local time that stands for no instant, or for two; the message says what to type."""


@lru_cache(maxsize=1)
def zone_names() -> tuple[str, ...]:
    """UTC, then every place by its name."""
    places = (name for name in _all_names() if "/" in name and not name.startswith(_NO_PLACE))
    return ("UTC", *sorted(places))


def is_zone(name: str) -> bool:
    """Whether a zone has this name.

    >>> is_zone("Europe/Berlin"), is_zone("Atlantis/Port"), is_zone("../etc/passwd")
    (True, False, False)
    """
    return name in _all_names()


@lru_cache(maxsize=1)
def _all_names() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


def instant_from_local(local: datetime, zone: str) -> datetime:
    """The instant at which clocks in a zone show a time. `local` has no zone of its own.

    Raises LocalTimeError where clocks are put forward (there is no such time) or back (it comes
    twice).

    >>> instant_from_local(datetime(2026, 7, 1, 9, 0), "Europe/Berlin").isoformat()
    '2026-07-01T07:00:00+00:00'
    >>> instant_from_local(datetime(2026, 3, 29, 2, 30), "Europe/Berlin")
    Traceback (most recent call last):
        ...
    personalization.campaigns.zones.LocalTimeError: On 29 Mar 2026 there is no 02:30 in \
Europe/Berlin: clocks are put forward then. Use 01:30 or 03:30.
    """
    place = ZoneInfo(zone)
    first, second = (local.replace(tzinfo=place, fold=fold) for fold in (0, 1))
    if _offset(first) == _offset(second):
        return first.astimezone(UTC)
    day, hour = f"{local:%-d %b %Y}", f"{local:%H:%M}"
    in_utc = sorted(one.astimezone(UTC) for one in (first, second))
    if _offset(first) < _offset(second):
        before, after = (f"{one.astimezone(place):%H:%M}" for one in in_utc)
        raise LocalTimeError(
            f"On {day} there is no {hour} in {zone}: clocks are put forward then. "
            f"Use {before} or {after}."
        )
    earlier, later = (f"{one:%H:%M}" for one in in_utc)
    raise LocalTimeError(
        f"On {day} it is {hour} twice in {zone}: clocks are put back then. "
        f"Use another time, or the zone UTC: {earlier} for the first, {later} for the second."
    )


def local_from_instant(instant: datetime, zone: str) -> datetime:
    """What clocks in a zone show at an instant, without a zone.

    >>> local_from_instant(datetime(2026, 7, 1, 7, 0, tzinfo=UTC), "Europe/Berlin")
    datetime.datetime(2026, 7, 1, 9, 0)
    """
    return instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None)


def instant_text(seconds: float, zone: str) -> str:
    """An instant, in seconds since 1970, as its marketer typed it.

    >>> instant_text(1_782_889_200.0, "Europe/Berlin")
    '1 Jul 2026, 09:00 Europe/Berlin'
    """
    local = datetime.fromtimestamp(seconds, ZoneInfo(zone) if is_zone(zone) else UTC)
    return f"{local:%-d %b %Y, %H:%M} {zone if is_zone(zone) else 'UTC'}"


def _offset(moment: datetime) -> timedelta:
    return moment.utcoffset() or timedelta(0)
