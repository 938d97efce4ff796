"""Row 9: the reach of a rule of five conditions over a million profiles.

python -m bench.reach [--profiles 1000000] [--rounds 7]

Some thousand different visitors are projected by the product's own code and then copied in
PostgreSQL, consent and projected row alike, to as many as asked for (the copies' profiles are
empty: these rules leave nobody to memory; their consent is in the rows, so it is no news). Each
round counts two rules of five conditions as the campaign editor does (one that few match, one that
most match), and beside them everybody by one index, and the rules in memory on some visitors, whose
time a visitor is multiplied by all.
"""

import argparse
import os
import random
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import django
from django.core.management import call_command

from bench.report import median, report
from config import embedded

DIFFERENT = 2000
#: Visitors whom the memory reader is timed on.
ASKED = 500
FEW = {
    "all": [
        {"condition": "events", "type": "page_view", "category": "category-3", "value": 3,
         "days": 14},
        {"condition": "events", "type": "purchase", "operator": "=", "value": 0, "days": 30},
        {"condition": "top_interest", "category": "category-3", "value": 3},
        {"condition": "visits", "operator": ">=", "value": 2},
        {"condition": "engagement_level", "operator": ">=", "value": 0.2},
    ]
}  # fmt: skip
MOST = {
    "all": [
        {"condition": "days_since_last_event", "operator": "<=", "value": 60},
        {"condition": "visits", "operator": ">=", "value": 1},
        {"condition": "recency_score", "operator": ">=", "value": 0.01},
        {"condition": "strongest_interest", "operator": ">=", "value": 0.5},
        {"not": {"condition": "events", "type": "purchase", "days": 1, "value": 2}},
    ]
}
COPIES = """
CREATE TEMP TABLE copies AS SELECT visitor_id AS old, gen_random_uuid() AS new
    FROM personalization_projectedprofile, generate_series(2, %s);
INSERT INTO consent_effectiveconsent (visitor_id, {consent})
    SELECT new, {consent} FROM copies JOIN consent_effectiveconsent ON visitor_id = old;
INSERT INTO profiles_profile (visitor_id, shard, state, last_event_at, updated_at)
    SELECT new, shard, '{{}}', last_event_at, updated_at
    FROM copies JOIN profiles_profile ON visitor_id = old;
INSERT INTO personalization_projectedprofile (visitor_id, {row})
    SELECT new, {row} FROM copies JOIN personalization_projectedprofile ON visitor_id = old;
TRUNCATE personalization_consentchange
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profiles", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    with services():
        rows: dict[str, Any] = {}
        states = visitors_make()
        began = time.monotonic()
        visitors_copy(max(options.profiles // DIFFERENT, 1))
        rows["copying, seconds"] = time.monotonic() - began
        print("copied", flush=True)
        measure(rows, states, options.rounds)
        report("reach", rows, note="goal: <= 1 s, by an index where the condition allows")


@contextmanager
def services() -> Iterator[None]:
    """PostgreSQL and Valkey with production settings and this product's tables, and no workers:
    nothing here needs any, and none takes part of the processors."""
    with tempfile.TemporaryDirectory(prefix="attune-bench-") as folder:
        os.chmod(folder, 0o711)
        running = embedded.start(Path(folder))
        os.environ |= {
            "ENV_FILE": os.devnull,
            "DATA_DIR": folder,
            "DATABASE_URL": running.database_url,
            "REDIS_URL": running.redis_url,
            "SECRET_KEY": secrets.token_urlsafe(48),
            "LOG_LEVEL": "ERROR",
            "DJANGO_SETTINGS_MODULE": "config.settings",
        }
        try:
            django.setup()
            call_command("migrate", verbosity=0)
            yield
        finally:
            running.stop()


def visitors_make() -> list[Any]:
    """The different visitors: consenting, with profiles, projected; returns the states."""
    from datetime import UTC, datetime, timedelta

    from consent.models import EffectiveConsent
    from profiles import store as profile_store

    chance, now = random.Random(9), datetime.now(UTC)
    micro = int(now.timestamp() * 1e6)
    made = {uuid4(): state_make(chance, now.timestamp()) for _ in range(DIFFERENT)}
    choice = [1, micro, 1, 0]
    EffectiveConsent.objects.bulk_create(
        EffectiveConsent(
            visitor_id=visitor_id,
            choices={"measurement": choice, "personalization": choice},
            granted=["measurement", "personalization"],
            decided_at=now,
            expires_at=now + timedelta(days=180),
            notice_key="bench",
        )
        for visitor_id in made
    )
    profile_store.states_write(made, shard=0)
    from personalization.reach.projecting import profiles_project

    while profiles_project(seconds=60.0):
        pass
    return list(made.values())


def state_make(chance: random.Random, now: float) -> Any:
    """Two to forty events of up to five of twenty categories, within the last sixty days."""
    from profiles.state import DAY, Increment, State, state_add

    state = State()
    liked = chance.sample(range(20), chance.randint(1, 5))
    last = now - chance.random() ** 2 * 60 * DAY
    for _ in range(chance.randint(2, 40)):
        signal = chance.choices(
            ("page_view", "dwell", "scroll", "click", "purchase"), (10, 8, 6, 3, 0.3)
        )[0]
        at = (last - chance.random() * 20 * DAY) * 1000.0
        category = f"category-{chance.choice(liked)}"
        amount = 0.5 + chance.random() * 30 if signal == "dwell" else 1.0
        event = Increment(signal, category, "article", amount, at, True, chance.random() < 0.2)
        state_add(state, event, max_topics=64)
    return state


def visitors_copy(times: int) -> None:
    """Each visitor so many times; in one transaction, with the cursors past them."""
    from django.conf import settings
    from django.db import connection, transaction

    tables = {
        "consent": "consent_effectiveconsent",
        "profile": "profiles_profile",
        "row": "personalization_projectedprofile",
    }
    with transaction.atomic(), connection.cursor() as cursor:
        # The workers project what changes: not this.
        cursor.execute("LOCK TABLE personalization_projectioncursor IN EXCLUSIVE MODE")
        names = {
            key: ", ".join(
                f'"{column.name}"'
                for column in connection.introspection.get_table_description(cursor, table)
                if column.name != "visitor_id"
            )
            for key, table in tables.items()
        }
        cursor.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = %s"
            " AND indexname NOT LIKE '%%pkey'",
            (tables["row"],),
        )
        indexes = cursor.fetchall()
        key = (
            "ALTER TABLE personalization_projectedprofile {} CONSTRAINT projectedprofile_profile {}"
        )
        cursor.execute(key.format("DROP", ""))
        for name, _ in indexes:  # made anew at the end, as a restored backup does
            cursor.execute(f'DROP INDEX "{name}"')
        for statement in COPIES.format(**names).split(";"):
            cursor.execute(statement.replace("%s", str(int(times))))
        for _, definition in indexes:
            cursor.execute(definition)
        references = "FOREIGN KEY (visitor_id) REFERENCES profiles_profile ON DELETE CASCADE"
        cursor.execute(key.format("ADD", references))
        cursor.execute(
            "UPDATE personalization_projectioncursor SET at = now(), visitor_id ="
            " 'ffffffff-ffff-ffff-ffff-ffffffffffff'"
        )
        cursor.execute(
            "INSERT INTO personalization_projectioncursor (shard, basis, at, visitor_id, done)"
            " SELECT shard, (SELECT max(basis) FROM personalization_projectioncursor), now(),"
            " 'ffffffff-ffff-ffff-ffff-ffffffffffff', 0 FROM generate_series(0, %s) AS shard"
            " ON CONFLICT DO NOTHING",
            (settings.SHARDS - 1,),
        )
    with connection.cursor() as cursor:
        for table in tables.values():
            cursor.execute(f"VACUUM ANALYZE {table}")


def measure(rows: dict[str, Any], states: list[Any], rounds: int) -> None:
    from django.core.cache import cache
    from django.utils import timezone

    from personalization.reach import counting
    from personalization.reach.asking import site_now
    from personalization.reach.counting import moment_now, reach_now, visitors_count
    from personalization.rules.tree import rule_parse
    from profiles.state import state_decode, state_encode

    counting.TIMEOUT = 120.0  # to know how long it takes
    rules = {"few match": rule_parse(FEW), "most match": rule_parse(MOST)}
    site = site_now(timezone.now())
    raw = [state_encode(state) for state in states[:ASKED]]
    granted = {"personalization": "granted", "measurement": "granted"}

    def everybody() -> None:
        cache.delete("reach:visitors")
        visitors_count(site)

    def reach(rule: Any) -> Any:
        return reach_now(rule, now=moment_now())

    def in_memory(rule: Any) -> list[Any]:
        return [rule.test(site.context(state_decode(each), granted)) for each in raw]

    runs: dict[str, Callable[[], object]] = {"bare count by one index": count_bare}
    for name, rule in rules.items():
        runs[f"reach, {name}"] = partial(reach, rule)
        runs[f"in memory, {name}"] = partial(in_memory, rule)
    runs["all visitors (remembered for a minute)"] = everybody
    times = {name: [timed(run) for _ in range(rounds + 1)][1:] for name, run in runs.items()}
    rows["profiles"] = total = float(visitors_count(site))
    for name, found in times.items():
        if name.startswith("in memory"):
            rows[f"{name}, one process, s"] = median(found) / ASKED * total / 1000
        else:
            rows[f"{name}, ms"] = median(found)
    for name, rule in rules.items():
        rows[f"{name}: visitors"] = float(reach(rule).matching)
        explain(name, rule, site)


def count_bare() -> None:
    from django.db import connection

    from personalization.reach.projected import key_number

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM personalization_projectedprofile WHERE did @> ARRAY[%s::int8]",
            (key_number("page_view|category-3"),),
        )


def explain(name: str, rule: Any, site: Any) -> None:
    """Print which indexes answer a rule, and what is scanned."""
    from personalization.reach import store
    from personalization.reach.compiling import rule_sql
    from personalization.reach.counting import consent_now, count_statement

    compiled = rule_sql(rule, site.asking(rule))
    plan = store.explain(*count_statement(compiled, site, consent_now(site)))
    used = [line.strip() for line in plan if "Index Scan" in line or "Seq Scan" in line]
    print(f"\n{name}\n  " + "\n  ".join(line[:150] for line in used))


def timed(run: Callable[[], object]) -> float:
    """Milliseconds."""
    began = time.perf_counter()
    run()
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    main()
