"""Folding stored events into profiles: the same whoever folds, whenever, and only with consent."""

from __future__ import annotations

import random
import time
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.db import transaction
from django.test import override_settings
from hypothesis import given, settings
from hypothesis import strategies as st

from profiles import rebuild, selectors, services, store
from profiles.compare import state_differences
from profiles.models import Profile
from profiles.state import SHORT, State, state_encode
from tests.tracking.people import (
    ana_make,
    click_make,
    drain,
    event_make,
    inbox_put,
    visitor_make,
    withdraw,
)
from tests.tracking.test_drain import run_together
from tracking import selectors as tracking_selectors
from tracking import services as tracking_services

pytestmark = pytest.mark.django_db


def seen(visitor_id: UUID, *events: dict[str, Any], **receipt: Any) -> State | None:
    """The visitor's state after these events were accepted, drained and folded."""
    inbox_put(visitor_id, events or [event_make(category="gardening")], **receipt)
    drain(visitor_id)
    return selectors.profile_get(visitor_id)


def shard_of(visitor_id: UUID) -> int:
    return tracking_selectors.shard_of(visitor_id)


def test_a_drain_is_followed_by_its_fold() -> None:
    ana, visit = ana_make(), str(uuid4())
    state = seen(
        ana,
        event_make("page_view", category="gardening", content_type="guide", visit=visit),
        event_make("dwell", category="gardening", value=12.0, visit=visit),
    )
    assert state is not None
    assert state.counts == {"page_view": 1, "dwell": 1}
    assert (state.visits, state.masses["page_view|t:guide"].events) == (1, 1)
    mass = state.masses["dwell|c:gardening"]
    assert 2.0 ** (mass.short - state.masses["page_view|c:gardening"].short) == pytest.approx(
        12.0, rel=1e-3
    )
    assert SHORT == 86_400


def test_the_profile_is_in_the_cache_at_once() -> None:
    ana = ana_make()
    state = seen(ana)
    raw = cache.get(selectors.profile_cache_key(ana))
    assert selectors.profile_from_cache(ana, raw) == state
    assert state is not None
    assert raw == state_encode(state)


def test_a_visitor_without_a_profile_is_remembered_as_such() -> None:
    ana = ana_make()
    assert selectors.profile_from_cache(ana, None) is None
    assert cache.get(selectors.profile_cache_key(ana)) == b"null"
    seen(ana)
    assert selectors.profile_from_cache(ana, cache.get(selectors.profile_cache_key(ana)))


def test_measurement_alone_makes_no_profile() -> None:
    assert seen(visitor_make("measurement")) is None
    assert not Profile.objects.exists()


def test_what_was_recorded_for_measurement_stays_out_after_a_grant() -> None:
    ana = ana_make()
    assert seen(ana, basis="measurement") is None
    state = seen(ana, click_make())
    assert state is not None
    assert state.counts == {"click": 1}


def test_a_purpose_that_only_sounds_alike_is_another() -> None:
    assert seen(ana_make(), basis="measurement,personalization_ads") is None


def test_bots_are_left_out() -> None:
    assert seen(ana_make(), is_bot=True) is None


def test_a_withdrawal_between_drain_and_fold_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    cleo = ana_make()
    inbox_put(cleo, [event_make()])
    with monkeypatch.context() as patch:
        patch.setattr(services, "shard_fold", lambda shard: 0)
        drain(cleo)
    withdraw(cleo)
    assert services.shard_fold(shard_of(cleo)) == 1
    assert selectors.profile_get(cleo) is None


@pytest.mark.django_db(transaction=True)
def test_a_withdrawal_makes_the_profile_unreadable_at_once() -> None:
    cleo = ana_make()
    assert seen(cleo)
    withdraw(cleo)
    assert selectors.profile_get(cleo) is None
    assert cache.get(selectors.profile_cache_key(cleo)) is None


def test_an_erasure_forgets_what_a_fold_under_way_brought_back() -> None:
    """The fold had read consent before the withdrawal and wrote after the deletion."""
    cleo = ana_make()
    state = seen(cleo)
    assert state is not None
    withdraw(cleo)
    services.profile_delete(visitor_id=cleo)
    store.states_write({cleo: state}, shard=shard_of(cleo))
    tracking_services.visitor_erase(visitor_id=cleo)
    assert selectors.profile_get(cleo) is None
    rebuild.shard_rebuild(shard_of(cleo))
    assert selectors.profile_get(cleo) is None


