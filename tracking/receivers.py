"""What the tracking app does when consent changes."""

from typing import Any
from uuid import UUID

from django.dispatch import receiver

from consent.signals import consent_changed
from tracking.tasks import visitor_erase_task


@receiver(consent_changed, dispatch_uid="tracking: erase what was withdrawn")
def erase_on_withdrawal(*, visitor_id: UUID, withdrawn: frozenset[str], **kwargs: Any) -> None:
    if withdrawn:
        visitor_erase_task.delay(str(visitor_id))
