"""A sign-in's merge: what a browser's id had recorded becomes the account's, once and whole."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.cache import cache

from consent import selectors as consent_selectors
from consent.cookies import cookie_value
from consent.models import ConsentDecision, EffectiveConsent
from profiles import rebuild
from profiles import selectors as profile_selectors
from profiles import services as profile_services
from profiles.selectors import profile_cache_key
from tests.consent.visitors import Device
from tests.tracking.people import (
    ana_make,
    ben_make,
    click_make,
    drain,
    event_make,
    inbox_put,
    stored,
    visitor_make,
    withdraw,
)
from tests.tracking.test_drain import run_together
from tracking import merge_store, merging, selectors, services
from tracking.models import Event, Inbox, SweepCursor, Visit, VisitorMerge

pytestmark = pytest.mark.django_db


def sign_in(visitor_id: UUID, account: str = "ana") -> UUID:
    """The account's visitor id after this visitor's browser has signed in."""
    browser = Device()
    browser.cookie = cookie_value(visitor_id, datetime.now(UTC))
    browser.sign_in(account)
    assert browser.visitor_id is not None
    return browser.visitor_id


def merge(from_id: UUID) -> int:
    return merging.visitor_merge(from_id=from_id)


def seen(visitor_id: UUID, *events: dict[str, Any]) -> None:
    inbox_put(visitor_id, events or [event_make(category="gardening")])
    drain(visitor_id)


def sweep() -> int:
    return merging.merge_sweep(now=datetime.now(UTC) + timedelta(seconds=1))


def test_events_visits_and_profile_become_the_accounts() -> None:
    ana, visit = ana_make(), str(uuid4())
    seen(ana, click_make(category="gardening", visit=visit), click_make(visit=visit))
    before = profile_selectors.profile_get(ana)
    account = sign_in(ana)
    assert merge(ana) == 2
    assert not stored(ana)
    assert [row["type"] for row in stored(account)] == ["click", "click"]
    assert Visit.objects.get().visitor_id == account
    assert profile_selectors.profile_get(account) == before
    assert profile_selectors.profile_get(ana) is None
    assert cache.get(profile_cache_key(ana)) is None
    assert {row.shard for row in Event.objects.all()} == {selectors.shard_of(account)}


def test_twice_is_once() -> None:
    ana = ana_make()
    seen(ana)
    account = sign_in(ana)
    assert merge(ana) == 1
    state = profile_selectors.profile_get(account)
    assert merge(ana) == 0
    assert profile_selectors.profile_get(account) == state
    assert sweep() == 0


def test_waiting_and_late_requests_are_drained_as_the_accounts() -> None:
    ana = ana_make()
    inbox_put(ana, [click_make()])
    account = sign_in(ana)
    merge(ana)
    assert Inbox.objects.get().visitor_id == account
    inbox_put(ana, [event_make("scroll", value=0.5)])
    drain(ana)
    drain(account)
    assert sorted(row["type"] for row in stored(account)) == ["click", "scroll"]
    assert not stored(ana)
    assert selectors.drop_counts() == {}


def test_a_drain_between_the_sign_in_and_the_merge_loses_nothing() -> None:
    ana, bot = ana_make(), click_make()
    inbox_put(ana, [bot], is_bot=True, skew_ms=5)
    account = sign_in(ana)
    drain(ana)
    drain(account)
    row = Event.objects.get()
    assert (row.visitor_id, row.id, row.is_bot) == (account, UUID(bot["id"]), True)
    assert merge(ana) == 0


def test_an_import_that_names_a_retired_visitor_is_drained_as_the_accounts() -> None:
    ana, other = ana_make(), ana_make()
    account = sign_in(ana)
    events = [event_make(visitor=str(ana), line=7), event_make(visitor=str(other), line=8)]
    shard = inbox_put(None, events, source="shop#1", shard=selectors.shard_of(ana))
    services.shard_drain(shard)
    drain(account)
    assert (len(stored(account)), len(stored(other)), len(stored(ana))) == (1, 1, 0)
    assert Event.objects.get(visitor_id=account).source == "shop#1"


def test_an_event_that_both_have_is_counted_once() -> None:
    """A retry that crosses the sign-in, of the same visit."""
    ana, visit = ana_make(), str(uuid4())
    event = click_make(category="gardening", visit=visit)
    seen(ana, event)
    account = sign_in(ana)
    seen(account, event, click_make(category="gardening", visit=visit))
    assert merge(ana) == 0
    state = profile_selectors.profile_get(account)
    assert state is not None
    assert (state.counts, state.visits) == ({"click": 2}, 1)
    assert Visit.objects.count() == 1


def test_a_visit_that_goes_on_after_the_sign_in_is_one_visit() -> None:
    ana, visit = ana_make(), str(uuid4())
    seen(ana, click_make(visit=visit), click_make(visit=str(uuid4())))
    account = sign_in(ana)
    seen(account, click_make(visit=visit))
    assert merge(ana) == 2
    state = profile_selectors.profile_get(account)
    assert state is not None
    assert (state.visits, Visit.objects.filter(visitor_id=account).count()) == (2, 2)


@pytest.mark.parametrize("values", [(30.0, 12.0), (12.0, 30.0)])
def test_of_a_dwell_time_that_both_report_the_longest_counts(values: tuple[float, float]) -> None:
    ana, event = ana_make(), event_make("dwell", category="gardening")
    seen(ana, event | {"value": 4.0}, event | {"value": values[0]})
    account = sign_in(ana)
    seen(account, event | {"value": values[1]})
    merge(ana)
    rows = stored(account)
    assert sum(row["value"] for row in rows) == pytest.approx(30.0)
    assert sorted(row["part"] for row in rows) == list(range(len(rows)))
    state = profile_selectors.profile_get(account)
    assert state is not None
    assert state.counts == {"dwell": 1}
    rebuild.shard_rebuild(selectors.shard_of(account))
    assert profile_selectors.profile_get(account) == state


def test_what_was_recorded_for_measurement_alone_makes_no_profile() -> None:
    ana = visitor_make("measurement")
    inbox_put(ana, [event_make()], basis="measurement")
    drain(ana)
    account = sign_in(ana)
    assert merge(ana) == 1
    assert profile_selectors.profile_get(account) is None


# --- Erasure ------------------------------------------------------------------------------------


@pytest.mark.parametrize("moved", [True, False])
def test_erasing_the_account_erases_what_was_merged_into_it(*, moved: bool) -> None:
    cleo, second, ben = ana_make(), ana_make(), ana_make()
    account = sign_in(cleo)
    assert sign_in(second) == account
    for visitor_id in (cleo, second, account, ben):
        inbox_put(visitor_id, [event_make(visit=str(uuid4()))])
        drain(visitor_id)
    inbox_put(second, [event_make()])
    if moved:
        merge(cleo)
        merge(second)
    withdraw(account)
    services.visitor_erase(visitor_id=account)
    gone = (cleo, second, account)
    for model in (Event, Visit, Inbox):
        assert not model.objects.filter(visitor_id__in=gone).exists()
    assert not VisitorMerge.objects.exists()
    assert not EffectiveConsent.objects.filter(merged_into__isnull=False).exists()
    assert not ConsentDecision.objects.filter(merged_into__isnull=False).exists()
    assert [merge(visitor_id) for visitor_id in gone] == [0, 0, 0]
    assert (sweep(), Event.objects.count(), len(stored(ben))) == (0, 1, 1)


def test_a_merge_that_comes_after_the_withdrawal_erases() -> None:
    cleo = ana_make()
    seen(cleo)
    account = sign_in(cleo)
    withdraw(account)
    assert merge(cleo) == 0
    assert not Event.objects.exists()
    assert profile_selectors.profile_get(cleo) is None


def test_a_visitor_erased_before_the_sign_in_leaves_nothing_to_merge() -> None:
    cleo = ana_make()
    seen(cleo)
    withdraw(cleo)
    services.visitor_erase(visitor_id=cleo)
    browser = Device()
    browser.cookie = cookie_value(cleo, datetime.now(UTC))
    browser.sign_in("cleo")
    assert browser.visitor_id is None
    assert (sweep(), Event.objects.count()) == (0, 0)


def test_a_denial_of_the_accounts_erases_what_the_browser_had_recorded() -> None:
    """C9."""
    now = datetime.now(UTC)
    services.erasure_sweep(now=now)
    sign_in(ben_make())
    browser, ben = Device(), ana_make()
    seen(ben)
    browser.cookie = cookie_value(ben, now)
    browser.sign_in("ana")
    assert not browser.state().granted
    assert merge(ben) == 0
    seen(ben)
    services.erasure_sweep(now=datetime.now(UTC) + timedelta(minutes=1))
    assert not Event.objects.exists()


def test_a_message_about_somebody_who_is_not_retired_does_nothing() -> None:
    ana = ana_make()
    seen(ana)
    assert merge(ana) == 0
    assert len(stored(ana)) == 1


# --- Lost nudges and killed workers ----------------------------------------------------------


def test_the_sweep_finds_what_a_lost_nudge_left_and_forgets_it_later() -> None:
    ana = ana_make()
    seen(ana)
    account = sign_in(ana)
    assert sweep() == 1
    assert len(stored(account)) == 1
    assert sweep() == 0
    assert VisitorMerge.objects.count() == 1
    later = datetime.now(UTC) + timedelta(hours=1)
    merging.merge_sweep(now=later)
    merging.merge_sweep(now=later)
    assert not VisitorMerge.objects.exists()
    assert SweepCursor.objects.get(name="merge").at == later


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("module", "step"),
    [
        (merge_store, "visitor_move"),
        (merge_store, "inbox_relabel"),
        (profile_services, "profile_erase"),
        (merge_store, "merge_done"),
        (profile_services, "shard_fold"),
    ],
)
def test_a_merge_killed_at_any_step_is_finished_by_the_sweep(
    module: Any, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tracking.tasks.visitor_merge_task.delay", lambda from_id: None)
    ana = ana_make()
    seen(ana, click_make(category="gardening", visit=str(uuid4())))
    before = profile_selectors.profile_get(ana)
    account = sign_in(ana)
    inbox_put(ana, [event_make("scroll", value=1.0)])

    def die(*args: Any, **kwargs: Any) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(module, step, die)
        with pytest.raises(SystemExit):
            merge(ana)
    sweep()
    for shard in profile_selectors.shards_behind():
        profile_services.shard_fold(shard)
    assert profile_selectors.profile_get(account) == before
    assert profile_selectors.profile_get(ana) is None
    drain(account)
    assert [len(stored(visitor_id)) for visitor_id in (ana, account)] == [0, 2]
    assert sweep() == 0


# --- Side by side -----------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_merges_drains_and_folds_at_once_count_each_event_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tracking.tasks.visitor_merge_task.delay", lambda from_id: None)
    first, second = ana_make(), ana_make()
    for visitor_id in (first, second):
        seen(visitor_id, *(click_make() for _ in range(20)))
        inbox_put(visitor_id, [click_make() for _ in range(20)])
    account = sign_in(first)
    assert sign_in(second) == account
    for _ in range(5):
        inbox_put(account, [click_make() for _ in range(4)])
    results = run_together(
        lambda: merge(first),
        lambda: merge(second),
        lambda: merge(first),
        lambda: drain(account),
        lambda: drain(first),
        lambda: drain(second),
    )
    assert all(isinstance(result, int) for result in results), results
    sweep()
    for _ in range(2):
        for visitor_id in (first, second, account):
            drain(visitor_id)
    profile_services.shard_fold(selectors.shard_of(account))
    state = profile_selectors.profile_get(account)
    assert state is not None
    assert (state.counts, len(stored(account))) == ({"click": 100}, 100)
    assert [profile_selectors.profile_get(each) for each in (first, second)] == [None, None]
    assert Event.objects.values("shard", "seq").distinct().count() == 100


@pytest.mark.django_db(transaction=True)
def test_an_erasure_beside_the_merge_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tracking.tasks.visitor_merge_task.delay", lambda from_id: None)
    for _ in range(5):
        cleo = ana_make()
        seen(cleo, *(click_make() for _ in range(20)))
        account = sign_in(cleo, f"cleo {time.monotonic()}")

        def erase(account: UUID = account) -> int:
            withdraw(account)
            return services.visitor_erase(visitor_id=account)

        run_together(partial(merge, cleo), erase)
        services.visitor_erase(visitor_id=account)
        assert not Event.objects.exists()
        assert profile_selectors.profile_get(account) is None
        assert consent_selectors.visitors_merged_into(account) == []
