"""Every write of consent.

Decisions on one id are serialized by a row lock on its `EffectiveConsent`; each is recorded as a
`ConsentDecision` and folded in the same transaction. The cache and `consent_changed` follow the
commit (cache.py says how they cannot contradict it).
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID, uuid4

from django.db import transaction

from consent import catalogue, mappers, notices, records
from consent.logic import (
    ConsentState,
    Control,
    Decision,
    decision_resolve,
    standings_fold,
    state_at,
)
from consent.models import ConsentDecision, EffectiveConsent, Purpose
from consent.signals import consent_changed

BATCH = 1_000


@dataclass(frozen=True, slots=True)
class ConsentOutcome:
    """What a decision led to. `visitor_id` is the id to point the browser's cookie at.

    `withdrawn` names the purposes that were granted before and are denied now, or all of those
    granted before if one of them had lapsed; if there are any, the old id is fenced and
    `visitor_id` is a new one.
    """

    visitor_id: UUID
    state: ConsentState
    withdrawn: frozenset[str]


@transaction.atomic
def decision_record(
    *,
    visitor_id: UUID | None,
    purposes: Collection[str],
    control: Control,
    gpc: bool,
    locale: str,
    now: datetime,
) -> ConsentOutcome:
    """Record that exactly `purposes` are granted and every other one is denied.

    `visitor_id` is the id from the browser's cookie, None if there is none; an id without a record,
    or with an expired refusal, counts as none. Unknown purposes grant nothing.
    """
    versions = catalogue.current().versions
    row = records.row_locked(visitor_id)
    old = mappers.standing_from_row(row) if row else None
    decision = Decision(
        at=now,
        states={key: key in purposes for key in versions},
        versions=versions,
        gpc_seen=gpc,
    )
    if old and old.fenced_at is None and not old.granted and not old.in_force_at(now):
        old = None
    resolution = decision_resolve(old, decision)
    kept = old is not None and old.fenced_at is None and not resolution.rotated
    new_id = visitor_id if visitor_id and kept else uuid4()
    notice = notices.notice_current(locale=locale, now=now)
    how = records.Circumstances(notice, locale, control, gpc)
    if visitor_id and resolution.fenced:
        records.fence_store(visitor_id, resolution.fenced, how)
        _announce_later(visitor_id, granted=frozenset(), withdrawn=resolution.withdrawn)
    records.decision_store(new_id, resolution.standing, decision.states, how)
    records.effective_store(new_id, resolution.standing, notice)
    state = state_at(resolution.standing, visitor_id=new_id, now=now, gpc=gpc, versions=versions)
    _announce_later(new_id, granted=state.granted, withdrawn=frozenset())
    return ConsentOutcome(new_id, state, resolution.withdrawn)


@transaction.atomic
def signal_record(*, visitor_id: UUID, locale: str, now: datetime) -> ConsentOutcome | None:
    """Persist an opt-out signal that arrived after a grant made without it.

    None if there is nothing to persist: of several requests arriving together, only one rotates.
    """
    row = records.row_locked(visitor_id)
    if row is None:
        return None
    versions = catalogue.current().versions
    standing = mappers.standing_from_row(row)
    state = state_at(standing, visitor_id=visitor_id, now=now, gpc=True, versions=versions)
    if not state.signal_pending:
        return None
    return decision_record(
        visitor_id=visitor_id,
        purposes=(),
        control=Control.GPC,
        gpc=True,
        locale=locale,
        now=now,
    )


def attestation_record(
    *, visitor_ids: Iterable[UUID], purposes: Collection[str], source: str, now: datetime
) -> int:
    """Record consent that `source` attests for imported visitors; returns how many ids changed.

    Repeating it changes nothing. It never widens a denial and never revives an id that ended.
    """
    versions = catalogue.current().versions
    unknown = set(purposes) - versions.keys()
    if unknown:
        raise ValueError(f"unknown purposes: {', '.join(sorted(unknown))}")
    decision = Decision(at=now, states=dict.fromkeys(purposes, True), versions=versions)
    notice = notices.notice_current(locale="", now=now)
    how = records.Circumstances(notice, "", Control.IMPORT, gpc_seen=False, source=source)
    pending = list(dict.fromkeys(visitor_ids))
    return sum(
        records.attestations_store(pending[start : start + BATCH], decision, how)
        for start in range(0, len(pending), BATCH)
    )


@transaction.atomic
def effective_rebuild(*, visitor_ids: Collection[UUID]) -> int:
    """Recompute `EffectiveConsent` from the recorded decisions; returns how many rows differed."""
    changed = 0
    for visitor_id in visitor_ids:
        row = records.row_locked(visitor_id)
        decisions = list(
            ConsentDecision.objects.filter(visitor_id=visitor_id).select_related("notice")
        )
        if not decisions:
            continue
        standing = standings_fold(mappers.decisions_in_order(decisions))
        if row is None or mappers.standing_from_row(row) != standing:
            newest = max(decisions, key=lambda decision: decision.decided_at)
            records.effective_store(visitor_id, standing, newest.notice)
            changed += 1
    return changed


@transaction.atomic
def purpose_save(*, purpose: Purpose, material: bool, now: datetime) -> Purpose:
    """Save an edited purpose. A material change and a deactivation end every earlier grant of it.

    Both raise the version, so that nothing revives when the purpose is activated again.
    """
    stored = Purpose.objects.select_for_update().filter(pk=purpose.pk).first()
    if stored is not None:
        ends = material or (stored.is_active and not purpose.is_active)
        purpose.version = stored.version + ends
        purpose.changed_at = now if ends else stored.changed_at
    purpose.save()
    catalogue.forget()
    transaction.on_commit(catalogue.forget)
    return purpose


def _announce_later(
    visitor_id: UUID, *, granted: frozenset[str], withdrawn: frozenset[str]
) -> None:
    send = partial(
        consent_changed.send_robust,
        sender=EffectiveConsent,
        visitor_id=visitor_id,
        granted=granted,
        withdrawn=withdrawn,
    )
    transaction.on_commit(send, robust=True)
