"""A made-up history: what the trackers of some hundred visitors would send, in order of sending.

Visits of several pages with clicks (some doubled by a trembling hand), dwell and scroll reports
that grow under one id, pauses that end a visit, requests that come late, requests sent twice, bots,
and clocks that are hours off. The same seed, visitors and time give the same history.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any, NamedTuple
from uuid import UUID

CATEGORIES = ("gardening", "cooking", "cycling", "photography", "music")
KINDS = ("article", "guide", "video")
MINUTE, HOUR, DAY = 60_000.0, 3_600_000.0, 86_400_000.0
#: Of a hundred visitors so many are bots, so many have a clock that is OFF behind.
BOTS, OFF_CLOCKS, OFF = 5, 5, 2 * HOUR
LATE, RETRIED = 0.06, 0.08

Event = dict[str, Any]


class Request(NamedTuple):
    """What one visitor's tracker sends at once; `behind_ms` is how far its clock is behind."""

    visitor_id: UUID
    is_bot: bool
    behind_ms: float
    events: list[Event]


def requests_make(visitors: Sequence[UUID], *, seed: int, now_ms: float) -> list[Request]:
    """Everybody's requests; those of one visitor keep their order, the visitors are mixed."""
    placed = []
    for number, visitor_id in enumerate(visitors):
        rng = random.Random(f"{seed} {number}")
        is_bot, behind = number % 100 < BOTS, OFF if number % 100 >= 100 - OFF_CLOCKS else 0.0
        sent = _shaken(rng, list(_visits(rng, now_ms - HOUR - behind)))
        places = sorted(rng.random() for _ in sent)
        placed += [
            (place, Request(visitor_id, is_bot, behind, events))
            for place, events in zip(places, sent, strict=True)
        ]
    return [request for _, request in sorted(placed, key=lambda pair: pair[0])]


def ids_of(requests: Sequence[Request]) -> set[tuple[UUID, UUID]]:
    """The (visitor, event id) of everything sent."""
    return {
        (request.visitor_id, UUID(event["id"])) for request in requests for event in request.events
    }


def largest_values(requests: Sequence[Request]) -> dict[tuple[UUID, UUID], float]:
    """Of each growing value the largest report, by (visitor, event id)."""
    largest: dict[tuple[UUID, UUID], float] = {}
    for request in requests:
        for event in request.events:
            if "value" in event:
                key = request.visitor_id, UUID(event["id"])
                largest[key] = max(largest.get(key, 0.0), event["value"])
    return largest


def _shaken(rng: random.Random, sent: list[list[Event]]) -> list[list[Event]]:
    """As the network delivers it: some later than others, some twice."""
    places: list[tuple[float, int, list[Event]]] = []
    tie = count()
    for place, events in enumerate(sent):
        late = rng.randint(2, 12) if rng.random() < LATE else 0
        places.append((place + late, next(tie), events))
        if rng.random() < RETRIED:
            places.append((place + late + rng.randint(0, 9), next(tie), events))
    return [events for _, _, events in sorted(places, key=lambda each: each[:2])]


def _visits(rng: random.Random, until_ms: float) -> Iterator[list[Event]]:
    starts = sorted(until_ms - rng.uniform(0.1, 5.0) * DAY for _ in range(rng.randint(1, 3)))
    for start in starts:
        at, visit = start, _uuid(rng)
        for _ in range(rng.randint(2, 5)):
            context = {
                "visit": visit,
                "view": _uuid(rng),
                "category": rng.choice(CATEGORIES),
                "content_type": rng.choice(KINDS),
                "item": f"item-{rng.randint(1, 60)}",
                "path": f"/items/{rng.randint(1, 60)}/",
            }
            yield from _page(rng, at, context)
            pause = 45 * MINUTE if rng.random() < 0.1 else rng.uniform(0.2, 6.0) * MINUTE
            at = min(at + pause, until_ms)


def _page(rng: random.Random, at: float, context: Event) -> Iterator[list[Event]]:
    """Two requests of one page view: it is read, it is left."""

    def event(type: str, after: float, **fields: Any) -> Event:
        return {"id": _uuid(rng), "type": type, "at": int(at + after), **context, **fields}

    opened = [event("page_view", 0)]
    for _ in range(rng.randint(0, 2)):
        after = rng.uniform(500, 9000)
        element = {"element": {"id": f"button-{rng.randint(1, 3)}"}}
        opened.append(event("click", after, **element))
        if rng.random() < 0.3:
            opened.append(event("click", after + rng.uniform(50, 400), **element))
    dwell, scroll = event("dwell", 0), event("scroll", 0)
    seconds, depth = rng.choice((4.0, 12.0, 30.0, 200.0)), rng.uniform(0.05, 0.4)
    yield [*opened, dwell | {"value": seconds / 2}, scroll | {"value": round(depth, 2)}]
    left = [dwell | {"value": seconds * 1.5}, scroll | {"value": round(depth * 2.4, 2)}]
    yield (
        [*left, event(rng.choice(("like", "share", "dismiss")), 9500)]
        if rng.random() < 0.2
        else left
    )


def _uuid(rng: random.Random) -> str:
    return str(UUID(int=rng.getrandbits(128), version=4))
