"""What passes a request of the API by, and what does not."""

from typing import Any

import pytest
from django.test import Client, RequestFactory

from config.middleware import PageMessagesMiddleware, PageSessionMiddleware, PageUserMiddleware

pytestmark = pytest.mark.django_db
ONLY_PAGES = (PageSessionMiddleware, PageUserMiddleware, PageMessagesMiddleware)


def attributes_at(address: str) -> set[str]:
    """What a view at this address finds on its request."""
    found: set[str] = set()

    def handle(request: Any) -> Any:
        found.update({"session", "user", "_messages"} & set(vars(request)))
        return Client().get("/favicon.ico")

    for middleware in reversed(ONLY_PAGES):
        handle = middleware(handle)
    handle(RequestFactory().get(address))
    return found


def test_a_page_knows_session_user_and_messages_and_the_api_does_not() -> None:
    assert attributes_at("/admin/") == {"session", "user", "_messages"}
    assert attributes_at("/") == {"session", "user", "_messages"}
    assert attributes_at("/api/v1/events") == set()


@pytest.mark.parametrize(
    ("address", "guarded"), [("/", True), ("/preferences/", True), ("/api/v1/events", False)]
)
def test_pages_have_a_policy_and_everything_has_the_other_headers(
    client: Client, address: str, guarded: bool
) -> None:
    answer = client.get(address)
    assert ("Content-Security-Policy" in answer) == guarded
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["X-Frame-Options"] == "DENY"


def test_the_apis_documentation_opens(client: Client) -> None:
    assert client.get("/api/docs/").status_code == 200
    assert client.get("/api/schema/").status_code == 200