def test_folding_again_changes_nothing() -> None:
    ana = ana_make()
    before = seen(ana)
    assert services.shard_fold(shard_of(ana)) == 0
    assert selectors.profile_get(ana) == before


@override_settings(
    CACHES={
        "default": {
            "BACKEND": "config.cache.RedisCache",
            "LOCATION": "unix:///nonexistent/valkey.sock?db=0",
        }
    }
)
def test_the_fold_goes_on_while_redis_is_away() -> None:
    assert seen(ana_make())


# --- Incremental = rebuild -------------------------------------------------------------------

EVENTS = st.lists(
    st.fixed_dictionaries(
        {
            "type": st.sampled_from(["page_view", "click", "dwell", "scroll"]),
            "category": st.sampled_from([None, "gardening", "cooking"]),
            "content_type": st.sampled_from([None, "article"]),
            "value": st.integers(1, 50).map(float),
            "age": st.integers(0, 90 * 86_400),
            "visit": st.integers(0, 3),
            "batch": st.integers(0, 4),
            "again": st.booleans(),
        }
    ),
    min_size=1,
    max_size=25,
)


@settings(max_examples=25)
@given(history=EVENTS, seed=st.integers())
def test_incremental_is_rebuild_over_random_histories(
    history: list[dict[str, Any]], seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shuffled, in any batches, partly repeated, folded a few events at a time."""
    monkeypatch.setattr(services, "FOLD_EVENTS", 7)
    ana, now = ana_make(), time.time() * 1000
    batches: dict[int, list[dict[str, Any]]] = {}
    for spec in random.Random(seed).sample(history, len(history)):
        event = event_make(
            spec["type"],
            at=now - spec["age"] * 1000,
            category=spec["category"],
            content_type=spec["content_type"],
            value=spec["value"],
            visit=str(UUID(int=ana.int ^ spec["visit"])),
            view=str(uuid4()),
        )
        batches.setdefault(spec["batch"], []).append(event)
        if spec["again"]:
            batches.setdefault(seed % 5, []).append(event | {"value": spec["value"] * 2})
    for batch in batches.values():
        inbox_put(ana, batch)
        drain(ana)
    incremental = selectors.profile_get(ana)
    assert incremental is not None
    rebuild.shard_rebuild(shard_of(ana))
    rebuilt = selectors.profile_get(ana)
    assert rebuilt is not None
    assert state_differences(rebuilt, incremental) == []
    assert sum(incremental.counts.values()) == len(history)


def test_a_rebuild_drops_what_has_no_events() -> None:
    ana = ana_make()
    state = seen(ana)
    assert state is not None
    Profile.objects.filter(visitor_id=ana).update(visitor_id=uuid4())
    call_command("rebuild_profiles", here=True)
    assert [row.visitor_id for row in Profile.objects.all()] == [ana]
    assert selectors.profile_get(ana) == state


# --- Side by side ---------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_two_folds_at_once_count_each_event_once(monkeypatch: pytest.MonkeyPatch) -> None:
    ana = ana_make()
    inbox_put(ana, [click_make() for _ in range(60)])
    with monkeypatch.context() as patch:
        patch.setattr(services, "shard_fold", lambda shard: 0)
        drain(ana)
    monkeypatch.setattr(services, "FOLD_EVENTS", 5)
    shard = shard_of(ana)
    read = run_together(lambda: services.shard_fold(shard), lambda: services.shard_fold(shard))
    assert sum(read) == 60
    state = selectors.profile_get(ana)
    assert state is not None
    assert (state.counts, state.masses["click|"].events) == ({"click": 60}, 60)
    assert cache.get(selectors.profile_cache_key(ana)) == state_encode(state)
    assert selectors.shards_behind() == []


@pytest.mark.django_db(transaction=True)
def test_a_fold_that_dies_has_folded_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    ana = ana_make()
    inbox_put(ana, [click_make()])

    def die(*args: Any, **kwargs: Any) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(store, "cursor_move", die)
        with pytest.raises(SystemExit):
            drain(ana)
    assert selectors.profile_get(ana) is None
    assert selectors.shards_behind() == [shard_of(ana)]
    assert services.shard_fold(shard_of(ana)) == 1
    assert selectors.profile_get(ana)


@pytest.mark.django_db(transaction=True)
def test_a_shard_that_is_being_folded_is_left_alone() -> None:
    ana = ana_make()
    with transaction.atomic():
        store.cursor_lock(shard_of(ana))
        assert run_together(lambda: services.shard_fold(shard_of(ana))) == [0]
