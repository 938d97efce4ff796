"""What became of accepted requests: the stored rows and the profiles, to be compared.

A journal keeps each accepted request, so that the very same can be drained once more.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.core.cache import cache
from django.db import connection, transaction

from profiles import selectors
from profiles import services as profile_services
from profiles.compare import state_differences
from profiles.definition import Definition
from profiles.state import State, state_decode
from tests.tracking.made_up import Request
from tests.tracking.people import BOTH
from tests.tracking.tables import tables_empty
from tracking import selectors as tracking_selectors
from tracking import services, store
from tracking.models import Fence
from tracking.pipeline.steps import Receipt


class Outcome(NamedTuple):
    """What is stored: rows by (visitor, id, part), and states by visitor."""

    rows: dict[tuple[Any, ...], tuple[Any, ...]]
    states: dict[UUID, State]


def journal_make() -> None:
    """A copy of each accepted request, written in the transaction that accepts it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE accepted (LIKE tracking_inbox);"
            " CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN INSERT INTO accepted VALUES (NEW.*); RETURN NEW; END $$;"
            " CREATE TRIGGER note AFTER INSERT ON tracking_inbox"
            " FOR EACH ROW EXECUTE FUNCTION note()"
        )


def site_empty() -> None:
    """Nothing but the visitors, and what is usual."""
    tables_empty(but="consent_")
    for type_, kind, limit in (("dwell", "guide", 60.0), ("click", "article", 3.0)):
        Fence.objects.create(
            type=type_, content_type=kind, observations=999, lower_quartile=1, median=1,
            upper_quartile=1, sigma=1, z_score=limit, iqr=limit + 1, updated_at=datetime.now(UTC),
        )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE accepted")
    cache.clear()


def requests_accept(requests: Collection[Request]) -> None:
    """As the API would have."""
    now_ms = time.time() * 1000
    store.inbox_add_many(
        (
            tracking_selectors.shard_of(request.visitor_id),
            Receipt(
                visitor_id=request.visitor_id,
                source="tracker",
                basis=",".join(BOTH),
                device="desktop",
                is_bot=request.is_bot,
                skew_ms=int(request.behind_ms),
                received_ms=now_ms,
            ),
            json.dumps(request.events).encode(),
        )
        for request in requests
    )


def drain_here() -> Outcome:
    for shard in range(settings.SHARDS):
        services.shard_drain(shard)
    assert is_done()
    return outcome_read()


def is_done() -> bool:
    return not tracking_selectors.inbox_size() and not selectors.shards_behind()


def outcome_read() -> Outcome:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT visitor_id, id, part, type, occurred_at, visit_id, starts_visit, is_bot,"
            " outlier, round(value::numeric, 9), round(amount::numeric, 9) FROM tracking_event"
        )
        rows = {row[:3]: row[3:] for row in cursor.fetchall()}
        cursor.execute("SELECT visitor_id, state FROM profiles_profile")
        return Outcome(rows, {row[0]: state_decode(row[1]) for row in cursor.fetchall()})


def assert_same(outcome: Outcome, expected: Outcome) -> None:
    differing = {
        key: (outcome.rows.get(key), expected.rows.get(key))
        for key in outcome.rows.keys() | expected.rows.keys()
        if outcome.rows.get(key) != expected.rows.get(key)
    }
    assert not differing
    assert outcome.states.keys() == expected.states.keys()
    for visitor_id, state in outcome.states.items():
        assert state_differences(state, expected.states[visitor_id]) == []


def events_accepted() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sum(jsonb_array_length(convert_from(payload, 'UTF8')::jsonb)) FROM accepted"
        )
        return int(cursor.fetchone()[0])


def accepted_again() -> None:
    """The inbox as it was filled, in the same order, and nothing of what became of it."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE again AS TABLE accepted")
        site_empty()
        cursor.execute("INSERT INTO tracking_inbox SELECT * FROM again ORDER BY id")
        cursor.execute("DROP TABLE again")


def values_stored() -> dict[tuple[UUID, UUID], float]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT visitor_id, id, sum(value) FROM tracking_event WHERE value IS NOT NULL"
            " GROUP BY visitor_id, id"
        )
        return {(row[0], row[1]): row[2] for row in cursor.fetchall()}


def assert_profiles_are_sums(outcome: Outcome) -> None:
    """Of the stored events: incremental is rebuild."""
    with transaction.atomic():  # one connection for all
        for visitor_id in {key[0] for key in outcome.rows}:
            through = tracking_selectors.shard_seq(tracking_selectors.shard_of(visitor_id))
            expected = profile_services.state_from_events(
                visitor_id, through_seq=through, definition=Definition()
            )
            state = outcome.states.get(visitor_id)
            assert (state is None) == (expected is None)
            if state is not None and expected is not None:
                assert state_differences(state, expected) == []


def assert_pages_read(states: dict[UUID, State]) -> None:
    """Whatever the cache holds is what is stored."""
    pages = cache.get_many(map(selectors.profile_cache_key, states))
    for visitor_id, state in states.items():
        raw = pages.get(selectors.profile_cache_key(visitor_id))
        assert raw is None or state_differences(state_decode(raw), state) == []
