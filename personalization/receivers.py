"""What happened to the left, as far as pages follow from it."""

from typing import Any

from django.dispatch import receiver

from personalization import services
from profiles.signals import profiles_rebuilt
from tracking.signals import taxonomy_changed


@receiver(taxonomy_changed, dispatch_uid="personalization: publish changed weights")
def publish_on_taxonomy_change(*, by: str = "", **kwargs: Any) -> str:
    """Returns what the person who changed it may be told."""
    return f"Published as version {services.ruleset_publish(by=by)}."


@receiver(profiles_rebuilt, dispatch_uid="personalization: publish what became ready")
def publish_on_rebuild(**kwargs: Any) -> None:
    services.campaigns_ready_publish()
