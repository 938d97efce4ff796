"""What happened, for reading: event types, events by cursor, one visitor's recent events."""

import time
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import connection

from consent import selectors as consent_selectors
from tracking import columns, counters
from tracking.models import (
    Event,
    EventType,
    Fence,
    Inbox,
    Item,
    Quarantine,
    Shard,
    SweepCursor,
    Visit,
)
from tracking.pipeline import outliers
from tracking.pipeline.blocks import Asked, Block
from tracking.pipeline.details import Detail
from tracking.pipeline.enrich import ItemFacts
from tracking.pipeline.properties import Schemas
from tracking.pipeline.wire import Finding
from tracking.placements import Placed as Placed  # noqa: PLC0414, a door
from tracking.placements import events_late as events_late  # noqa: PLC0414
from tracking.placements import exposures_any as exposures_any  # noqa: PLC0414
from tracking.placements import exposures_count as exposures_count  # noqa: PLC0414
from tracking.placements import placements_list as placements_list  # noqa: PLC0414
from tracking.placements import slot_paths as slot_paths  # noqa: PLC0414

FINDINGS = frozenset(map(str, Finding))
#: Seconds for which a process trusts its copy of the known event types.
TYPES_TTL = 5.0
#: The same for what items are about, and for how many of them.
ITEMS_TTL = 30.0
ITEMS_KEPT = 20_000
#: The same for what is usual, which changes slowly.
FENCES_TTL = 30.0
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


def signal_list() -> dict[str, Signal]:
    """Every event type by name, with the weights marketers have set."""
    rows = EventType.objects.values_list(*Signal._fields)
    return {row[0]: Signal(*row) for row in rows}


def cumulative_types() -> frozenset[str]:
    """The event types whose value grows and arrives in parts, as dwell and scroll do."""
    event = EventType.Unit.EVENT
    return frozenset(EventType.objects.exclude(unit=event).values_list("name", flat=True))


def event_type_labels() -> dict[str, str]:
    """What people call each event type, in their order."""
    return dict(EventType.objects.order_by("label").values_list("name", "label"))


def event_schemas() -> Schemas:
    """The known event types, each with the kinds of value of its properties.

    A change reaches every process within TYPES_TTL seconds.
    """
    return _schemas(int(time.monotonic() / TYPES_TTL))


def event_properties() -> dict[str, str]:
    """The properties that events may have, by name, each with its kind of value."""
    schemas = event_schemas().values()
    return dict(sorted((name, kind) for schema in schemas for name, kind in schema.items()))


@lru_cache(maxsize=1)
def _schemas(period: int) -> Schemas:
    # A schema that is none, written past the forms, lets nothing in.
    rows = EventType.objects.values_list("name", "properties")
    return {name: schema if isinstance(schema, dict) else {} for name, schema in rows}


def hosts_own() -> frozenset[str]:
    """The site's own hosts, as a referrer names them; ".example.com" stands for all below it."""
    return frozenset(host.strip("[]").lower() for host in settings.ALLOWED_HOSTS)


def items_described(items: Collection[str]) -> dict[str, ItemFacts]:
    """What is known of those of these items that were described.

    A change reaches every process within ITEMS_TTL seconds.
    """
    known = _items_known(int(time.monotonic() / ITEMS_TTL))
    if unknown := [item for item in items if item not in known]:
        if len(known) > ITEMS_KEPT:
            known.clear()
            unknown = list(items)
        rows = Item.objects.filter(pk__in=unknown).values_list("pk", "category", "content_type")
        known |= dict.fromkeys(unknown)
        known |= {item: ItemFacts(category, kind) for item, category, kind in rows}
    return {item: facts for item in items if (facts := known[item]) is not None}


@lru_cache(maxsize=1)
def _items_known(period: int) -> dict[str, ItemFacts | None]:
    return {}


def items_forget() -> None:
    """Let this process read anew what items are about."""
    _items_known.cache_clear()


def fences() -> Mapping[str, outliers.Fence]:
    """What is usual by kind ("type|content type"); a change takes up to FENCES_TTL seconds."""
    return _fences(int(time.monotonic() / FENCES_TTL))


@lru_cache(maxsize=1)
def _fences(period: int) -> Mapping[str, outliers.Fence]:
    rows = Fence.objects.values_list("type", "content_type", "z_score", "iqr")
    return {outliers.kind_of(row[0], row[1]): outliers.Fence(*row[2:]) for row in rows}


