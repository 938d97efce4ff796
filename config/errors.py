"""One shape for every error of the API: RFC 9457 problem details.

`{"type", "title", "status", "detail", "reason"}`, `reason` being a stable name from the
documentation that programs compare and people search for.
"""

from collections.abc import Mapping
from typing import Any

from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler

PROBLEM_JSON = "application/problem+json"


def problem_exception_handler(exc: Exception, context: Mapping[str, Any]) -> Response | None:
    """DRF's EXCEPTION_HANDLER: what DRF would answer, as problem details."""
    response = exception_handler(exc, dict(context))
    if response is None:
        return None
    reason, detail = _describe(exc)
    extra = getattr(exc, "extra", {})
    response.data = {
        "type": f"/docs/errors#{reason}",
        "title": reason.replace("_", " ").capitalize(),
        "status": response.status_code,
        "detail": detail,
        "reason": reason,
        **extra,
    }
    response.content_type = PROBLEM_JSON
    return response


def _describe(exc: Exception) -> tuple[str, str]:
    if isinstance(exc, exceptions.APIException):
        codes = exc.get_codes()
        reason = codes if isinstance(codes, str) else exc.default_code
        detail = exc.detail if isinstance(exc.detail, str) else str(exc.detail)
        return str(reason), str(detail)
    return type(exc).__name__.lower(), str(exc)
