"""What every template may ask: `consent` and `consent_purposes`. Both are lazy."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from consent.selectors import purposes_active


def consent(request: HttpRequest) -> dict[str, Any]:
    return {
        "consent": getattr(request, "consent", None),
        "consent_purposes": SimpleLazyObject(purposes_active),
    }
