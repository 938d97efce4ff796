"""Other sites: the named origins may ask with the visitor's cookie, nobody else, never all."""

from __future__ import annotations

import time
from typing import Any

import msgspec
import pytest
from django.test import Client, override_settings

from tests.personalization.asking import CONSENT, DECIDE, PROFILE, SHOP, THERE, ask, be, get
from tests.tracking.people import URL as EVENTS
from tests.tracking.people import ana_make, ben_make, event_make
from tracking.models import Inbox

pytestmark = [pytest.mark.django_db]
EVIL = "https://evil.example"


@pytest.fixture(autouse=True)
def _shop(settings: Any) -> None:
    settings.EMBED_ORIGINS = frozenset({SHOP})


def preflight(client: Client, address: str, origin: str) -> Any:
    headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    return client.options(address, headers=headers)


@pytest.mark.parametrize("address", [EVENTS, DECIDE, PROFILE, CONSENT])
def test_a_preflight_of_a_named_origin_is_answered_and_kept(client: Client, address: str) -> None:
    answer = preflight(client, address, SHOP)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer["Access-Control-Allow-Origin"] == SHOP
    assert answer["Access-Control-Allow-Credentials"] == "true"
    assert answer["Access-Control-Allow-Methods"] == "GET, POST"
    assert answer["Access-Control-Allow-Headers"] == "Content-Type"
    assert int(answer["Access-Control-Max-Age"]) >= 600
    assert "Origin" in answer["Vary"]


@pytest.mark.parametrize("address", [EVENTS, DECIDE, PROFILE, CONSENT])
@pytest.mark.parametrize("origin", [EVIL, "null", f"{SHOP}.evil.example", SHOP.upper(), ""])
def test_no_other_origin_is_let_in(client: Client, address: str, origin: str) -> None:
    answer = preflight(client, address, origin)
    assert not [name for name in answer.headers if name.startswith("Access-Control-")]
    sent = THERE | {"Origin": origin}
    method = client.get if address in {PROFILE, CONSENT} else client.post
    refused: Any = method(address, headers=sent)
    assert (refused.status_code, refused.json()["reason"]) == (403, "foreign_origin")
    assert not [name for name in refused.headers if name.startswith("Access-Control-")]


def test_a_named_origin_decides_reads_and_reports_for_its_visitor(client: Client) -> None:
    ana = ana_make()
    batch = {"sent_at": time.time() * 1000, "events": [event_make()]}
    answers = [
        ask(client, "hero", visitor_id=ana, headers=THERE),
        get(client, PROFILE, visitor_id=ana, headers=THERE),
        get(client, CONSENT, visitor_id=ana, headers=THERE),
        client.post(
            EVENTS, msgspec.json.encode(batch), content_type="text/plain", headers=THERE
        ),
    ]  # fmt: skip
    assert [answer.status_code for answer in answers] == [200, 200, 200, 202]
    for answer in answers:
        assert answer["Access-Control-Allow-Origin"] == SHOP
        assert answer["Access-Control-Allow-Credentials"] == "true"
        assert "Origin" in answer["Vary"]
    assert Inbox.objects.get().visitor_id == ana


def test_a_refusal_can_be_read_by_the_page_that_caused_it(client: Client) -> None:
    answer = ask(client, body=b"{", headers=THERE)
    assert (answer.status_code, answer["Access-Control-Allow-Origin"]) == (400, SHOP)


def test_no_origin_may_act_on_forms_or_read_pages(client: Client) -> None:
    page = client.get("/", headers=THERE)
    assert "Access-Control-Allow-Origin" not in page
    refused = client.post("/consent/", {"choice": "accept"}, headers=THERE)
    assert refused.status_code == 403


@override_settings(EMBED_ORIGINS=frozenset())
def test_without_the_setting_there_is_no_other_site(client: Client) -> None:
    assert ask(client, "hero", headers=THERE).status_code == 403


# --- Asked first: what the visitor decided -------------------------------------------------------


def test_a_page_elsewhere_learns_what_the_visitor_decided(client: Client) -> None:
    answer = get(client, CONSENT, visitor_id=ana_make(), headers=THERE)
    assert answer.json() == {
        "decided": True,
        "granted": ["measurement", "personalization"],
        "gpc": False,
        "tracker": "http://testserver/static/dist/tracker.js",
        "preferences": "http://testserver/preferences/",
    }
    assert answer["Cache-Control"] == "private, no-store"
    assert not answer.cookies


@pytest.mark.parametrize("who", ["nobody", "ben", "signal"])
def test_without_a_grant_there_is_no_tracker_to_load(client: Client, who: str) -> None:
    visitor_id = {"nobody": lambda: None, "ben": ben_make, "signal": ana_make}[who]()
    headers = THERE | ({"Sec-GPC": "1"} if who == "signal" else {})
    state = get(client, CONSENT, visitor_id=visitor_id, headers=headers).json()
    assert (state["granted"], state["tracker"], state["gpc"]) == ([], None, who == "signal")
    assert state["decided"] == (who == "ben") or who == "signal"


def test_asking_for_consent_leaves_no_trace(client: Client) -> None:
    be(client, None)
    answer = client.get(CONSENT, headers=THERE)
    assert (answer.status_code, answer.json()["decided"], bool(answer.cookies)) == (
        200, False, False
    )  # fmt: skip
