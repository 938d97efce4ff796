"""Every process of a test run has a database and a Redis database of its own."""

import os

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connection

from tests.cluster import with_database_name, with_redis_database


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("unix:///tmp/a b/v.sock?db=0", "unix:///tmp/a b/v.sock?db=3"),
        ("redis://user:word@host:6379/0", "redis://user:word@host:6379/3"),
    ],
)
def test_redis_address_names_another_database(url, wanted):
    assert with_redis_database(url, 3) == wanted


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("postgresql://attune@/attune?host=/tmp/s", "postgresql://attune@/other?host=/tmp/s"),
        ("postgresql://user:word@host:5432/site", "postgresql://user:word@host:5432/other"),
    ],
)
def test_database_address_names_another_database(url, wanted):
    assert with_database_name(url, "other") == wanted


@pytest.mark.django_db
def test_each_worker_uses_its_own_databases(worker_id, redis_server):
    number = 0 if worker_id == "master" else 1 + int(worker_id.removeprefix("gw"))
    suffix = "" if worker_id == "master" else f"_{worker_id}"
    assert str(connection.settings_dict["NAME"]).endswith(suffix)
    assert f"db={number}" in settings.REDIS_URL or settings.REDIS_URL.endswith(f"/{number}")
    assert os.environ["REDIS_URL"] == settings.REDIS_URL
    assert settings.PASSWORD_HASHERS == ["django.contrib.auth.hashers.MD5PasswordHasher"]
    cache.set("where", 1)
    assert redis_server.dbsize() == 1
