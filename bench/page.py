"""Row 7: a page with three personalized slots and 100 live campaigns, against the same page static.

python -m bench.page [--rounds 9] [--pages 200]

Both pages go through the product's middleware in this process. The static one has the same markup
in place of its slots and asks nothing of anyone: neither consent nor profile.
"""

import argparse
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from bench.client import visitor_consent
from bench.instance import Instance
from bench.report import median, quantile, report

TEMPLATE = """{% extends "base.html" %}{% block content %}
{% slot "home-hero" %}{% slot "home-strip" %}{% slot "category-banner" %}{% endblock %}"""
CAMPAIGNS = 100
CONDITIONS = [
    {"condition": "affinity", "category": "music", "operator": ">=", "value": 90_000},
    {"condition": "events", "category": "music", "value": 1, "days": 30},
    {"condition": "visits", "operator": ">=", "value": 1},
    {"condition": "device", "value": "desktop"},
    {"condition": "language", "operator": "starts_with", "value": "en"},
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--pages", type=int, default=200)
    options = parser.parse_args()
    with Instance(workers=1) as instance:
        cookie = visitor_consent(instance.port)
        campaigns_make()
        visitor_make(cookie)
        measure(cookie, options.rounds, options.pages)


def campaigns_make() -> None:
    from personalization.models import Campaign, Slot, Variant
    from personalization.services import ruleset_publish

    slots = list(Slot.objects.filter(key__in=("home-hero", "home-strip", "category-banner")))
    variant = Variant.objects.all()[0]
    Campaign.objects.exclude(slot__key="home-hero").update(status="draft")
    Campaign.objects.bulk_create(
        Campaign(
            name=f"Campaign {number}",
            slot=slots[number % 3],
            variant=variant,
            status="live",
            priority=90,
            # The last condition of the first rule fails: every rule is looked at to its end.
            rule={"all": [*CONDITIONS[1:], CONDITIONS[0]]},
        )
        for number in range(CAMPAIGNS)
    )
    for slot in slots:  # one that matches, after all the others
        Campaign.objects.create(
            name=f"Match {slot.key}",
            slot=slot,
            variant=variant,
            status="live",
            priority=1,
            rule={"all": CONDITIONS[1:]},
        )
    ruleset_publish(by="bench")


def visitor_make(cookie: str) -> None:
    from profiles.state import Increment, State, state_add
    from profiles.store import states_write

    state, now_ms = State(), time.time() * 1000
    for number in range(200):
        category = ("music", "cooking", "gardening", "cycling")[number % 4]
        signal = ("page_view", "click", "dwell")[number % 3]
        at = now_ms - number * 3_600_000
        event = Increment(signal, category, "article", 1.0, at, True, number % 20 == 0)
        state_add(state, event, max_topics=100)
    visitor_id = uuid.UUID(cookie.split("=")[1].split(".", maxsplit=1)[0])
    states_write({visitor_id: state}, shard=0, now=datetime.now(UTC))


def measure(cookie: str, rounds: int, pages: int) -> None:
    from django.core.cache import cache
    from django.db import connection
    from django.http import HttpResponse
    from django.template import engines
    from django.test import RequestFactory
    from django.test.utils import CaptureQueriesContext

    from consent.logic import ConsentState
    from consent.middleware import ConsentMiddleware
    from personalization.middleware import PersonalizationMiddleware

    template = engines["django"].from_string(TEMPLATE)
    factory = RequestFactory(
        headers={"user-agent": "Mozilla/5.0 Chrome/140", "accept-language": "en"}
    )

    def view(request: Any) -> HttpResponse:
        return HttpResponse(template.render({}, request))

    page = ConsentMiddleware(PersonalizationMiddleware(view))

    def personal() -> HttpResponse:
        return page(factory.get("/", headers={"cookie": cookie}))  # type: ignore[return-value]

    shown = personal().content.decode()
    assert shown.count("data-attune-campaign") == 3, "not every slot is personalized"
    main_start, main_end = shown.index("<main"), shown.index("</main>")
    inner = shown[shown.index(">", main_start) + 1 : main_end].strip()
    static_template = engines["django"].from_string(
        '{% extends "base.html" %}{% block content %}{% verbatim %}'
        + inner
        + "{% endverbatim %}{% endblock %}"
    )
    granted = ConsentState(
        visitor_id=uuid.uuid4(),
        granted=frozenset({"measurement", "personalization"}),
        decided=True,
    )

    def static() -> HttpResponse:
        request = factory.get("/", headers={"cookie": cookie})
        request.consent = granted  # type: ignore[attr-defined]
        return HttpResponse(static_template.render({}, request))

    with CaptureQueriesContext(connection) as queries:
        personal()
    trips = round_trips(cache, personal)
    ours, theirs, ratios = [], [], []
    for turn in range(rounds + 1):
        mine, other = timed(personal, pages), timed(static, pages)
        if turn:  # the first turn warms up
            ours += mine
            theirs += other
            ratios.append(median(mine) / median(other))
    report(
        "page: three personalized slots, 100 live campaigns, against the same page static",
        {
            "ratio of medians": median(ratios),
            "personalized p50 ms": median(ours) * 1000,
            "personalized p99 ms": quantile(ours, 0.99) * 1000,
            "static p50 ms": median(theirs) * 1000,
            "SQL queries": float(len(queries)),
            "Redis round trips": float(trips),
        },
        note="targets: ratio <= 1.15, one Redis round trip, zero SQL queries",
    )


def timed(make: Callable[[], object], pages: int) -> list[float]:
    times = []
    for _ in range(pages):
        start = time.perf_counter()
        make()
        times.append(time.perf_counter() - start)
    return times


def round_trips(cache: Any, make: Callable[[], object]) -> int:
    """How many commands one page sends to Redis, by the server's own count."""
    client = cache._cache.get_client(None)

    def processed() -> int:
        return int(client.info("stats")["total_commands_processed"])

    idle = processed()
    between = processed() - idle  # what asking costs
    before = processed()
    make()
    return processed() - before - between


if __name__ == "__main__":
    main()