def event_type_used(name: str) -> bool:
    """Whether an event of this type is stored; reads all events when none is."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM tracking_event WHERE type = %s)", (name,))
        return bool(cursor.fetchone()[0])


def event_types_forget() -> None:
    """Have this process read the known event types anew."""
    _schemas.cache_clear()


def visitors_consenting(visitor_ids: Collection[UUID]) -> set[UUID]:
    """Those of many visitors who agree to any purpose now, straight from PostgreSQL."""
    purposes = [purpose.key for purpose in consent_selectors.purposes_active()]
    return consent_selectors.visitors_granted(visitor_ids, *purposes, now=datetime.now(UTC))


def visitors_accepted(visitor_ids: Collection[UUID]) -> set[UUID]:
    """Those of many visitors whose events were changed after they were stored: somebody let an
    outlier count in full."""
    rows = Event.objects.filter(outlier="accepted", visitor_id__in=visitor_ids)
    return set(rows.values_list("visitor_id", flat=True).distinct())


def shard_of(visitor_id: UUID) -> int:
    """The shard a visitor's events are worked in."""
    return visitor_id.int % settings.SHARDS


def shard_seqs() -> dict[int, int]:
    """The last stored sequence number of each shard that has events."""
    return dict(Shard.objects.values_list("id", "last_seq"))


def shard_seq(shard: int) -> int:
    """The last stored sequence number of a shard; 0 when it has no events."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT last_seq FROM tracking_shard WHERE id = %s", (shard,))
        row = cursor.fetchone()
        return row[0] if row else 0


def events_blocks(
    shard: int,
    *,
    after_seq: int = 0,
    through_seq: int,
    after_visitor: UUID | None = None,
    through_visitor: UUID | None = None,
    facts: Sequence[str] = (),
    asked: Asked | None = None,
) -> Generator[Block, None, None]:
    """A shard's events, without bots', by visitor and order of storing, in bounded memory.

    Those with sequence numbers in (after_seq, through_seq], of the visitors whose ids come after
    `after_visitor` and not after `through_visitor`, with these facts of page views and what is
    asked of events of some types. See tracking.columns.
    """
    where = columns.of_shard(
        shard, after_seq=after_seq, after_visitor=after_visitor, through_visitor=through_visitor
    )
    return columns.blocks_read(where, through_seq=through_seq, facts=facts, asked=asked)


def events_details(
    shard: int,
    *,
    after_seq: int = 0,
    through_seq: int,
    types: Collection[str],
    after_visitor: UUID | None = None,
) -> Generator[Detail, None, None]:
    """The same events in full, of these types, in the same order."""
    where = columns.of_shard(shard, after_seq=after_seq, after_visitor=after_visitor)
    return columns.details_read(where, through_seq=through_seq, types=types)


def visitor_details(
    visitor_id: UUID, *, through_seq: int, types: Collection[str]
) -> Generator[Detail, None, None]:
    """One visitor's events of these types, without bots', in full, in order of storing."""
    where = columns.of_visitors([visitor_id])
    return columns.details_read(where, through_seq=through_seq, types=types)


def visitors_blocks(
    visitor_ids: Collection[UUID],
    *,
    through_seq: int,
    facts: Sequence[str] = (),
    asked: Asked | None = None,
) -> Iterator[Block]:
    """Events of some visitors of one shard, without bots', by visitor and order of storing."""
    where = columns.of_visitors(visitor_ids)
    return columns.blocks_read(where, through_seq=through_seq, facts=facts, asked=asked)


def visitors_find(prefix: str, *, limit: int = 10) -> list[UUID]:
    """The visitors with events whose id begins with these hexadecimal digits."""
    low, high = (UUID(prefix.ljust(32, digit)) for digit in "0f")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT visitor_id FROM tracking_event WHERE visitor_id BETWEEN %s AND %s"
            " LIMIT %s",
            (low, high, limit),
        )
        return [row[0] for row in cursor.fetchall()]


class DecayedSum(NamedTuple):
    """What one visitor's events of a type on a category ("" for none) add up to, decayed.

    `masses` has one sum for each half-life that was asked for.
    """

    visitor_id: UUID
    category: str
    masses: tuple[float, ...]


