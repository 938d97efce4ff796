"""One shape for every error of the API: RFC 9457 problem details.

`{"type", "title", "status", "detail", "reason"}`, `reason` being a stable name from the
documentation that programs compare and people search for.
"""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.views import defaults
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler

PROBLEM_JSON = "application/problem+json"
API = "/api/"


def problem_make(*, reason: str, status: int, detail: str, **extra: Any) -> dict[str, Any]:
    """The body of a refusal; `type` leads to the reason's line in the documentation."""
    return {
        "type": f"/docs/errors#{reason}",
        "title": reason.replace("_", " ").capitalize().replace("json", "JSON"),
        "status": status,
        "detail": detail,
        "reason": reason,
        **extra,
    }


def problem_exception_handler(exc: Exception, context: Mapping[str, Any]) -> Response | None:
    """DRF's EXCEPTION_HANDLER: what DRF would answer, as problem details."""
    response = exception_handler(exc, dict(context))
    if response is None:
        return None
    reason, detail = _describe(exc)
    extra = getattr(exc, "extra", {})
    response.data = problem_make(reason=reason, status=response.status_code, detail=detail, **extra)
    response.content_type = PROBLEM_JSON
    return response


def _describe(exc: Exception) -> tuple[str, str]:
    if isinstance(exc, exceptions.APIException):
        codes = exc.get_codes()
        reason = codes if isinstance(codes, str) else exc.default_code
        detail = exc.detail if isinstance(exc.detail, str) else str(exc.detail)
        return str(reason), str(detail)
    return type(exc).__name__.lower(), str(exc)


# --- What never reached a view of the API ------------------------------------------------------


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """handler400: most often a Host that is not among ALLOWED_HOSTS."""
    if request.path.startswith(API):
        return _problem("bad_request", 400, "The request, or the host it names, is not valid here.")
    return defaults.bad_request(request, exception)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """handler404."""
    if request.path.startswith(API):
        return _problem("not_found", 404, "There is nothing at this address; see /api/docs/.")
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponseBase:
    """handler500."""
    if request.path.startswith(API):
        return _problem("server_error", 500, "Something broke on our side. Try again later.")
    return defaults.server_error(request)


def _problem(reason: str, status: int, detail: str) -> JsonResponse:
    body = problem_make(reason=reason, status=status, detail=detail)
    return JsonResponse(body, status=status, content_type=PROBLEM_JSON)
