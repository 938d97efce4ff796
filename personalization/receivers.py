"""A changed signal weight is published with the next version."""

from typing import Any

from django.dispatch import receiver

from personalization import services
from tracking.signals import taxonomy_changed


@receiver(taxonomy_changed, dispatch_uid="personalization: publish changed weights")
def publish_on_taxonomy_change(*, by: str = "", **kwargs: Any) -> str:
    """Returns what the person who changed it may be told."""
    return f"Published as version {services.ruleset_publish(by=by)}."
