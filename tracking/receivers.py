"""What the tracking app does when consent changes and when somebody signs in."""

from typing import Any
from uuid import UUID

from django.dispatch import receiver

from consent.signals import consent_changed, visitors_merged
from tracking.tasks import visitor_erase_task, visitor_merge_task


@receiver(consent_changed, dispatch_uid="tracking: erase what was withdrawn")
def erase_on_withdrawal(*, visitor_id: UUID, withdrawn: frozenset[str], **kwargs: Any) -> None:
    if withdrawn:
        visitor_erase_task.delay(str(visitor_id))


@receiver(visitors_merged, dispatch_uid="tracking: move what was merged")
def move_on_merge(*, from_id: UUID, **kwargs: Any) -> None:
    visitor_merge_task.delay(str(from_id))
