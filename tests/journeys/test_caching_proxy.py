"""Visitors behind one caching proxy: nobody is ever given what was made for somebody else."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from tests.proxy import Answer, Server, proxy_run

if TYPE_CHECKING:
    from uuid import UUID

pytestmark = pytest.mark.django_db(transaction=True)

PAGES = (
    "/", "/c/gardening/", "/items/raised-beds-in-a-weekend/", "/search/?q=garden", "/about/",
    "/preferences/", "/sign-in/", "/docs/errors", "/nowhere/",
)  # fmt: skip
API = ("/api/v1/profile", "/api/v1/consent")
QUESTION = json.dumps({"slots": ["home-hero"], "page": {"path": "/"}}).encode()
JSON = {"Content-Type": "application/json"}
PUBLIC = ("/static/dist/consent.js", "/static/css/site.css", "/static/img/favicon.svg")
SIGNAL = {"Sec-GPC": "1"}
#: What makes two answers for the same visitor differ: tokens of forms, the time, what fades by it.
PASSING = re.compile(
    r'name="csrfmiddlewaretoken" value="\w+"|<time.*?</time>|\d+\.\d+|\d+ seconds?'
)


@pytest.fixture
def servers(
    live_server: Any, tmp_path: Path, logins_path: Path, settings: Any
) -> Iterator[tuple[Server, Server]]:
    """(the site itself, the proxy before it)."""
    from demo.loader import demo_load

    settings.ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
    demo_load(logins_path=logins_path)
    port = urlsplit(str(live_server)).port
    assert port is not None
    with proxy_run(tmp_path, upstream=port) as proxy:
        yield Server(port), proxy


@pytest.fixture
def logins_path(tmp_path: Path) -> Path:
    return tmp_path / "logins.json"


def reader_make(category: str) -> UUID:
    """Who read this category and got a campaign of their own on the home page's hero."""
    from personalization.models import Campaign, Slot, Variant
    from tests.personalization.publishing import campaigns_publish
    from tests.tracking.people import ana_make, drain, event_make, inbox_put

    visitor_id = ana_make()
    inbox_put(visitor_id, [event_make(category=category) for _ in range(3)])
    drain(visitor_id)
    Campaign.objects.exclude(name__startswith="Readers of").update(status="draft")
    slot = Slot.objects.get(key="home-hero")
    variant = Variant.objects.create(name=f"For {category}", headline=f"Only for {category}")
    rule = {"condition": "events", "type": "page_view", "category": category, "days": 7}
    made = Campaign.objects.create(
        name=f"Readers of {category}", slot=slot, variant=variant,
        rule={"all": [{**rule, "operator": ">=", "value": 3}]},
    )  # fmt: skip
    campaigns_publish(Campaign.objects.filter(pk=made.pk))
    return visitor_id


def cookie_of(visitor_id: UUID | None) -> str:
    from consent.cookies import COOKIE_NAME, cookie_value

    return f"{COOKIE_NAME}={cookie_value(visitor_id, datetime.now(UTC))}" if visitor_id else ""


def same(answer: Answer) -> tuple[int, str]:
    return answer.status, PASSING.sub("", answer.body)


def test_nobody_gets_what_was_made_for_somebody_else(servers: tuple[Server, Server]) -> None:
    from tests.tracking.people import ben_make

    site, proxy = servers
    jars = {
        "gardener": cookie_of(reader_make("gardening")),
        "musician": cookie_of(reader_make("music")),
        "refused": cookie_of(ben_make()),
        "nobody": "",
    }
    expected = {
        (who, path): same(site.ask(path, cookie=cookie))
        for (who, cookie), path in itertools.product(jars.items(), (*PAGES, *API))
    }
    # The two readers are told apart at all: else nothing below would prove anything.
    shown = {who: expected[who, "/"][1] for who in jars}
    assert "Only for gardening" in shown["gardener"]
    assert "Only for music" in shown["musician"]
    assert "Only for" not in shown["refused"] + shown["nobody"]
    assert "gardening" in expected["gardener", "/api/v1/profile"][1]

    wrong = []
    for _ in range(2):  # the second time, whatever can come from the cache does
        for path, (who, cookie) in itertools.product((*PAGES, *API), jars.items()):
            answer = proxy.ask(path, cookie=cookie)
            if same(answer) != expected[who, path] or answer.cache == "HIT":
                wrong.append((who, path, answer.status, answer.cache))
    assert wrong == []


def test_nobody_gets_another_ones_decision(servers: tuple[Server, Server]) -> None:
    site, proxy = servers
    jars = {
        "Only for gardening": cookie_of(reader_make("gardening")),
        "Only for music": cookie_of(reader_make("music")),
        "": "",
    }
    for _ in range(2):
        for headline, cookie in jars.items():
            answer = proxy.ask("/api/v1/decide", cookie=cookie, body=QUESTION, headers=JSON)
            hero = json.loads(answer.body)["decisions"]["home-hero"]
            assert answer.cache != "HIT"
            assert (hero["campaign"] is not None) == bool(headline)
            assert headline in hero["content"]["headline"]
            direct = site.ask("/api/v1/decide", cookie=cookie, body=QUESTION, headers=JSON)
            assert json.loads(direct.body)["decisions"]["home-hero"]["content"] == hero["content"]


def test_the_opt_out_signal_is_never_answered_from_the_cache(
    servers: tuple[Server, Server],
) -> None:
    _, proxy = servers
    plain = [proxy.ask("/") for _ in range(2)]
    told = [proxy.ask("/", headers=SIGNAL) for _ in range(2)]
    assert {answer.cache for answer in plain + told} == {"MISS"}
    assert all("Sec-GPC" in answer.headers["vary"] for answer in plain + told)
    said = [json.loads(proxy.ask("/api/v1/consent", headers=SIGNAL).body)["gpc"] for _ in range(2)]
    assert said == [True, True]
    assert json.loads(proxy.ask("/api/v1/consent").body)["gpc"] is False


def test_a_refusal_is_no_answer_for_others(servers: tuple[Server, Server]) -> None:
    _, proxy = servers
    refused = proxy.ask("/api/v1/profile", headers={"Sec-Fetch-Site": "cross-site"})
    assert (refused.status, refused.cache) == (403, "MISS")
    assert proxy.ask("/api/v1/profile").status == 200


def test_what_is_the_same_for_everybody_is_kept(servers: tuple[Server, Server]) -> None:
    _, proxy = servers
    cookie = cookie_of(reader_make("gardening"))
    for path in (*PUBLIC, "/.well-known/gpc.json", "/favicon.ico"):
        first, second = proxy.ask(path, cookie=cookie), proxy.ask(path)
        assert (first.cache, second.cache) == ("MISS", "HIT"), path
        assert first.body == second.body
        assert "set-cookie" not in first.headers


def test_pages_that_may_be_kept_say_so(servers: tuple[Server, Server]) -> None:
    site, _ = servers
    for path in ("/.well-known/gpc.json", "/favicon.ico"):
        assert site.ask(path).headers["cache-control"].startswith("public, max-age=")
    for path in (*PAGES, *API):
        assert site.ask(path).headers["cache-control"] == "private, no-store", path
