"""Under /api/ every refusal is problem details; elsewhere it is a page."""

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path

from config import urls
from config.urls import handler400, handler404, handler500  # noqa: F401  read by Django


def view_broken(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("a bug")


urlpatterns = [path("api/broken", view_broken), path("broken", view_broken), *urls.urlpatterns]
pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]

REFUSALS = [
    ("/api/v1/nowhere", "testserver", 404, "not_found"),
    ("/api/nowhere/", "testserver", 404, "not_found"),
    ("/api/v1/events", "elsewhere.example", 400, "bad_request"),
    ("/api/v1/events", "testserver", 405, "method_not_allowed"),
    ("/api/broken", "testserver", 500, "server_error"),
]


@pytest.mark.parametrize(("address", "host", "status", "reason"), REFUSALS)
def test_the_api_refuses_in_one_shape(address: str, host: str, status: int, reason: str) -> None:
    client = Client(raise_request_exception=False)
    answer = client.get(address, headers={"host": host})
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
    problem = answer.json()
    assert sorted(problem) == ["detail", "reason", "status", "title", "type"]
    assert (problem["reason"], problem["status"]) == (reason, status)
    page, _, anchor = problem["type"].partition("#")
    assert f'<td id="{anchor}"><code>{anchor}</code></td>' in client.get(page).content.decode()


@pytest.mark.parametrize(
    ("address", "host", "status", "says"),
    [
        ("/nowhere/", "testserver", 404, "torn out"),
        ("/nowhere/", "elsewhere.example", 400, "Bad Request"),
        ("/broken", "testserver", 500, "Spilled ink"),
    ],
)
def test_a_page_refuses_as_a_page(address: str, host: str, status: int, says: str) -> None:
    client = Client(raise_request_exception=False)
    answer = client.get(address, headers={"host": host})
    assert (answer.status_code, answer["Content-Type"].split(";")[0]) == (status, "text/html")
    assert says in answer.content.decode()


def test_the_favicon_is_where_browsers_look_first(client: Client) -> None:
    answer = client.get("/favicon.ico")
    assert (answer.status_code, answer["Location"]) == (302, "/static/img/favicon.svg")
