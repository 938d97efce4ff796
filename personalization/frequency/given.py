"""The counters of capacities: how many a campaign was given to, all visitors together.

They stand in Redis, a number each, and are raised in the step that counts a visitor's exposure
(frequency.shown). Where one is missing its campaign is not shown, until a worker has made it anew
from the stored exposures. A total is never made smaller than it was known to be
(models.CampaignGiven): whoever was erased has been given it.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from django.core.cache import cache

from personalization.frequency.capacity import Capacity
from personalization.frequency.models import CampaignGiven
from tracking import selectors as tracking_selectors

NO_COUNTERS: Mapping[str, int] = MappingProxyType({})
#: A counter goes so long after its last change; a total is then made anew.
GIVEN_SECONDS = 30 * 24 * 3600

#: Exposures of so long ago are in the counts of the hours.
UNCOUNTED_YET = timedelta(hours=1)

#: By campaign.
Capacities = Mapping[int, Capacity]


def given_keys(capacities: Capacities, *, now: datetime) -> list[str]:
    """The names of the counters that hold now."""
    at = _ms(now)
    return [one.key(campaign, one.day(at)) for campaign, one in capacities.items()]


def given_read(keys: Iterable[str]) -> dict[str, int]:
    """What these counters hold, without those that are not there."""
    wanted = list(keys)
    return given_of(cache.get_many(wanted), wanted) if wanted else {}


def given_of(found: Mapping[str, object], keys: Iterable[str]) -> dict[str, int]:
    """The counters among what was read from the cache."""
    return {key: count for key in keys if type(count := found.get(key)) is int}


def given_counts(capacities: Capacities, *, now: datetime) -> dict[int, int]:
    """How many each campaign was given to, for people to read: where no counter says it, what was
    last known, or 0."""
    at = _ms(now)
    keys = {campaign: one.key(campaign, one.day(at)) for campaign, one in capacities.items()}
    found, known = given_read(keys.values()), _totals(capacities)
    return {campaign: found.get(key, known.get(campaign, 0)) for campaign, key in keys.items()}


def given_for_preview(capacities: Capacities, *, now: datetime) -> dict[str, int]:
    """The counters as if there were one for each: a draft's has not begun."""
    keys = given_keys(capacities, now=now)
    return dict.fromkeys(keys, 0) | given_read(keys)


def given_ensure(capacities: Capacities, *, now: datetime, is_quick: bool = False) -> None:
    """Make the counters that are not there, tomorrow's too, and remember the totals.

    A `is_quick` one leaves those for which many events would have to be read to the next worker.
    Raises RedisError or OSError where Redis does not answer, and can be repeated at any time.
    """
    at, known = _ms(now), _totals(capacities)
    keys = {campaign: one.key(campaign, one.day(at)) for campaign, one in capacities.items()}
    held = cache.get_surely(keys.values())  # type: ignore[attr-defined]
    found = given_of(held, keys.values())
    for campaign, capacity in capacities.items():
        key, total = keys[campaign], known.get(campaign, 0)
        count = found.get(key)
        if count is None:
            stored = _count_stored(campaign, capacity, at, is_quick=is_quick)
            if stored is None:
                continue
            count = max(stored, total)
            cache.add(key, count, timeout=GIVEN_SECONDS)
        elif count < total and not is_quick:  # Redis was set back: one worker alone mends it
            cache.incr(key, total - count)
        elif not capacity.zone:  # a full one is not changed, and needed all the same
            cache.touch(key, GIVEN_SECONDS)
        if capacity.zone:
            cache.add(capacity.key(campaign, capacity.day_after(at)), 0, timeout=GIVEN_SECONDS)
        elif count > total:
            _total_raise(campaign, capacity.counted, count)


def _total_raise(campaign: int, counted: str, count: int) -> None:
    """Remember a total, unless a larger one is."""
    rows = CampaignGiven.objects.filter(campaign_id=campaign, counted=counted)
    if not rows.filter(count__lt=count).update(count=count):
        CampaignGiven.objects.get_or_create(
            campaign_id=campaign, counted=counted, defaults={"count": count}
        )


def _totals(capacities: Capacities) -> dict[int, int]:
    """What totals were last known to be, by campaign."""
    rows = CampaignGiven.objects.filter(campaign__in=capacities)
    known = {(row.campaign_id, row.counted): row.count for row in rows}
    return {
        campaign: known[campaign, one.counted]
        for campaign, one in capacities.items()
        if not one.zone and (campaign, one.counted) in known
    }


def _count_stored(campaign: int, capacity: Capacity, at: int, *, is_quick: bool) -> int | None:
    """How many the stored events say; None where that would take long and is to be quick."""
    since = capacity.begins(at)
    if is_quick:
        if tracking_selectors.exposures_any(campaign):
            return None
        since = datetime.fromtimestamp(at / 1000, UTC) - UNCOUNTED_YET
    return tracking_selectors.exposures_count(
        campaign, since=since, is_visitors=capacity.counted == "visitors"
    )


def _ms(now: datetime) -> int:
    return int(now.timestamp() * 1000)
