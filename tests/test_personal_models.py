"""F2 and G1: each column that can name a visitor is known, and an erasure leaves no id behind."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
import redis
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from psycopg import sql

from consent.cookies import cookie_value
from personalization.frequency.limits import Shown
from personalization.frequency.shown import ShownCopy
from personalization.models import (
    Backtest,
    Campaign,
    ConsentChange,
    ReaderCheck,
    Segment,
    SegmentMember,
    SegmentPass,
    Slot,
    Variant,
)
from personalization.reach.projecting import profiles_project
from personalization.segments.kept import memberships_from_cache
from profiles import selfcheck
from profiles import services as profile_services
from profiles.models import Profile, Rebuild, RebuildShard
from tests.consent.visitors import Device
from tests.tracking.people import (
    ana_make,
    click_make,
    drain,
    event_make,
    inbox_put,
    withdraw,
)
from tracking import merging, selectors, services
from tracking.models import Quarantine, VisitorMerge

#: Columns that name a visitor and that an erasure empties: tried below, one by one.
ERASED = {
    "consent_consentdecision.merged_into",
    "consent_effectiveconsent.merged_into",
    "personalization_projectedprofile.visitor_id",
    "personalization_consentchange.visitor_id",
    "personalization_projectioncursor.visitor_id",
    "personalization_backtestsample.visitor_id",
    "personalization_segmentmember.visitor_id",
    "personalization_segmentpass.after",
    "profiles_profile.visitor_id",
    "profiles_rebuildshard.after",
    "tracking_event.visitor_id",
    "tracking_inbox.visitor_id",
    "tracking_quarantine.visitor_id",
    "tracking_visit.root",  # of events that name no visit
    "tracking_visit.visitor_id",
    "tracking_visitor.visitor_id",
    "tracking_visitormerge.from_id",
    "tracking_visitormerge.into_id",
}
#: Columns that name a visitor and stay: a denial is stored as strongly as a grant (C7), and a
#: fence is what refuses late events (G4).
KEPT = {
    "consent_account.visitor_id",
    "consent_consentdecision.visitor_id",
    "consent_effectiveconsent.visitor_id",
}
#: The gate's copy of the fence, for a day at most.
KEPT_CACHE = {f"cache {cache.make_key('consent:…')}"}
#: Cache keys that name a visitor and that an erasure deletes.
ERASED_CACHE = {f"cache {cache.make_key(key)}" for key in ("profile:…", "shown:…", "segments:…")}
#: Columns whose values name no visitor.
OTHERS = {
    "consent_accountbrowser.id",
    "consent_consentdecision.id",
    "tracking_event.id",
    "tracking_event.view_id",
    "tracking_event.visit_id",
    "tracking_visit.id",
}


def tables() -> list[str]:
    """Every table there is; partitions are read through theirs."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition"
            " AND relnamespace = current_schema()::regnamespace ORDER BY relname"
        )
        return [row[0] for row in cursor.fetchall()]


def places_of(visitor_id: UUID) -> set[str]:
    """The columns and cache keys with a visitor's id in any of its forms, or how it begins."""
    forms = [str(visitor_id)[:8], visitor_id.hex]
    # In bytes an id may stand as text, which PostgreSQL shows in hexadecimal.
    forms += [form.encode().hex() for form in forms]
    found: set[str] = set()
    with connection.cursor() as cursor:
        for table in tables():
            cursor.execute(
                sql.SQL(
                    "SELECT DISTINCT field.key FROM {} AS t, jsonb_each_text(to_jsonb(t)) AS field"
                    " WHERE lower(field.value) LIKE ANY (%s)"
                ).format(sql.Identifier(table)),
                ([f"%{form}%" for form in forms],),
            )
            found |= {f"{table}.{row[0]}" for row in cursor.fetchall()}
    for key in map(bytes.decode, redis.Redis.from_url(settings.REDIS_URL).scan_iter()):
        if any(form in key for form in forms):
            found.add(f"cache {key.replace(str(visitor_id), '…')}")
    return found


