"""Every write of consent.

Decisions on one id are serialized by a row lock on its `EffectiveConsent`; each is recorded as a
`ConsentDecision` and folded in the same transaction. The cache and the signals follow the commit
(cache.py says how they cannot contradict it). An account is locked before any row.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID, uuid4

from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import get_language

from consent import accounts, browsers, catalogue, mappers, notices, records, selectors
from consent.cookies import Pointer
from consent.joining import standings_join
from consent.logic import (
    ConsentState,
    Control,
    Decision,
    Standing,
    decision_resolve,
    standing_fence,
    state_at,
)
from consent.models import ConsentDecision, EffectiveConsent, Purpose
from consent.signals import consent_changed, visitors_merged

BATCH = 1_000


@dataclass(frozen=True, slots=True)
class ConsentOutcome:
    """What a decision led to. `visitor_id` is the id that the browser stands for from now on.

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
    account: str = "",
) -> ConsentOutcome:
    """Record that exactly `purposes` are granted and every other one is denied.

    `visitor_id` is the id the browser stands for, None if there is none; an id without a record,
    or with an expired refusal, counts as none. With `account` (its key) it is whatever id that
    account has when its turn comes. A new id is also the account's. Unknown purposes grant nothing.
    """
    versions = catalogue.current().versions
    if account:
        accounts.account_lock(account)
        visitor_id = accounts.account_visitor_id(account)
    else:
        account = accounts.account_lock_of(visitor_id)
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
    if account and new_id != visitor_id:
        accounts.account_point(account, new_id)
    state = state_at(resolution.standing, visitor_id=new_id, now=now, gpc=gpc, versions=versions)
    _announce_later(new_id, granted=state.granted, withdrawn=frozenset())
    return ConsentOutcome(new_id, state, resolution.withdrawn)


@transaction.atomic
def signal_record(*, visitor_id: UUID, locale: str, now: datetime) -> ConsentOutcome | None:
    """Persist an opt-out signal that arrived after a grant made without it.

    None if there is nothing to persist: of several requests arriving together, only one rotates.
    """
    accounts.account_lock_of(visitor_id)
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


@transaction.atomic
def browser_decide(
    request: HttpRequest, *, purposes: Collection[str], control: Control, now: datetime
) -> ConsentOutcome:
    """Record a choice made in this browser, for its visitor or for whoever is signed in there.

    `request.consent` is the new state, and consent's middleware points the cookie.
    """
    gpc, locale = selectors.gpc_from_request(request), get_language() or ""
    browser = browsers.browser_of(request, now=now)
    account, pointer = browser.account, browser.pointer
    if account and pointer and not pointer.is_browser:
        _account_join(account, visitor_id=pointer.id, gpc=gpc, locale=locale, now=now)
    outcome = decision_record(
        visitor_id=browser.visitor_id,
        purposes=purposes,
        control=control,
        gpc=gpc,
        locale=locale,
        now=now,
        account=account,
    )
    if account:
        pointer = accounts.browser_point(account, pointer, now=now)
    else:
        pointer = Pointer(outcome.visitor_id)
    browsers.pointer_answer(request, pointer, now=now)
    request.consent = outcome.state  # type: ignore[attr-defined]
    return outcome


@transaction.atomic
def visitor_sign_in(request: HttpRequest, account: str, *, now: datetime | None = None) -> None:
    """Tell that whoever sends this request has proved to be `account`, the site's own identifier.

    The records of the browser and of the account are merged, and so is what is known under them;
    the browser then stands for the account's visitor. Repeating it changes nothing. Which record is
    the browser's is what its signed cookie says, and nothing else. Needs consent's middleware,
    which sets the cookie. Raises ValueError for an empty identifier.
    """
    now = now or timezone.now()
    key, gpc = accounts.account_key(account), selectors.gpc_from_request(request)
    browser = browsers.browser_of(request, now=now)
    pointer = browser.pointer
    if pointer and pointer.is_browser and browser.account != key:
        accounts.browser_forget(pointer)
        pointer = None
        browsers.pointer_answer(request, None, now=now)
    anonymous = pointer.id if pointer and not pointer.is_browser else None
    locale = get_language() or ""
    visitor_id = _account_join(key, visitor_id=anonymous, gpc=gpc, locale=locale, now=now)
    browsers.account_remember(request, key)
    if visitor_id is not None and not (pointer and pointer.is_browser):
        pointer = accounts.browser_point(key, pointer, now=now)
        browsers.pointer_answer(request, pointer, now=now)
    request.consent = _state_of(visitor_id, gpc=gpc, now=now)  # type: ignore[attr-defined]


