"""Rebuilds and declared features before the people who look at them."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from profiles import declaring, rebuild
from profiles.features.definition import Feature, Lifetime, Rolling
from tests.tracking.people import ana_make, click_make, drain, inbox_put

pytestmark = pytest.mark.django_db
REBUILDS = "/admin/profiles/rebuild/"
FEATURES = "/admin/profiles/declaredfeature/"


@pytest.fixture(autouse=True)
def _by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(declaring, "rebuild_nudge", lambda: None)


def shown(client: Client, url: str) -> str:
    page = client.get(url).content.decode()
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_a_rebuild_shows_how_far_it_is(admin_client: Client, settings: object) -> None:
    ana = ana_make()
    inbox_put(ana, [click_make() for _ in range(4)])
    drain(ana)
    declaring.rebuild_start(reason="Half-lives changed by mara")
    page = shown(admin_client, REBUILDS)
    assert "Half-lives changed by mara" in page
    assert "Under way" in page
    assert "0 %" in page
    for shard in range(16):
        rebuild.rebuild_shard(shard)
    page = shown(admin_client, REBUILDS)
    assert "Finished" in page
    assert "100 %" in page


def test_a_rebuild_whose_place_was_taken_says_so(admin_client: Client) -> None:
    declaring.rebuild_start(reason="first")
    declaring.features_declare({"x": [Feature("click", "count", Lifetime())]}, reason="a test")
    assert "Replaced" in shown(admin_client, REBUILDS)


def test_declared_features_are_said_in_words(admin_client: Client) -> None:
    clicks = Feature("click", "count", Rolling(7 * 24 * 60))
    declaring.features_declare({"campaign 7": [clicks]}, reason="a test")
    page = shown(admin_client, FEATURES)
    assert clicks.describe() in page
    assert "campaign 7" in page
    assert "Being backfilled" in page
    for shard in range(16):
        rebuild.rebuild_shard(shard)
    assert "Live" in shown(admin_client, FEATURES)


@pytest.mark.parametrize("url", [REBUILDS, FEATURES])
def test_an_empty_list_and_a_stranger(client: Client, admin_client: Client, url: str) -> None:
    assert admin_client.get(url).status_code == 200
    assert Client().get(url).status_code == 302
