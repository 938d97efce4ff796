"""In the worker: accepted events to rows of the event store, one named step at a time.

Each step takes an event and what is known about its batch, and returns the event, changed in
place or not, or the reason it is dropped. `STEPS` is the document: read it first.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple
from urllib.parse import urlsplit
from uuid import UUID

from msgspec import Struct, field

from tracking.pipeline.distribution import bin_of
from tracking.pipeline.duplicates import MAX_PARTS, SEEN, Growing, Stored, has_grown
from tracking.pipeline.enrich import ItemFacts, enrich
from tracking.pipeline.outliers import ACCEPTED, MAX_KINDS, Fence, kind_of, outlier_name
from tracking.pipeline.repeats import Kept, element_key, recent_add, repeat_find
from tracking.pipeline.visits import Visit, Visits
from tracking.pipeline.wire import Finding, Refusal, WireEvent


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
    """A clean event on its way to the store. Times in milliseconds since 1970, UTC.

    The last fields are the steps' own: until when the event proves that its visitor was there, what
    was found about it, and the visit it has joined.
    """

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
    until_ms: float = 0.0
    found: tuple[Finding, ...] = ()
    visit: Visit | None = None


#: (visitor id, event id) as integers: hashing a UUID object is ten times slower.
Key = tuple[int, int]


class Batch(Struct):
    """What the steps may know, and what they note for those who write.

    `consented` holds the ids of visitors who still consent, `cumulative` the types that grow,
    `repeat_ms` how long a repeat of a type is none of its own, `fences` what is usual of a kind,
    `hosts` are the site's own, `items` what is known of items.
    `stored` and `visits` are what the store holds of the batch, filled between STEPS and HISTORY:
    it is found by the corrected times.

    `folded` counts the repeats of events of this batch; `moved` how many values of a kind
    came into a bin, and left it.
    """

    consented: frozenset[int]
    cumulative: Mapping[str, Growing]
    repeat_ms: Mapping[str, int] = {}
    fences: Mapping[str, Fence] = {}
    stored: dict[Key, Stored] = field(default_factory=dict)
    visits: Visits = field(default_factory=Visits)
    folded: Counter[Key] = field(default_factory=Counter)
    moved: dict[tuple[str, int], int] = field(default_factory=dict)
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


def require_consent(event: Event, receipt: Receipt, batch: Batch) -> Event | Refusal:
    """Drop what was accepted before a withdrawal and drained after it."""
    return event if event.visitor_id.int in batch.consented else Refusal.CONSENT_WITHDRAWN


def flag_bot(event: Event, receipt: Receipt, batch: Batch) -> Event | Refusal:
    """A bot's events are stored, and left out of profiles and of what is usual."""
    if event.is_bot:
        event.found += (Finding.BOT_FLAGGED,)
    return event


def correct_clock(event: Event, receipt: Receipt, batch: Batch) -> Event | Refusal:
    """Add the client's clock error; what is still in the future happened on receipt."""
    if receipt.skew_ms:
        event.found += (Finding.CLOCK_CORRECTED,)
        event.occurred_ms += receipt.skew_ms
    if event.occurred_ms > receipt.received_ms:
        event.found += (Finding.FUTURE_CLAMPED,)
        event.occurred_ms = receipt.received_ms
    event.until_ms = event.occurred_ms
    return event


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
        if growing.cap is not None and value > growing.cap:
            event.found += (Finding.VALUE_CAPPED,)
            value = growing.cap
        event.value = event.amount = value
        event.until_ms = min(event.occurred_ms + value * growing.active_ms, receipt.received_ms)
    return event


def drop_duplicates(event: Event, receipt: Receipt, batch: Batch) -> Event | Refusal:
    """Keep an id once; of a cumulative type keep each increase as the next part."""
    key = event.visitor_id.int, event.id.int
    stored = batch.stored.get(key)
    growing = batch.cumulative.get(event.type)
    if growing is None:
        if stored is not None:
            return Refusal.DUPLICATE
        batch.stored[key] = SEEN
        return event
    value = event.value or 0.0
    if stored is None:
        batch.stored[key] = Stored(1, value, event.occurred_ms)
        return event
    if stored is SEEN or not has_grown(stored, value, growing.step):
        return Refusal.DUPLICATE
    if stored.parts >= MAX_PARTS:
        return Refusal.TOO_MANY_REPORTS
    event.part = stored.parts
    event.occurred_ms = stored.occurred_ms
    event.value = event.amount = value - stored.total
    stored.parts, stored.before, stored.total = stored.parts + 1, stored.total, value
    return event


