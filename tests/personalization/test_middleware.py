"""A response that was made for somebody says so, whatever the view looked at."""

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from consent.middleware import ConsentMiddleware
from personalization.middleware import PersonalizationMiddleware

pytestmark = pytest.mark.django_db


def answer_of(look: str) -> HttpResponse:
    def view(request: HttpRequest) -> HttpResponse:
        if look == "visitor":
            request.visitor.decide("home-hero")  # type: ignore[attr-defined]
        elif look == "consent":
            bool(request.consent.decided)  # type: ignore[attr-defined]
        return HttpResponse("a page")

    page = ConsentMiddleware(PersonalizationMiddleware(view))
    response = page(RequestFactory().get("/"))
    assert isinstance(response, HttpResponse)
    return response


@pytest.mark.parametrize("look", ["visitor", "consent"])
def test_a_page_made_for_a_visitor_is_private_and_varies(look: str) -> None:
    response = answer_of(look)
    assert response["Cache-Control"] == "private, no-store"
    assert response["Vary"] == "Cookie, Sec-GPC"


def test_a_page_made_for_everyone_keeps_its_headers() -> None:
    response = answer_of("nothing")
    assert not response.has_header("Cache-Control")
    assert not response.has_header("Vary")
