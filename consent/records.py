"""Writing decisions and what follows from them. Called by services only, inside a transaction."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

from django.db import connection, transaction

from consent import cache, mappers
from consent.logic import Control, Decision, Standing, standing_attest
from consent.models import ConsentDecision, EffectiveConsent, NoticeVersion

IMPORT_LOCK = 0x636F6E73656E7401  # any constant of our own


@dataclass(frozen=True, slots=True)
class Circumstances:
    """How a decision was made: everything about it that is recorded besides the choices."""

    notice: NoticeVersion
    locale: str
    control: Control
    gpc_seen: bool
    source: str = ""


def row_locked(visitor_id: UUID | None) -> EffectiveConsent | None:
    if visitor_id is None:
        return None
    return EffectiveConsent.objects.select_for_update().filter(visitor_id=visitor_id).first()


def rows_locked(visitor_ids: Iterable[UUID | None]) -> dict[UUID, EffectiveConsent]:
    """The rows of these ids, locked in one order for all."""
    wanted = [visitor_id for visitor_id in visitor_ids if visitor_id is not None]
    rows = EffectiveConsent.objects.select_for_update().order_by("visitor_id")
    return {row.visitor_id: row for row in rows.filter(visitor_id__in=wanted)}


def fence_store(visitor_id: UUID, fenced: Standing, how: Circumstances) -> None:
    """Record the denial under the old id and close it for good."""
    decision_store(visitor_id, fenced, fenced.choices, how)
    effective_store(visitor_id, fenced, how.notice)


def decision_store(
    visitor_id: UUID, standing: Standing, keys: Iterable[str], how: Circumstances
) -> None:
    """Record what was decided on `keys`, as it was resolved in `standing`."""
    _decision_row(visitor_id, standing, keys, how).save(force_insert=True)


def joining_store(
    visitor_id: UUID,
    standing: Standing,
    how: Circumstances,
    *,
    at: datetime,
    merged_into: UUID | None = None,
) -> None:
    """Record what a sign-in made of an id's record. Its decisions so far stay, as settled."""
    ConsentDecision.objects.filter(visitor_id=visitor_id).update(is_settled=True)
    row = _decision_row(visitor_id, standing, standing.choices, how)
    row.decided_at = at
    row.standing = mappers.standing_json(standing)
    row.merged_into = merged_into
    row.save(force_insert=True)
    effective_store(visitor_id, standing, how.notice, merged_into=merged_into)


def effective_store(
    visitor_id: UUID,
    standing: Standing,
    notice: NoticeVersion,
    *,
    merged_into: UUID | None = None,
) -> None:
    """Write what holds now, and keep the cache from contradicting it (see cache.py)."""
    if standing.fenced_at is not None:
        cache.cache_set(visitor_id, standing)
        after = partial(cache.cache_set, visitor_id, standing)
    else:
        cache.cache_forget(visitor_id)
        after = partial(cache.cache_publish, visitor_id)
    fields = mappers.row_fields(standing, notice_key=notice.sha256) | {"merged_into": merged_into}
    EffectiveConsent.objects.update_or_create(visitor_id=visitor_id, defaults=fields)
    transaction.on_commit(after, robust=True)


@transaction.atomic
def attestations_store(ids: Sequence[UUID], decision: Decision, how: Circumstances) -> int:
    """Add imported grants to many ids at once; returns how many changed.

    Only imports make rows for ids they were given, so a lock among imports suffices for new rows;
    existing rows are locked like for any decision.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [IMPORT_LOCK])
    rows = EffectiveConsent.objects.select_for_update().order_by("visitor_id")
    known = {
        row.visitor_id: mappers.standing_from_row(row) for row in rows.filter(visitor_id__in=ids)
    }
    changed = {
        visitor_id: standing
        for visitor_id in ids
        if (standing := standing_attest(known.get(visitor_id), decision)) is not None
    }
    EffectiveConsent.objects.bulk_create(
        mappers.row_from_standing(visitor_id, standing, notice_key=how.notice.sha256)
        for visitor_id, standing in changed.items()
        if visitor_id not in known
    )
    for visitor_id in changed.keys() & known.keys():
        effective_store(visitor_id, changed[visitor_id], how.notice)
    ConsentDecision.objects.bulk_create(
        _decision_row(visitor_id, standing, _added(known.get(visitor_id), standing), how)
        for visitor_id, standing in changed.items()
    )
    return len(changed)


def _added(old: Standing | None, new: Standing) -> list[str]:
    before = old.choices if old else {}
    return [key for key, choice in new.choices.items() if before.get(key) != choice]


def _decision_row(
    visitor_id: UUID, standing: Standing, keys: Iterable[str], how: Circumstances
) -> ConsentDecision:
    choices = {key: standing.choices[key] for key in keys}
    return ConsentDecision(
        visitor_id=visitor_id,
        decided_at=max(choice.at for choice in choices.values()),
        states={key: choice.granted for key, choice in choices.items()},
        notice=how.notice,
        locale=how.locale,
        control=how.control,
        gpc_seen=how.gpc_seen,
        source=how.source,
    )
