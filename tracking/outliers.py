"""What is usual on this site, kept up to date: histograms fade, fences follow them."""

from datetime import datetime, timedelta

from django.db import OperationalError, transaction

from tracking import distributions, selectors, store
from tracking.models import Fence, SweepCursor
from tracking.pipeline.distribution import distribution_of
from tracking.pipeline.duplicates import STEP

#: After so long an observation counts half: what is usual follows the site's seasons, not its days.
HALF_LIFE = timedelta(days=14)
#: Counts fade in steps of so long.
FADE_STEP = timedelta(days=1)


def fences_update(*, now: datetime) -> int:
    """Let old counts fade, and make fences of what is left; returns how many kinds have one."""
    for shard in selectors.shard_seqs():
        _shard_fade(shard, now)
    signals = selectors.signal_list()
    fences = []
    with transaction.atomic():
        for (type_, content_type), bins in distributions.bins_read().items():
            signal = signals.get(type_)
            found = signal and distribution_of(bins, counted=signal.unit not in STEP)
            if found:
                fences.append(
                    Fence(type=type_, content_type=content_type, updated_at=now, **found._asdict())
                )
        distributions.fences_replace(fences, now=now)
    return len(fences)


def _shard_fade(shard: int, now: datetime) -> None:
    """Fade a shard's counts by the time since the last time; done again at once, by nothing."""
    cursor, is_new = SweepCursor.objects.get_or_create(
        name=f"outlier counts, shard {shard}", defaults={"at": now}
    )
    if is_new or now - cursor.at < FADE_STEP:
        return
    try:
        with transaction.atomic():
            store.shard_lock(shard)
            cursor = SweepCursor.objects.select_for_update().get(pk=cursor.pk)
            distributions.bins_fade(shard, factor=0.5 ** ((now - cursor.at) / HALF_LIFE))
            cursor.at = now
            cursor.save(update_fields=["at"])
    except OperationalError:
        return  # a drain has the shard; the next time is near
