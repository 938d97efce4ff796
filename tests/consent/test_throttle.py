"""A limit on choices per network, which never stands in the way of a withdrawal."""

from unittest.mock import patch

import pytest
from django.test import Client, override_settings
from redis.exceptions import ConnectionError as RedisAway

from consent import throttle
from consent.models import EffectiveConsent
from tests.consent.visitors import SAME_ORIGIN, choose, visitor_id_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _two_choices_in_one_minute(settings, monkeypatch):
    settings.CONSENT_CHOICES_PER_MINUTE = 2
    monkeypatch.setattr(throttle.time, "time", lambda: 1_800_000_045.0)


def post(address: str = "192.0.2.1", **headers: str):
    data, sent = {"choice": "accept"}, SAME_ORIGIN | headers
    return Client(REMOTE_ADDR=address).post("/consent/", data, headers=sent)


def test_over_the_limit_nothing_is_recorded_and_the_answer_says_when_to_return():
    codes = [post(f"192.0.2.{host}").status_code for host in (1, 2, 3)]
    assert codes == [303, 303, 429]
    assert EffectiveConsent.objects.count() == 2
    page, problem = post(), post(Accept="application/json")
    assert "Too many choices" in page.content.decode()
    assert not page.cookies
    assert page["Retry-After"] == "15"
    assert problem.json()["reason"] == "too_many_choices"
    assert post("192.0.3.1").status_code == 303


def test_the_preference_page_is_limited_too_and_still_shown(client):
    codes = [choose(Client(), "accept", path="/preferences/").status_code for _ in range(3)]
    assert codes == [303, 303, 429]
    assert client.get("/preferences/").status_code == 200


@pytest.mark.parametrize(
    "choice", [("withdraw",), ("reject",), ("save",), ("save", "measurement")], ids=str
)
def test_taking_back_is_never_held_up(client, choice):
    choose(client, "accept")
    for _ in range(3):
        choose(Client(), "accept")
    old = visitor_id_of(client)
    assert old is not None
    assert choose(client, *choice).status_code == 303
    assert EffectiveConsent.objects.get(pk=old).fenced_at is not None
    assert choose(client, "accept").status_code == 429


def test_without_redis_choices_go_on():
    with patch.object(throttle.cache, "add", return_value=False):
        assert {post().status_code for _ in range(3)} == {303}  # incr finds no key
        with patch.object(throttle.cache, "incr", side_effect=RedisAway):
            assert post().status_code == 303


def test_a_header_names_the_address_only_behind_a_declared_proxy():
    forwarded = [{"X-Forwarded-For": f"198.51.{net}.7"} for net in (1, 2, 3)]
    assert [post(**one).status_code for one in forwarded] == [303, 303, 429]
    with override_settings(REST_FRAMEWORK={"NUM_PROXIES": 1}):
        assert [post(**one).status_code for one in forwarded] == [303, 303, 303]


def test_no_address_is_in_the_cache(redis_server):
    post()
    keys = [key.decode() for key in redis_server.keys("*choices*")]
    assert len(keys) == 1
    assert "192.0.2" not in keys[0]
    assert 0 < redis_server.ttl(keys[0]) <= 60
