"""Declared features in profiles: backfilled when declared, kept, let go at the end."""

from __future__ import annotations

import random
import time
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiles import declaring, rebuild, selectors, services
from profiles.compare import state_differences
from profiles.features.checks import FeatureError
from profiles.features.definition import (
    Calendar,
    Condition,
    Dates,
    Feature,
    LatestVisits,
    Lifetime,
    Order,
    Rolling,
    Since,
    Visit,
)
from profiles.features.fold import feature_read
from profiles.models import Rebuild
from profiles.state import State
from tests.tracking.people import ana_make, click_make, drain, event_make, inbox_put
from tracking import columns
from tracking import selectors as tracking_selectors

DAY = 24 * 60
GARDENING = Feature(
    "click", "count", Rolling(7 * DAY), where=(Condition("category", "eq", ("gardening",)),)
)
SPENT = Feature("purchase", "sum", Lifetime(), "property.value")
ATTENTION = Feature("dwell", "sum", Calendar("week", "Europe/Berlin"), "amount")
CLICKS_NOW = Feature("click", "count", Visit())
CLICKS_SINCE = Feature("click", "count", Since("purchase"))
ALL = (
    GARDENING,
    SPENT,
    ATTENTION,
    CLICKS_NOW,
    CLICKS_SINCE,
    Feature("click", "count", LatestVisits(2)),
    Feature("click", "count", Dates("UTC", "2020-01-01")),
    Feature("click", "followed", Order(7 * DAY, "purchase", "gardening", "dwell")),
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _one_shard_and_small_blocks(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.SHARDS = 1
    monkeypatch.setattr(columns, "BLOCK_ROWS", 7)
    monkeypatch.setattr(columns, "DETAIL_ROWS", 3)
    monkeypatch.setattr(declaring, "rebuild_nudge", lambda: None)


def profile(visitor_id: UUID) -> State:
    state = selectors.profile_get(visitor_id)
    assert state is not None
    return state


def value(visitor_id: UUID, feature: Feature) -> Any:
    state = profile(visitor_id)
    kept = state.features.get(feature.key)
    return feature_read(kept, feature, time.time(), visit=state.visit, starts=state.starts)


def put(visitor_id: UUID, *events: dict[str, Any], **receipt: Any) -> None:
    inbox_put(visitor_id, events, **receipt)
    drain(visitor_id)


def test_a_declared_feature_is_backfilled_and_then_kept() -> None:
    ana, ben = ana_make(), ana_make()
    visit = str(uuid4())
    put(ana, *(click_make(category="gardening", visit=visit) for _ in range(3)))
    put(ana, event_make("purchase", properties={"value": 12.5}), click_make(category="cooking"))
    assert declaring.features_declare({"a campaign": ALL}, reason="a test")
    assert selectors.features_live() == frozenset()
    put(ben, click_make(category="gardening"))  # new, and so by the new definition at once
    rebuild.rebuild_shard(0)
    assert selectors.features_live() == {feature.key for feature in ALL}
    assert (value(ana, GARDENING), value(ana, SPENT)) == (3, 12.5)
    assert value(ben, GARDENING) == 1
    put(ana, click_make(category="gardening"), event_make("dwell", value=30.0))
    assert (value(ana, GARDENING), value(ana, ATTENTION)) == (4, 30.0)
    put(ana, event_make("purchase", properties={"value": 7.5}))
    assert value(ana, SPENT) == 20.0


def test_what_opens_and_interrupts_is_read_from_the_stored_events_as_well() -> None:
    ana, now = ana_make(), time.time() * 1000
    interrupted = Feature("click", "followed", Order(DAY, "purchase", without="search"))
    followed = Feature("click", "followed", Order(DAY, "purchase", without="share"))
    visits = [Feature("click", "count", LatestVisits(number)) for number in (1, 9)]
    for age in (5, 3):
        put(ana, click_make(at=now - age * 3_600_000, visit=str(uuid4())))
    put(ana, event_make("search", at=now - 7_200_000, value=None, properties={"query": "rakes"}))
    put(ana, event_make("purchase", at=now - 3_600_000))
    put(ana, click_make(at=now - 60_000, visit=str(uuid4())))
    asked = [CLICKS_SINCE, interrupted, followed, *visits]
    declaring.features_declare({"a campaign": asked}, reason="a test")
    rebuild.rebuild_shard(0)
    assert [value(ana, each) for each in asked] == [1, False, True, 1, 3]
    put(ana, event_make("purchase", at=now - 30_000))
    assert value(ana, CLICKS_SINCE) == 0


def test_this_visit_is_the_one_of_the_latest_event() -> None:
    ana, now = ana_make(), time.time() * 1000
    declaring.features_declare({"a campaign": [CLICKS_NOW]}, reason="a test")
    earlier = [click_make(at=now - 7_200_000 + n, visit=str(uuid4())) for n in range(2)]
    put(ana, *earlier)
    visit = str(uuid4())
    put(ana, *(click_make(at=now - 60_000 + n, visit=visit) for n in range(3)))
    rebuild.rebuild_shard(0)
    assert value(ana, CLICKS_NOW) == 3


def test_bots_and_events_that_were_not_agreed_to_are_left_out() -> None:
    ana = ana_make()
    declaring.features_declare({"a campaign": [GARDENING]}, reason="a test")
    put(ana, click_make(category="gardening"))
    put(ana, click_make(category="gardening"), is_bot=True)
    put(ana, click_make(category="gardening"), basis="measurement")
    rebuild.rebuild_shard(0)
    put(ana, click_make(category="gardening"), is_bot=True)
    assert value(ana, GARDENING) == 1


def test_what_several_need_is_kept_until_the_last_one_lets_go() -> None:
    ana = ana_make()
    declaring.features_declare({"one": [GARDENING]}, reason="a test")
    assert not declaring.features_declare({"other": [GARDENING]}, reason="a test")
    put(ana, click_make(category="gardening"))
    assert not declaring.features_declare({"one": ()}, reason="a test")
    rebuild.rebuild_shard(0)
    assert selectors.features_live() == {GARDENING.key}
    assert declaring.features_declare({"other": ()}, reason="a test")
    assert selectors.features_live() == frozenset()
    rebuild.rebuild_shard(0)
    assert profile(ana).features == {}


def test_a_superseded_rebuild_makes_nothing_live() -> None:
    ana = ana_make()
    put(ana, click_make(category="gardening"))
    declaring.features_declare({"one": [GARDENING]}, reason="a test")
    declaring.features_declare({"two": [SPENT]}, reason="a test")
    assert Rebuild.objects.exclude(finished_at=None).count() == 1
    assert selectors.features_live() == frozenset()
    rebuild.rebuild_shard(0)
    assert selectors.features_live() == {GARDENING.key, SPENT.key}


def test_what_cannot_be_kept_is_refused_and_changes_nothing() -> None:
    bad = Feature("dwell", "max", Lifetime(), "amount")
    with pytest.raises(FeatureError, match="of"):
        declaring.features_declare({"one": [GARDENING, bad]}, reason="a test")
    assert not Rebuild.objects.exists()
    assert selectors.features_declared() == {}


EVENTS = st.lists(
    st.fixed_dictionaries(
        {
            "type": st.sampled_from(["click", "purchase", "dwell"]),
            "category": st.sampled_from([None, "gardening"]),
            "value": st.integers(1, 50).map(float),
            "age": st.integers(0, 20 * 86_400),
            "batch": st.integers(0, 3),
        }
    ),
    min_size=1,
    max_size=20,
)


@settings(max_examples=15)
@given(history=EVENTS, seed=st.integers(), declared_after=st.integers(0, 3))
def test_backfilled_is_incremental_is_rebuild(
    history: list[dict[str, Any]], seed: int, declared_after: int
) -> None:
    """Declared before, between or after the events, folded in any batches."""
    declaring.features_declare({"law": ()}, reason="a test")
    rebuild.rebuild_shard(0)
    ana, now = ana_make(), time.time() * 1000
    batches: dict[int, list[dict[str, Any]]] = {}
    for spec in random.Random(seed).sample(history, len(history)):
        event = event_make(
            spec["type"],
            at=now - spec["age"] * 1000,
            category=spec["category"],
            view=str(uuid4()),
            properties={"value": spec["value"]} if spec["type"] == "purchase" else {},
        )
        if spec["type"] == "dwell":
            event["value"] = spec["value"]
        batches.setdefault(spec["batch"], []).append(event)
    for number in range(4):
        if number == declared_after:
            declaring.features_declare({"law": ALL}, reason="a test")
            rebuild.rebuild_shard(0)
        if batches.get(number):
            put(ana, *batches[number])
    incremental = profile(ana)
    rebuild.shard_rebuild(0)
    assert state_differences(profile(ana), incremental) == []
    anew = services.state_from_events(
        ana,
        through_seq=tracking_selectors.shard_seq(0),
        definition=selectors.definition_latest(),
    )
    assert anew is not None
    assert state_differences(anew, incremental) == []
    spent = sum(spec["value"] for spec in history if spec["type"] == "purchase")
    assert (value(ana, SPENT) or 0) == pytest.approx(spent)
