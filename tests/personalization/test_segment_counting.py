"""Who is in a segment since when: kept as visitors act and time passes, gone with their consent."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.cache import cache
from django.db import connection, connections, transaction
from django.db.models import Sum
from hypothesis import given, settings
from hypothesis import strategies as st

from consent import services as consent_services
from consent.cookies import cookie_value
from consent.logic import Control
from personalization.models import Segment, SegmentMember, SegmentPass, SegmentSize
from personalization.segments import counting, editing, evaluating
from personalization.segments.kept import memberships_cache_key, memberships_get
from profiles.models import Profile
from tests.consent.visitors import Device
from tests.personalization.segment_people import (
    FANS,
    count,
    fan_make,
    members,
    read_by_pages,
    reads,
    segment_change,
    segment_make,
)
from tests.tracking.people import BOTH, ana_make, ben_make, withdraw
from tests.waiting import wait_until
from tracking import merging, services
from tracking.services import job_lock

pytestmark = pytest.mark.django_db(transaction=True)
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _one_shard(settings: Any) -> None:
    settings.SHARDS = 1


def kept_of(visitor_id: UUID) -> SegmentMember | None:
    return SegmentMember.objects.filter(visitor_id=visitor_id).first()


def recounted(segment: Segment, now: datetime) -> set[UUID]:
    """Who is in by a count of everybody, from nothing."""
    counted = counting.segments_counted_now()
    contexts = evaluating.contexts_of(Profile.objects.values_list("visitor_id", flat=True), now=now)
    rule = next(each.rule for each in counted if each.pk == segment.pk)
    return {visitor_id for visitor_id, asked in contexts.items() if rule.ask(asked) is True}


def test_who_was_there_at_the_first_count_has_not_come_in_since() -> None:
    old, stranger = fan_make(), ana_make()
    reads(stranger, 1)
    segment = segment_make()
    count()
    assert members(segment) == {old}
    first = kept_of(old)
    assert first is not None
    assert first.was_there
    reads(stranger, 2)
    count()
    came = kept_of(stranger)
    assert came is not None
    assert not came.was_there
    assert members(segment) == {old, stranger}
    size = SegmentSize.objects.get(segment=segment)
    assert (size.size, size.entered, size.left) == (2, 1, 0)


def test_time_alone_takes_a_visitor_out_and_keeps_when() -> None:
    segment = segment_make()
    count()
    visitor_id = fan_make()
    count()
    later = datetime.now(UTC) + timedelta(days=2, hours=1)
    count(later)
    assert members(segment) == set()
    kept = kept_of(visitor_id)
    assert kept is not None
    assert kept.left_at == later
    assert SegmentSize.objects.filter(segment=segment).aggregate(Sum("left"))["left__sum"] == 1
    reads(visitor_id)
    count(datetime.now(UTC) + HOUR)
    again = kept_of(visitor_id)
    assert again is not None
    assert again.left_at is None
    count(later + timedelta(days=400))
    assert kept_of(visitor_id) is None, "consent has expired"


def test_a_new_rule_makes_nobody_come_or_leave() -> None:
    segment = segment_make()
    count()
    fan, reader = fan_make(), ana_make()
    reads(reader, 1)
    count()
    entered = SegmentMember.objects.get(visitor_id=fan)
    segment_change(segment, {**FANS, "value": 1})
    count()
    assert members(segment) == {fan, reader}
    assert kept_of(fan) == entered
    assert not entered.was_there
    assert SegmentMember.objects.get(visitor_id=reader).was_there
    segment_change(segment, {**FANS, "value": 3})
    count()
    assert members(segment) == {fan}
    assert kept_of(reader) is None
    size = SegmentSize.objects.get(segment=segment)
    assert (size.size, size.entered, size.left) == (1, 1, 0)


def test_consent_withdrawn_takes_the_membership_and_agreeing_again_begins_anew() -> None:
    segment = segment_make()
    count()
    visitor_id, other = fan_make(), fan_make()
    count()
    assert memberships_get(visitor_id)
    withdraw(visitor_id)
    assert members(segment) == {other}
    assert kept_of(visitor_id) is None
    assert cache.get(memberships_cache_key(visitor_id)) is None
    count()
    assert members(segment) == {other}
    services.visitor_erase(visitor_id=visitor_id)
    again = consent_services.decision_record(
        visitor_id=visitor_id, purposes=BOTH, control=Control.PREFERENCES, gpc=False, locale="en",
        now=datetime.now(UTC),
    ).visitor_id  # fmt: skip
    count()
    assert kept_of(again) is None
    reads(again)
    before = datetime.now(UTC)
    count()
    kept = kept_of(again)
    assert kept is not None
    assert kept.entered_at >= before
    assert not kept.was_there
    size = SegmentSize.objects.get(segment=segment)
    assert (size.size, size.left) == (2, 0), "who withdrew has not left"


def test_who_refused_is_never_a_member_whatever_their_profile_says() -> None:
    segment = segment_make(rule={"condition": "visits", "operator": ">=", "value": 0})
    ana, ben = fan_make(), ben_make()
    profile = Profile.objects.get(visitor_id=ana)
    profile.pk = ben
    profile.save(force_insert=True)
    count()
    assert members(segment) == {ana}


def test_a_withdrawal_that_the_count_was_beside_is_mended_by_the_erasure() -> None:
    segment = segment_make()
    count()
    visitor_id = fan_make()
    withdraw(visitor_id)
    SegmentMember.objects.create(
        segment=segment, visitor_id=visitor_id, entered_at=datetime.now(UTC)
    )
    services.visitor_erase(visitor_id=visitor_id)
    assert kept_of(visitor_id) is None


def test_signing_in_keeps_since_when() -> None:
    segment = segment_make()
    count()
    browser = Device()
    visitor_id = fan_make()
    count()
    came = kept_of(visitor_id)
    browser.cookie = cookie_value(visitor_id, datetime.now(UTC))
    browser.sign_in("ana")
    account = browser.visitor_id
    assert account is not None
    assert account != visitor_id
    merging.visitor_merge(from_id=visitor_id)
    services.shard_drain(0)
    count()
    kept = kept_of(account)
    assert kept is not None
    assert came is not None
    assert kept.entered_at == came.entered_at
    assert members(segment) == {account}


def test_everybody_who_acts_is_seen_however_many_did_between_two_looks() -> None:
    segment = segment_make()
    count()
    fans = {fan_make() for _ in range(8)}
    count()
    assert members(segment) == fans
    walked = dict(SegmentPass.objects.values_list("kind", "visitors"))
    assert walked == {"full": 0, "sweep": 0, "changed": 8}


def test_while_one_worker_counts_another_leaves_it_to_that_one() -> None:
    visitor_id, other_id, segment = fan_make(), fan_make(), segment_make()
    SegmentMember.objects.create(segment=segment, visitor_id=other_id, entered_at=datetime.now(UTC))
    began, end = Event(), Event()

    def other() -> None:
        with job_lock(counting.JOB):
            began.set()
            end.wait(30)
        connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(other)
        assert began.wait(30)
        assert count() == 0
        assert members(segment) == {other_id}
        with connection.cursor() as cursor:  # should it wait, then not for good
            cursor.execute("SET lock_timeout = '5s'")
        withdraw(other_id)
        with connection.cursor() as cursor:
            cursor.execute("RESET lock_timeout")
        assert kept_of(other_id) is None, "a withdrawal does not wait for who counts"
        end.set()
        working.result()
    count()
    assert members(segment) == {visitor_id}


def test_who_archives_a_segment_while_it_is_counted_leaves_nobody_in_it() -> None:
    fan_make()
    segment = segment_make()

    def work() -> None:
        count()
        connections.close_all()

    def is_waiting() -> bool:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT EXISTS (SELECT FROM pg_locks JOIN pg_database AS d ON d.oid = database"
                " WHERE locktype = 'advisory' AND NOT granted AND datname = current_database())"
            )
            return bool(cursor.fetchone()[0])

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            editing.segment_archive(segment=segment, by="mara")
            working = pool.submit(work)
            wait_until(is_waiting)
        working.result()
    assert not SegmentMember.objects.exists()


def test_workers_at_once_count_everybody_once() -> None:
    fans = {fan_make() for _ in range(7)}
    segment = segment_make()

    def work(_: int) -> None:
        count()
        connections.close_all()

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(work, range(6)))
    count()
    assert members(segment) == fans
    assert SegmentSize.objects.get(segment=segment).size == 7


def test_a_worker_that_dies_in_the_middle_leaves_each_visitor_counted_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fans = {fan_make() for _ in range(8)}
    segment = segment_make()
    evaluate, calls = counting.visitors_evaluate, []

    def dies(*args: Any, **named: Any) -> Any:
        calls.append(len(args[0]))
        tally = evaluate(*args, **named)
        if len(calls) == 2:
            raise SystemExit  # after the rows are written, before they are committed
        return tally

    monkeypatch.setattr(counting, "visitors_evaluate", dies)
    with pytest.raises(SystemExit):
        count()
    row = SegmentPass.objects.get(kind="full")
    assert row.visitors == 3 == len(members(segment))
    assert row.finished_at is None
    assert SegmentSize.objects.get(segment=segment).size == 3
    late = fan_make()
    count()
    assert members(segment) == {*fans, late}
    assert SegmentSize.objects.get(segment=segment).size == 9
    assert Segment.objects.get(pk=segment.pk).counted_rule


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["read", "wait", "withdraw", "change", "count", "newcomer"]),
        st.integers(0, 3),
    ),
    max_size=12,
)


@settings(max_examples=8)
@given(STEPS)
def test_membership_kept_step_by_step_is_that_of_a_count_from_nothing(
    steps: list[tuple[str, int]],
) -> None:
    Segment.objects.all().delete()
    segment = segment_make(f"s{uuid4().hex}")
    people = [ana_make() for _ in range(4)]
    now = datetime.now(UTC)
    for what, which in steps:
        if what == "read":
            reads(people[which], which + 1)
        elif what == "wait":
            now += timedelta(hours=13 * which)
        elif what == "withdraw":
            withdraw(people[which])
            people[which] = ana_make()
        elif what == "newcomer":
            people[which] = fan_make()
        elif what == "change":
            segment_change(segment, {**FANS, "value": which + 1})
        else:
            count(now)
        now = max(now, datetime.now(UTC))
    count(now + HOUR)
    assert members(segment) == recounted(segment, now + HOUR)
    size = SegmentSize.objects.filter(segment=segment).first()
    assert size is not None
    assert size.size == len(members(segment))


def test_an_archived_segment_keeps_nobody_and_a_restored_one_is_counted_anew() -> None:
    visitor_id = fan_make()
    segment = segment_make()
    count()
    editing.segment_archive(segment=segment, by="mara")
    assert kept_of(visitor_id) is None
    assert read_by_pages(visitor_id) == {}
    count()
    assert kept_of(visitor_id) is None
    editing.segment_restore(segment=segment, by="mara")
    count()
    assert members(segment) == {visitor_id}
