"""Row 4: from an accepted event to a page that follows from it, under half load.

python -m bench.freshness [--probes 200] [--load 250]

Each probe is a fresh visitor who agrees, reports three page views of one category, and asks for
the home page until its hero is the campaign that follows from them. The time counts from the 202.
"""

import argparse
import json
import threading
import time
import uuid

from bench.client import (
    Connection,
    batch_body,
    request_bytes,
    run_load,
    uuid7,
    visitor_consent,
)
from bench.instance import Instance
from bench.report import quantile, report

RULE = {"condition": "events", "type": "page_view", "category": "gardening", "value": 3, "days": 7}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--probes", type=int, default=200)
    parser.add_argument("--load", type=float, default=250, help="background requests/s")
    options = parser.parse_args()
    with Instance(workers=2) as instance:
        campaign_publish()
        stop = threading.Event()
        background = threading.Thread(
            target=background_load, args=(instance.port, options.load, stop)
        )
        background.start()
        try:
            times = [probe(instance.port) * 1000 for _ in range(options.probes)]
        finally:
            stop.set()
            background.join()
    report(
        "freshness: event accepted -> visible in a decision",
        {
            "p50 ms": quantile(times, 0.5),
            "p90 ms": quantile(times, 0.9),
            "p95 ms": quantile(times, 0.95),
            "p99 ms": quantile(times, 0.99),
            "max ms": max(times),
            "probes": float(len(times)),
            "background events/s": options.load * 20,
        },
        note="targets: p50 <= 250 ms, p95 <= 1,000 ms",
    )


def campaign_publish() -> None:
    from personalization import services
    from personalization.models import Campaign

    campaigns = Campaign.objects.filter(slot__key="home-hero")
    first = campaigns.order_by("pk")[0]
    campaigns.exclude(pk=first.pk).update(status="draft")
    first.rule = {"all": [RULE]}
    first.save()
    services.campaign_publish(campaign=first, by="bench")
    services.ruleset_publish(by="bench")


def background_load(port: int, rate: float, stop: threading.Event) -> None:
    cookies = [visitor_consent(port) for _ in range(20)]

    def requests() -> object:
        number = 0
        while not stop.is_set():
            number += 1
            yield request_bytes(
                "POST",
                "/api/v1/events",
                port=port,
                body=batch_body(events=20, visit=uuid7(time.time() * 1000), number=number),
                cookie=cookies[number % len(cookies)],
                Content_Type="application/json",
            )

    run_load(port, [requests(), requests()], pause=lambda: 2 / rate)  # type: ignore[list-item]


def probe(port: int) -> float:
    """Seconds from the 202 to the first page that shows the campaign."""
    cookie = visitor_consent(port)
    connection = Connection(port)
    now_ms = time.time() * 1000
    events = [
        {
            "id": uuid7(now_ms),
            "type": "page_view",
            "at": int(now_ms),
            "visit": str(uuid.uuid4()),
            "path": "/items/a/",
            "category": "gardening",
            "content_type": "guide",
        }
        for _ in range(3)
    ]
    body = json.dumps({"sent_at": int(now_ms), "events": events}).encode()
    page = request_bytes("GET", "/", port=port, cookie=cookie)
    post = request_bytes(
        "POST", "/api/v1/events", port=port, body=body, cookie=cookie, Content_Type="text/plain"
    )
    status, _, answer = connection.send(post)
    assert status == 202, answer
    start = time.perf_counter()
    while True:
        _, _, html = connection.send(page)
        at = html.find(b'data-attune-slot="home-hero"')
        if b"data-attune-campaign" in html[at : at + 100]:
            return time.perf_counter() - start
        assert time.perf_counter() - start < 30, "the page never followed"
        time.sleep(0.005)


if __name__ == "__main__":
    main()
