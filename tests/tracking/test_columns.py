"""Reading in bulk gives back what it borrowed."""

from __future__ import annotations

from uuid import uuid4

import msgspec
import pytest
from django.db import OperationalError, connection, transaction

from tests.tracking.people import ana_make, click_make, drain, event_make, inbox_put
from tests.waiting import wait_until
from tracking import columns
from tracking.pipeline.blocks import Asked


def available() -> int:
    """How many connections could still be had."""
    pool = connection.pool  # type: ignore[attr-defined]
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


@pytest.mark.django_db(transaction=True)
def test_events_in_full_are_fetched_as_they_are_asked_for_within_a_transaction_too() -> None:
    ana = ana_make()
    inbox_put(ana, [click_make() for _ in range(3)])
    drain(ana)
    with transaction.atomic(), connection.cursor() as other:
        details = columns.details_read(columns.of_visitors([ana]), through_seq=10, types=["click"])
        assert next(details).type == "click"
        assert other.execute("SELECT count(*) FROM pg_cursors").fetchone() == (1,)
        assert len(list(details)) == 2
        assert other.execute("SELECT count(*) FROM pg_cursors").fetchone() == (0,)


@pytest.mark.django_db(transaction=True)
def test_fields_that_are_asked_for_are_those_of_the_events_in_full() -> None:
    """Of the types that were asked, told apart however alike they are; nothing of others."""
    ana = ana_make()
    told = [{"campaign": 7, "slot": "a"}, {"campaign": 7, "slot": "b"}, {"slot": "{c}"}]
    events = [event_make("exposure", properties=each, visit=str(uuid4())) for each in told]
    inbox_put(ana, [*events, event_make(item="tomatoes"), event_make(item="tomatoes", value=2)])
    drain(ana)
    asked = Asked(
        ("exposure", "page_view"), ("item", "value", "property.campaign", "property.slot")
    )
    where = columns.of_visitors([ana])
    [block] = columns.blocks_read(where, through_seq=10, facts=("path",), asked=asked)
    assert block.field is not None
    found = [msgspec.json.decode(block.fields[code]) for code in block.field.tolist()]
    in_full = columns.details_read(where, through_seq=10, types=asked.types)
    assert found == [
        [each.item, each.value, *((each.properties or {}).get(n) for n in ("campaign", "slot"))]
        for each in in_full
    ]
    only = Asked(("exposure",), ("item",))
    [block] = columns.blocks_read(where, through_seq=10, asked=only)
    assert block.field is not None
    assert [bool(block.fields[code]) for code in block.field.tolist()] == [True] * 3 + [False] * 2
