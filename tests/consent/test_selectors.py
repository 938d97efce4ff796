"""The gate's readers."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import product
from statistics import median
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test import RequestFactory
from django.utils import timezone

from consent import mappers, selectors, services
from consent.cookies import COOKIE_NAME, cookie_value
from consent.logic import Choice, Control, Standing
from consent.models import EffectiveConsent, Purpose
from tests.consent.visitors import BOTH, decide

pytestmark = pytest.mark.django_db


def test_the_gate_of_the_api_is_one_primary_key_read(django_assert_num_queries):
    visitor_id = decide(None, *BOTH).visitor_id
    selectors.purposes_active()
    with django_assert_num_queries(1) as queries:
        assert selectors.consent_granted(visitor_id, timezone.now()) == set(BOTH)
    assert "visitor_id" in queries[0]["sql"]


def test_the_gate_of_the_api_obeys_the_signal():
    plain = decide(None, *BOTH).visitor_id
    in_spite = decide(None, *BOTH, gpc=True).visitor_id
    now = timezone.now()
    assert selectors.consent_granted(plain, now, gpc=True) == frozenset()
    assert selectors.consent_granted(in_spite, now, gpc=True) == set(BOTH)


def test_the_gate_of_the_api_costs_little_more_than_asking_the_database_anything():
    visitor_id, now = decide(None, *BOTH).visitor_id, timezone.now()
    ratios = []
    for _ in range(200):
        gate = seconds_of(lambda: selectors.consent_granted(visitor_id, now))
        ratios.append(gate / seconds_of(ask_anything))
    assert median(ratios) < 4


def ask_anything() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.fetchone()


def seconds_of(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def granted_by_statement(visitor_id: UUID, now: datetime, gpc: bool) -> frozenset[str]:
    with connection.cursor() as cursor:
        cursor.execute(*selectors.grant_select(visitor_id, now, gpc=gpc))
        row = cursor.fetchone()
    return frozenset(row[0].split(",")) if row else frozenset()


def test_a_statement_that_asks_itself_hears_what_the_law_says():
    """Every record of two purposes: granted or not, how old, which version, signal seen, fenced."""
    purpose, now = Purpose.objects.get(key="measurement"), timezone.now()
    services.purpose_save(purpose=purpose, material=True, now=now)
    versions = {"measurement": 2, "personalization": 1}
    choices = [
        Choice(granted, now - timedelta(days=age), version, gpc_seen)
        for granted in (True, False)
        for age in (1, 181)
        for version in (1, 2)
        for gpc_seen in (True, False)
    ]
    standings = [Standing({BOTH[0]: first}) for first in choices]
    standings += [
        Standing(dict(zip(BOTH, both, strict=True))) for both in product(choices, choices)
    ]
    standings += [Standing(standing.choices, now) for standing in standings[::7]]
    rows = [mappers.row_from_standing(uuid4(), each, notice_key="") for each in standings]
    EffectiveConsent.objects.bulk_create(rows)
    told = 0
    for (row, standing), gpc in product(zip(rows, standings, strict=True), (True, False)):
        law = selectors.consent_granted(row.visitor_id, now, gpc=gpc)
        heard = granted_by_statement(row.visitor_id, now, gpc)
        # A grant under a notice that this process does not know yet is for the law alone.
        unknown = any(standing.choices[key].version > versions[key] for key in standing.granted)
        assert heard == (frozenset() if unknown else law), (standing, gpc)
        told += bool(heard)
    assert told > 20
    assert granted_by_statement(uuid4(), now, False) == frozenset()


def test_the_workers_gate_names_those_who_grant_the_purpose():
    now = timezone.now()
    both = decide(None, *BOTH).visitor_id
    measured = decide(None, "measurement").visitor_id
    refused = decide(None).visitor_id
    withdrawn = decide(None, *BOTH).visitor_id
    decide(withdrawn)
    expired = decide(None, *BOTH, now=now - timedelta(days=181)).visitor_id
    everyone = [both, measured, refused, withdrawn, expired, uuid4()]
    now = timezone.now()
    assert selectors.visitors_granted(everyone, "measurement", now=now) == {both, measured}
    assert selectors.visitors_granted(everyone, "personalization", now=now) == {both}
    assert selectors.visitors_granted(everyone, "unknown", now=now) == set()
    assert selectors.visitors_granted(everyone, "unknown", "personalization", now=now) == {both}
    assert selectors.visitors_granted(everyone, now=now) == set()
    assert selectors.visitors_granted([], "measurement", now=now) == set()


def test_what_is_to_be_erased_can_be_swept_for():
    since = timezone.now()
    kept = decide(None, *BOTH).visitor_id
    old = decide(None, *BOTH).visitor_id
    new = decide(old, control=Control.WITHDRAW).visitor_id
    swept = set(selectors.visitors_to_erase(since=since, until=timezone.now()))
    assert swept == {old}
    assert not swept & {kept, new}


@pytest.mark.parametrize("how", ["material", "deactivated"])
def test_the_sweep_names_those_whose_purpose_was_changed_or_switched_off(how):
    both = decide(None, *BOTH).visitor_id
    decide(None, "measurement")
    decide(None)
    purpose, changed = Purpose.objects.get(key="personalization"), timezone.now()
    purpose.is_active = how == "material"
    services.purpose_save(purpose=purpose, material=how == "material", now=changed)
    renewed = decide(None, *BOTH).visitor_id
    hour = timedelta(hours=1)
    assert set(selectors.visitors_to_erase(since=changed - hour, until=changed)) == {both}
    assert both != renewed
    assert not set(selectors.visitors_to_erase(since=changed, until=changed + hour))


def test_the_sweep_names_an_id_when_its_first_grant_expires():
    """C1."""
    now, visitor_id, day = timezone.now(), uuid4(), timedelta(days=1)
    for purpose, at in zip(BOTH, (now - 180 * day, now - 10 * day), strict=True):
        services.attestation_record(
            visitor_ids=[visitor_id], purposes=[purpose], source="deskdrop", now=at
        )
    assert selectors.consent_granted(visitor_id, now - day) == set(BOTH)
    assert selectors.consent_granted(visitor_id, now) == frozenset()
    assert list(selectors.visitors_to_erase(since=now - day, until=now)) == [visitor_id]
    assert list(selectors.visitors_to_erase(since=now, until=now + 180 * day)) == []


def test_the_cookie_names_the_visitor_id():
    now, visitor_id = timezone.now(), uuid4()
    request = RequestFactory().get("/")
    assert selectors.visitor_id_from_cookie(request, now=now) is None
    request.COOKIES[COOKIE_NAME] = cookie_value(visitor_id, now)
    assert selectors.visitor_id_from_cookie(request, now=now) == visitor_id
    later = now + timedelta(days=180)
    assert selectors.visitor_id_from_cookie(request, now=later) is None
    assert selectors.consent_for_cookie(request.COOKIES[COOKIE_NAME], True, now).gpc
