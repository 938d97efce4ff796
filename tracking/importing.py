"""Importing a log: its events go through the inbox like any other, attested and named by line.

A file is read in portions. One transaction holds a portion's events, its refused lines, the
consent attested for its visitors and how far the run has come, so a run that dies anywhere goes
on where it was. Event ids are made from the rows: what is imported again is a duplicate.
"""

import hashlib
import logging
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F

from consent import selectors as consent_selectors
from consent import services as consent_services
from tracking import nudges, runs, selectors, services, store
from tracking.imports.mapping import Mapping, mapping_find, mapping_parse
from tracking.imports.reader import Record, columns_read, file_open, records_read
from tracking.imports.rows import Mapped, RecordMapper, Unusable, record_mapper
from tracking.models import ImportRun
from tracking.pipeline.personal import personal_kind
from tracking.pipeline.steps import Receipt
from tracking.pipeline.wire import Refusal
from tracking.runs import RefusedLine

log = logging.getLogger(__name__)

#: Records in one transaction, and events in one inbox row.
PORTION = 5000
CHUNK = 500
#: A file that ends too early, is no gzip inside, or lies on a failing disk.
UNREADABLE = (EOFError, OSError, zlib.error)
#: A killed import's lock is gone as soon as the server notices.
LOCK_SECONDS = 3.0

Progress = Callable[[int, int], None]


class ImportRefusedError(Exception):
    """The import cannot begin or go on; the message says why, in one line."""


class Plan(NamedTuple):
    """What to import and as what."""

    path: Path
    definition: str
    mapping: Mapping
    purposes: frozenset[str]
    fingerprint: str


def import_plan(*, path: Path, mapping: str, purposes: Iterable[str]) -> Plan:
    """Check everything that can be checked before the first line.

    Raises ImportRefusedError, MappingError, OSError.
    """
    definition = mapping_find(mapping).read_bytes()
    parsed = mapping_parse(definition)
    schemas = selectors.event_schemas()
    if unknown := sorted(parsed.event_types() - schemas.keys()):
        raise ImportRefusedError(f"The mapping names unknown event types: {', '.join(unknown)}.")
    if unknown := sorted(
        parsed.properties.keys() - {name for has in schemas.values() for name in has}
    ):
        raise ImportRefusedError(f"No event type has these properties: {', '.join(unknown)}.")
    granted = frozenset(purposes)
    active = {purpose.key for purpose in consent_selectors.purposes_active()}
    if not granted or granted - active:
        raise ImportRefusedError(
            f"The basis must be purposes of this site, separated by commas: {', '.join(active)}."
        )
    digest = hashlib.sha256(definition + ",".join(sorted(granted)).encode())
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return Plan(path, definition.decode(), parsed, granted, digest.hexdigest())


def import_queue(
    plan: Plan,
    *,
    progress: Progress = lambda position, line: None,
    resumed: Callable[[ImportRun], None] = lambda run: None,
) -> ImportRun:
    """Put a file's events into the inbox; returns the finished run.

    `resumed(run)` is called first when an earlier import of the file had come some way, and
    `progress(bytes read of the file, line)` after each commit. Raises MappingError when the
    file lacks columns, leaving nothing behind, and ImportRefusedError when another import of
    the file is under way or the file cannot be read to its end; what was committed by then
    stays, and the next call goes on behind it.
    """
    with file_lock(plan.fingerprint), plan.path.open("rb") as file:
        run = _run_find(plan)
        map_record = record_mapper(plan.mapping, selectors.event_schemas())
        try:
            records = records_read(file_open(file), plan.mapping, after_line=run.line)
            if run._state.adding:
                with plan.path.open("rb") as again:
                    run.columns = columns_read(file_open(again), plan.mapping)
                run.save()
            elif run.line:
                resumed(run)
            while portion := list(islice(records, PORTION)):
                _portion_queue(run, plan, map_record, portion)
                progress(file.tell(), portion[-1].end)
        except UNREADABLE as error:
            raise ImportRefusedError(
                f"{plan.path.name} cannot be read beyond line {run.line}: {error}"
            ) from error
        run.finished_at = datetime.now(UTC)
        run.save(update_fields=["finished_at"])
    return run


def _run_find(plan: Plan) -> ImportRun:
    """The unfinished run of this very import, or a new one that is not saved yet."""
    unfinished = ImportRun.objects.filter(
        source=plan.mapping.name, fingerprint=plan.fingerprint, finished_at=None
    ).first()
    return unfinished or ImportRun(
        source=plan.mapping.name,
        fingerprint=plan.fingerprint,
        file_name=plan.path.name[-200:],
        mapping=plan.definition,
        purposes=",".join(sorted(plan.purposes)),
    )