@pytest.mark.django_db
def test_every_column_that_could_name_a_visitor_is_known() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name || '.' || column_name FROM information_schema.columns"
            " WHERE table_schema = current_schema() AND udt_name IN ('uuid', '_uuid')"
            " AND table_name = ANY (%s)",
            (tables(),),
        )
        columns = {row[0] for row in cursor.fetchall()}
    assert columns == ERASED | KEPT | OTHERS


def sign_in(visitor_id: UUID, account: str) -> UUID:
    browser = Device()
    browser.cookie = cookie_value(visitor_id, datetime.now(UTC))
    browser.sign_in(account)
    assert browser.visitor_id is not None
    return browser.visitor_id


def quarantined(visitor_id: UUID) -> None:
    Quarantine.objects.create(
        visitor_id=visitor_id, source="tracker", reason="invalid_event", payload="{}"
    )


def looked_at(visitor_id: UUID) -> None:
    """A visitor whom a backtest names to be looked at."""
    variant, _ = Variant.objects.get_or_create(name="V", headline="V")
    slot, _ = Slot.objects.get_or_create(key="s", name="S", default=variant)
    campaign, _ = Campaign.objects.get_or_create(name="C", slot=slot, variant=variant)
    run = Backtest.objects.create(campaign=campaign, days=7, draft={}, ruleset_version=1)
    run.samples.create(visitor_id=visitor_id, seq=1, was_given=True)


def leave_traces(visitor_id: UUID) -> None:
    """Fill every column of ERASED that is the visitor's own."""
    inbox_put(visitor_id, [event_make(category="gardening"), click_make(visit=str(uuid4()))])
    drain(visitor_id)
    inbox_put(visitor_id, [event_make()])
    inbox_put(None, [event_make(visitor=str(visitor_id))], shard=selectors.shard_of(visitor_id))
    quarantined(visitor_id)
    ShownCopy(visitor_id).swap(Shown({1: [1]}))
    looked_at(visitor_id)
    segment, _ = Segment.objects.get_or_create(key="all", defaults={"name": "All"})
    SegmentMember.objects.get_or_create(
        segment=segment, visitor_id=visitor_id, defaults={"entered_at": datetime.now(UTC)}
    )
    memberships_from_cache(visitor_id, None)
    SegmentPass.objects.update_or_create(kind="full", defaults={"after": visitor_id})


@pytest.mark.django_db(transaction=True)
def test_an_erasure_leaves_a_visitors_id_nowhere_but_in_the_denial() -> None:
    cleo, ana = ana_make(), ana_make()
    leave_traces(ana)
    leave_traces(cleo)
    account = sign_in(cleo, "cleo")
    merging.visitor_merge(from_id=cleo)
    leave_traces(account)
    other = ana_make()
    sign_in(other, "cleo")
    VisitorMerge.objects.get_or_create(from_id=other, defaults={"into_id": account})
    VisitorMerge.objects.get_or_create(
        from_id=uuid4(), defaults={"into_id": account, "done_at": datetime.now(UTC)}
    )
    rebuild = Rebuild.objects.create(reason="a replaced one", finished_at=datetime.now(UTC))
    RebuildShard.objects.create(rebuild=rebuild, shard=selectors.shard_of(account), after=account)
    profile_services.profile_rebuild(visitor_id=account)
    Profile.objects.filter(visitor_id=account).update(state=b"{}")
    check = selfcheck.self_check(now=datetime.now(UTC))
    assert [one["visitor"] for one in check.differences] == [str(account)[:8]]
    profiles_project()
    ConsentChange.objects.create(visitor_id=account)  # one that no worker has settled yet
    ReaderCheck.objects.create(
        started_at=datetime.now(UTC), differing=1, differences=check.differences
    )
    gone = (account, cleo, other)
    before = set().union(*map(places_of, gone))
    assert before >= ERASED | ERASED_CACHE

    withdraw(account)
    services.visitor_erase(visitor_id=account)
    services.shard_drain(selectors.shard_of(account))
    services.shard_drain(selectors.shard_of(cleo))
    kept = KEPT | KEPT_CACHE
    assert [places_of(visitor_id) - kept for visitor_id in gone] == [set(), set(), set()]
    assert "tracking_event.visitor_id" in places_of(ana)
