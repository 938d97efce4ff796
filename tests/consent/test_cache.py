"""The cache may be late with a grant, never with a withdrawal, and never decides alone."""

from datetime import timedelta
from unittest.mock import patch
from uuid import uuid4

import pytest
from django.core.cache import cache as django_cache
from django.db import OperationalError, transaction
from django.utils import timezone
from redis.exceptions import ConnectionError as RedisConnectionError

from consent import cache, selectors
from consent.codec import standing_dump
from consent.logic import Standing
from tests.consent.visitors import BOTH, decide

pytestmark = pytest.mark.django_db(transaction=True)


def state(visitor_id, **more):
    return selectors.consent_for_visitor(visitor_id, False, more.get("now", timezone.now()))


def test_a_grant_is_in_the_cache_after_commit():
    visitor_id = decide(None, *BOTH).visitor_id
    raw = django_cache.get_many([selectors.consent_cache_key(visitor_id)])
    value = raw[f"consent:{visitor_id}"]
    assert isinstance(value, bytes)
    cached = selectors.consent_from_cache(
        value, visitor_id=visitor_id, gpc=False, now=timezone.now()
    )
    assert cached is not None
    assert cached.granted == set(BOTH)


def test_a_page_after_that_asks_the_database_nothing(django_assert_num_queries):
    visitor_id = decide(None, *BOTH).visitor_id
    selectors.purposes_active()
    with django_assert_num_queries(0):
        assert state(visitor_id).granted == set(BOTH)


def test_a_slow_reader_cannot_put_an_older_grant_back_over_a_withdrawal():
    """The reader reads PostgreSQL before, and fills the cache during or after, the withdrawal."""
    visitor_id = decide(None, *BOTH).visitor_id
    stale = selectors._standing_from_database(visitor_id)
    assert stale is not None
    django_cache.clear()
    with transaction.atomic():
        decide(visitor_id)
        cache.cache_fill(visitor_id, stale)  # before the commit
        assert not state(visitor_id).granted
    cache.cache_fill(visitor_id, stale)  # after it
    assert not state(visitor_id).granted


def test_a_late_publisher_of_a_grant_cannot_overtake_a_withdrawal():
    visitor_id = decide(None, "measurement").visitor_id
    decide(visitor_id, *BOTH)
    decide(visitor_id)
    cache.cache_publish(visitor_id)
    assert not state(visitor_id).granted


def test_a_withdrawal_rolled_back_leaves_the_cache_on_the_safe_side():
    visitor_id = decide(None, *BOTH).visitor_id
    with transaction.atomic():
        decide(visitor_id)
        transaction.set_rollback(True)
    assert not state(visitor_id).granted
    assert selectors.consent_granted(visitor_id, timezone.now()) == set(BOTH)


def test_a_cached_grant_still_expires():
    visitor_id = decide(None, *BOTH).visitor_id
    assert not state(visitor_id, now=timezone.now() + timedelta(days=181)).granted


@pytest.mark.parametrize(
    "garbage", [b"", b"{}", b"null", b"[]", b'{"choices":1,"fenced":null}', 7, None]
)
def test_garbage_in_the_cache_is_ignored_and_the_database_asked(garbage):
    visitor_id = decide(None, "measurement").visitor_id
    if garbage is not None:
        django_cache.set(selectors.consent_cache_key(visitor_id), garbage)
    now = timezone.now()
    cached = selectors.consent_from_cache(garbage, visitor_id=visitor_id, gpc=False, now=now)
    assert cached is None
    assert state(visitor_id).granted == {"measurement"}


def test_without_redis_a_withdrawal_still_works_and_reads_come_from_postgresql():
    visitor_id = decide(None, *BOTH).visitor_id
    broken = RedisConnectionError("gone")
    with patch.multiple(
        django_cache, create=False, **{name: _raise(broken) for name in ("get", "set", "add")}
    ):
        assert state(visitor_id).granted == set(BOTH)
        new = decide(visitor_id).visitor_id
        assert not state(visitor_id).granted
        assert not state(new).granted


def test_without_a_database_nothing_is_granted():
    """Failing closed."""
    with patch.object(selectors, "_standing_from_database", _raise(OperationalError("gone"))):
        assert not state(uuid4()).granted


def test_an_unknown_id_is_not_cached():
    visitor_id = uuid4()
    assert not state(visitor_id).granted
    assert django_cache.get(selectors.consent_cache_key(visitor_id)) is None


def test_reading_never_replaces_what_a_writer_put():
    visitor_id = uuid4()
    django_cache.set(cache.cache_key(visitor_id), standing_dump(Standing()))
    cache.cache_fill(visitor_id, Standing({}, timezone.now()))
    assert django_cache.get(cache.cache_key(visitor_id)) == standing_dump(Standing())


def _raise(error):
    def fail(*_, **__):
        raise error

    return fail
