"""Who gets what headers: other sites' pages at the API; and stock middlewares for pages only.

The API passes through those untouched. Nothing under /api/ knows a session, a signed-in user or
messages, and none of its answers is a page that a policy could guard. A request of the API pays for
none of it; a view of the API that asks for `request.session` fails at once. CSRF protection and the
security headers are for all.
"""

from collections.abc import Callable
from typing import Any

from csp.middleware import CSPMiddleware
from django.conf import settings
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import patch_vary_headers
from django.utils.deprecation import MiddlewareMixin

from config.errors import API

#: What is asked and reported for one visitor: never kept by a cache between us and them.
VISITORS_API = f"{API}v1/"
PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": "Content-Type",
    "Access-Control-Max-Age": "7200",  # seconds, the longest that browsers keep it
}


class EmbedMiddleware:
    """Lets pages of EMBED_ORIGINS read the API's answers for their visitors, and nobody else's."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith(VISITORS_API):
            return self.get_response(request)
        origin = request.headers.get("Origin", "")
        is_known = origin in settings.EMBED_ORIGINS
        if is_known and _is_preflight(request):
            response: HttpResponseBase = HttpResponse(status=204, headers=PREFLIGHT)
        else:
            response = self.get_response(request)
        if is_known:
            response["Access-Control-Allow-Origin"] = origin
            response["Access-Control-Allow-Credentials"] = "true"
        if not response.has_header("Cache-Control"):
            response["Cache-Control"] = "private, no-store"
        patch_vary_headers(response, ("Cookie", "Sec-GPC", "Origin"))
        return response


def _is_preflight(request: HttpRequest) -> bool:
    return request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers


class PagesOnly(MiddlewareMixin):
    """Before a middleware that has no hook but `process_request` and `process_response`."""

    def __call__(self, request: HttpRequest) -> Any:
        if request.path_info.startswith(API):
            return self.get_response(request)
        return super().__call__(request)


class PagePolicyMiddleware(PagesOnly, CSPMiddleware):
    """`Content-Security-Policy`."""


class PageSessionMiddleware(PagesOnly, SessionMiddleware):
    """`request.session`."""


class PageUserMiddleware(PagesOnly, AuthenticationMiddleware):
    """`request.user`."""


class PageMessagesMiddleware(PagesOnly, MessageMiddleware):
    """`django.contrib.messages`."""
