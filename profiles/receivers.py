"""Nudges from the left: fold what was stored, forget who withdrew, say what weights would do."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.dispatch import receiver

from consent import selectors as consent_selectors
from consent.signals import consent_changed
from profiles import selectors, services
from profiles.weight_preview import weight_preview, weights_changed
from tracking.signals import Consequence, events_stored, visitor_erased, weights_previewed

#: Whose profiles a preview of weights reads: at most so many of the visitors seen lately.
PREVIEW_SINCE = timedelta(days=30)
PREVIEW_PROFILES = 2000


@receiver(events_stored, dispatch_uid="profiles: fold stored events")
def fold_on_stored(*, shard: int, **kwargs: Any) -> None:
    services.shard_fold(shard)


@receiver(consent_changed, dispatch_uid="profiles: forget the withdrawn")
def forget_on_withdrawal(*, visitor_id: UUID, withdrawn: frozenset[str], **kwargs: Any) -> None:
    if withdrawn:
        services.profile_delete(visitor_id=visitor_id)


@receiver(visitor_erased, dispatch_uid="profiles: forget the erased")
def forget_on_erasure(*, visitor_id: UUID, **kwargs: Any) -> None:
    """Again, after the events: a fold that was under way may have brought the profile back."""
    services.profile_erase(visitor_id=visitor_id)


@receiver(weights_previewed, dispatch_uid="profiles: preview weights")
def preview_on_weights(*, changes: Mapping[str, float], **kwargs: Any) -> Consequence:
    """Read with both weights; visitors who agree no longer are left out."""
    now = datetime.now(UTC)
    states = selectors.states_recent(
        since=now - PREVIEW_SINCE, limit=PREVIEW_PROFILES, with_times=False
    )
    granted = consent_selectors.visitors_granted(
        [visitor_id for visitor_id, _ in states], services.PURPOSE, now
    )
    weights = selectors.weights_current()
    preview = weight_preview(
        (pair for pair in states if pair[0] in granted),
        weights,
        weights_changed(weights, changes),
        now=now.timestamp(),
    )
    return Consequence("admin/profiles/_weight_preview.html", preview)
