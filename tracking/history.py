"""What a drain must know of its visitors' past, and what it adds to it.

In the caller's transaction, which holds the shard: nobody else writes of its visitors, so what is
read here is still so when it is written.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec
from django.db import connection
from msgspec import Struct, field

from tracking.pipeline.duplicates import Stored
from tracking.pipeline.repeats import Kept
from tracking.pipeline.steps import Event, Key
from tracking.pipeline.visits import GAP_MS, LONGEST_MS, Visit, Visits
from tracking.store import DAY_MS, at

#: By visitor: the months, counted from the year 0, in which they have events.
Months = dict[int, set[int]]


class VisitState(Struct, omit_defaults=True):
    """What a visit's row remembers for cleaning: pipeline.visits.Visit."""

    counts: dict[str, int] = field(default_factory=dict)
    recent: list[tuple[int, float]] = field(default_factory=list)


_decode_state = msgspec.json.Decoder(VisitState).decode
_encode = msgspec.json.encode


def months_read(visitor_ids: Iterable[int]) -> Months:
    """The months in which these visitors have events; nothing for a new one."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT visitor_id, months FROM tracking_visitor WHERE visitor_id = ANY(%s::uuid[])",
            (_uuids(visitor_ids),),
        )
        return {row[0].int: set(row[1]) for row in cursor.fetchall()}


def months_add(events: Iterable[Event], months: Months) -> None:
    """Note the months of new events; writes only of visitors for whom one is new."""
    changed: Months = {}
    for visitor_id, day in {(e.visitor_id.int, e.occurred_ms // DAY_MS) for e in events}:
        month = _month_of_day(day)
        known = months.setdefault(visitor_id, set())
        if month not in known:
            known.add(month)
            changed[visitor_id] = known
    if changed:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO tracking_visitor (visitor_id, months)"
                " SELECT visitor_id, months::int[]"
                " FROM unnest(%s::uuid[], %s::text[]) AS given (visitor_id, months)"
                " ON CONFLICT (visitor_id) DO UPDATE SET months = excluded.months",
                (
                    _uuids(changed),
                    [f"{{{','.join(map(str, sorted(known)))}}}" for known in changed.values()],
                ),
            )


@lru_cache(maxsize=10_000)
def _month_of_day(day: float) -> int:
    time = at(day * DAY_MS)
    return time.year * 12 + time.month - 1


def _month_start(month: int) -> datetime:
    return datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC)


def events_stored_find(events: Iterable[Event], months: Months) -> dict[Key, Stored]:
    """What the store holds of these events' ids, whenever they happened.

    Probes the partitions in which the visitors have events, one statement for each: with its
    bounds as constants the planner sees no other partition.
    """
    wanted: defaultdict[int, set[Key]] = defaultdict(set)
    for event in events:
        visitor_id = event.visitor_id.int
        for month in months.get(visitor_id, ()):
            wanted[month].add((visitor_id, event.id.int))
    stored: dict[Key, Stored] = {}
    for month, keys in wanted.items():
        for visitor_id, event_id, value, amount, occurred_ms, visit_id, outlier in _probe(
            keys, _month_start(month), _month_start(month + 1)
        ):
            key = visitor_id.int, event_id.int
            known = stored.get(key)
            if known is None:
                known = stored[key] = Stored(0, 0.0, occurred_ms, visit_id=visit_id)
            known.parts += 1
            known.total += value or 0.0
            known.amount += amount
            known.outlier = known.outlier or outlier
    return stored


def _probe(keys: Collection[Key], since: datetime, until: datetime) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT e.* FROM unnest(%s::uuid[], %s::uuid[]) AS given (visitor_id, id), LATERAL"
            " (SELECT visitor_id, id, value, amount,"
            "   (extract(epoch FROM occurred_at) * 1000)::float8, visit_id, outlier"
            "  FROM tracking_event WHERE visitor_id = given.visitor_id AND id = given.id"
            "  AND occurred_at >= %s AND occurred_at < %s"
            # Keeps the planner from joining instead, by reading whole partitions; in order of the
            # parts, as they were summed up before.
            "  ORDER BY part OFFSET 0) AS e",
            (
                _uuids(visitor_id for visitor_id, _ in keys),
                _uuids(event_id for _, event_id in keys),
                since,
                until,
            ),
        )
        return cursor.fetchall()


def visits_find(events: Iterable[Event]) -> Visits:
    """The visits that these events could join, and those whose id their client's visits have."""
    spans: dict[Key, tuple[float, float]] = {}
    for event in events:
        visitor_id = event.visitor_id.int
        key = visitor_id, visitor_id if event.visit_id is None else event.visit_id.int
        since, until = event.occurred_ms, event.until_ms
        span = spans.get(key)
        if span is None:
            spans[key] = since, until
        elif since < span[0] or until > span[1]:
            spans[key] = min(since, span[0]), max(until, span[1])
    visits = Visits()
    for visitor_uuid, visit_id, root, started_ms, ended_ms, raw in _visits_read(spans):
        state = _decode_state(raw)
        visits.add(
            Visit(
                visitor_id=visitor_uuid,
                id=visit_id,
                root=root,
                started_ms=started_ms,
                ended_ms=ended_ms,
                counts=state.counts,
                counts_before=dict(state.counts),
                recent=[Kept(key, at_ms) for key, at_ms in state.recent],
            )
        )
    return visits


