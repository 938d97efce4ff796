"""Borrowing a reader: the demo's stand-in for a site's own accounts."""

import pytest
from django.test import Client

from consent.models import Account
from demo.readers import READERS
from tests.consent.visitors import SAME_ORIGIN, choose

pytestmark = [pytest.mark.usefixtures("demo_site"), pytest.mark.django_db]


def post(client: Client, path: str, **data: str):
    return client.post(path, data, headers=SAME_ORIGIN)


def test_every_reader_can_be_borrowed_and_is_named_on_every_page(client: Client) -> None:
    html = client.get("/sign-in/").content.decode()
    for reader in READERS:
        assert f'value="{reader.key}"' in html
    assert post(client, "/sign-in/", reader="ana").status_code == 302
    for path in ("/", "/about/", "/nowhere/"):
        assert "Signed in as </span>Ana" in client.get(path).content.decode()
    post(client, "/sign-out/")
    assert "Signed in as" not in client.get("/").content.decode()


def test_signing_in_without_a_choice_asks_for_one_and_stores_no_record(client: Client) -> None:
    response = post(client, "/sign-in/", reader="ana")
    assert list(response.cookies) == ["sessionid"]
    assert "data-consent-banner" in client.get("/").content.decode()
    assert not Account.objects.exists()


def test_a_second_device_is_not_asked_and_a_sign_out_asks_again(client: Client) -> None:
    choose(client, "accept")
    post(client, "/sign-in/", reader="ana")
    laptop = Client()
    post(laptop, "/sign-in/", reader="ana")
    assert "dist/tracker.js" in laptop.get("/").content.decode()
    post(laptop, "/sign-out/")
    html = laptop.get("/").content.decode()
    assert "data-consent-banner" in html
    assert "dist/tracker.js" not in html
    assert "dist/tracker.js" in client.get("/").content.decode()


@pytest.mark.parametrize("path", ["/sign-in/", "/sign-out/"])
def test_another_sites_form_changes_nothing(client: Client, path: str) -> None:
    post(client, "/sign-in/", reader="ana")
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {}):
        assert client.post(path, {"reader": "ben"}, headers=headers).status_code == 403
    assert "Signed in as </span>Ana" in client.get("/").content.decode()


def test_a_reader_who_is_none_is_not_found_and_sign_out_is_no_link(client: Client) -> None:
    assert post(client, "/sign-in/", reader="eve").status_code == 404
    assert client.get("/sign-out/").status_code == 405
