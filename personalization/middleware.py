"""`request.visitor` for templates, and `request.consent` from the same round trip."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase
from django.utils.functional import SimpleLazyObject

from personalization.visitor import Visitor


class PersonalizationMiddleware:
    """Stands after consent's middleware, whose loader it replaces; nothing is read until asked."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        # A preview's request comes with who it is made for; a browser cannot say that.
        visitor = getattr(request, "previewed", None) or Visitor(request)
        request.visitor = visitor  # type: ignore[attr-defined]
        request.consent = SimpleLazyObject(lambda: visitor.known.consent)  # type: ignore[attr-defined]
        response = self.get_response(request)
        if "known" in visitor.__dict__:
            # Whoever looked at the visitor has looked at consent: its middleware must see that.
            request.consent = visitor.known.consent  # type: ignore[attr-defined]
        return response
