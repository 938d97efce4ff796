"""Row 7: a page with three personalized slots and 100 live campaigns, against the same page static.

python -m bench.page [--rounds 9] [--pages 200]

The personalized page goes through the product's middleware in this process. Two static pages stand
beside it, both of which ask nothing of anyone, neither consent nor profile: one renders the same
slot templates from fixed content, the other has their finished markup in its source.
"""

import argparse
import time
import uuid
from collections.abc import Callable
from typing import Any

from bench.client import visitor_consent
from bench.instance import Instance
from bench.report import median, quantile, report

EXTENDS = '{{% extends "base.html" %}}{{% block content %}}{}{{% endblock %}}'
TEMPLATE = EXTENDS.format(
    '{% slot "home-hero" %}{% slot "home-strip" %}{% slot "category-banner" %}'
)
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


def campaigns_make(count: int = CAMPAIGNS) -> None:
    from personalization.models import Campaign, Slot, Variant
    from personalization.services import campaign_publish, ruleset_publish

    slots = list(Slot.objects.filter(key__in=("home-hero", "home-strip", "category-banner")))
    variant = Variant.objects.all()[0]
    Campaign.objects.exclude(slot__key="home-hero").update(status="draft")
    Campaign.objects.bulk_create(
        Campaign(
            name=f"Campaign {number}",
            slot=slots[number % 3],
            variant=variant,
            priority=90,
            # The last condition of the first rule fails: every rule is looked at to its end.
            rule={"all": [*CONDITIONS[1:], CONDITIONS[0]]},
        )
        for number in range(count)
    )
    for slot in slots:  # one that matches, after all the others
        Campaign.objects.create(
            name=f"Match {slot.key}",
            slot=slot,
            variant=variant,
            priority=1,
            rule={"all": CONDITIONS[1:]},
        )
    for campaign in Campaign.objects.filter(status="draft", priority__in=(90, 1)):
        campaign_publish(campaign=campaign, by="bench")
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
    states_write({visitor_id: state}, shard=0)


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
    from personalization.visitor import Visitor

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
    markup = shown[shown.index(">", shown.index("<main")) + 1 : shown.index("</main>")].strip()
    verbatim = "{% verbatim %}" + markup + "{% endverbatim %}"
    finished = engines["django"].from_string(EXTENDS.format(verbatim))
    includes = "".join(
        f'{{% include "personalization/slots/{key}.html" with slot="{key}" content={name} %}}'
        '{% include "personalization/_why.html" %}'
        for key, name in (("home-hero", "a"), ("home-strip", "b"), ("category-banner", "c"))
    )
    same = engines["django"].from_string(EXTENDS.format(includes))
    request = factory.get("/", headers={"cookie": cookie})
    visitor = Visitor(request)
    decisions = [visitor.decide(key) for key in ("home-hero", "home-strip", "category-banner")]
    fixed = {
        name: decision.content
        for name, decision in zip("abc", decisions, strict=True)
        if decision is not None
    } | {"decision": decisions[0]}
    granted = ConsentState(
        visitor_id=uuid.uuid4(),
        granted=frozenset({"measurement", "personalization"}),
        decided=True,
    )

    def static(template: Any) -> Callable[[], HttpResponse]:
        def make() -> HttpResponse:
            request = factory.get("/", headers={"cookie": cookie})
            request.consent = granted  # type: ignore[attr-defined]
            return HttpResponse(template.render(fixed, request))

        return make

    with CaptureQueriesContext(connection) as queries:
        personal()
    trips = round_trips(cache, personal)
    kinds = {"personal": personal, "same": static(same), "finished": static(finished)}
    times: dict[str, list[list[float]]] = {name: [] for name in kinds}
    for _ in range(rounds + 1):
        for name, make in kinds.items():
            times[name].append(timed(make, pages))
    medians = {name: [median(turn) for turn in turns[1:]] for name, turns in times.items()}
    ours = [value * 1000 for turn in times["personal"][1:] for value in turn]
    report(
        "page: three personalized slots, 100 live campaigns, against the same page static",
        {
            "ratio to fixed content": median(
                [a / b for a, b in zip(medians["personal"], medians["same"], strict=True)]
            ),
            "ratio to finished markup": median(
                [a / b for a, b in zip(medians["personal"], medians["finished"], strict=True)]
            ),
            "personalized p50 ms": quantile(ours, 0.5),
            "personalized p99 ms": quantile(ours, 0.99),
            "fixed content p50 ms": median(medians["same"]) * 1000,
            "finished markup p50 ms": median(medians["finished"]) * 1000,
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
    """How many times one page waits for Redis: each time it takes a connection of its pool."""
    pool = cache._cache._get_connection_pool(False)
    count, original = 0, pool.get_connection

    def counted(*words: Any, **options: Any) -> Any:
        nonlocal count
        count += 1
        return original(*words, **options)

    pool.get_connection = counted
    try:
        make()
    finally:
        pool.get_connection = original
    return count


if __name__ == "__main__":
    main()
