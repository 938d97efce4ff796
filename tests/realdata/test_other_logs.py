"""The shop log and the reading log, imported by their shipped mappings."""

from __future__ import annotations

import csv
import io
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid5

import pytest
from django.core.management import call_command
from django.db import connection

from profiles import selectors as profile_selectors
from tests.realdata.deskdrop import DATA, NAMESPACE
from tracking import importing
from tracking.models import ImportRun, Quarantine

REES46 = DATA / "rees46_slice" / "2019-Oct_first_170min.csv"
EBNERD = DATA / "ebnerd_mini" / "history_flat.csv"

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.slow,
    pytest.mark.skipif(not REES46.exists(), reason="the real data is not here"),
]


def import_file(path: Any, mapping: str) -> ImportRun:
    call_command("import_events", str(path), mapping=mapping, drain=True, stdout=io.StringIO())
    return ImportRun.objects.get()


def query(sql: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        return list(cursor.execute(sql).fetchall())


def test_a_shop_log_with_a_cut_last_line() -> None:
    run = import_file(REES46, "rees46")
    summary = importing.run_summary(run)
    with REES46.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))[1:]
    whole = [row for row in rows if len(row) == 9]
    distinct = {tuple(row) for row in whole}
    assert (len(rows), len(whole)) == (17_435, 17_434)
    assert (summary.queued, summary.stored) == (len(whole), len(distinct))
    assert summary.refused == {"duplicate": len(whole) - len(distinct), "malformed_line": 1}
    malformed = Quarantine.objects.get(reason="malformed_line")
    assert (malformed.line, malformed.detail) == (17_436, "8 values for 9 columns")
    types = {"page_view": "view", "add_to_cart": "cart", "purchase": "purchase"}
    counted = dict(query("SELECT type, count(*) FROM tracking_event GROUP BY 1"))
    assert {types[name]: n for name, n in counted.items()} == Counter(row[1] for row in distinct)
    categories = dict(query("SELECT category, count(*) FROM tracking_event GROUP BY 1"))
    assert categories == Counter(row[4].partition(".")[0] for row in distinct)
    visits = query("SELECT count(*), (SELECT count(*) FROM tracking_visit) FROM profiles_profile")
    people = {row[7] for row in distinct}
    sessions: defaultdict[tuple[str, str], list[datetime]] = defaultdict(list)
    for row in distinct:
        at = datetime.strptime(row[0], "%Y-%m-%d %H:%M:%S UTC")
        sessions[row[7], row[8]].append(at)
    pauses = sum(
        later - at > timedelta(minutes=30)
        for times in sessions.values()
        for at, later in pairwise(sorted(times))
    )
    assert visits == [(len(people), len(sessions) + pauses)]


def test_a_reading_log_tells_three_events_a_line() -> None:
    run = import_file(EBNERD, "ebnerd")
    with EBNERD.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    distinct = list({tuple(row.values()): row for row in rows}.values())
    scrolled = [row for row in distinct if row["scroll_percentage"]]
    summary = importing.run_summary(run)
    assert summary.stored == 2 * len(distinct) + len(scrolled)
    seconds, depth = query(
        "SELECT sum(value) FILTER (WHERE type = 'dwell'), sum(value) FILTER (WHERE type = 'scroll')"
        " FROM tracking_event"
    )[0]
    assert seconds == pytest.approx(sum(min(float(row["read_time"]), 1800.0) for row in distinct))
    assert depth == pytest.approx(sum(float(row["scroll_percentage"]) / 100 for row in scrolled))
    reader = rows[0]["user_id"]
    state = profile_selectors.profile_get(visitor_of(reader))
    assert state is not None
    assert state.counts["page_view"] == sum(row["user_id"] == reader for row in distinct)


def visitor_of(person: str) -> UUID:
    return uuid5(NAMESPACE, f'["ebnerd","visitor","{person}"]')
