"""What happened to the left, as far as pages follow from it."""

from typing import Any
from uuid import UUID

from django.db.models.signals import post_migrate
from django.dispatch import receiver

from consent.signals import consent_changed, visitors_merged
from personalization import exposing, services
from personalization.backtest.running import samples_forget
from personalization.reach import comparing, projecting
from personalization.segments.forgetting import memberships_forget, memberships_inherit
from profiles.signals import profiles_rebuilt
from tracking.signals import taxonomy_changed, visitor_erased, visitor_moved


@receiver(taxonomy_changed, dispatch_uid="personalization: publish changed weights")
def publish_on_taxonomy_change(*, by: str = "", **kwargs: Any) -> str:
    """Returns what the person who changed it may be told."""
    return f"Published as version {services.ruleset_publish(by=by)}."


@receiver(consent_changed, dispatch_uid="personalization: forget what was shown")
def forget_on_withdrawal(*, visitor_id: UUID, withdrawn: frozenset[str], **kwargs: Any) -> None:
    if withdrawn:
        exposing.shown_forget(visitor_id=visitor_id)
        samples_forget({visitor_id})


@receiver(visitor_erased, dispatch_uid="personalization: forget what was shown")
def forget_on_erasure(*, visitor_id: UUID, **kwargs: Any) -> None:
    """Again, after the events: a page that was under way may have counted one more."""
    exposing.shown_forget(visitor_id=visitor_id)
    _reach_forget(visitor_id)
    samples_forget({visitor_id})


@receiver(consent_changed, dispatch_uid="personalization: forget memberships")
def forget_memberships_on_withdrawal(
    *, visitor_id: UUID, withdrawn: frozenset[str], **kwargs: Any
) -> None:
    if withdrawn:
        memberships_forget(visitor_id=visitor_id)


@receiver(visitor_erased, dispatch_uid="personalization: forget memberships")
def forget_memberships_on_erasure(*, visitor_id: UUID, **kwargs: Any) -> None:
    """Again, after the events."""
    memberships_forget(visitor_id=visitor_id)


@receiver(visitor_moved, dispatch_uid="personalization: inherit memberships")
def inherit_memberships_on_move(*, from_id: UUID, into_id: UUID, **kwargs: Any) -> None:
    memberships_inherit(from_id=from_id, into_id=into_id)


@receiver(visitors_merged, dispatch_uid="personalization: inherit what was shown")
def inherit_on_merge(*, from_id: UUID, into_id: UUID, **kwargs: Any) -> None:
    """At once: the next page is already the successor's."""
    exposing.shown_inherit(from_id=from_id, into_id=into_id)


@receiver(visitor_moved, dispatch_uid="personalization: inherit what was shown")
def inherit_on_move(*, from_id: UUID, into_id: UUID, **kwargs: Any) -> None:
    """Again, with the events: should the first have failed, they say what was shown."""
    exposing.shown_inherit(from_id=from_id, into_id=into_id)
    _reach_forget(from_id)
    samples_forget({from_id})


def _reach_forget(visitor_id: UUID) -> None:
    """The row for counting went with the profile; here is who is only named."""
    projecting.visitor_forget(visitor_id=visitor_id)
    comparing.visitor_forget(visitor_id=visitor_id)


@receiver(post_migrate, dispatch_uid="personalization: complete the groups")
def complete_groups_on_migrate(*, sender: Any, plan: Any = (), **kwargs: Any) -> None:
    """A version that brings new permissions gives them to the groups that are to have them; sent
    after the permissions of this app, and of those to its left, were made."""
    if plan and sender.name == "personalization":
        services.groups_complete()


@receiver(profiles_rebuilt, dispatch_uid="personalization: publish what became ready")
def publish_on_rebuild(**kwargs: Any) -> None:
    services.campaigns_ready_publish()
