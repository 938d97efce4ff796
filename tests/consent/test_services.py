"""Decisions become records, and what holds follows from the records."""

import hashlib
from datetime import timedelta
from io import StringIO
from threading import Barrier, Thread
from uuid import UUID, uuid4

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from consent import selectors, services
from consent.logic import Control
from consent.models import ConsentDecision, EffectiveConsent, NoticeVersion, Purpose
from consent.signals import consent_changed
from tests.consent.visitors import BOTH, decide

pytestmark = pytest.mark.django_db


def granted(visitor_id: UUID) -> frozenset[str]:
    return selectors.consent_granted(visitor_id, timezone.now())


def test_a_grant_is_recorded_with_everything_an_auditor_asks_for_and_nothing_more():
    """E2: server time, purposes, notice version, locale, control, signal; no address, no agent."""
    now = timezone.now()
    outcome = decide(None, "measurement", now=now, control=Control.BANNER_ACCEPT)
    row = ConsentDecision.objects.select_related("notice").get()
    assert row.visitor_id == outcome.visitor_id
    assert row.decided_at == now
    assert row.states == {"measurement": True, "personalization": False}
    assert (row.locale, row.control, row.gpc_seen) == ("en", "banner-accept", False)
    assert row.notice.versions == {"measurement": 1, "personalization": 1}
    fields = {field.name for field in ConsentDecision._meta.get_fields()}
    assert fields == {
        *("id", "visitor_id", "decided_at", "states", "notice", "locale", "control"),
        *("gpc_seen", "source", "standing", "is_settled", "merged_into"),
    }


def test_the_notice_of_a_decision_can_be_reproduced_from_its_hash():
    """E1."""
    decide(None, *BOTH)
    notice = NoticeVersion.objects.get()
    assert hashlib.sha256(f"en\n{notice.text}".encode()).hexdigest() == notice.sha256
    for purpose in Purpose.objects.all():
        for text in (purpose.title, purpose.description, purpose.collected, purpose.retention):
            assert text in notice.text
    decide(None, *BOTH)
    assert NoticeVersion.objects.count() == 1


@pytest.mark.parametrize("change", ["update", "delete"])
def test_postgresql_refuses_to_touch_a_notice_that_was_shown(change):
    decide(None, *BOTH)
    notices = NoticeVersion.objects.all()
    with pytest.raises(DatabaseError, match="immutable"), transaction.atomic():
        notices.update(text="other") if change == "update" else notices._raw_delete("default")


def test_a_denial_is_stored_per_purpose_like_a_grant():
    """C7."""
    now = timezone.now()
    outcome = decide(None, control=Control.BANNER_REJECT, now=now)
    assert ConsentDecision.objects.get().states == dict.fromkeys(BOTH, False)
    assert EffectiveConsent.objects.get().expires_at == now + timedelta(days=180)
    assert outcome.state.decided


def test_widening_keeps_the_id_and_narrowing_rotates_it():
    first = decide(None, "measurement")
    wider = decide(first.visitor_id, *BOTH)
    assert wider.visitor_id == first.visitor_id
    narrower = decide(wider.visitor_id, "personalization")
    assert narrower.visitor_id != first.visitor_id
    assert narrower.withdrawn == {"measurement"}
    assert granted(first.visitor_id) == frozenset()
    assert granted(narrower.visitor_id) == {"personalization"}
    assert EffectiveConsent.objects.get(pk=first.visitor_id).fenced_at is not None


def test_withdrawal_is_refused_at_the_gate_at_once_and_stays_so(django_capture_on_commit_callbacks):
    """C2."""
    with django_capture_on_commit_callbacks(execute=True):
        old = decide(None, *BOTH).visitor_id
    assert selectors.consent_for_visitor(old, False, timezone.now()).granted == set(BOTH)
    with django_capture_on_commit_callbacks(execute=True):
        new = decide(old, control=Control.WITHDRAW).visitor_id
    now = timezone.now()
    assert granted(old) == frozenset()
    assert selectors.consent_for_visitor(old, False, now).granted == frozenset()
    assert selectors.visitors_granted([old], "measurement", now=now) == set()
    assert decide(old, *BOTH).visitor_id not in (old, new)
    assert granted(old) == frozenset()


def test_nothing_links_the_new_id_to_the_old_one():
    """G5: the rows share no value besides what everybody shares."""
    old = decide(None, *BOTH).visitor_id
    new = decide(old).visitor_id
    for row in ConsentDecision.objects.filter(visitor_id=new).values():
        assert str(old) not in str(row)
    assert str(old) not in str(EffectiveConsent.objects.filter(pk=new).values().get())


def test_a_stranger_id_is_never_written_under():
    """Visitor-id fixation: only ids that have a record are continued."""
    assert decide(invented := uuid4(), *BOTH).visitor_id != invented


def test_after_expiry_a_new_grant_gets_a_new_id():
    now = timezone.now()
    old = decide(None, *BOTH, now=now - timedelta(days=181)).visitor_id
    assert granted(old) == frozenset()
    assert decide(old, *BOTH, now=now).visitor_id != old
    assert list(selectors.visitors_to_erase(since=now - timedelta(days=2), until=now)) == [old]


def test_unknown_purposes_grant_nothing():
    assert decide(None, "measurement", "everything").state.granted == {"measurement"}