def _visits_read(spans: Mapping[Key, tuple[float, float]]) -> list[tuple[Any, ...]]:
    if not spans:
        return []
    columns = (
        "visitor_id, id, root, (extract(epoch FROM started_at) * 1000)::float8,"
        " (extract(epoch FROM ended_at) * 1000)::float8, state::text"
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT v.* FROM unnest(%s::uuid[], %s::uuid[], %s::float8[], %s::float8[])"
            "  AS given (visitor_id, root, since, until), LATERAL"
            f" (SELECT {columns} FROM tracking_visit"
            "  WHERE visitor_id = given.visitor_id AND root = given.root"
            # None is longer than LONGEST: those that end late enough begin late enough.
            "  AND started_at BETWEEN to_timestamp(given.since / 1000)"
            "   AND to_timestamp(given.until / 1000)"
            f" UNION ALL SELECT {columns} FROM tracking_visit"
            "  WHERE visitor_id = given.visitor_id AND id = given.root) AS v",
            (
                _uuids(visitor_id for visitor_id, _ in spans),
                _uuids(root for _, root in spans),
                _floats(since - LONGEST_MS - GAP_MS for since, _ in spans.values()),
                _floats(until + GAP_MS for _, until in spans.values()),
            ),
        )
        return cursor.fetchall()


def visits_write(visits: Sequence[Visit]) -> None:
    """Insert new visits and replace what is stored of others."""
    if not visits:
        return
    rows = [
        {
            "visitor_id": visit.visitor_id,
            "id": visit.id,
            "root": visit.root,
            "started_at": at(visit.started_ms),
            "ended_at": at(visit.ended_ms),
            "state": VisitState(visit.counts, [kept[:2] for kept in visit.recent]),
        }
        for visit in visits
    ]
    with connection.cursor() as cursor:
        # One JSON document: an array of texts would have every quote in it escaped.
        cursor.execute(
            "INSERT INTO tracking_visit (visitor_id, id, root, started_at, ended_at, state)"
            " SELECT * FROM jsonb_to_recordset(%s::jsonb) AS given (visitor_id uuid, id uuid,"
            " root uuid, started_at timestamptz, ended_at timestamptz, state jsonb)"
            " ON CONFLICT (visitor_id, id) DO UPDATE SET started_at = excluded.started_at,"
            " ended_at = excluded.ended_at, state = excluded.state",
            (_encode(rows).decode(),),
        )


def _uuids(values: Iterable[int]) -> str:
    """An array literal: the driver's own adapts an array value by value, many times slower."""
    return "{" + ",".join([f"{value:032x}" for value in values]) + "}"


def _floats(values: Iterable[float]) -> str:
    return "{" + ",".join(map(repr, values)) + "}"
