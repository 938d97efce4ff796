"""Row 2: drain and fold in one worker, against binary COPY of the same rows.

python -m bench.drain [--requests 1000] [--rounds 7] [--profile]

One round fills a shard's inbox with requests of 20 events of 50 visitors, drains and folds it
(the services a worker's task calls, in this process), reads the stored rows out as binary COPY,
and writes them into an empty-handed twin of the event table: same columns, partitions, indexes,
one commit per drain's worth of rows. A real PostgreSQL and Valkey as shipped, nothing disabled.
"""

import argparse
import cProfile
import os
import pstats
import random
import secrets
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import msgspec

from bench.client import batch_body
from bench.report import median, report

EVENTS, VISITORS = 20, 50
PURPOSES = ("measurement", "personalization")
#: Rows in one commit of the reference: as many as 200 requests, a drain's transaction, hold.
COMMIT_ROWS = 200 * EVENTS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--profile", action="store_true", help="Show what the drains spend on.")
    options = parser.parse_args()
    with services():
        profiler = cProfile.Profile() if options.profile else None
        rounds = [
            round_measure(shard, options.requests, profiler) for shard in range(options.rounds + 1)
        ][1:]  # the first one warms up
    if profiler is not None:
        pstats.Stats(profiler).sort_stats("tottime").print_stats(25)
    drain, fold, copy, ratio, cpu = (
        median([each[n] for each in rounds]) for n in range(len(rounds[0]))
    )
    ratios = sorted(each[3] for each in rounds)
    report(
        "drain + fold, one worker",
        {
            "drain + fold, events/s": drain,
            "of its time in the fold": fold,
            "binary COPY, rows/s": copy,
            "ratio": ratio,
            "ratio, lowest": ratios[0],
            "ratio, highest": ratios[-1],
            "Python's CPU, microseconds an event": cpu,
        },
        note=f"{options.rounds} rounds of {options.requests} requests of {EVENTS} events",
    )


@contextmanager
def services() -> Iterator[None]:
    """Services in a throw-away folder, migrated, with this process's Django on them."""
    with tempfile.TemporaryDirectory(prefix="attune-bench-") as name:
        os.chmod(name, 0o711)
        os.environ |= {
            "ENV_FILE": os.devnull,
            "DATA_DIR": name,
            "DEBUG": "0",
            "SECRET_KEY": secrets.token_urlsafe(48),
            "DJANGO_SETTINGS_MODULE": "config.settings",
        }
        from config import embedded

        running = embedded.start(Path(name))
        try:
            import django
            from django.core.management import call_command

            from config.celery import worker_tune

            django.setup()
            call_command("migrate", verbosity=0)
            twin_make()
            worker_tune()
            yield
        finally:
            from django.db import connection

            connection.close()
            connection.close_pool()  # type: ignore[attr-defined]
            running.stop()


def twin_make() -> None:
    """A table like the event table, with a partition for this month and the one before."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE bench_event (LIKE tracking_event INCLUDING ALL)"
            " PARTITION BY RANGE (occurred_at);"
            "CREATE TABLE bench_event_now PARTITION OF bench_event FOR VALUES"
            " FROM (now() - interval '40 days') TO (now() + interval '1 day')"
        )


def round_measure(
    shard: int, requests: int, profiler: cProfile.Profile | None
) -> tuple[float, float, float, float, float]:
    """(drain + fold events/s, share of the fold, COPY rows/s, ratio, CPU µs per event)."""
    from profiles import receivers
    from tracking import services

    events = inbox_fill(shard, requests)
    fold_seconds = 0.0
    fold = receivers.services.shard_fold

    def fold_timed(shard: int) -> int:
        nonlocal fold_seconds
        started = time.perf_counter()
        try:
            return fold(shard)
        finally:
            fold_seconds += time.perf_counter() - started

    receivers.services.shard_fold = fold_timed
    started, cpu = time.perf_counter(), time.process_time()
    if profiler:
        profiler.enable()
    stored = services.shard_drain(shard)
    if profiler:
        profiler.disable()
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    receivers.services.shard_fold = fold
    assert stored == events, f"{stored} of {events} stored"
    copy_seconds = twin_fill(shard, stored)
    return (
        stored / seconds,
        fold_seconds / seconds,
        stored / copy_seconds,
        copy_seconds / seconds,
        cpu / stored * 1e6,
    )


def inbox_fill(shard: int, requests: int) -> int:
    """Accepted requests of consenting visitors of a shard; returns how many events."""
    from django.conf import settings

    from consent import services as consent_services
    from tracking import store
    from tracking.pipeline.steps import Receipt

    visitors = [
        UUID(int=uuid4().int // settings.SHARDS * settings.SHARDS + shard) for _ in range(VISITORS)
    ]
    now = datetime.now(UTC)
    consent_services.attestation_record(
        visitor_ids=visitors, purposes=PURPOSES, source="bench", now=now
    )
    decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
    receipt = Receipt(None, "tracker", ",".join(PURPOSES), "desktop", False, 0, 0.0)
    rows = []
    for number in range(requests):
        visitor_id = random.choice(visitors)
        visit = str(UUID(int=visitor_id.int ^ (number // VISITORS)))
        body = batch_body(events=EVENTS, visit=visit, number=number)
        mine = receipt._replace(visitor_id=visitor_id, received_ms=time.time() * 1000)
        rows.append((shard, mine, bytes(decode(body)["events"])))
    store.inbox_add_many(rows)
    return requests * EVENTS


def twin_fill(shard: int, rows: int) -> float:
    """Seconds that binary COPY takes for the rows of a shard, without reading them."""
    from django.db import connection, transaction

    parts = []
    with connection.cursor() as cursor:
        for first in range(1, rows + 1, COMMIT_ROWS):
            query = (
                "COPY (SELECT * FROM tracking_event WHERE shard = %s AND seq BETWEEN %s AND %s)"
                " TO STDOUT (FORMAT binary)"
            )
            with cursor.copy(query, (shard, first, first + COMMIT_ROWS - 1)) as copy:
                parts.append(b"".join(map(bytes, copy)))
    started = time.perf_counter()
    for part in parts:
        with (
            transaction.atomic(),
            connection.cursor() as cursor,
            cursor.copy("COPY bench_event FROM STDIN (FORMAT binary)") as copy,
        ):
            copy.write(part)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
