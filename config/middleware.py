"""Stock middlewares that serve pages only: the API passes through them untouched.

Nothing under /api/ knows a session, a signed-in user or messages, and none of its answers is a
page that a policy could guard. A request of the API pays for none of it; a view of the API that
asks for `request.session` fails at once. CSRF protection and the security headers are for all.
"""

from typing import Any

from csp.middleware import CSPMiddleware
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest
from django.utils.deprecation import MiddlewareMixin

from config.errors import API


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
