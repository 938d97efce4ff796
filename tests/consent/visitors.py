"""What the three visitors do, in one line each."""

from uuid import UUID

from django.test import Client
from django.utils import timezone

from consent import cookies, services
from consent.logic import Control
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