def test_a_material_change_makes_grants_stale_and_a_typo_does_not():
    """E7."""
    visitor_id = decide(None, *BOTH).visitor_id
    purpose = Purpose.objects.get(key="measurement")
    purpose.description += " Really."
    purpose_save(purpose)
    assert granted(visitor_id) == set(BOTH)
    purpose_save(purpose, material=True)
    assert granted(visitor_id) == frozenset()
    now = timezone.now()
    assert selectors.visitors_granted([visitor_id], "measurement", now=now) == set()
    assert not selectors.consent_for_visitor(visitor_id, False, now).decided
    again = decide(visitor_id, *BOTH)
    assert again.state.granted == set(BOTH)
    assert again.visitor_id != visitor_id
    assert EffectiveConsent.objects.get(pk=visitor_id).fenced_at is not None
    assert NoticeVersion.objects.count() == 2
    assert services.effective_rebuild(visitor_ids=[visitor_id, again.visitor_id]) == 0


def purpose_save(purpose: Purpose, *, material: bool = False) -> None:
    services.purpose_save(purpose=purpose, material=material, now=timezone.now())


def test_a_grant_of_a_deactivated_purpose_ends_and_does_not_return_with_the_purpose():
    both, measured = decide(None, *BOTH).visitor_id, decide(None, "measurement").visitor_id
    purpose = Purpose.objects.get(key="personalization")
    for purpose.is_active in (False, True):
        purpose_save(purpose)
        assert granted(both) == frozenset()
        assert granted(measured) == {"measurement"}
    assert purpose.version == 2


def test_two_edits_at_once_never_lower_the_version():
    first, second = (Purpose.objects.get(key="measurement") for _ in range(2))
    purpose_save(first, material=True)
    purpose_save(second)
    assert Purpose.objects.get(key="measurement").version == 2


def test_the_signal_names_the_fenced_id_and_the_new_one(django_capture_on_commit_callbacks):
    heard = []

    def hear(sender, visitor_id, granted, withdrawn, **_):
        heard.append((visitor_id, granted, withdrawn))

    consent_changed.connect(hear)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            old = decide(None, *BOTH).visitor_id
        with django_capture_on_commit_callbacks(execute=True):
            new = decide(old, "measurement").visitor_id
    finally:
        consent_changed.disconnect(hear)
    assert heard == [
        (old, set(BOTH), frozenset()),
        (old, frozenset(), {"personalization"}),
        (new, {"measurement"}, frozenset()),
    ]


def test_effective_consent_can_be_rebuilt_from_the_decisions():
    now = timezone.now()
    kept = decide(None, "measurement", now=now).visitor_id
    decide(kept, *BOTH, now=now + timedelta(seconds=1))
    old = decide(None, *BOTH, now=now).visitor_id
    new = decide(old, "measurement", gpc=True, now=now).visitor_id
    imported = uuid4()
    attest(imported, purposes=["measurement"])
    attest(imported)
    ids = [kept, old, new, imported]
    assert services.effective_rebuild(visitor_ids=ids) == 0
    before = list(EffectiveConsent.objects.order_by("pk").values())
    EffectiveConsent.objects.filter(pk__in=ids[1:]).delete()
    EffectiveConsent.objects.update(granted=[], choices={})
    call_command("rebuild_consent", stdout=(output := StringIO()))
    assert output.getvalue() == "4 visitor ids differed from their decisions.\n"
    assert list(EffectiveConsent.objects.order_by("pk").values()) == before


def attest(*visitor_ids: UUID, purposes=BOTH) -> int:
    return services.attestation_record(
        visitor_ids=visitor_ids, purposes=purposes, source="deskdrop", now=timezone.now()
    )


def test_an_import_attests_once_and_never_widens_a_denial():
    refused, fenced, new = decide(None).visitor_id, decide(None, *BOTH).visitor_id, uuid4()
    decide(fenced)
    assert attest(refused, fenced, new, new) == 1
    assert granted(new) == set(BOTH)
    assert granted(refused) == granted(fenced) == frozenset()
    assert attest(refused, fenced, new) == 0
    row = ConsentDecision.objects.get(visitor_id=new)
    assert (row.control, row.source) == ("import", "deskdrop")


def test_an_import_adds_a_purpose_that_was_not_decided_on():
    visitor_id = uuid4()
    attest(visitor_id, purposes=["measurement"])
    assert granted(visitor_id) == {"measurement"}
    assert attest(visitor_id) == 1
    assert granted(visitor_id) == set(BOTH)


def test_an_import_of_an_unknown_purpose_is_an_error():
    with pytest.raises(ValueError, match="unknown purposes: x"):
        attest(uuid4(), purposes=["x"])


@pytest.mark.django_db(transaction=True)
def test_two_tabs_at_once_end_denied():
    """Accept and reject in the same instant: whatever the order, nothing is left granted."""
    for _ in range(5):
        old, now, gate = decide(None, "measurement").visitor_id, timezone.now(), Barrier(2)

        def tab(purposes, old=old, now=now, gate=gate):
            gate.wait()
            try:
                decide(old, *purposes, now=now)
            finally:
                connection.close()

        before = set(EffectiveConsent.objects.values_list("pk", flat=True))
        tabs = [Thread(target=tab, args=(purposes,)) for purposes in (BOTH, ())]
        for thread in tabs:
            thread.start()
        for thread in tabs:
            thread.join()
        assert granted(old) == frozenset()
        after = EffectiveConsent.objects.exclude(pk__in=before)
        assert [row.granted for row in after if row.granted] == []
