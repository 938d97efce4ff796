"""The nightly self-check: silent while the law holds, exact when it does not, and mendable."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from django.core.cache import cache
from django.db import transaction
from django.test import Client
from django.urls import reverse

from personalization.services import marketer_group_ensure
from profiles import selectors, selfcheck, services, store, tasks
from profiles.compare import state_differences
from profiles.definition import Definition
from profiles.models import Profile, SelfCheck
from profiles.state import State
from tests.personalization.admin_site import client_of
from tests.tracking.people import (
    ana_make,
    ben_make,
    drain,
    event_make,
    inbox_put,
    visitor_make,
    withdraw,
)
from tests.tracking.test_drain import run_together
from tracking import columns
from tracking import selectors as tracking_selectors

pytestmark = pytest.mark.django_db


def seen(visitor_id: UUID, count: int = 3) -> UUID:
    """The visitor, after so many page views and a click."""
    views = [event_make(category="gardening") for _ in range(count)]
    inbox_put(visitor_id, [*views, event_make("click", category="gardening")])
    drain(visitor_id)
    return visitor_id


@pytest.fixture
def visitors() -> list[UUID]:
    return [seen(ana_make()) for _ in range(5)]


def check() -> SelfCheck:
    return selfcheck.self_check(now=datetime.now(UTC))


def corrupt(visitor_id: UUID, **changed: Any) -> None:
    """What no code does: another state than the events make."""
    row = Profile.objects.get(visitor_id=visitor_id)
    row.state = msgspec.json.encode(msgspec.json.decode(row.state) | changed)
    row.save(update_fields=["state"])


def state_of(visitor_id: UUID) -> State:
    state = selectors.profile_get(visitor_id)
    assert state is not None
    return state


def test_while_the_law_holds_all_are_checked_and_none_differs(
    visitors: list[UUID], caplog: pytest.LogCaptureFixture
) -> None:
    tasks.self_check_task()
    result = SelfCheck.objects.get()
    assert str(result) == "5 checked, 0 differ"
    assert result.finished_at is not None
    assert result.differences == []
    assert not [line for line in caplog.records if line.levelno >= logging.ERROR]


def masses_changed(state: State, by: float) -> dict[str, Any]:
    return {
        key: [mass.short, mass.long + by, mass.events] if key == "click|" else
        [mass.short, mass.long, mass.events]
        for key, mass in state.masses.items()
    }  # fmt: skip


CORRUPTIONS: dict[str, Any] = {
    "number of visits (1)": lambda state: {"visits": 7},
    "event counts (1)": lambda state: {"counts": state.counts | {"click": 2}},
    "interest strength (1)": lambda state: {"masses": masses_changed(state, 1e-8)},
    "first seen (1)": lambda state: {"first": state.first - 1},
    "latest event times (1)": lambda state: {"recent": state.recent | {"click|": []}},
}


@pytest.mark.parametrize("text", CORRUPTIONS)
def test_a_corrupted_profile_is_reported_and_no_other(
    visitors: list[UUID], text: str, caplog: pytest.LogCaptureFixture
) -> None:
    corrupt(visitors[2], **CORRUPTIONS[text](state_of(visitors[2])))
    result = check()
    assert str(result) == "5 checked, 1 differs"
    assert result.differences == [{"visitor": str(visitors[2])[:8], "text": text}]
    (line,) = [line for line in caplog.records if line.levelno == logging.ERROR]
    assert str(visitors[2])[:8] in line.getMessage()
    assert "gardening" not in line.getMessage()


def test_rounding_is_no_difference(visitors: list[UUID]) -> None:
    corrupt(visitors[0], masses=masses_changed(state_of(visitors[0]), 1e-10))
    assert check().differing == 0


def test_a_missing_profile_is_reported(visitors: list[UUID]) -> None:
    Profile.objects.filter(visitor_id=visitors[1]).delete()
    result = check()
    assert (result.checked, result.differing) == (5, 1)
    assert result.differences == [{"visitor": str(visitors[1])[:8], "text": "there is no profile"}]


def test_a_profile_of_events_that_never_were_is_reported(visitors: list[UUID]) -> None:
    eve = ana_make()
    shard = tracking_selectors.shard_of(eve)
    store.states_write({eve: state_of(visitors[0])}, shard=shard)
    result = check()
    assert result.differences == [
        {"visitor": str(eve)[:8], "text": "there are no events behind the profile"}
    ]


def test_events_that_wait_for_their_fold_are_no_difference(
    visitors: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "shard_fold", lambda shard: 0)
    seen(visitors[0])
    assert check().differing == 0


def test_who_does_not_agree_is_left_out(visitors: list[UUID]) -> None:
    seen(ben_make())
    seen(visitor_make("measurement"))
    state = state_of(visitors[4])
    withdraw(visitors[4])
    shard = tracking_selectors.shard_of(visitors[4])
    store.states_write({visitors[4]: state}, shard=shard)
    assert str(check()) == "4 checked, 0 differ"
    corrupt(visitors[4], visits=9)
    assert selfcheck.visitor_difference(visitors[4]) is None


def test_of_many_a_sample_is_checked_and_a_few_are_named(
    visitors: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    for visitor_id in visitors:
        corrupt(visitor_id, visits=9)
    monkeypatch.setattr(selfcheck, "SAMPLE", 4)
    monkeypatch.setattr(selfcheck, "CHUNK", 3)
    monkeypatch.setattr(selfcheck, "NAMED", 2)
    result = check()
    assert (str(result), len(result.differences)) == ("4 checked, 4 differ", 2)
    assert result.is_open
    selfcheck.check_rebuild(check=result)
    assert result.is_open, "two of them are still wrong"


def test_results_are_kept_for_a_year() -> None:
    for days in (366, 364):
        SelfCheck.objects.create(started_at=datetime.now(UTC) - timedelta(days=days))
    check()
    assert SelfCheck.objects.count() == 2


# --- Rebuilding -----------------------------------------------------------------------------------


def test_the_visitors_named_are_rebuilt_one_without_a_profile_too(visitors: list[UUID]) -> None:
    before = [state_of(visitor_id) for visitor_id in visitors]
    corrupt(visitors[0], visits=9)
    Profile.objects.filter(visitor_id=visitors[1]).delete()
    result = check()
    outcome = (result.is_open, selfcheck.check_rebuild(check=result), result.is_open)
    assert outcome == (True, 2, False), "wrong, two rebuilt, mended"
    for visitor_id, state in zip(visitors, before, strict=True):
        assert state_differences(state_of(visitor_id), state) == []
    assert check().differing == 0


def test_a_rebuilt_profile_is_on_the_next_page(visitors: list[UUID]) -> None:
    corrupt(visitors[0], visits=9)
    services.profile_rebuild(visitor_id=visitors[0])
    raw = cache.get(selectors.profile_cache_key(visitors[0]))
    assert selectors.profile_from_cache(visitors[0], raw) == state_of(visitors[0])
    assert state_of(visitors[0]).visits != 9


def test_a_rebuild_of_somebody_without_events_leaves_no_profile(visitors: list[UUID]) -> None:
    eve = ana_make()
    store.states_write({eve: State(visits=1)}, shard=0)
    services.profile_rebuild(visitor_id=eve)
    assert selectors.profile_get(eve) is None


def test_a_state_is_made_from_any_number_of_events(
    visitors: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(columns, "BLOCK_ROWS", 2)
    seq = tracking_selectors.shard_seqs()[tracking_selectors.shard_of(visitors[0])]
    assert services.state_from_events(
        visitors[0], through_seq=seq, definition=Definition()
    ) == state_of(visitors[0])
    assert services.state_from_events(visitors[0], through_seq=0, definition=Definition()) is None


@pytest.mark.django_db(transaction=True)
def test_a_check_waits_for_no_fold_and_no_fold_for_a_check(visitors: list[UUID]) -> None:
    with transaction.atomic():
        store.cursor_lock(tracking_selectors.shard_of(visitors[0]))
        (result,) = run_together(check)
    assert str(result) == "5 checked, 0 differ"


# --- In the admin ---------------------------------------------------------------------------------


def first_page(client: Client) -> str:
    return client.get("/admin/").content.decode()


def test_the_first_page_says_that_all_is_well(visitors: list[UUID], admin_client: Client) -> None:
    assert "checked against events every night" in first_page(admin_client)
    check()
    page = first_page(admin_client)
    assert "5 checked, 0 differ" in page
    assert "profiles differ" not in page
    assert "Overdue" not in page
    SelfCheck.objects.update(finished_at=datetime.now(UTC) - timedelta(days=2))
    assert "Overdue: is the schedule running?" in first_page(admin_client)


def test_a_difference_is_told_on_the_first_page_until_it_is_mended(
    visitors: list[UUID], admin_client: Client
) -> None:
    corrupt(visitors[3], visits=9)
    result = check()
    page = first_page(admin_client)
    assert "1 of 5 profiles differs from its events" in page
    rebuild = reverse("admin:profiles_selfcheck_rebuild", args=[result.pk])
    assert f'action="{rebuild}"' in page
    detail = reverse("admin:profiles_selfcheck_change", args=[result.pk])
    shown = admin_client.get(detail).content.decode()
    assert str(visitors[3])[:8] in shown
    assert "number of visits (1)" in shown
    assert f'formaction="{rebuild}"' in shown

    assert admin_client.get(rebuild).status_code == 405
    assert state_of(visitors[3]).visits == 9
    response = admin_client.post(rebuild, follow=True)
    assert "1 profile rebuilt." in response.content.decode()
    assert state_of(visitors[3]).visits != 9
    page = first_page(admin_client)
    assert "profiles differ" not in page
    assert "rebuilt since" in page


def test_a_marketer_is_told_and_can_change_nothing(visitors: list[UUID]) -> None:
    marketer_group_ensure()
    mara = client_of("mara", group=True)
    corrupt(visitors[3], visits=9)
    result = check()
    page = first_page(mara)
    assert "Tell whoever operates this site." in page
    assert "Rebuild these visitors" not in page
    url = reverse("admin:profiles_selfcheck_rebuild", args=[result.pk])
    assert mara.post(url).status_code == 403
    assert Client().post(url).status_code == 302
    assert state_of(visitors[3]).visits == 9
    listed = reverse("admin:profiles_selfcheck_changelist")
    assert mara.get(listed).status_code == 403


def test_the_list_shows_every_check_and_one_that_was_killed(
    visitors: list[UUID], admin_client: Client
) -> None:
    SelfCheck.objects.create(started_at=datetime.now(UTC))
    check()
    page = admin_client.get(reverse("admin:profiles_selfcheck_changelist")).content.decode()
    assert "5 checked, 0 differ" in page
    assert "Not finished" in page
