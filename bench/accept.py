"""Row 1: accept 20-event batches, committed, against a view that only decodes them.

python -m bench.accept [--requests 3000] [--rounds 5]
"""

import argparse
import resource
import subprocess
import sys
import time
import uuid
from itertools import repeat

from bench.client import Load, batch_body, request_bytes, run_load, visitor_consent
from bench.instance import ROOT, Instance, free_port
from bench.report import median, quantile, report

EVENTS = 20
CONNECTIONS = 16


def reference_start(port: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--port", str(port)]
    command += ["--workers", "2", "--log-level", "error", "bench.reference:application"]
    return subprocess.Popen(command, cwd=ROOT)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    # The worker stays off: this is the cost of accepting; bench.sustained has all of it.
    with Instance(workers=0) as instance:
        port = free_port()
        reference = reference_start(port)
        try:
            cookies = [visitor_consent(instance.port) for _ in range(CONNECTIONS)]
            measure(instance.port, port, cookies, options.requests, options.rounds)
        finally:
            reference.terminate()
            reference.wait()


def measure(port: int, reference_port: int, cookies: list[str], requests: int, rounds: int) -> None:
    def load(to: int, path: str) -> Load:
        each = requests // CONNECTIONS
        prepared = [
            repeat(
                request_bytes(
                    "POST",
                    path,
                    port=to,
                    body=batch_body(events=EVENTS, visit=str(uuid.uuid4()), number=number),
                    cookie=cookie,
                    Content_Type="application/json",
                ),
                each,
            )
            for number, cookie in enumerate(cookies)
        ]
        return run_load(to, prepared)

    load(port, "/api/v1/events"), load(reference_port, "/events")
    ours, theirs, used = [], [], []
    for _ in range(rounds):
        start, cpu = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
        ours.append(load(port, "/api/v1/events"))
        after = resource.getrusage(resource.RUSAGE_SELF)
        spent = after.ru_utime + after.ru_stime - cpu.ru_utime - cpu.ru_stime
        used.append(spent / (time.perf_counter() - start))
        theirs.append(load(reference_port, "/events"))
    assert all(set(run.statuses) == {202} for run in ours + theirs), [r.statuses for r in ours]
    ratios = [mine.rate / other.rate for mine, other in zip(ours, theirs, strict=True)]
    rate = median([run.rate for run in ours])
    latencies = [value * 1000 for run in ours for value in run.latencies]
    report(
        "accept: 20 events a request, validated, consent-checked, committed, 202",
        {
            "events/s": rate * EVENTS,
            "requests/s": rate,
            "reference requests/s (decode only)": median([run.rate for run in theirs]),
            "ratio": median(ratios),
            "p50 ms": quantile(latencies, 0.5),
            "p99 ms": quantile(latencies, 0.99),
            "load generator, cores": median(used),
        },
        note="targets: ratio >= 0.45, >= 30,000 events/s",
    )


if __name__ == "__main__":
    main()
