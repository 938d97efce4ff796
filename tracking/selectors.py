"""What happened, for reading: event types, events by cursor, one visitor's recent events."""

import time
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import connection

from consent import selectors as consent_selectors
from tracking import counters, store
from tracking.models import EventType, Inbox, Shard, SweepCursor, Visit

#: Seconds for which a process trusts its copy of the known event types.
TYPES_TTL = 5.0
#: The SweepCursor that says up to when events were deleted because of their age.
EXPIRED_CURSOR = "events expired"


class Signal(NamedTuple):
    """How events of one type count and are cleaned.

    `weight` is per `unit` (event, second or depth), half-lives are in days, `properties` names the
    kind of value of each property an event may carry.
    """

    name: str
    kind: str
    unit: str
    weight: float
    value_cap: float | None
    half_life_short: float = 1.0
    half_life_long: float = 30.0
    properties: Mapping[str, str] = {}
    repeat_ms: int = 0


class EventRow(NamedTuple):
    """A stored event as profiles read it; `occurred_ms` in milliseconds since 1970, UTC."""

    seq: int
    visitor_id: UUID
    type: str
    category: str
    content_type: str
    amount: float
    part: int
    starts_visit: bool
    is_bot: bool
    basis: str
    occurred_ms: float


def signal_list() -> dict[str, Signal]:
    """Every event type by name, with the weights marketers have set."""
    rows = EventType.objects.values_list(*Signal._fields)
    return {row[0]: Signal(*row) for row in rows}


def event_type_labels() -> dict[str, str]:
    """What people call each event type, in their order."""
    return dict(EventType.objects.order_by("label").values_list("name", "label"))


def event_type_names() -> frozenset[str]:
    """The known event types; a change reaches every process within TYPES_TTL seconds."""
    return _type_names(int(time.monotonic() / TYPES_TTL))


@lru_cache(maxsize=1)
def _type_names(period: int) -> frozenset[str]:
    return frozenset(EventType.objects.values_list("name", flat=True))


def event_types_forget() -> None:
    """Have this process read the known event types anew."""
    _type_names.cache_clear()


def visitors_consenting(visitor_ids: Collection[UUID]) -> set[UUID]:
    """Those of many visitors who agree to any purpose now, straight from PostgreSQL."""
    now = datetime.now(UTC)
    return {
        visitor_id
        for purpose in consent_selectors.purposes_active()
        for visitor_id in consent_selectors.visitors_granted(visitor_ids, purpose.key, now)
    }


def shard_of(visitor_id: UUID) -> int:
    """The shard a visitor's events are worked in."""
    return visitor_id.int % settings.SHARDS


def shard_seqs() -> dict[int, int]:
    """The last stored sequence number of each shard that has events."""
    return dict(Shard.objects.values_list("id", "last_seq"))


def events_after(shard: int, *, seq: int, limit: int) -> list[EventRow]:
    """The shard's next events in sequence."""
    return [EventRow._make(row) for row in store.events_after(shard, seq=seq, limit=limit)]


def events_by_visitor(shard: int, *, through_seq: int) -> Iterator[EventRow]:
    """All the shard's events up to a sequence number, grouped by visitor."""
    return map(EventRow._make, store.events_stream(shard=shard, through_seq=through_seq))


def visitor_events(visitor_id: UUID, *, limit: int = 50) -> list[dict[str, Any]]:
    """A visitor's latest events, newest first, as plain values for people to read."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT occurred_at, type, path, item, category, content_type, value, part, visit_id,"
            " device, is_bot, source, properties FROM tracking_event WHERE visitor_id = %s"
            " ORDER BY occurred_at DESC, seq DESC LIMIT %s",
            (visitor_id, limit),
        )
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def visitor_visits(visitor_id: UUID, *, limit: int = 10) -> list[tuple[datetime, datetime]]:
    """When a visitor's latest visits began and ended, newest first."""
    visits = Visit.objects.filter(visitor_id=visitor_id).order_by("-started_at")
    return list(visits.values_list("started_at", "ended_at")[:limit])


def event_count_since(since: datetime) -> int:
    """Events that happened at or after a moment; each increase of a value counts with its first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM tracking_event WHERE occurred_at >= %s AND part = 0", (since,)
        )
        return int(cursor.fetchone()[0])


def visitor_event_count(visitor_id: UUID) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM tracking_event WHERE visitor_id = %s AND part = 0", (visitor_id,)
        )
        return int(cursor.fetchone()[0])


def inbox_size() -> int:
    """Requests accepted and not yet drained."""
    return Inbox.objects.count()


def events_complete_since() -> datetime | None:
    """The moment from which on no event was deleted because of its age; None: none ever was.

    A rebuild of a visitor whose first event came before it may differ from the profile that grew.
    """
    return SweepCursor.objects.filter(name=EXPIRED_CURSOR).values_list("at", flat=True).first()


def drop_counts() -> dict[str, int]:
    """How often each reason refused something, over all days."""
    return counters.drop_totals()
