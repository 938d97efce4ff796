"""Counts over all profiles: as memory would count, with consent, and never far behind."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.utils import timezone

from consent import catalogue
from consent import services as consent_services
from consent.models import EffectiveConsent, Purpose
from personalization.models import ConsentChange, ProjectedProfile
from personalization.reach import counting, projecting, statements
from personalization.reach.asking import site_now
from personalization.reach.compiling import rule_sql
from personalization.reach.counting import (
    Reach,
    TooSlowError,
    lost_to_consent,
    reach_now,
    reach_soon,
    timed,
)
from personalization.reach.words import reach_text
from personalization.rules.nodes import Node
from personalization.rules.tree import rule_parse
from profiles import services as profile_services
from profiles import store as profile_store
from profiles.models import Profile
from tests.personalization.reaching import CATEGORIES, TYPES, reach_of, state_made
from tests.tracking.people import ana_make, ben_make, visitor_make, withdraw
from tracking.models import EventType

pytestmark = pytest.mark.django_db

RULES: list[dict[str, Any]] = [
    {"condition": "affinity", "category": "garden", "value": 2},
    {"condition": "trend", "measure": "clicks", "operator": ">=", "value": 0},
    {"condition": "path", "operator": "starts_with", "value": "/"},
    {"not": {"condition": "events", "category": "garden", "value": 2, "days": 10}},
    {"all": [
        {"condition": "events", "type": "page_view", "value": 1, "days": 30},
        {"condition": "momentum", "operator": ">=", "value": 0},
        {"condition": "top_interest", "category": "garden", "value": 2},
    ]},
    {"at_least": 2, "of": [
        {"condition": "device", "value": "phone"},
        {"condition": "visits", "operator": ">=", "value": 2},
        {"condition": "engagement_level", "operator": ">=", "value": 0.2},
    ]},
]  # fmt: skip
HALF_LIVES = {"click": (86_400.0, 90 * 86_400.0)}


@pytest.fixture
def crowd(db: None) -> list[Any]:
    """Sixty visitors, a fifth of whom have clicks with a half-life of their own; their states."""
    chance, now_ms = random.Random(4), int(time.time() * 1000)
    consent = EffectiveConsent.objects.get(visitor_id=ana_make())
    names = [field.attname for field in EffectiveConsent._meta.concrete_fields]
    same = {name: getattr(consent, name) for name in names if name != "visitor_id"}
    made = {}
    for number in range(60):
        history = [
            (chance.choice(TYPES), chance.choice(CATEGORIES), "article", 1.0,
             chance.randrange(25 * 86_400_000), chance.random() < 0.3)
            for _ in range(chance.randrange(15))
        ]  # fmt: skip
        half_lives = HALF_LIVES if number % 5 == 0 else None
        visitor_id = UUID(int=chance.getrandbits(128), version=4)
        EffectiveConsent.objects.create(visitor_id=visitor_id, **same)
        made[visitor_id] = state_made(history, now_ms=now_ms, half_lives=half_lives)
    profile_store.states_write(made, shard=0)
    return list(made.values())


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_a_count_is_that_of_memory_over_all_visitors(crowd: list[Any], rule: Any) -> None:
    now, node = timezone.now(), rule_parse(rule)
    site = site_now(now)
    words = {"measurement": "granted", "personalization": "granted"}
    expected = reach_of(node, [site.context(state, words) for state in crowd])
    assert reach_now(node, now=now) == expected


def test_too_many_for_memory_are_estimated_and_said_to_be(
    crowd: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "ASKED", 20)
    reach = reach_now(rule_parse(RULES[1]), now=timezone.now())
    assert reach.is_about
    assert 0 < reach.matching <= reach.visitors == len(crowd)
    assert reach_text(reach).startswith("About ")


def test_a_count_among_others_is_of_those_whom_both_hold(crowd: list[Any]) -> None:
    now = timezone.now()
    one, other = rule_parse(RULES[0]), rule_parse(RULES[3])
    both = rule_parse({"all": [RULES[0], RULES[3]]})
    among = reach_now(one, now=now, among=other)
    assert among.matching == reach_now(both, now=now).matching
    assert among.visitors == reach_now(other, now=now).matching < len(crowd)


def test_who_withdrew_is_in_no_count_though_the_row_is_there(crowd: list[Any]) -> None:
    rule = rule_parse({"condition": "visits", "operator": ">=", "value": 0})
    assert reach_now(rule, now=timezone.now()).matching == len(crowd)
    gone = ProjectedProfile.objects.earliest("visitor_id").visitor_id
    EffectiveConsent.objects.filter(visitor_id=gone).update(fenced_at=timezone.now())
    reach = reach_now(rule, now=timezone.now())
    assert (reach.matching, reach.visitors) == (len(crowd) - 1, len(crowd) - 1)


def count_as_it_is(rule: Node) -> tuple[int, int, bool]:
    """A count while no worker follows."""
    return counting._count(rule, site_now(timezone.now()), counting.Effort(15.0, 4000))


EVERYONE = {"condition": "visits", "operator": ">=", "value": 0}


def test_a_changed_consent_counts_before_and_after_a_worker_saw_it(crowd: list[Any]) -> None:
    rule = rule_parse(EVERYONE)
    projecting.profiles_project()
    assert not ConsentChange.objects.exists()
    gone = EffectiveConsent.objects.filter(visitor_id=ProjectedProfile.objects.earliest("pk").pk)
    for fenced_at, left in ((timezone.now(), 1), (None, 0)):
        gone.update(fenced_at=fenced_at)
        assert ConsentChange.objects.get().visitor_id == gone.get().visitor_id
        assert count_as_it_is(rule) == (len(crowd) - left, 0, False)
        assert projecting.consents_follow() == 1
        assert not ConsentChange.objects.exists()
        assert count_as_it_is(rule) == (len(crowd) - left, 0, False)
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM consent_effectiveconsent WHERE visitor_id = %s", [gone.get().pk]
        )
    assert count_as_it_is(rule)[0] == len(crowd) - 1


def test_who_changes_often_keeps_nobody_elses_consent_waiting(crowd: list[Any]) -> None:
    projecting.profiles_project()
    often = EffectiveConsent.objects.filter(pk=ProjectedProfile.objects.earliest("pk").pk)
    for _ in range(3):
        often.update(fenced_at=timezone.now())
    EffectiveConsent.objects.update(fenced_at=timezone.now())
    projecting.consents_sweep(stride=2)
    assert not ConsentChange.objects.exists()


def test_consents_that_all_go_at_once_leave_nobody_to_count(crowd: list[Any]) -> None:
    projecting.profiles_project()
    assert count_as_it_is(rule_parse(EVERYONE))[0] == len(crowd)
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE consent_effectiveconsent")
    assert count_as_it_is(rule_parse(EVERYONE))[0] == 0


def test_a_consent_can_be_written_under_any_search_path(crowd: list[Any]) -> None:
    projecting.profiles_project()
    with connection.cursor() as cursor:
        # As every dump of PostgreSQL begins.
        cursor.execute("SELECT set_config('search_path', '', true)")
        cursor.execute("UPDATE public.consent_effectiveconsent SET fenced_at = now()")
        cursor.execute("SET search_path TO DEFAULT")
    assert count_as_it_is(rule_parse(EVERYONE))[0] == 0


def test_very_many_changed_consents_are_asked_of_the_records(
    crowd: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    projecting.profiles_project()
    monkeypatch.setattr(statements, "CHANGED", 3)
    ids = ProjectedProfile.objects.values_list("pk", flat=True)[:5]
    EffectiveConsent.objects.filter(pk__in=list(ids)).update(fenced_at=timezone.now())
    assert count_as_it_is(rule_parse(EVERYONE))[0] == len(crowd) - 5


def test_a_lapsed_grant_counts_no_more_though_nothing_changes(crowd: list[Any]) -> None:
    projecting.profiles_project()
    first = ProjectedProfile.objects.earliest("pk")
    ProjectedProfile.objects.filter(pk=first.pk).update(allowed_until=timezone.now())
    assert count_as_it_is(rule_parse(EVERYONE))[0] == len(crowd) - 1


@pytest.fixture
def purposes_read_anew() -> Iterator[None]:
    """What a process remembers of purposes is not rolled back with them."""
    yield
    catalogue.forget()


@pytest.mark.usefixtures("purposes_read_anew")
def test_other_words_of_a_purpose_end_all_grants_at_once(crowd: list[Any]) -> None:
    projecting.profiles_project()
    purpose = Purpose.objects.get(key="personalization")
    consent_services.purpose_save(purpose=purpose, material=True, now=timezone.now())
    assert count_as_it_is(rule_parse(EVERYONE))[0] == 0
    projecting.profiles_project()
    assert count_as_it_is(rule_parse(EVERYONE))[0] == 0


@pytest.mark.usefixtures("purposes_read_anew")
def test_a_worker_that_remembers_other_words_of_a_purpose_lets_nobody_in(crowd: list[Any]) -> None:
    purposes = Purpose.objects.filter(key="personalization")
    (version,) = purposes.values_list("version", flat=True)
    projecting.consents_sweep()
    purposes.update(version=version + 1, changed_at=timezone.now())
    catalogue.forget()
    projecting.profiles_project(seconds=60)
    visitor_id = ProjectedProfile.objects.values_list("visitor_id", flat=True)[0]
    EffectiveConsent.objects.filter(visitor_id=visitor_id).update(gpc_seen=True)
    purposes.update(version=version)
    catalogue.forget()
    catalogue.current()  # what a process remembers for a second
    purposes.update(version=version + 1)
    projecting.consents_follow()
    catalogue.forget()
    assert count_as_it_is(rule_parse(EVERYONE))[0] == 0


def test_a_first_figure_is_of_all_where_that_is_quick_else_of_a_slice(crowd: list[Any]) -> None:
    now, rule = timezone.now(), rule_parse(EVERYONE)
    exact = reach_now(rule, now=now)
    assert reach_soon(rule, now=now) == exact
    effort = counting.Effort(15.0, 4000, 2)
    half = [each for each in ProjectedProfile.objects.all() if each.visitor_id.int < 2**127]
    assert counting._reach(rule, site_now(now), None, effort) == Reach(
        2 * len(half), 0, 2 * len(half), is_about=True
    )


def test_a_row_goes_with_its_profile(crowd: list[Any]) -> None:
    projecting.profiles_project()
    ids = list(ProjectedProfile.objects.values_list("visitor_id", flat=True)[:3])
    profile_services.profile_delete(visitor_id=ids[0])
    profile_services.profile_erase(visitor_id=ids[1])
    profile_store.profiles_delete([ids[2]])
    assert ProjectedProfile.objects.count() == Profile.objects.count() == len(crowd) - 3


def test_strides_of_one_lay_out_everybody_once(crowd: list[Any]) -> None:
    assert projecting.shard_project(0, stride=1) == len(crowd)
    assert projecting.shards_behind() == []
    assert projecting.projection_progress() is None
    assert projecting.shard_project(0, stride=1) == 0
    assert ProjectedProfile.objects.count() == len(crowd)


def test_other_weights_are_counted_by_at_once_and_have_all_laid_out_anew(crowd: list[Any]) -> None:
    now, rule = timezone.now(), rule_parse({"condition": "affinity", "category": "garden"})
    projecting.profiles_project()
    before = set(ProjectedProfile.objects.values_list("basis", flat=True))
    EventType.objects.filter(name="page_view").update(weight=9.0)
    site = site_now(now)
    words = {"measurement": "granted", "personalization": "granted"}
    expected = reach_of(rule, [site.context(state, words) for state in crowd])
    compiled = rule_sql(rule, site.asking(rule))
    assert len(statements.unsettled_list(compiled, site, limit=100)) == len(crowd)
    assert count_as_it_is(rule)[0] == expected.matching
    assert projecting.shards_behind() == [0]
    projecting.profiles_project()
    after = set(ProjectedProfile.objects.values_list("basis", flat=True))
    assert after == {site.basis} != before
    assert reach_now(rule, now=now) == expected


def test_lost_to_consent_are_those_who_chose_and_refused() -> None:
    rule, now = rule_parse(RULES[0]), timezone.now()
    ana_make()
    assert lost_to_consent(rule, now=now) == 0
    ben_make()
    visitor_make("measurement")
    assert lost_to_consent(rule, now=timezone.now()) == 2
    withdraw(ana_make())
    assert lost_to_consent(rule, now=timezone.now()) == 3


def test_a_count_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "TIMEOUT", 0.05)
    with pytest.raises(TooSlowError), timed(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(30)")
