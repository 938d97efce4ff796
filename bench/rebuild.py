"""Row 5: all profiles anew, and whether time and memory of rebuild and drain grow with history.

python -m bench.rebuild [--events 1000000,10000000] [--processes 1,2] [--drained 40000] [--rounds 7]

For each size the event table is filled up to it (100 events a visitor, two months, five types, six
categories, four content types; stored in runs of 4,000 rows of a shard, as drains store them).
Then, each in a process of its own whose memory is its own: every profile is rebuilt, and the same
rows are read by binary COPY into numpy for reference. The smaller histories stay in databases of
their own, so that at the end fresh requests are drained and folded beside each in turn, in rounds.
"""

import argparse
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import psycopg
from psycopg import sql

from bench.children import child_measure, children_run
from bench.drain import COMMIT_ROWS, EVENTS, PURPOSES, inbox_fill, services
from bench.report import median, report

EVENTS_A_VISITOR = 100
FILL = """
INSERT INTO tracking_event (visitor_id, id, part, occurred_at, reported_at, received_at, shard, seq,
    type, visit_id, starts_visit, basis, source, device, path, referrer_host, item, category,
    content_type, value, amount)
SELECT visitor, gen_random_uuid(), 0, moment, moment, moment, %(shard)s::smallint, seq,
    type, md5(visitor::text || date_trunc('day', moment))::uuid, random() < 0.05, %(basis)s,
    'bench',
    'phone', '/items/' || number || '/', '', 'item-' || number,
    (ARRAY['gardening', 'cooking', 'cycling', 'photography', 'music', 'wood'])[1 + number %% 6],
    (ARRAY['article', 'video', 'guide', 'product'])[1 + number %% 4],
    CASE WHEN type IN ('dwell', 'scroll') THEN amount END, amount
FROM (
    SELECT seq, number, moment, type,
        CASE type WHEN 'dwell' THEN 0.5 + random() * 60 WHEN 'scroll' THEN random() ELSE 1 END
            AS amount,
        overlay(md5('bench' || visitor_number) placing lpad(to_hex(%(shard)s::int), 2, '0')
            from 31 for 2)::uuid AS visitor
    FROM (
        SELECT seq, (random() * 500)::int AS number,
            now() - random() * interval '60 days' AS moment,
            (ARRAY['page_view', 'dwell', 'scroll', 'click', 'category_click'])
                [1 + floor(random() * 5)::int] AS type,
            floor(random() * %(visitors)s::int)::int AS visitor_number
        FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS seq
    ) AS drawn
) AS events
"""
#: The fixed-width columns of the rows that a rebuild reads, in no order.
REFERENCE = "visitor_id, seq, occurred_at, amount, part, starts_visit"
REFERENCE_BYTES = 2 + (4 + 16) + (4 + 8) * 3 + (4 + 2) + (4 + 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", default="1000000,10000000")
    parser.add_argument("--processes", default="1,2")
    parser.add_argument("--drained", type=int, default=40_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--child", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child, options.drained)
        return
    sizes = [int(size) for size in options.events.split(",")]
    processes = [int(number) for number in options.processes.split(",")]
    with services():
        before = 0
        databases = {}
        for size in sizes:
            fill(before, size)
            before = size
            rows: dict[str, float | str] = {}
            for number in processes:
                rows |= rebuild_measure(size, number, run(["reference"])[0])
            report(f"history of {size:,} events", rows)
            databases[size] = database_copy(size) if size != sizes[-1] else {}
        drains_report(databases, options.drained, options.rounds)


def database_copy(size: int) -> dict[str, str]:
    """A database that stays as this one is now; the environment that leads to it."""
    from django.conf import settings
    from django.db import connection

    address = urlsplit(settings.DATABASE_URL)
    name, copy = address.path.lstrip("/"), f"history_{size}"
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]
    maintenance = address._replace(path="/postgres").geturl()
    with psycopg.connect(maintenance, autocommit=True) as server:
        server.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                sql.Identifier(copy), sql.Identifier(name)
            )
        )
    return {"DATABASE_URL": address._replace(path=f"/{copy}").geturl()}


def drains_report(databases: dict[int, dict[str, str]], drained: int, rounds: int) -> None:
    """What draining and folding the same requests costs beside each history, taking turns."""
    measured: dict[int, list[dict[str, float]]] = {size: [] for size in databases}
    for number in range(rounds + 1):  # the first one warms up
        for size, environment in databases.items():
            run([f"inbox:{number}"], drained, environment)
            drain = run([f"drain:{number}"], drained, environment)[0]
            if number:
                measured[size].append(drain)
    smallest = min(databases)
    for size, results in measured.items():
        pairs = zip(results, measured[smallest], strict=True)
        ratios = [mine["cpu"] / other["cpu"] for mine, other in pairs]
        rows: dict[str, float | str] = {
            "events/s": drained / median([each["seconds"] for each in results]),
            "CPU microseconds an event": median([each["cpu"] for each in results]) / drained * 1e6,
            f"CPU, ratio to {smallest:,} events, median of rounds": median(ratios),
            "its lowest and highest": f"{min(ratios):.2f} {max(ratios):.2f}",
            "peak memory, MB": median([each["memory"] for each in results]),
        }
        report(f"drain and fold beside {size:,} events", rows)


