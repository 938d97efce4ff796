"""Reading in bulk gives back what it borrowed."""

from __future__ import annotations

import pytest
from django.db import OperationalError, connection

from tests.waiting import wait_until
from tracking import columns


def available() -> int:
    """How many connections could still be had."""
    pool = connection.pool
    assert pool is not None
    stats = pool.get_stats()
    return int(stats["pool_max"] - stats["pool_size"] + stats["pool_available"])


def read_until_it_breaks() -> None:
    with columns.reader() as (cursor, _):
        pid = cursor.execute("SELECT pg_backend_pid()").fetchone()[0]
        with connection.cursor() as other:
            other.execute("SELECT pg_terminate_backend(%s)", (pid,))
        while True:
            cursor.execute("SELECT pg_sleep(0.01)")


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_breaks_while_it_is_read_is_not_missing_in_the_pool() -> None:
    connection.ensure_connection()
    before = available()
    with pytest.raises(OperationalError):
        read_until_it_breaks()
    wait_until(lambda: available() == before)
