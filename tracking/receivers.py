"""What the tracking app does when consent changes, somebody signs in, or is refused an answer."""

from typing import Any
from uuid import UUID

from django.dispatch import receiver

from consent.signals import consent_changed, request_refused, visitors_merged
from tracking import services
from tracking.tasks import visitor_erase_task, visitor_merge_task


@receiver(consent_changed, dispatch_uid="tracking: erase what was withdrawn")
def erase_on_withdrawal(*, visitor_id: UUID, withdrawn: frozenset[str], **kwargs: Any) -> None:
    if withdrawn:
        visitor_erase_task.delay(str(visitor_id))


@receiver(visitors_merged, dispatch_uid="tracking: move what was merged")
def move_on_merge(*, from_id: UUID, **kwargs: Any) -> None:
    visitor_merge_task.delay(str(from_id))


@receiver(request_refused, dispatch_uid="tracking: count what consent's API refuses")
def count_on_refusal(*, reason: str, source: str, **kwargs: Any) -> None:
    services.drops_count({reason: 1}, source=source)
