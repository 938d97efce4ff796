"""In the worker: accepted events to rows of the event store, one named step at a time.

Each step takes an event and what is known about its batch, and returns the event, changed in
place or not, or the reason it is dropped. `STEPS` is the document: read it first.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple
from urllib.parse import urlsplit
from uuid import UUID

from msgspec import Struct

from tracking.pipeline.enrich import ItemFacts, enrich
from tracking.pipeline.wire import Refusal, WireEvent

#: Growing values are kept in whole steps of their unit. The largest of rounded reports is the
#: rounded largest, so their order still does not matter, and each part is worth a row.
STEP = {"second": 0.5, "depth": 0.01}
#: Parts one id can have: no page view needs more, and no visitor gets more rows out of one id.
MAX_PARTS = 512


class Receipt(NamedTuple):
    """What the server noted when it accepted the request an event came in."""

    visitor_id: UUID | None
    source: str
    basis: str
    device: str
    is_bot: bool
    skew_ms: int
    received_ms: float


class Event(Struct, gc=False):
    """A clean event on its way to the store. Times in milliseconds since 1970, UTC."""

    visitor_id: UUID
    id: UUID
    type: str
    occurred_ms: float
    reported_ms: float
    received_ms: float
    visit_id: UUID | None
    view_id: UUID | None
    is_bot: bool
    basis: str
    source: str
    device: str
    path: str
    referrer_host: str
    item: str
    category: str
    content_type: str
    value: float | None
    properties: dict[str, object] | None
    line: int | None
    part: int = 0
    starts_visit: bool = False
    amount: float = 1.0
    outlier: str = ""
    repeats: int = 0
    medium: str = ""


class Stored(NamedTuple):
    """What the store holds of an id: parts so far, their summed value, and its time."""

    parts: int
    total: float
    occurred_ms: float


#: (visitor id, event id) as integers: hashing a UUID object is ten times slower.
Key = tuple[int, int]


class Growing(NamedTuple):
    """How a cumulative type is measured: the largest value that counts, and the step."""

    cap: float | None
    step: float


class Batch(Struct):
    """What the steps may know: who still consents, which types grow, and what is stored.

    `consented` holds visitor ids as integers. `stored` is filled between STEPS and HISTORY: it is
    found by the corrected times. `hosts` are the site's own, `items` what is known of items.
    """

    consented: frozenset[int]
    cumulative: Mapping[str, Growing]
    stored: dict[Key, Stored] = {}
    hosts: frozenset[str] = frozenset()
    items: Mapping[str, ItemFacts] = {}


Arrived = tuple[Event, Receipt]
Dropped = tuple[Event, Refusal]


def event_build(wire: WireEvent, receipt: Receipt) -> Event | None:
    """The event of a wire event and the receipt of its request; None without a visitor."""
    visitor_id = receipt.visitor_id or wire.visitor
    if visitor_id is None:
        return None
    properties: dict[str, object] = dict(wire.properties)
    if wire.element is not None:
        properties |= {
            f"element_{name}": value
            for name, value in (
                ("id", wire.element.id),
                ("classes", wire.element.classes),
                ("section", wire.element.section),
            )
            if value
        }
    return Event(
        visitor_id=visitor_id,
        id=wire.id,
        type=wire.type,
        occurred_ms=wire.at,
        reported_ms=wire.at,
        received_ms=receipt.received_ms,
        visit_id=wire.visit,
        view_id=wire.view,
        is_bot=receipt.is_bot,
        basis=receipt.basis,
        source=receipt.source,
        device=receipt.device,
        path=wire.path,
        referrer_host=wire.referrer,
        item=wire.item,
        category=wire.category or "",
        content_type=wire.content_type or "",
        value=wire.value,
        properties=properties or None,
        line=None if receipt.visitor_id else wire.line,
    )


def correct_clock(event: Event, receipt: Receipt, batch: Batch) -> Event | Refusal:
    """Add the client's clock error; what is still in the future happened on receipt."""
    event.occurred_ms = min(event.occurred_ms + receipt.skew_ms, receipt.received_ms)
    return event


def require_consent(event: Event, receipt: Receipt, batch: Batch) -> Event | Refusal:
    """Drop what was accepted before a withdrawal and drained after it."""
    return event if event.visitor_id.int in batch.consented else Refusal.CONSENT_WITHDRAWN


def minimise(event: Event, receipt: Receipt, batch: Batch) -> Event | Refusal:
    """Keep the referrer's host only and the path without query or fragment."""
    if "?" in event.path or "#" in event.path:
        event.path = event.path.partition("?")[0].partition("#")[0]
    if event.referrer_host:
        try:
            event.referrer_host = urlsplit(event.referrer_host).hostname or ""
        except ValueError:
            event.referrer_host = ""
    return event


def bound_value(event: Event, receipt: Receipt, batch: Batch) -> Event | Refusal:
    """Bound what one page view can report of a cumulative type, and round it to whole steps."""
    growing = batch.cumulative.get(event.type)
    if growing is not None:
        value = round((event.value or 0.0) / growing.step) * growing.step
        event.value = value if growing.cap is None else min(value, growing.cap)
        event.amount = event.value
    return event


def drop_duplicates(event: Event, receipt: Receipt, batch: Batch) -> Event | Refusal:
    """Keep an id once; of a cumulative type keep each increase as the next part."""
    key = event.visitor_id.int, event.id.int
    stored = batch.stored.get(key)
    value = event.value or 0.0
    if stored is None:
        batch.stored[key] = Stored(1, value, event.occurred_ms)
        return event
    growing = batch.cumulative.get(event.type)
    # Half a step: sums of parts carry rounding.
    if growing is None or value < stored.total + growing.step / 2:
        return Refusal.DUPLICATE
    if stored.parts >= MAX_PARTS:
        return Refusal.TOO_MANY_REPORTS
    event.part = stored.parts
    event.occurred_ms = stored.occurred_ms
    event.value = event.amount = value - stored.total
    batch.stored[key] = Stored(stored.parts + 1, value, stored.occurred_ms)
    return event


Step = Callable[[Event, Receipt, Batch], Event | Refusal]

#: What an event and its request tell.
STEPS: tuple[Step, ...] = (
    require_consent,
    correct_clock,
    minimise,
    enrich,
    bound_value,
)
#: What only the events before it tell.
HISTORY: tuple[Step, ...] = (drop_duplicates,)


def events_clean(
    arrived: Iterable[Arrived], batch: Batch, *, steps: tuple[Step, ...]
) -> tuple[list[Arrived], list[Dropped]]:
    """Run the steps on each event in order; the first reason ends its way: (kept, dropped)."""
    kept: list[Arrived] = []
    dropped: list[Dropped] = []
    for event, receipt in arrived:
        for step in steps:
            result = step(event, receipt, batch)
            if isinstance(result, Refusal):
                dropped.append((event, result))
                break
        else:
            kept.append((event, receipt))
    return kept, dropped
