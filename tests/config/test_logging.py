"""What the log says of requests: nothing of what anybody can cause, one line of what broke."""

import logging

import pytest
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import path

from config import urls


def view_broken(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("a bug")


urlpatterns = [path("broken/", view_broken), *urls.urlpatterns]


@pytest.mark.django_db
@override_settings(ROOT_URLCONF=__name__)
def test_a_4xx_is_no_line_and_a_5xx_is_one(caplog: pytest.LogCaptureFixture) -> None:
    client = Client(raise_request_exception=False)
    assert client.get("/broken/").status_code == 500
    (record,) = caplog.records
    assert (record.levelname, record.name) == ("ERROR", "django.request")
    caplog.clear()
    assert client.get("/api/v1/nowhere").status_code == 404
    assert client.get("/", headers={"host": "elsewhere.example"}).status_code == 400
    assert caplog.records == []


def test_nothing_writes_a_line_beside_our_console() -> None:
    loggers: dict[str, object] = settings.LOGGING["loggers"]  # type: ignore[assignment]
    names = ("django", *loggers)
    assert [name for name in names if logging.getLogger(name).handlers] == []
    assert all(logging.getLogger(name).propagate for name in names)
