"""Trying again what stands in quarantine, after somebody mended what was wrong.

A row goes through the same checks as at first, with what the server noted then: an event of the
API through the door, a line through its import's mapping. What passes goes into the inbox with its
own id and time, in the transaction that takes it out of quarantine, and the event store knows an
id once; so it does not matter who dies where, or how many people try at once. What still fails
stays, with the reason of now.
"""

import logging
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from functools import partial
from itertools import islice
from math import inf
from typing import NamedTuple
from uuid import UUID

from celery import current_app
from django.db import transaction
from django.db.models import F, QuerySet

from consent import selectors as consent_selectors
from consent import services as consent_services
from tracking import accepting, nudges, selectors, store
from tracking.imports.mapping import Mapping, mapping_parse
from tracking.imports.reader import record_again
from tracking.imports.rows import RecordMapper, Unusable, record_mapper
from tracking.models import ImportRun, Quarantine, QuarantineReplay
from tracking.pipeline.parse import RequestRefused, event_decode
from tracking.pipeline.steps import Receipt
from tracking.pipeline.wire import Refusal
from tracking.quarantine import MENDABLE, events_split
from tracking.runs import DETAIL_CHARS, QUEUE_REFUSALS

log = logging.getLogger(__name__)

#: Rows tried in one transaction.
CHUNK = 200
#: So many rows are tried while somebody waits; more of them in the background.
AT_ONCE = 500
#: A task tries for about so long before others have their turn.
SLICE_SECONDS = 5.0

#: With these a line stays to be mended: a mapping can be the cause of each.
LINE_KEPT = QUEUE_REFUSALS - {
    Refusal.SKIPPED_BY_MAPPING,
    Refusal.UNKNOWN_PROPERTY,  # of these a line loses a property only
    Refusal.INVALID_PROPERTY,
}


class Replayed(NamedTuple):
    """What became of rows: `accepted` wait for a worker, `kept` still fail and stay, and `gone`
    are deleted, counted for a reason that nobody can mend (consent withdrawn meanwhile)."""

    accepted: int = 0
    kept: int = 0
    gone: int = 0


class Waiting(NamedTuple):
    """What a row becomes: events of one visitor, on their way to the inbox."""

    visitor_id: UUID | None
    receipt: Receipt
    events: list[bytes]


Outcome = Waiting | Unusable


def quarantine_replay(*, ids: Iterable[int]) -> Replayed:
    """Try these rows again now, in a transaction per chunk. Repeating it changes nothing."""
    results, rest = [Replayed()], iter(sorted(set(ids)))
    while chunk := list(islice(rest, CHUNK)):
        with transaction.atomic():
            rows = Quarantine.objects.select_for_update(of=("self",)).filter(pk__in=chunk)
            results.append(_rows_replay(list(rows.select_related("run").order_by("pk"))))
    return Replayed(*map(sum, zip(*results, strict=True)))


def _rows_replay(rows: Sequence[Quarantine]) -> Replayed:
    """In the caller's transaction, which holds the rows."""
    now = datetime.now(UTC)
    selectors.event_types_forget()  # one may have been added a moment ago
    trial = _Trial(rows, now)
    outcomes = [(row, trial.outcome(row)) for row in rows]
    accepted = [(row, found) for row, found in outcomes if isinstance(found, Waiting)]
    refused = [(row, found) for row, found in outcomes if isinstance(found, Unusable)]
    kept = [(row, found) for row, found in refused if _stays(row, found.reason)]
    gone = [(row, found) for row, found in refused if not _stays(row, found.reason)]
    _inbox_fill(accepted, now)
    _counters_correct([*((row, None) for row, _ in accepted), *((r, f.reason) for r, f in refused)])
    _runs_correct(accepted, gone)
    for row, found in kept:
        row.reason, row.detail, row.replay = str(found.reason), found.detail[:DETAIL_CHARS], None
    Quarantine.objects.bulk_update([row for row, _ in kept], ["reason", "detail", "replay"])
    Quarantine.objects.filter(pk__in=[row.pk for row, _ in (*accepted, *gone)]).delete()
    return Replayed(len(accepted), len(kept), len(gone))


