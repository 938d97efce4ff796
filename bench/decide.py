"""Row 8: `POST /api/v1/decide` for three slots and 100 live campaigns, against a bare DRF view.

python -m bench.decide [--campaigns 100] [--requests 4000] [--rounds 7] [--single 2000]

Both behind the same web server with as many processes, over kept connections, in turns. Then one
request at a time over one connection, for the latencies.
"""

import argparse
import json
import resource
import time
from itertools import repeat

from bench.accept import CONNECTIONS, reference_start
from bench.client import Connection, Load, request_bytes, run_load, visitor_consent
from bench.instance import Instance, free_port
from bench.page import campaigns_make, visitor_make
from bench.report import median, quantile, report

BODY = json.dumps(
    {
        "slots": ["home-hero", "home-strip", "category-banner"],
        "page": {
            "path": "/shop/spades",
            "category": "gardening",
            "query": {"utm_source": "newsletter", "page": "2"},
            "referrer": "https://news.example.org/letters/17",
            "language": "en-GB",
        },
    }
).encode()
DECIDE, BARE = "/api/v1/decide", "/bare"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--campaigns", type=int, default=100)
    parser.add_argument("--requests", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--single", type=int, default=2000)
    options = parser.parse_args()
    with Instance(workers=0) as instance:
        port = free_port()
        reference = reference_start(port)
        try:
            campaigns_make(options.campaigns)
            cookies = [visitor_consent(instance.port) for _ in range(CONNECTIONS)]
            for cookie in cookies:
                visitor_make(cookie)
            measure(instance.port, port, cookies, options)
        finally:
            reference.terminate()
            reference.wait()


def request_of(port: int, path: str, cookie: str) -> bytes:
    return request_bytes(
        "POST", path, port=port, body=BODY, cookie=cookie, Content_Type="application/json"
    )


def measure(
    port: int, reference_port: int, cookies: list[str], options: argparse.Namespace
) -> None:
    def load(to: int, path: str) -> Load:
        each = options.requests // CONNECTIONS
        return run_load(to, [repeat(request_of(to, path, cookie), each) for cookie in cookies])

    status, _, body = Connection(port).send(request_of(port, DECIDE, cookies[0]))
    assert status == 200, body
    decided = json.loads(body)["decisions"]
    assert [one["campaign"] is not None for one in decided.values()] == [True] * 3, decided
    load(port, DECIDE), load(reference_port, BARE)
    ours, theirs, used = [], [], []
    for _ in range(options.rounds):
        start, cpu = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
        ours.append(load(port, DECIDE))
        after = resource.getrusage(resource.RUSAGE_SELF)
        spent = after.ru_utime + after.ru_stime - cpu.ru_utime - cpu.ru_stime
        used.append(spent / (time.perf_counter() - start))
        theirs.append(load(reference_port, BARE))
    assert all(set(run.statuses) == {200} for run in ours + theirs), [r.statuses for r in ours]
    single = latencies(port, DECIDE, cookies, options.single)
    bare = latencies(reference_port, BARE, cookies, options.single)
    report(
        f"decide API: three slots, {options.campaigns} live campaigns, against a bare DRF view",
        {
            "requests/s": median([run.rate for run in ours]),
            "bare DRF view requests/s": median([run.rate for run in theirs]),
            "ratio": median(
                [mine.rate / other.rate for mine, other in zip(ours, theirs, strict=True)]
            ),
            "one at a time, p50 ms": quantile(single, 0.5),
            "one at a time, p99 ms": quantile(single, 0.99),
            "bare DRF view, p50 ms": quantile(bare, 0.5),
            "bare DRF view, p99 ms": quantile(bare, 0.99),
            "answer, bytes": float(len(body)),
            "load generator, cores": median(used),
        },
        note="targets: ratio >= 0.5; one at a time p50 <= 1 ms, p99 <= 7 ms",
    )


def latencies(port: int, path: str, cookies: list[str], count: int) -> list[float]:
    """Milliseconds of each request over one connection, after a warm-up; visitors take turns."""
    connection = Connection(port)
    requests = [request_of(port, path, cookie) for cookie in cookies]
    times = []
    for number in range(count + 200):
        start = time.perf_counter()
        status, _, _ = connection.send(requests[number % len(requests)])
        times.append((time.perf_counter() - start) * 1000)
        assert status == 200
    return times[200:]


if __name__ == "__main__":
    main()