def assign_visit(event: Event, receipt: Receipt, batch: Batch) -> Event | Refusal:
    """Put an event into the visit its time falls in; split where the client's went on too long."""
    visitor_id = event.visitor_id
    root = event.visit_id or visitor_id
    if event.part:  # what grows stays where it began, and shows that its visitor was there
        visit = batch.visits.find(visitor_id, root, event.occurred_ms)
        event.visit_id = batch.stored[visitor_id.int, event.id.int].visit_id
        if visit is None or visit.id != event.visit_id:
            return event
    else:
        visit, event.starts_visit = batch.visits.join(visitor_id, root, event.occurred_ms)
        if event.starts_visit and visit.id != root != visitor_id:
            event.found += (Finding.VISIT_SPLIT,)
        event.visit_id = visit.id
    if event.until_ms > visit.ended_ms:
        batch.visits.stay(visit, event.until_ms)
    visit.is_touched = True
    event.visit = visit
    return event


def fold_repeats(event: Event, receipt: Receipt, batch: Batch) -> Event | Refusal:
    """Let a rapid repeat count nothing; its row keeps the id, so that its retry is a duplicate."""
    within_ms = batch.repeat_ms.get(event.type)
    if within_ms is None or event.visit is None:
        return event
    key = _element_key(event)
    kept = repeat_find(event.visit.recent, key, event.occurred_ms, within_ms)
    if kept is None:
        recent_add(event.visit.recent, Kept(key, event.occurred_ms, event.id.int))
        return event
    event.found += (Finding.REPEAT_FOLDED,)
    event.part, event.amount = 1, 0.0
    if kept.event_id:
        batch.folded[event.visitor_id.int, kept.event_id] += 1
    else:
        event.repeats = 1
    return event


def _element_key(event: Event) -> int:
    """What was acted on; without a page view's id, the path stands for the page."""
    properties = event.properties or {}
    classes = properties.get("element_classes")
    return element_key(
        event.type,
        event.item,
        event.view_id.hex if event.view_id else event.path,
        str(properties.get("element_id", "")),
        str(properties.get("element_section", "")),
        " ".join(map(str, classes)) if isinstance(classes, list) else "",
    )


def cap_outliers(event: Event, receipt: Receipt, batch: Batch) -> Event | Refusal:
    """Of a value beyond its fence count the fence, of an event too many in a visit nothing."""
    if event.type in batch.cumulative:
        _value_cap(event, batch)
    elif not event.is_bot and event.visit is not None and not event.part:
        kind = kind_of(event.type, event.content_type)
        counts = event.visit.counts
        nth = counts.get(kind, 0) + 1
        if nth > 1 or len(counts) < MAX_KINDS:
            counts[kind] = nth
            fence = batch.fences.get(kind)
            if fence is not None and (name := outlier_name(fence, nth)):
                event.amount, event.outlier = 0.0, name
                event.found += (Finding.OUTLIER_CAPPED,)
    return event


def _value_cap(event: Event, batch: Batch) -> None:
    """Bound the amount over all parts of an id; the part that crosses the fence is flagged."""
    stored = batch.stored[event.visitor_id.int, event.id.int]
    if not stored.visit_id:
        stored.visit_id = event.visit_id
    if not event.is_bot:
        kind = kind_of(event.type, event.content_type)
        moved = batch.moved
        if stored.before is not None:
            into = kind, bin_of(stored.before)
            moved[into] = moved.get(into, 0) - 1
        into = kind, bin_of(stored.total)
        moved[into] = moved.get(into, 0) + 1
        fence = batch.fences.get(kind)
        if fence is not None and stored.total > fence.limit and stored.outlier != ACCEPTED:
            event.amount = max(fence.limit - stored.amount, 0.0)
            event.found += (Finding.OUTLIER_CAPPED,)
            if not stored.outlier:
                stored.outlier = event.outlier = outlier_name(fence, stored.total)
        else:
            event.amount = stored.total - stored.amount
    stored.amount += event.amount


Step = Callable[[Event, Receipt, Batch], Event | Refusal]

#: What an event and its request tell.
STEPS: tuple[Step, ...] = (
    require_consent,
    flag_bot,
    correct_clock,
    minimise,
    enrich,
    bound_value,
)
#: What only the events before it tell.
HISTORY: tuple[Step, ...] = (
    drop_duplicates,
    assign_visit,
    fold_repeats,
    cap_outliers,
)


def events_clean(
    arrived: Iterable[Arrived], batch: Batch, *, steps: tuple[Step, ...]
) -> tuple[list[Arrived], list[Dropped]]:
    """Run the steps on each event in order; the first reason ends its way: (kept, dropped)."""
    kept: list[Arrived] = []
    dropped: list[Dropped] = []
    for event, receipt in arrived:
        for step in steps:
            result = step(event, receipt, batch)
            if result is not event:  # which costs less than to look at its class, each time
                assert isinstance(result, Refusal)
                dropped.append((event, result))
                break
        else:
            kept.append((event, receipt))
    return kept, dropped