@transaction.atomic
def visitor_sign_out(request: HttpRequest, *, now: datetime | None = None) -> None:
    """Leave this browser without a visitor id; the account's record stays for its other browsers.

    The next person at a shared computer has agreed to nothing, so the banner asks again. Copies of
    the browser's cookie name nobody from here on. Where nobody is signed in, nothing changes.
    """
    now = now or timezone.now()
    browser = browsers.browser_of(request, now=now)
    if not browser.account:
        return
    accounts.browser_forget(browser.pointer)
    browsers.account_remember(request, "")
    browsers.pointer_answer(request, None, now=now)
    gpc = selectors.gpc_from_request(request)
    request.consent = ConsentState(gpc=gpc)  # type: ignore[attr-defined]


def _account_join(
    account: str, *, visitor_id: UUID | None, gpc: bool, locale: str, now: datetime
) -> UUID | None:
    """Merge a browser's record into an account's; the account's visitor id, None if none holds.

    The browser's id always ends: what a cookie has named is never an account's.
    """
    accounts.account_lock(account)
    account_id, versions = accounts.account_visitor_id(account), catalogue.current().versions
    rows = records.rows_locked((account_id, visitor_id))
    theirs, mine = (
        mappers.standing_from_row(rows[key]) if key in rows else None
        for key in (account_id, visitor_id)
    )
    moments = [side.decided_at for side in (theirs, mine) if side and side.decided_at]
    at = max(now, *moments) if moments else now
    joining = standings_join(theirs, mine, at=at, versions=versions)
    if joining is None or not joining.changes:
        return account_id if joining else None
    notice = notices.notice_current(locale=locale, now=now)
    how = records.Circumstances(notice, locale, Control.SIGN_IN, gpc)
    into = account_id if account_id and joining.account_kept else uuid4()
    if account_id and theirs and joining.account_withdrawn:
        _record_end(account_id, theirs, how, at=at, withdrawn=joining.account_withdrawn)
    if visitor_id and mine and joining.browser_counts:
        moves = bool(mine.granted) and not joining.browser_withdrawn
        _record_end(
            visitor_id,
            mine,
            how,
            at=at,
            withdrawn=joining.browser_withdrawn,
            merged_into=into if moves else None,
        )
    records.joining_store(into, joining.standing, how, at=at)
    accounts.account_point(account, into)
    granted = state_at(joining.standing, visitor_id=into, now=now, gpc=gpc, versions=versions)
    _announce_later(into, granted=granted.granted, withdrawn=frozenset())
    return into


def _record_end(
    visitor_id: UUID,
    standing: Standing,
    how: records.Circumstances,
    *,
    at: datetime,
    withdrawn: frozenset[str],
    merged_into: UUID | None = None,
) -> None:
    """Fence an id that a sign-in ended: its events are moved, or erased as by a withdrawal."""
    fenced = standing_fence(standing, at=at)
    records.joining_store(visitor_id, fenced, how, at=at, merged_into=merged_into)
    if withdrawn:
        _announce_later(visitor_id, granted=frozenset(), withdrawn=withdrawn)
    if merged_into is not None:
        send = partial(
            visitors_merged.send_robust,
            sender=EffectiveConsent,
            from_id=visitor_id,
            into_id=merged_into,
        )
        transaction.on_commit(send, robust=True)


def _state_of(visitor_id: UUID | None, *, gpc: bool, now: datetime) -> ConsentState:
    row = EffectiveConsent.objects.filter(visitor_id=visitor_id).first() if visitor_id else None
    standing = mappers.standing_from_row(row) if row else None
    versions = catalogue.current().versions
    return state_at(standing, visitor_id=visitor_id, now=now, gpc=gpc, versions=versions)


@transaction.atomic
def merges_forget(*, into_id: UUID) -> None:
    """Drop the link from the ids that were merged into this one, once nothing is left of them."""
    EffectiveConsent.objects.filter(merged_into=into_id).update(merged_into=None)
    ConsentDecision.objects.filter(merged_into=into_id).update(merged_into=None)


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
        standing = mappers.standing_from_decisions(decisions)
        into = next((one.merged_into for one in decisions if one.merged_into), None)
        if row is None or (mappers.standing_from_row(row), row.merged_into) != (standing, into):
            newest = max(decisions, key=lambda decision: decision.decided_at)
            records.effective_store(visitor_id, standing, newest.notice, merged_into=into)
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