def _stays(row: Quarantine, reason: Refusal) -> bool:
    return row.reason == reason or reason in (LINE_KEPT if row.is_line else MENDABLE)


class _Trial:
    """The checks of one chunk, with what is looked up once for all of it."""

    def __init__(self, rows: Sequence[Quarantine], now: datetime) -> None:
        self.now = now
        self.known_types = selectors.event_schemas()
        self.consenting = selectors.visitors_consenting(
            {row.visitor_id for row in rows if row.visitor_id is not None}
        )
        self.mappings: dict[int, tuple[Mapping, RecordMapper]] = {}

    def outcome(self, row: Quarantine) -> Outcome:
        if row.visitor_id is not None and row.visitor_id not in self.consenting:
            return Unusable(Refusal.CONSENT_WITHDRAWN, "")
        if not (row.whole and row.payload):
            return Unusable(Refusal(row.reason), row.detail)
        if row.is_line and row.run is not None:
            return self._line(row, row.run)
        return _event(row)

    def _line(self, row: Quarantine, run: ImportRun) -> Outcome:
        if run.pk not in self.mappings:
            parsed = mapping_parse(run.mapping)
            self.mappings[run.pk] = parsed, record_mapper(parsed, self.known_types)
        mapping, map_record = self.mappings[run.pk]
        record = record_again(row.payload, mapping, run.columns, line=row.line or 0)
        now_ms = self.now.timestamp() * 1000
        result = map_record(record, now_ms=now_ms)
        if isinstance(result, Unusable):
            return result
        for raw in result.events:
            if (type_ := event_decode(raw).type) not in self.known_types:
                return Unusable(Refusal.UNKNOWN_EVENT_TYPE, f"There is no event type {type_!r}.")
        receipt = Receipt(None, row.source, run.purposes, "", False, 0, now_ms)
        return Waiting(result.visitor_id, receipt, result.events)


def _event(row: Quarantine) -> Outcome:
    """An event of the API passes the door again; one that a worker failed on had passed it."""
    events = [row.payload.encode()]
    received_ms = row.received_at.timestamp() * 1000
    if row.reason != Refusal.UNPROCESSABLE:
        body = b'{"sent_at":%.3f,"events":[%b]}' % (received_ms - row.skew_ms, events[0])
        try:
            parsed = accepting.request_parse(body, received_ms=received_ms)
        except RequestRefused as refused:
            return Unusable(Refusal.INVALID_EVENT, refused.detail)
        if parsed.refused:
            return Unusable(parsed.refused[0].reason, parsed.refused[0].detail)
        events = list(events_split(parsed.payload))  # without what the door leaves out
    receipt = Receipt(
        # An event of an import names its visitor itself, and its line.
        visitor_id=None if row.line is not None else row.visitor_id,
        source=row.source,
        basis=row.basis,
        device=row.device,
        is_bot=row.is_bot,
        skew_ms=row.skew_ms,
        received_ms=received_ms,
    )
    return Waiting(row.visitor_id, receipt, events)


# --- What follows, all in the transaction of the rows --------------------------------------------


def _inbox_fill(accepted: Sequence[tuple[Quarantine, Waiting]], now: datetime) -> None:
    shards = [selectors.shard_of(each.visitor_id) if each.visitor_id else 0 for _, each in accepted]
    store.inbox_add_many(
        (shard, each.receipt, b"[" + b",".join(each.events) + b"]")
        for shard, (_, each) in zip(shards, accepted, strict=True)
    )
    active = {purpose.key for purpose in consent_selectors.purposes_active()}
    attested: dict[tuple[str, str], set[UUID]] = {}
    for row, each in accepted:
        if row.is_line and each.visitor_id is not None:
            attested.setdefault((row.source, each.receipt.basis), set()).add(each.visitor_id)
    for (source, basis), visitor_ids in attested.items():
        consent_services.attestation_record(
            visitor_ids=visitor_ids,
            purposes=active.intersection(basis.split(",")),
            source=f"import {source}",
            now=now,
        )
    for shard in set(shards):
        transaction.on_commit(partial(nudges.shard_nudge, shard))