def rebuild_measure(size: int, processes: int, reference: dict[str, Any]) -> dict[str, float | str]:
    shards = [list(range(16))[number::processes] for number in range(processes)]
    names = ["rebuild:" + ",".join(map(str, mine)) for mine in shards]
    results = run(names)
    seconds = max(result["seconds"] for result in results)
    reading = size / reference["seconds"]
    label = f"rebuild, {processes} process{'es' if processes > 1 else ''}"
    return {
        "COPY binary to numpy, rows/s": reading,
        f"{label}, events/s": size / seconds,
        f"{label}, ratio to COPY": size / seconds / reading,
        f"{label}, CPU microseconds an event": sum(each["cpu"] for each in results) / size * 1e6,
        f"{label}, peak memory of one, MB": max(each["memory"] for each in results),
    }


def run(
    names: list[str], drained: int = 0, environment: dict[str, str] | None = None
) -> list[dict[str, Any]]:
    arguments = ("--drained", str(drained))
    return children_run("bench.rebuild", names, *arguments, environment=environment)


def child(name: str, drained: int) -> None:
    job, _, argument = name.partition(":")
    if job == "rebuild":
        child_measure(lambda: shards_rebuild([int(shard) for shard in argument.split(",")]))
    elif job == "inbox":
        child_measure(lambda: inbox_fill(int(argument), drained // EVENTS))
    elif job == "drain":
        child_measure(lambda: drain_wholly(int(argument)))
    else:
        child_measure(reference_read)


def shards_rebuild(shards: list[int]) -> None:
    from profiles.rebuild import shard_rebuild

    for shard in shards:
        shard_rebuild(shard)


def drain_wholly(shard: int) -> None:
    from tracking.models import Inbox
    from tracking.services import shard_drain

    shard_drain(shard)
    assert not Inbox.objects.exists(), "not everything was drained"


def reference_read() -> None:
    """Every row's fixed-width columns into arrays, a shard at a time."""
    import numpy as np
    from django.db import connection

    for shard in range(16):
        query = f"COPY (SELECT {REFERENCE} FROM tracking_event WHERE shard = {shard})"
        with (
            connection.cursor() as cursor,
            cursor.copy(f"{query} TO STDOUT (FORMAT binary)") as copy,
        ):
            parts = []
            while data := copy.read():
                parts.append(bytes(data))
        raw = b"".join(parts)[19:-2]
        assert len(raw) % REFERENCE_BYTES == 0
        array = np.frombuffer(raw, np.uint8).reshape(-1, REFERENCE_BYTES)
        array[:, 6:22].copy()


def fill(before: int, size: int) -> None:
    """Add events until there are `size`."""
    from django.db import connection

    from consent import services as consent_services
    from profiles.models import FoldCursor
    from tracking import store
    from tracking.models import Shard

    each, done = size // 16, before // 16
    visitors = each // EVENTS_A_VISITOR
    now = datetime.now(UTC)
    store.partitions_ensure(
        [(now.year - (now.month <= back), (now.month - back - 1) % 12 + 1) for back in range(4)]
    )
    names: dict[str, Any] = {"basis": ",".join(PURPOSES), "visitors": visitors}
    last = dict(Shard.objects.values_list("id", "last_seq"))
    with connection.cursor() as cursor:
        for first in range(done, each, COMMIT_ROWS):
            for shard in range(16):
                begin = last.get(shard, 0) + first - done + 1
                end = last.get(shard, 0) + min(first + COMMIT_ROWS, each) - done
                cursor.execute(FILL, {**names, "shard": shard, "first": begin, "last": end})
        cursor.execute("ANALYZE tracking_event")
    for shard in range(16):
        seq = last.get(shard, 0) + each - done
        Shard.objects.update_or_create(id=shard, defaults={"last_seq": seq})
        FoldCursor.objects.update_or_create(shard=shard, defaults={"seq": seq})
        for part in _chunks(shard, visitors):
            consent_services.attestation_record(
                visitor_ids=part, purposes=PURPOSES, source="bench", now=now
            )


def _chunks(shard: int, visitors: int) -> Iterator[list[UUID]]:
    from hashlib import md5

    ids = [
        UUID(
            md5(f"bench{number}".encode(), usedforsecurity=False).hexdigest()[:30] + f"{shard:02x}"
        )
        for number in range(visitors)
    ]
    for start in range(0, visitors, 5000):
        yield ids[start : start + 5000]


if __name__ == "__main__":
    main()