def _portion_queue(
    run: ImportRun, plan: Plan, map_record: RecordMapper, portion: list[Record]
) -> None:
    """One transaction: everything these records lead to."""
    now = datetime.now(UTC)
    source = runs.source_of(plan.mapping.name, run.pk)
    events: dict[int, list[bytes]] = {}
    visitor_ids: set[UUID] = set()
    refused: list[RefusedLine] = []
    left_out: Counter[Refusal] = Counter()
    for record in portion:
        result = map_record(record, now_ms=now.timestamp() * 1000)
        if isinstance(result, Mapped):
            visitor_ids.add(result.visitor_id)
            events.setdefault(selectors.shard_of(result.visitor_id), []).extend(result.events)
            left_out.update(result.left_out)
        else:
            refused.append(_refused_line(run.pk, record, result))
            if result.visitor_id is not None:
                visitor_ids.add(result.visitor_id)
    queued = sum(map(len, events.values()))
    named = [line for line in refused if line.reason != Refusal.SKIPPED_BY_MAPPING]
    receipt = Receipt(
        visitor_id=None,
        source=source,
        basis=",".join(sorted(plan.purposes)),
        device="",
        is_bot=False,
        skew_ms=0,
        received_ms=now.timestamp() * 1000,
    )
    with transaction.atomic():
        consent_services.attestation_record(
            visitor_ids=visitor_ids, purposes=plan.purposes, source=f"import {source}", now=now
        )
        store.inbox_add_many(
            (shard, receipt, payload) for shard, raw in events.items() for payload in _chunks(raw)
        )
        runs.quarantine_add(_consented(named))
        reasons = left_out + Counter(line.reason for line in refused)
        store.drops_add({(str(reason), source): count for reason, count in reasons.items()})
        ImportRun.objects.filter(pk=run.pk).update(
            line=portion[-1].end,
            queued=F("queued") + queued,
            quarantined=F("quarantined") + len(named),
        )
    run.refresh_from_db(fields=["line", "queued", "quarantined"])
    for shard in events:
        nudges.shard_nudge(shard)


def _refused_line(run_id: int, record: Record, result: Unusable) -> RefusedLine:
    # The file has the line still; a copy of what is personal in it is not ours to keep, also in a
    # column that no event is made of.
    is_personal = result.reason is Refusal.PERSONAL_DATA or personal_kind(record.content)
    detail = "" if personal_kind(result.detail) else result.detail
    content = "" if is_personal else record.content
    return RefusedLine(run_id, record.line, result.reason, detail, content, result.visitor_id)


def _consented(lines: list[RefusedLine]) -> list[RefusedLine]:
    """The same lines, with nothing but number and reason of those who do not consent."""
    consenting = selectors.visitors_consenting(
        {line.visitor_id for line in lines if line.visitor_id is not None}
    )
    return [
        line
        if line.visitor_id is None or line.visitor_id in consenting
        else RefusedLine(line.run_id, line.line, line.reason)
        for line in lines
    ]


def _chunks(events: list[bytes]) -> Iterator[bytes]:
    for start in range(0, len(events), CHUNK):
        yield b"[" + b",".join(events[start : start + CHUNK]) + b"]"


@contextmanager
def file_lock(fingerprint: str) -> Iterator[None]:
    """Be the only import of this file, by a lock that ends with our connection."""
    key = int.from_bytes(bytes.fromhex(fingerprint)[:8], signed=True)
    deadline = time.monotonic() + LOCK_SECONDS
    with connection.cursor() as cursor:
        while not cursor.execute("SELECT pg_try_advisory_lock(%s)", (key,)).fetchone()[0]:
            if time.monotonic() > deadline:
                raise ImportRefusedError("Another import of this file is under way.")
            time.sleep(0.05)
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", (key,))


# --- Afterwards ------------------------------------------------------------------------------


class Summary(NamedTuple):
    """What has become of a run's events; `stored` is None while inbox rows are `waiting`."""

    line: int
    queued: int
    stored: int | None
    waiting: int
    refused: dict[str, int]


def run_summary(run: ImportRun) -> Summary:
    """Count what became of a run: each queued event is stored, or refused for a reason."""
    source = runs.source_of(run.source, run.pk)
    refused, waiting = runs.drop_counts(source), runs.waiting(source)
    dropped = sum(count for reason, count in refused.items() if reason not in runs.QUEUE_REFUSALS)
    stored = None if waiting else run.queued - dropped
    return Summary(run.line, run.queued, stored, waiting, refused)


def run_drain() -> None:
    """Drain every shard in this process, beside whatever workers there are."""
    for shard in range(settings.SHARDS):
        services.shard_drain(shard)
