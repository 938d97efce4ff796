"""Row 3: everything at once on this machine: accept, drain, fold, cache, and the load itself.

python -m bench.sustained [--seconds 60] [--rate 600] [--visitors 400]

`--rate` is requests a second of 20 events each; 0 sends as fast as answers come. Nothing may be
lost: at the end every accepted event is in the store, and in the profiles.
"""

import argparse
import resource
import threading
import time
import uuid
from collections.abc import Iterator

from bench.client import batch_body, request_bytes, run_load, visitor_consent
from bench.instance import Instance
from bench.report import quantile, report

EVENTS = 20
CONNECTIONS = 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rate", type=float, default=0)
    parser.add_argument("--visitors", type=int, default=400)
    options = parser.parse_args()
    with Instance(workers=1) as instance:
        cookies = [visitor_consent(instance.port) for _ in range(options.visitors)]
        measure(instance.port, cookies, options.seconds, options.rate)


def measure(port: int, cookies: list[str], seconds: float, rate: float) -> None:
    from django.db import connection

    end = time.monotonic() + seconds

    def requests(first: int) -> Iterator[bytes]:
        number = first
        visits = [str(uuid.uuid4()) for _ in cookies]
        while time.monotonic() < end:
            number += CONNECTIONS
            who = number % len(cookies)
            yield request_bytes(
                "POST",
                "/api/v1/events",
                port=port,
                body=batch_body(events=EVENTS, visit=visits[who], number=number),
                cookie=cookies[who],
                Content_Type="application/json",
            )

    ages: list[float] = []
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(0.5):
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT coalesce(extract(epoch FROM now() - min(received_at)), 0)::float8"
                    " FROM tracking_inbox"
                )
                ages.append(cursor.fetchone()[0])

    watcher = threading.Thread(target=watch)
    watcher.start()
    cpu = resource.getrusage(resource.RUSAGE_SELF)
    pause = (lambda: CONNECTIONS / rate) if rate else (lambda: 0.0)
    load = run_load(port, [requests(first) for first in range(CONNECTIONS)], pause=pause)
    after = resource.getrusage(resource.RUSAGE_SELF)
    accepted = load.statuses.get(202, 0) * EVENTS
    drained = wait_until_empty()
    stop.set()
    watcher.join()
    spent = after.ru_utime + after.ru_stime - cpu.ru_utime - cpu.ru_stime
    stored, folded = counts()
    report(
        "sustained: accept, drain, fold, cache and the load, together",
        {
            "accepted events/s": accepted / load.seconds,
            "accepted events": float(accepted),
            "stored events": float(stored),
            "events in profiles": float(folded),
            "answers other than 202": float(sum(load.statuses.values()) - accepted // EVENTS),
            "queue age p50 s": quantile(ages, 0.5),
            "queue age max s": max(ages),
            "drained after the load, s": drained,
            "answer p50 ms": quantile(load.latencies, 0.5) * 1000,
            "answer p99 ms": quantile(load.latencies, 0.99) * 1000,
            "load generator, cores": spent / load.seconds,
        },
        note="targets: >= 10,000 events/s for 300 s, queue age < 2 s, nothing lost",
    )


def wait_until_empty() -> float:
    from profiles.selectors import shards_behind
    from tracking.selectors import inbox_size

    start = time.monotonic()
    while inbox_size() or shards_behind():
        assert time.monotonic() - start < 600, "the workers do not come through"
        time.sleep(0.1)
    return time.monotonic() - start


def counts() -> tuple[int, int]:
    """Events in the store, and events the profiles have counted."""
    from profiles.models import Profile
    from profiles.state import state_decode
    from tracking.models import Event

    states = map(state_decode, Profile.objects.values_list("state", flat=True))
    folded = sum(count for state in states for count in state.counts.values())
    return Event.objects.count(), folded


if __name__ == "__main__":
    main()
