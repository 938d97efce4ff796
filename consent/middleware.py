"""`request.consent` for every request, and the promises that go with reading it.

A response in whose making consent was read is `private, no-store` and varies by cookie and signal,
so it is never served for another consent state. Requests that read nothing keep their headers.
"""

import logging
from collections.abc import Callable

from django.db import Error as DatabaseError
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.functional import SimpleLazyObject, empty
from django.utils.translation import get_language

from consent import browsers, services
from consent.cookies import COOKIE_NAME, Pointer, cookie_pointer, cookie_set
from consent.logic import ConsentState
from consent.selectors import consent_for_cookie, gpc_from_request

log = logging.getLogger(__name__)


class ConsentMiddleware:
    """Sets `request.consent`; a later middleware may replace it before it is evaluated.

    A replacement is either a `SimpleLazyObject` around a loader of its own or a `ConsentState`.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        lazy = SimpleLazyObject(lambda: consent_load(request))
        request.consent = lazy  # type: ignore[attr-defined]
        response = self.get_response(request)
        answered = browsers.answer_apply(request, response)
        if not (answered or consent_evaluated(request)):
            return response
        response["Cache-Control"] = "private, no-store"
        patch_vary_headers(response, ("Cookie", "Sec-GPC"))
        signal_persist(request, response)
        return response


def consent_load(request: HttpRequest) -> ConsentState:
    """The stock loader: the cookie's record, from the cache or PostgreSQL."""
    return consent_for_cookie(
        request.COOKIES.get(COOKIE_NAME), gpc_from_request(request), timezone.now()
    )


def consent_evaluated(request: HttpRequest) -> bool:
    """Whether anything has looked at `request.consent`."""
    value = request.consent  # type: ignore[attr-defined]
    return not isinstance(value, SimpleLazyObject) or value.__dict__["_wrapped"] is not empty


def signal_persist(request: HttpRequest, response: HttpResponseBase) -> None:
    """Make an opt-out signal that contradicts a grant on record last, under a new id."""
    state: ConsentState = request.consent  # type: ignore[attr-defined]
    if not state.signal_pending or state.visitor_id is None:
        return
    now = timezone.now()
    try:
        outcome = services.signal_record(
            visitor_id=state.visitor_id, locale=get_language() or "", now=now
        )
    except DatabaseError as error:
        log.error("opt-out signal not persisted, denied for now: %s", type(error).__name__)
        return
    pointer = cookie_pointer(request.COOKIES.get(COOKIE_NAME), now)
    # A signed-in browser's cookie names the browser: it follows the account by itself.
    if outcome is not None and pointer is not None and not pointer.is_browser:
        pointer = Pointer(outcome.visitor_id)
        cookie_set(response, request=request, pointer=pointer, now=now)
