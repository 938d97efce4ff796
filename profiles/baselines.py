"""The site's baseline from a sample of the stored profiles: computed, kept, announced."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime, timedelta

from django.core.cache import cache
from django.db import transaction

from consent import selectors as consent_selectors
from profiles import selectors, store
from profiles.baseline import Baseline
from profiles.census import baseline_of
from profiles.models import Baseline as BaselineRow
from profiles.selectors import BASELINE_VERSION_KEY, BASELINE_VERSION_SECONDS
from profiles.services import PURPOSE
from profiles.state import State
from profiles.trends import WINDOW_DAYS

#: The most visitors a baseline is made from: a percentile is then known to one percent.
SAMPLE = 10_000
CHUNK = 500
#: How long computations that are no longer current can be looked at.
KEPT = timedelta(days=30)


def baseline_compute(*, now: datetime) -> Baseline:
    """Make the baseline of the visitors seen in the last 28 days, who agree, current; returns it.

    More than SAMPLE of them are sampled at random. Those who stay away longer are left out: among
    many who never came back, whoever comes at all would rank high.
    """
    weights = selectors.weights_current()
    site = baseline_of(_states_sampled(now), weights, now=now.timestamp())
    with transaction.atomic():
        row = BaselineRow.objects.create(computed_at=now, **asdict(site))
        BaselineRow.objects.filter(pk__lt=row.pk, computed_at__lt=now - KEPT).delete()
        transaction.on_commit(_version_announce, robust=True)
    return site


def _version_announce() -> None:
    """Tell every process; the version is read anew, since computations may end out of order."""
    version = selectors.baseline_version()
    cache.set(BASELINE_VERSION_KEY, version, timeout=BASELINE_VERSION_SECONDS)


def _states_sampled(now: datetime) -> Iterator[State]:
    """The profiles of the sample, a few hundred at a time in memory."""
    since = now - timedelta(days=WINDOW_DAYS)
    visitor_ids = store.visitors_sample(limit=SAMPLE, since=since)
    for start in range(0, len(visitor_ids), CHUNK):
        chunk = visitor_ids[start : start + CHUNK]
        granted = consent_selectors.visitors_granted(chunk, PURPOSE, now=now)
        yield from store.states_read(granted).values()
