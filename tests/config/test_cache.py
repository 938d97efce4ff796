"""The cache: bytes and integers only, and a Redis that is away is an empty one."""

import pytest
from django.core.cache import cache
from django.test import Client

from config.cache import RedisCache


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> RedisCache:
    """A cache whose Redis refuses every connection."""
    return RedisCache("redis://127.0.0.1:1", {})


def test_bytes_and_integers_come_back_as_they_went() -> None:
    cache.set_many({"bytes": b'{"a": 1}', "integer": 7})
    assert cache.get_many(["bytes", "integer", "none"]) == {"bytes": b'{"a": 1}', "integer": 7}


def test_nothing_is_ever_pickled() -> None:
    with pytest.raises(TypeError, match="bytes or int"):
        cache.set("object", {"a": 1})


def test_a_redis_that_is_away_is_an_empty_cache(away: RedisCache) -> None:
    assert away.get("key") is None
    assert away.get_many(["key"]) == {}
    assert away.add("key", b"1") is False
    assert away.set_many({"key": b"1"}) == ["key"]
    assert away.delete("key") is False
    away.set("key", b"1")
    away.delete_many(["key"])


@pytest.mark.django_db
def test_pages_are_served_while_redis_is_away(
    client: Client, away: RedisCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = client.post("/consent/", {"choice": "accept"}, headers={"sec-fetch-site": "same-origin"})
    assert kept.status_code == 303
    for name in ("add", "get", "get_many", "set", "set_many", "delete", "delete_many"):
        monkeypatch.setattr(RedisCache, name, getattr(away, name))
    for address in ("/", "/preferences/"):
        page = client.get(address)
        assert page.status_code == 200
        assert "data-consent-banner" not in page.content.decode(), "a choice is remembered"
