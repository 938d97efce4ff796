"""GET /api/v1/profile: one's own, in words and numbers; nothing without consent."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.test import Client

from profiles import rebuild, services
from profiles.features.definition import Feature, Rolling
from tests.personalization.admin_site import Site
from tests.personalization.asking import CONSENT, PROFILE, THERE, get
from tests.tracking.people import ana_make, ben_make, drain, event_make, inbox_put, withdraw
from tracking import counters
from tracking.models import Inbox

pytestmark = pytest.mark.django_db
EMPTY = ("interests", "behavior", "trends", "features")


def read(visitor_id: Any, category: str, times: int) -> None:
    inbox_put(visitor_id, [event_make(category=category) for _ in range(times)])
    drain(visitor_id)


def test_a_visitor_reads_what_is_known_of_them(client: Client, site: Site) -> None:
    ana, other = ana_make(), ana_make()
    read(ana, "gardening", 3)
    read(ana, "music", 1)
    read(other, "cooking", 5)
    profile = get(client, PROFILE, visitor_id=ana).json()
    assert profile["known"] is True
    assert profile["consent"] == {"measurement": "granted", "personalization": "granted"}
    assert profile["visits"]["count"] == 1
    assert profile["visits"]["first"] <= profile["visits"]["last"]
    liked = {line["category"]: line for line in profile["interests"]}
    assert list(liked) == ["gardening", "music"]
    assert (liked["gardening"]["events"], liked["gardening"]["share"]) == (3, 0.75)
    assert liked["gardening"]["score"] == pytest.approx(3.0, abs=0.01)
    behavior = {line["name"]: line["text"] for line in profile["behavior"]}
    assert behavior["Scrolling"] == "no reading time yet"
    assert [line["name"] for line in profile["trends"]] == ["Dwell time", "Clicks", "Visits"]


def test_declared_features_come_with_their_description(client: Client) -> None:
    ana = ana_make()
    feature = Feature("page_view", "count", Rolling(7 * 24 * 60))
    services.features_need({"test": [feature]}, reason="A test needs one")
    read(ana, "gardening", 2)
    for shard in range(settings.SHARDS):
        rebuild.rebuild_shard(shard)
    (line,) = get(client, PROFILE, visitor_id=ana).json()["features"]
    assert line["description"] == "number of page_view events, in the last 7 days"
    assert line["value"] == 2
    assert len(line["key"]) == 12


def test_before_the_first_event_it_says_that_nothing_is_known_yet(client: Client) -> None:
    profile = get(client, PROFILE, visitor_id=ana_make()).json()
    assert profile["known"] is True
    assert "nothing is known yet" in profile["summary"]
    assert [profile[name] for name in EMPTY] == [[], [], [], []]
    assert profile["visits"] == {"count": 0, "first": None, "last": None}


@pytest.mark.parametrize("who", ["nobody", "ben", "cleo", "signal", "unknown id"])
def test_without_consent_it_is_empty_and_honest(client: Client, who: str) -> None:
    visitor_id = {"nobody": lambda: None, "ben": ben_make, "unknown id": uuid4}.get(who, ana_make)()
    if who in {"cleo", "signal"}:
        assert visitor_id is not None
        read(visitor_id, "gardening", 3)
    if who == "cleo":
        assert visitor_id is not None
        withdraw(visitor_id)
    answer = get(
        client, PROFILE, visitor_id=visitor_id, headers={"Sec-GPC": "1"} if who == "signal" else {}
    )
    profile = answer.json()
    assert (profile["known"], profile["gpc"]) == (False, who == "signal")
    assert profile["summary"].startswith("Personalization is off")
    assert [profile[name] for name in EMPTY] == [[], [], [], []]
    assert "granted" not in profile["consent"].values()
    assert b"gardening" not in answer.content
    assert not Inbox.objects.exists()


def test_no_cache_keeps_it_and_no_other_site_reads_it(client: Client) -> None:
    answer = get(client, PROFILE, visitor_id=ana_make())
    assert answer["Cache-Control"] == "private, no-store"
    refused = get(client, PROFILE, visitor_id=ana_make(), headers=THERE)
    assert (refused.status_code, refused.json()["reason"]) == (403, "foreign_origin")
    assert "Access-Control-Allow-Origin" not in refused
    assert counters.drop_totals("profile") == {"foreign_origin": 1}
    assert get(client, CONSENT, headers=THERE).status_code == 403
    assert counters.drop_totals("consent") == {"foreign_origin": 1}


def test_there_is_no_way_to_ask_for_somebody_else(client: Client) -> None:
    ana, other = ana_make(), ana_make()
    read(other, "cooking", 2)
    for address in (f"{PROFILE}?visitor={other}", f"{PROFILE}?visitor_id={other}"):
        assert get(client, address, visitor_id=ana).json()["interests"] == []
    assert get(client, f"{PROFILE}/{other}", visitor_id=ana).status_code == 404