def visitors_decayed(
    visitor_ids: Collection[UUID], *, type: str, half_lives: Collection[float], now: datetime
) -> list[DecayedSum]:
    """These visitors' amounts of one type by category, decayed to `now` by each half-life (s).

    For a sample: its cost is that of the visitors' own events, found by their ids.
    """
    decayed = ", ".join(
        "sum(amount * exp(greatest(-ln(2.0) * extract(epoch FROM %s - occurred_at)::float8"
        " / %s::float8, -700.0)))" for _ in half_lives
    )  # fmt: skip
    parameters = [value for half_life in half_lives for value in (now, half_life)]
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT visitor_id, category, {decayed} FROM tracking_event"
            " WHERE visitor_id = ANY(%s) AND type = %s AND NOT is_bot GROUP BY 1, 2",
            (*parameters, list(visitor_ids), type),
        )
        return [DecayedSum(row[0], row[1], row[2:]) for row in cursor.fetchall()]


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


def visitor_placements(
    visitor_id: UUID, *, types: Collection[str], limit: int
) -> list[tuple[str, int, datetime]]:
    """A visitor's latest events that name a campaign, newest first: type, campaign and time."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT type, (properties->>'campaign')::bigint, occurred_at FROM tracking_event"
            " WHERE visitor_id = %s AND type = ANY(%s) AND part = 0"
            " AND properties->>'campaign' ~ '^[0-9]{1,18}$'"
            " ORDER BY occurred_at DESC LIMIT %s",
            (visitor_id, list(types), limit),
        )
        return list(cursor.fetchall())


def visitor_visits(visitor_id: UUID, *, limit: int = 10) -> list[tuple[datetime, datetime]]:
    """When a visitor's latest visits began and ended, newest first."""
    visits = Visit.objects.filter(visitor_id=visitor_id).order_by("-started_at")
    return list(visits.values_list("started_at", "ended_at")[:limit])


class Activity(NamedTuple):
    """So many `events` of a type in the hour or the day that begins at `at`."""

    at: datetime
    type: str
    events: int


def activity_list(*, since: datetime, unit: str) -> list[Activity]:
    """Events by type and `unit` ("hour" or "day", UTC) from `since` on, a few seconds old.

    Reads counts (tracking.activity): as many rows as hours × types × campaigns, however many
    events there were.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT date_trunc(%s, hour, 'UTC') AS at, type, sum(count)::int8"
            " FROM tracking_activitycount WHERE hour >= %s GROUP BY 1, 2 ORDER BY 1, 2",
            (unit, since),
        )
        return [Activity(*row) for row in cursor.fetchall()]


def campaign_activity(*, since: datetime) -> dict[tuple[int, str], int]:
    """Events since then by (campaign, type), of the events that answer a campaign."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT campaign::int8, type, sum(count)::int8 FROM tracking_activitycount"
            " WHERE hour >= %s AND campaign <> '' GROUP BY 1, 2",
            (since,),
        )
        return {(campaign, kind): count for campaign, kind, count in cursor.fetchall()}


def sweeps_last() -> dict[str, datetime]:
    """When the periodic jobs that note it looked last, by name."""
    return dict(SweepCursor.objects.values_list("name", "at"))


def visitor_event_count(visitor_id: UUID) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM tracking_event WHERE visitor_id = %s AND part = 0", (visitor_id,)
        )
        return int(cursor.fetchone()[0])


def inbox_size() -> int:
    """Requests accepted and not yet drained."""
    return Inbox.objects.count()


def inbox_oldest() -> datetime | None:
    """When the request that has waited longest was accepted; None when none waits."""
    return Inbox.objects.order_by("pk").values_list("received_at", flat=True).first()


def quarantine_size(*, most: int) -> int:
    """How much waits in quarantine to be mended; counted up to `most`."""
    return Quarantine.objects.all()[:most].count()


def events_complete_since() -> datetime | None:
    """The moment from which on no event was deleted because of its age; None: none ever was.

    A rebuild of a visitor whose first event came before it may differ from the profile that grew.
    """
    return SweepCursor.objects.filter(name=EXPIRED_CURSOR).values_list("at", flat=True).first()


def drop_counts() -> dict[str, int]:
    """How often each reason refused something, over all days."""
    totals = counters.drop_totals()
    return {reason: count for reason, count in totals.items() if reason not in FINDINGS}
