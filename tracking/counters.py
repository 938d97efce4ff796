"""The counters of refusals: appended by whoever refuses, added up by the schedule, read exactly.

One row per counter, updated, would make a flood of refused requests wait in line for its lock.
So `store.drops_add` only appends (DropIncrement), `drops_merge` moves what was appended into the
counters (DropCount), and whoever reads sums both in one statement: exact after each commit.
"""

from django.db import connection, transaction

#: Increments added up in one transaction.
MERGE_ROWS = 20_000

_BOTH = (
    "(SELECT reason, source, count FROM tracking_dropcount"
    " UNION ALL SELECT reason, source, count FROM tracking_dropincrement) AS counted"
)
_MERGE = (
    "WITH taken AS (DELETE FROM tracking_dropincrement WHERE id IN"
    "  (SELECT id FROM tracking_dropincrement ORDER BY id LIMIT %s)"
    "  RETURNING day, reason, source, count),"
    " added AS (INSERT INTO tracking_dropcount AS d (day, reason, source, count)"
    "  SELECT day, reason, source, sum(count) FROM taken GROUP BY 1, 2, 3"
    "  ON CONFLICT (day, reason, source) DO UPDATE SET count = d.count + excluded.count)"
    " SELECT count(*) FROM taken"
)


def drop_totals(source: str | None = None) -> dict[str, int]:
    """How often each reason refused something, over all days; of one source if given."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT reason, sum(count)::int8 FROM {_BOTH}"
            " WHERE %s::text IS NULL OR source = %s GROUP BY 1 ORDER BY 1",
            (source, source),
        )
        return dict(cursor.fetchall())


def drops_merge() -> int:
    """Add what was appended to the counters; returns how many increments. One at a time."""
    total = 0
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(hashtext('attune refusals'))")
            if not cursor.fetchone()[0]:
                return total  # somebody else is adding up
            count = cursor.execute(_MERGE, (MERGE_ROWS,)).fetchone()[0]
        total += count
        if count < MERGE_ROWS:
            return total
