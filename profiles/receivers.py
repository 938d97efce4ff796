"""Nudges from the left: fold what was stored, forget who withdrew or became another."""

from typing import Any
from uuid import UUID

from django.dispatch import receiver

from consent.signals import consent_changed
from profiles import rebuild, services
from profiles.definition import half_lives_of
from tracking import selectors as tracking_selectors
from tracking.signals import (
    events_changed,
    events_stored,
    taxonomy_changed,
    visitor_erased,
    visitor_moved,
)


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


@receiver(visitor_moved, dispatch_uid="profiles: forget the retired")
def forget_on_move(*, from_id: UUID, **kwargs: Any) -> None:
    """The successor's profile grows by the fold: a merge is adding events."""
    services.profile_erase(visitor_id=from_id)


@receiver(taxonomy_changed, dispatch_uid="profiles: follow the half-lives")
def follow_half_lives(*, by: str, **kwargs: Any) -> str:
    """Sums of another half-life cannot be converted: profiles are made anew in the background."""
    signals = tracking_selectors.signal_list()
    half_lives = half_lives_of(
        {name: (each.half_life_short, each.half_life_long) for name, each in signals.items()}
    )
    if not rebuild.definition_set(half_lives=half_lives, reason=f"Half-lives changed by {by}"):
        return ""
    return "Profiles are being made anew with the changed half-lives, in the background."
