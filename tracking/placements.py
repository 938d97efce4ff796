"""Events that name a campaign in a slot: what was shown where, and what came of it."""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from django.db import connection


class Placed(NamedTuple):
    """An event that names a campaign in a slot; `version` is that of the rules it was shown by.

    `page_seq` is the sequence number of the page view it belongs to, None when none is stored.
    """

    visitor_id: UUID
    type: str
    campaign: int
    slot: str
    occurred_ms: int
    version: int
    page_seq: int | None
    path: str


def placements_list(
    visitor_ids: Collection[UUID], *, types: Collection[str], through_seq: int
) -> list[Placed]:
    """These visitors' events that name a campaign, by visitor and time."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT e.visitor_id, e.type, (e.properties->>'campaign')::bigint,"
            " coalesce(e.properties->>'slot', ''),"
            " floor(extract(epoch FROM e.occurred_at) * 1000)::bigint,"
            " CASE WHEN e.properties->>'version' ~ '^[0-9]{1,18}$'"
            "  THEN (e.properties->>'version')::bigint ELSE 0 END,"
            " (SELECT min(p.seq) FROM tracking_event AS p WHERE p.visitor_id = e.visitor_id"
            "  AND p.view_id = e.view_id AND p.type = 'page_view' AND p.part = 0), e.path"
            " FROM tracking_event AS e WHERE e.visitor_id = ANY(%s) AND e.type = ANY(%s)"
            " AND e.part = 0 AND NOT e.is_bot AND e.seq <= %s"
            " AND e.properties->>'campaign' ~ '^[0-9]{1,18}$'"
            " ORDER BY e.visitor_id, e.occurred_at, e.seq",
            (list(visitor_ids), list(types), through_seq),
        )
        return [Placed(*row) for row in cursor.fetchall()]


def exposures_count(campaign: int, *, since: datetime | None, is_visitors: bool) -> int:
    """Stored exposures of a campaign since then (ever, for None), or how many visitors have one.

    Reads every event since then: for workers, or a since that is not long ago.
    """
    counted = "count(DISTINCT visitor_id)" if is_visitors else "count(*)"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {counted} FROM tracking_event WHERE type = 'exposure' AND part = 0"
            " AND NOT is_bot AND properties->>'campaign' = %s AND occurred_at >= %s",
            (str(campaign), since or datetime.min.replace(tzinfo=UTC)),
        )
        return int(cursor.fetchone()[0])


def exposures_any(campaign: int) -> bool:
    """Whether a campaign has an exposure, by the counts of the hours (tracking.activity), which
    are some seconds old."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM tracking_activitycount WHERE type = 'exposure'"
            " AND campaign = %s AND count > 0)",
            (str(campaign),),
        )
        return bool(cursor.fetchone()[0])


def slot_paths(slot: str, *, since: datetime, limit: int) -> list[str]:
    """Addresses on which something was shown in a slot since then, in no order."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT path FROM tracking_event WHERE type = 'exposure' AND occurred_at >= %s"
            " AND properties->>'slot' = %s AND NOT is_bot LIMIT %s",
            (since, slot, limit),
        )
        return [row[0] for row in cursor.fetchall()]


def events_late(visitor_id: UUID, at: datetime, *, margin_ms: int) -> bool:
    """Whether an event from before a moment was received after it, or within the margin before."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM tracking_event WHERE visitor_id = %s AND occurred_at < %s"
            " AND received_at > %s - make_interval(secs => %s))",
            (visitor_id, at, at, margin_ms / 1000),
        )
        return bool(cursor.fetchone()[0])