def _counters_correct(refused: Iterable[tuple[Quarantine, Refusal | None]]) -> None:
    """Take back what was counted, on the day it was, and count the reason of now instead."""
    days: dict[date, Counter[tuple[str, str]]] = {}
    today = datetime.now(UTC).date()
    for row, reason in refused:
        if reason != row.reason:
            days.setdefault(row.refused_at.date(), Counter())[row.reason, row.source] -= 1
            if reason is not None:
                days.setdefault(today, Counter())[str(reason), row.source] += 1
    for day, counts in days.items():
        store.drops_add(counts, day=day)


def _runs_correct(
    accepted: Sequence[tuple[Quarantine, Waiting]], gone: Sequence[tuple[Quarantine, Unusable]]
) -> None:
    """Keep true for every import: what was queued is stored, or refused in the worker."""
    queued, mended = Counter[int](), Counter[int]()
    for row, each in accepted:
        if row.is_line and row.run_id is not None:
            queued[row.run_id] += len(each.events)
            mended[row.run_id] += 1
    for row, found in gone:
        if row.is_line and row.run_id is not None:
            # What was withdrawn counts as if the worker had refused it.
            queued[row.run_id] += found.reason not in QUEUE_REFUSALS
            mended[row.run_id] += 1
    for run_id, lines in mended.items():
        ImportRun.objects.filter(pk=run_id).update(
            queued=F("queued") + queued[run_id], quarantined=F("quarantined") - lines
        )


# --- Many rows, in the background -----------------------------------------------------------------


def replay_begin(*, rows: QuerySet[Quarantine], by: str) -> QuarantineReplay:
    """Have all these rows tried again by the workers; rows that are being tried already are not."""
    free = Quarantine.objects.filter(pk__in=rows.order_by().values("pk"), replay=None)
    with transaction.atomic():
        replay = QuarantineReplay.objects.create(started_by=by)
        chosen = free.order_by("pk").select_for_update(skip_locked=True).values("pk")
        total = Quarantine.objects.filter(pk__in=chosen).update(replay=replay)
        QuarantineReplay.objects.filter(pk=replay.pk).update(total=total)
        replay.total = total
        transaction.on_commit(partial(replay_nudge, replay.pk))
    return replay


def replay_nudge(replay_id: int) -> None:
    """Ask a worker to go on. A lost nudge costs a minute: the schedule asks again."""
    try:
        current_app.send_task("tracking.tasks.replay_work_task", (replay_id,))
    except Exception:  # Redis away
        log.warning("no nudge for replay %s: Redis is not reachable", replay_id)


def replay_work(replay_id: int, *, seconds: float = inf) -> bool:
    """Try the next rows of a replay; returns whether some are left for later.

    The rows that are left are those that still point to it, so whoever goes on begins there.
    """
    began = time.monotonic()
    while _replay_once(replay_id):
        if time.monotonic() - began >= seconds:
            return True
    return False


def _replay_once(replay_id: int) -> bool:
    """One chunk and its progress; False when there is no more to do, or somebody else does it."""
    with transaction.atomic():
        unfinished = QuarantineReplay.objects.filter(pk=replay_id, finished_at=None)
        replay = unfinished.select_for_update(skip_locked=True).first()
        if replay is None:
            return False
        rows = Quarantine.objects.filter(replay=replay).select_for_update(of=("self",))
        chunk = list(rows.select_related("run").order_by("pk")[:CHUNK])
        if chunk:
            result = _rows_replay(chunk)
            replay.done += result.accepted + result.gone
            replay.failed += result.kept
        else:
            replay.finished_at = datetime.now(UTC)
        replay.save(update_fields=["done", "failed", "finished_at"])
        return bool(chunk)


def replay_cancel(*, replay_id: int) -> bool:
    """Leave the rows that were not tried yet as they are; False when it had ended before."""
    with transaction.atomic():
        running = QuarantineReplay.objects.select_for_update().filter(pk=replay_id)
        ended = running.filter(finished_at=None).update(
            cancelled=True, finished_at=datetime.now(UTC)
        )
        Quarantine.objects.filter(replay=replay_id).update(replay=None)
    return bool(ended)


def replays_sweep() -> None:
    """Go on with what a lost nudge or a killed worker left."""
    for replay_id in QuarantineReplay.objects.filter(finished_at=None).values_list("pk", flat=True):
        replay_nudge(replay_id)
