"""Nudges from the left: fold, rebuild, forget; and say what other weights would do."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.dispatch import receiver

from consent import selectors as consent_selectors
from consent.signals import consent_changed
from profiles import declaring, selectors, selfcheck, services
from profiles.definition import half_lives_of
from profiles.fading_preview import Sums, fading_preview
from profiles.state import DAY, Masses
from profiles.vector import STANDARD
from profiles.weight_preview import weight_preview, weights_changed
from tracking import selectors as tracking_selectors
from tracking.signals import (
    Consequence,
    events_changed,
    events_stored,
    half_lives_previewed,
    taxonomy_changed,
    visitor_erased,
    visitor_moved,
    weights_previewed,
)

#: Whose profiles a preview of weights reads: at most so many of the visitors seen lately.
PREVIEW_SINCE = timedelta(days=30)
PREVIEW_PROFILES = 2000
#: Of other half-lives, which have their events added up anew.
FADING_PROFILES = 500


@receiver(events_stored, dispatch_uid="profiles: fold stored events")
def fold_on_stored(*, shard: int, **kwargs: Any) -> None:
    services.shard_fold(shard)


@receiver(events_changed, dispatch_uid="profiles: rebuild who changed")
def rebuild_on_change(*, visitor_id: UUID, **kwargs: Any) -> None:
    services.profile_rebuild(visitor_id=visitor_id)


@receiver(consent_changed, dispatch_uid="profiles: forget the withdrawn")
def forget_on_withdrawal(*, visitor_id: UUID, withdrawn: frozenset[str], **kwargs: Any) -> None:
    if withdrawn:
        services.profile_delete(visitor_id=visitor_id)


@receiver(visitor_erased, dispatch_uid="profiles: forget the erased")
def forget_on_erasure(*, visitor_id: UUID, **kwargs: Any) -> None:
    """Again, after the events: a fold that was under way may have brought the profile back."""
    services.profile_erase(visitor_id=visitor_id)
    selfcheck.visitor_forget(visitor_id=visitor_id)


@receiver(visitor_moved, dispatch_uid="profiles: forget the retired")
def forget_on_move(*, from_id: UUID, **kwargs: Any) -> None:
    """The successor's profile grows by the fold: a merge is adding events."""
    services.profile_erase(visitor_id=from_id)


@receiver(taxonomy_changed, dispatch_uid="profiles: follow the half-lives")
def follow_half_lives(*, by: str, **kwargs: Any) -> None:
    """Sums of another half-life cannot be converted: profiles are made anew in the background."""
    signals = tracking_selectors.signal_list()
    half_lives = half_lives_of(
        {name: (each.half_life_short, each.half_life_long) for name, each in signals.items()}
    )
    declaring.definition_set(half_lives=half_lives, reason=f"Half-lives changed by {by}")


@receiver(weights_previewed, dispatch_uid="profiles: preview weights")
def preview_on_weights(*, changes: Mapping[str, float], **kwargs: Any) -> Consequence:
    """Read with both weights; visitors who agree no longer are left out."""
    now = datetime.now(UTC)
    weights = selectors.weights_current()
    preview = weight_preview(
        _masses_previewed(PREVIEW_PROFILES, now),
        weights,
        weights_changed(weights, changes),
        now=now.timestamp(),
    )
    return Consequence("admin/profiles/_weight_preview.html", preview)


@receiver(half_lives_previewed, dispatch_uid="profiles: preview half-lives")
def preview_on_half_lives(
    *, name: str, half_lives: tuple[float, float], **kwargs: Any
) -> Consequence | None:
    """Read with the old half-lives and, from the events of a sample of visitors, with the new."""
    now = datetime.now(UTC)
    weights = selectors.weights_current()
    if name not in weights:
        return None
    states = _masses_previewed(FADING_PROFILES, now)
    old_short, old_long = selectors.definition_latest().half_lives.get(name, STANDARD)
    new_short, new_long = (days * DAY for days in half_lives)
    listed = tracking_selectors.visitors_decayed(
        [visitor_id for visitor_id, _ in states],
        type=name,
        half_lives=(old_long, new_long, old_short, new_short),
        now=now,
    )
    sums: dict[UUID, dict[str, Sums]] = {}
    for line in listed:
        sums.setdefault(line.visitor_id, {})[line.category] = Sums(*line.masses)
    preview = fading_preview(states, sums, weights, signal=name, now=now.timestamp())
    return Consequence("admin/profiles/_fading_preview.html", preview)


def _masses_previewed(limit: int, now: datetime) -> list[tuple[UUID, Masses]]:
    """The visitors seen lately who still agree."""
    states = selectors.masses_recent(since=now - PREVIEW_SINCE, limit=limit)
    granted = consent_selectors.visitors_granted(
        [visitor_id for visitor_id, _ in states], services.PURPOSE, now=now
    )
    return [pair for pair in states if pair[0] in granted]
