"""The readers of rules are compared on live data, and the admin says what was found."""

from __future__ import annotations

import doctest
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings as settings_of_django
from django.test import Client
from django.urls import reverse
from hypothesis import given, settings
from hypothesis import strategies as st

from consent.nightly import check_finish
from personalization import tasks
from personalization.dashboard.health import readers_health
from personalization.models import Campaign, ProjectedProfile, ReaderCheck
from personalization.reach import comparing, hints, sql, words
from personalization.reach.compiling import READERS, leaf_is_indexed
from personalization.reach.leaves import Asking
from personalization.rules.conditions import BY_KIND, CONDITIONS
from personalization.rules.costs import COSTS
from personalization.rules.nodes import Leaf
from personalization.rules.tree import rule_parse
from profiles import selectors as profile_selectors
from profiles import store as profile_store
from tests.personalization.admin_site import Site
from tests.personalization.publishing import campaigns_publish
from tests.personalization.reaching import BASELINE, leaves
from tests.personalization.test_admin_visitor import reads
from tests.tracking.people import ana_make, withdraw
from tracking import selectors
from tracking.models import Event, SweepCursor

OFTEN = {"condition": "visits", "operator": ">=", "value": 50}


def test_the_examples_of_the_docstrings_run() -> None:
    for module in (comparing, hints, sql, words):
        results = doctest.testmod(module)
        assert results.attempted
        assert not results.failed


# --- What a condition costs ------------------------------------------------------------------


def test_what_conditions_are_said_to_cost_is_what_the_sql_reader_can_do() -> None:
    kinds = {condition.kind for condition in CONDITIONS if not condition.of_page}
    assert set(COSTS) == set(READERS) <= kinds
    assert {BY_KIND[kind].cost for kind in kinds - set(READERS)} == {"memory"}


@pytest.mark.parametrize("kind", [kind for kind, cost in COSTS.items() if cost == "indexed"])
@settings(max_examples=10)
@given(data=st.data())
def test_what_is_said_to_be_indexed_is_never_left_to_memory(kind: str, data: Any) -> None:
    leaf = rule_parse(data.draw(leaves(BY_KIND[kind])))
    assert isinstance(leaf, Leaf)
    assert leaf_is_indexed(leaf, Asking(now=1_800_000_000.0, baseline=BASELINE))


# --- Every night -----------------------------------------------------------------------------


@pytest.fixture
def readers(site: Site) -> list[UUID]:
    """Three visitors who read, and a rule on pages that matches none of them."""
    campaigns_publish(Campaign.objects.all(), rule=OFTEN)
    visitors = [ana_make() for _ in range(3)]
    for visitor_id in visitors:
        reads(visitor_id)
    return visitors


def test_readers_that_agree_are_said_to(readers: list[UUID], superuser: Client) -> None:
    tasks.readers_check_task()
    found = {check.reader: str(check) for check in ReaderCheck.objects.all()}
    assert found == {"sql": "3 checked, 0 differ", "replay": "3 checked, 0 differ"}
    health = readers_health(datetime.now(UTC))
    assert health.state == "good"
    assert health.text == "Replay: 3 checked, 0 differ; SQL: 3 checked, 0 differ."
    listed = superuser.get(reverse("admin:personalization_readercheck_changelist"))
    assert "3 checked, 0 differ" in listed.content.decode()


def test_a_row_that_says_something_else_is_found_and_named(
    readers: list[UUID], superuser: Client
) -> None:
    tasks.readers_check_task()
    ProjectedProfile.objects.filter(visitor_id=readers[1]).update(visits=51)
    check = comparing.readers_check(now=datetime.now(UTC))
    assert (check.checked, check.differing) == (3, 1)
    assert check.differences == [
        {
            "visitor": str(readers[1])[:8],
            "text": "campaign “Gardeners”: matches, in memory does not match",
        }
    ]
    health = readers_health(datetime.now(UTC))
    assert (health.state, health.label) == ("act", "Rule readers")
    url = reverse("admin:personalization_readercheck_change", args=[check.pk])
    assert "in memory does not match" in superuser.get(url).content.decode()
    comparing.visitor_forget(visitor_id=readers[1])
    check.refresh_from_db()
    assert (check.differing, check.differences) == (0, [])


def test_a_profile_that_is_not_what_its_events_say_is_found_by_the_replay(
    readers: list[UUID],
) -> None:
    state = profile_selectors.profile_get(readers[1])
    assert state is not None
    state.visits = 60
    profile_store.states_write({readers[1]: state}, shard=selectors.shard_of(readers[1]))
    check = comparing.readers_check(now=datetime.now(UTC), reader="replay")
    assert (check.checked, check.differing) == (3, 1)
    assert check.differences == [
        {
            "visitor": str(readers[1])[:8],
            "text": "campaign “Gardeners”: does not match, in memory matches",
        }
    ]
    assert "Backtests may be wrong" in readers_health(datetime.now(UTC)).text


def test_whose_events_are_too_old_to_be_kept_raises_no_false_alarm(readers: list[UUID]) -> None:
    SweepCursor.objects.create(name=selectors.EXPIRED_CURSOR, at=datetime.now(UTC))
    Event.objects.filter(visitor_id=readers[0]).delete()
    check = comparing.readers_check(now=datetime.now(UTC), reader="replay")
    assert (check.checked, check.differing) == (0, 0)


def test_who_withdraws_during_a_check_is_not_named_by_it(readers: list[UUID]) -> None:
    check = ReaderCheck.objects.create(reader="sql", started_at=datetime.now(UTC))
    withdraw(readers[0])
    found = {readers[0]: "differs", readers[1]: "differs too"}
    check_finish(check, checked=3, differing=2, named=found, purpose="personalization")
    check.refresh_from_db()
    assert (check.differing, [one["visitor"] for one in check.differences]) == (
        1,
        [str(readers[1])[:8]],
    )


def test_a_check_ends_when_its_time_is_over(
    readers: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparing, "CHUNK", 1)
    check = comparing.readers_check(now=datetime.now(UTC), reader="replay", seconds=0.0)
    assert check.finished_at is not None
    assert check.checked == 1


def test_the_schedule_lays_out_what_changed(readers: list[UUID]) -> None:
    for shard in range(settings_of_django.SHARDS):
        tasks.shard_project_task(shard)
    assert set(ProjectedProfile.objects.values_list("visitor_id", flat=True)) == set(readers)
