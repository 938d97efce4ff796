"""What the three visitors do, in one line each."""

from collections.abc import Callable
from datetime import datetime
from operator import attrgetter
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.utils import timezone

from consent import cookies, selectors, services
from consent.logic import ConsentState, Control
from consent.middleware import ConsentMiddleware
from consent.services import ConsentOutcome

BOTH = ("measurement", "personalization")
SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}


def decide(visitor_id: UUID | None = None, *granted: str, **given) -> ConsentOutcome:
    """A decision as a service call, with everything that a test does not care about."""
    given = {"control": Control.PREFERENCES, "gpc": False, "locale": "en", **given}
    given.setdefault("now", timezone.now())
    return services.decision_record(visitor_id=visitor_id, purposes=granted, **given)


def choose(client: Client, choice: str, *purposes: str, headers=None, path="/consent/", **more):
    """Press a button of the banner or of the preference page."""
    data = {"choice": choice, "purpose": purposes, **more}
    return client.post(path, data, headers={**SAME_ORIGIN, **(headers or {})})


def visitor_id_of(client: Client) -> UUID | None:
    morsel = client.cookies.get(cookies.COOKIE_NAME)
    return cookies.cookie_visitor_id(morsel.value if morsel else None, timezone.now())


def consent_of(request: Any) -> object:
    return request.consent.granted


class Device:
    """A browser without pages: a cookie jar and a session, before consent's middleware."""

    def __init__(self) -> None:
        self.cookie: str | None = None
        self.cookies: list[str] = []
        self.session: dict[str, str] = {}

    def request(self, handle: Callable[[HttpRequest], Any], *, gpc: bool = False) -> None:
        """Send a request that is handled so, and keep the cookie it is answered with."""
        request = RequestFactory().get("/", headers={"Sec-GPC": "1"} if gpc else {})
        request.session = self.session  # type: ignore[assignment]
        if self.cookie:
            request.COOKIES[cookies.COOKIE_NAME] = self.cookie

        def view(request: HttpRequest) -> HttpResponse:
            handle(request)
            return HttpResponse()

        response = ConsentMiddleware(view)(request)
        if cookies.COOKIE_NAME in response.cookies:
            self.cookie = response.cookies[cookies.COOKIE_NAME].value or None
            self.cookies += [self.cookie] if self.cookie else []

    def choose(self, *purposes: str, now: datetime | None = None) -> None:
        self.request(
            lambda request: services.browser_decide(
                request,
                purposes=purposes,
                control=Control.PREFERENCES,
                now=now or timezone.now(),
            )
        )

    def sign_in(self, account: str, *, now: datetime | None = None) -> None:
        self.request(lambda request: services.visitor_sign_in(request, account, now=now))

    def sign_out(self) -> None:
        self.request(services.visitor_sign_out)

    def visit(self, *, gpc: bool = False) -> None:
        """Open a page that looks at consent."""
        self.request(attrgetter("consent.granted"), gpc=gpc)

    def state(self, now: datetime | None = None) -> ConsentState:
        return selectors.consent_for_cookie(self.cookie, False, now or timezone.now())

    @property
    def visitor_id(self) -> UUID | None:
        """The visitor a page or an event of this browser would be taken for."""
        return self.state().visitor_id
