"""Making all profiles anew: beside what comes in, from where a killed worker left, and by whom."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from celery import current_app
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection

from profiles import declaring, rebuild, selectors, services
from profiles.compare import state_differences
from profiles.declaring import rebuild_nudge
from profiles.models import Profile, Rebuild, RebuildShard
from profiles.state import DAY, State
from tests.tracking.people import ana_make, click_make, drain, event_make, inbox_put, withdraw
from tracking import columns
from tracking import selectors as tracking_selectors
from tracking import services as tracking_services
from tracking.models import EventType
from tracking.signals import taxonomy_changed

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _one_shard_and_small_blocks(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.SHARDS = 1
    monkeypatch.setattr(columns, "BLOCK_ROWS", 7)
    monkeypatch.setattr(declaring, "rebuild_nudge", lambda: None)


def visitors_make(count: int = 4, events: int = 5) -> list[UUID]:
    """Visitors with events of several kinds, in the order of their ids."""
    visitors = [ana_make() for _ in range(count)]
    for visitor in visitors:
        inbox_put(visitor, [click_make(category=f"c{n % 3}") for n in range(events)])
    drain(visitors[0])
    return sorted(visitors)


def profiles() -> dict[UUID, State]:
    states = {
        visitor: selectors.profile_get(visitor)
        for visitor in Profile.objects.values_list("visitor_id", flat=True)
    }
    return {visitor: state for visitor, state in states.items() if state is not None}


def assert_same(one: dict[UUID, State], other: dict[UUID, State]) -> None:
    assert one.keys() == other.keys()
    for visitor, state in one.items():
        assert state_differences(state, other[visitor]) == []


def test_events_that_come_meanwhile_are_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    visitors = visitors_make()
    write, came = rebuild._portion_write, iter(visitors)

    def write_after_more(*args: Any, **kwargs: Any) -> int:
        """Before each portion one visitor clicks once more, and somebody new comes."""
        if visitor := next(came, None):
            inbox_put(visitor, [click_make(category="late")])
            inbox_put(ana_make(), [event_make("page_view")])
            drain(visitor)
        return write(*args, **kwargs)

    monkeypatch.setattr(rebuild, "_portion_write", write_after_more)
    rebuild.shard_rebuild(0)
    rebuilt = profiles()
    assert [rebuilt[visitor].counts["click"] for visitor in visitors] == [6] * 4
    assert len(rebuilt) > len(visitors)
    monkeypatch.undo()
    rebuild.shard_rebuild(0)
    assert_same(profiles(), rebuilt)


def test_an_event_that_is_let_count_in_full_meanwhile_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    visitor = visitors_make()[-1]
    with connection.cursor() as sql:
        sql.execute(
            "UPDATE tracking_event SET outlier = 'z_score', amount = 0.25"
            " WHERE visitor_id = %s RETURNING id",
            (visitor,),
        )
        event_id = sql.fetchone()[0]
    before = services.profile_rebuild(visitor_id=visitor)
    write = rebuild._portion_write

    def write_after_accepting(*args: Any, **kwargs: Any) -> int:
        tracking_services.outlier_accept(visitor_id=visitor, event_id=event_id)
        return write(*args, **kwargs)

    monkeypatch.setattr(rebuild, "_portion_write", write_after_accepting)
    rebuild.shard_rebuild(0)
    rebuilt = profiles()[visitor]
    alone = services.profile_rebuild(visitor_id=visitor)
    assert alone is not None
    assert before is not None
    assert state_differences(rebuilt, alone) == []
    assert state_differences(rebuilt, before) != []


def test_a_killed_rebuild_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    visitors = visitors_make(count=6)
    before = profiles()
    run = declaring.rebuild_start(reason="test")
    write, portions = rebuild._portion_write, []

    def die_in_the_third(states: dict[UUID, State], portion: rebuild.Portion, **kwargs: Any) -> int:
        portions.append(portion)
        if len(portions) == 3:
            raise SystemExit
        return write(states, portion, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(rebuild, "_portion_write", die_in_the_third)
        with pytest.raises(SystemExit):
            rebuild.rebuild_shard(0)
    row = RebuildShard.objects.get(rebuild=run)
    assert row.after == portions[1].high
    assert row.after in visitors
    assert not row.finished_at
    # Two profiles were wrong all along, one on either side of where it stopped.
    Profile.objects.filter(visitor_id=visitors[-1]).update(state=b'{"visits":99}')
    rebuild.rebuild_shard(0)
    row.refresh_from_db()
    run.refresh_from_db()
    assert run.finished_at
    assert (row.profiles, row.events) == (6, 30)
    assert_same(profiles(), before)


def test_a_visitor_over_many_blocks_is_one_profile() -> None:
    ana = ana_make()
    inbox_put(ana, [click_make(category=f"c{n % 3}") for n in range(40)])
    drain(ana)
    before = profiles()
    assert rebuild.shard_rebuild(0) == 1
    assert_same(profiles(), before)
    assert before[ana].counts == {"click": 40}


def test_one_rebuild_is_under_way_at_a_time() -> None:
    first = declaring.rebuild_start(reason="first")
    assert declaring.rebuild_start(reason="second") == first
    assert Rebuild.objects.count() == 1


def test_nothing_is_done_without_a_rebuild_and_twice_is_once() -> None:
    visitors_make()
    rebuild.rebuild_shard(0)
    assert not RebuildShard.objects.exists()
    call_command("rebuild_profiles", here=True)
    call_command("rebuild_profiles", here=True)
    assert [run.finished_at is not None for run in Rebuild.objects.all()] == [True, True]


def test_who_withdrew_meanwhile_gets_no_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    visitors = visitors_make()
    write = rebuild._portion_write
    left = iter(visitors[:1])

    def write_after_withdrawal(*args: Any, **kwargs: Any) -> int:
        if visitor := next(left, None):
            withdraw(visitor)
        return write(*args, **kwargs)

    monkeypatch.setattr(rebuild, "_portion_write", write_after_withdrawal)
    rebuild.shard_rebuild(0)
    assert sorted(profiles()) == visitors[1:]


def test_what_a_page_reads_follows() -> None:
    (ana,) = visitors_make(count=1)
    cache.set(selectors.profile_cache_key(ana), b'{"visits":99}')
    rebuild.shard_rebuild(0)
    key = selectors.profile_cache_key(ana)
    state = selectors.profile_from_cache(ana, cache.get(key))
    assert state == selectors.profile_get(ana)


def test_a_worker_that_dies_right_after_a_commit_leaves_no_page_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    visitors = visitors_make()
    forget = services.cache_forget

    def die_after_the_commit(visitor_ids: Any) -> None:
        if not connection.in_atomic_block:
            raise SystemExit
        forget(visitor_ids)

    monkeypatch.setattr(services, "cache_forget", die_after_the_commit)
    for visitor in visitors:
        cache.set(selectors.profile_cache_key(visitor), b'{"visits":99}')
    with pytest.raises(SystemExit):
        rebuild.shard_rebuild(0)
    keys = [selectors.profile_cache_key(visitor) for visitor in visitors]
    left = cache.get_many(keys)
    assert keys[0] not in left
    assert len(left) < len(keys)


# --- Half-lives ----------------------------------------------------------------------------------


def half_life_change(days: float) -> None:
    EventType.objects.filter(name="click").update(half_life_long=days)
    taxonomy_changed.send(sender=None, by="mara", changed={"click": {"half_life_long"}})


def test_another_half_life_makes_profiles_anew_beside_the_old_ones() -> None:
    """Until its turn comes a profile goes on with the half-life it was folded by."""
    ana, ben = visitors_make(count=2)
    half_life_change(90.0)
    inbox_put(ana, [click_make(category="c0")])
    drain(ana)
    old = profiles()
    assert (old[ana].definition, old[ana].half_lives, old[ana].counts["click"]) == (0, {}, 6)
    rebuild.rebuild_shard(0)
    new = profiles()
    assert [new[who].half_lives for who in (ana, ben)] == [{"click": (DAY, 90 * DAY)}] * 2
    inbox_put(ben, [click_make(category="c0", at=time.time() * 1000)])
    cleo = ana_make()
    inbox_put(cleo, [click_make()])
    drain(ben)
    incremental = profiles()
    assert incremental[cleo].definition == incremental[ben].definition == 1
    rebuild.shard_rebuild(0)
    assert_same(profiles(), incremental)


def test_a_newer_definition_takes_a_rebuilds_place() -> None:
    visitors_make()
    half_life_change(90.0)
    first = Rebuild.objects.get()
    half_life_change(60.0)
    first.refresh_from_db()
    assert first.finished_at
    rebuild.rebuild_shard(0)
    assert {state.definition for state in profiles().values()} == {2}


# --- One visitor --------------------------------------------------------------------------------


def test_one_profile_is_made_anew_alone() -> None:
    ana, ben = visitors_make(count=2)
    before = profiles()
    Profile.objects.update(state=b'{"visits":99}')
    state = services.profile_rebuild(visitor_id=ana)
    assert state is not None
    assert state_differences(state, before[ana]) == []
    assert profiles()[ben] == State(visits=99)


def test_one_profile_without_consent_or_events_is_deleted() -> None:
    ana, ben = visitors_make(count=2)
    withdraw(ana)
    assert services.profile_rebuild(visitor_id=ana) is None
    assert services.profile_rebuild(visitor_id=uuid4()) is None
    assert list(profiles()) == [ben]


def test_a_text_whose_events_are_gone_while_read_is_no_obstacle(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Erased between reading and looking up what it is called."""
    visitors = visitors_make(count=2)
    inbox_put(visitors[0], [event_make("share", category="gone")])
    drain(visitors[0])
    look_up = columns._Texts._look_up

    def look_up_without(self: Any, seqs: Any) -> None:
        look_up(self, seqs)
        for key in [key for key, kind in self.kinds.items() if kind.category == "gone"]:
            del self.kinds[key]

    monkeypatch.setattr(columns._Texts, "_look_up", look_up_without)
    through = tracking_selectors.shard_seq(0)
    blocks = list(tracking_selectors.events_blocks(0, through_seq=through))
    assert sum(len(block.seq) for block in blocks) == 10
    assert "gone" not in {kind.category for block in blocks for kind in block.kinds}


def test_what_the_schedule_asks_does_not_pile_up_behind_a_shard_that_takes_long() -> None:
    run = Rebuild.objects.create(reason="test")
    RebuildShard.objects.create(rebuild=run, shard=0)
    with current_app.connection_for_write() as broker:
        queue = broker.SimpleQueue("slow")
        queue.clear()
        rebuild_nudge()
        message = queue.get(timeout=5)
        message.ack()
    expires = datetime.fromisoformat(message.headers["expires"])
    assert expires < datetime.now(UTC) + timedelta(seconds=2 * declaring.NUDGE_SECONDS)
