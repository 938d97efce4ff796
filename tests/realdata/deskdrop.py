"""The Deskdrop log, and what its profiles must be, computed without any of the product's code.

Sums are taken directly, Σ 2^(−(now−t)/h) with math.fsum; only the way an id is made from a
person is shared with the product, as docs/importing.md states it.
"""

from __future__ import annotations

import csv
import gzip
import json
import math
import os
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID, uuid5

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("ATTUNE_DATA") or ROOT.parent / "shared" / "data")
FILE = DATA / "deskdrop" / "users_interactions.csv.gz"

NAMESPACE = UUID("6f0d3a4e-5c1b-5b0e-9d57-0a2f4f9f6c11")
TYPES = {
    "VIEW": "page_view",
    "LIKE": "like",
    "BOOKMARK": "bookmark",
    "COMMENT CREATED": "comment",
    "FOLLOW": "follow",
}
HALF_LIVES = (86_400.0, 30 * 86_400.0)
RECENT = 32
RELATIVE = 1e-9
GAP = 1800
EPOCH = 1_577_836_800.0  # 2020-01-01, from which stored masses count


class Expected(NamedTuple):
    """What one person's profile must say. Masses as of `now`, by "signal|topic".

    `visits` are the fewest and the most that the log's own sessions can be split into: it is out of
    order, and visits are split by what is known at the time.
    """

    masses: dict[str, tuple[float, float, int]]
    recent: dict[str, list[int]]
    counts: dict[str, int]
    visits: tuple[int, int]
    first: int
    last: int


def rows_read() -> list[dict[str, str]]:
    with gzip.open(FILE, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def visitor_of(person: str) -> UUID:
    name = json.dumps(["deskdrop", "visitor", person], separators=(",", ":"))
    return uuid5(NAMESPACE, name)


def repeated_lines(rows: list[dict[str, str]]) -> set[int]:
    """The lines of rows that stood in the file before; the header is line 1, no row spans two."""
    seen: set[tuple[str, ...]] = set()
    repeated = set()
    for line, row in enumerate(rows, start=2):
        key = tuple(row.values())
        if key in seen:
            repeated.add(line)
        seen.add(key)
    return repeated


def profiles_expected(rows: list[dict[str, str]], *, now: float) -> dict[UUID, Expected]:
    distinct = {tuple(row.values()): row for row in rows}.values()
    people: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in distinct:
        people[row["personId"]].append(row)
    return {visitor_of(person): _expected(mine, now) for person, mine in people.items()}


def _expected(rows: list[dict[str, str]], now: float) -> Expected:
    times: dict[str, list[int]] = defaultdict(list)
    recent: dict[str, list[int]] = defaultdict(list)
    counts: dict[str, int] = defaultdict(int)
    for row in rows:
        signal, at = TYPES[row["eventType"]], int(row["timestamp"])
        counts[signal] += 1
        for topic in ("", "c:" + row["contentId"]):
            times[f"{signal}|{topic}"].append(at)
            recent[f"{signal}|{topic.removeprefix('c:')}"].append(at * 1000)
    masses = {}
    for key, ats in times.items():
        short, long = (
            math.fsum(2.0 ** (-(now - at) / half_life) for at in ats) for half_life in HALF_LIVES
        )
        masses[key] = (short, long, len(ats))
    all_times = [int(row["timestamp"]) * 1000 for row in rows]
    return Expected(
        masses=masses,
        recent={key: sorted(ats)[-RECENT:] for key, ats in recent.items()},
        counts=dict(counts),
        visits=_visits_expected(rows),
        first=min(all_times),
        last=max(all_times),
    )


def _visits_expected(rows: list[dict[str, str]]) -> tuple[int, int]:
    """No gap of over 30 minutes is inside a visit; and no two begin within 30 minutes of a run."""
    sessions: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        sessions[row["sessionId"]].append(int(row["timestamp"]))
    fewest = most = 0
    for times in sessions.values():
        start: float = min(times)
        last = start
        for at in [*sorted(times), math.inf]:
            if at - last > GAP:
                fewest += 1
                most += 1 + int((last - start) / GAP)
                start = at if at < math.inf else last
            last = at
    return fewest, most


def profile_difference(state: dict[str, Any], expected: Expected, *, now: float) -> str:
    """The first thing in which a stored state differs; empty when nothing does."""
    fewest, most = expected.visits
    if not fewest <= state["visits"] <= most:
        return f"visits: {state['visits']} are not {fewest} to {most}"
    for name in ("recent", "counts", "first", "last"):
        if state[name] != getattr(expected, name):
            return f"{name}: {state[name]} is not {getattr(expected, name)}"
    if state["masses"].keys() != expected.masses.keys():
        return "other masses are kept"
    for key, (short, long, events) in expected.masses.items():
        stored = state["masses"][key]
        if stored[2] != events:
            return f"{key}: {stored[2]} events, not {events}"
        for x, mass, half_life in zip(stored[:2], (short, long), HALF_LIVES, strict=True):
            at_now = 2.0 ** (x - (now - EPOCH) / half_life)
            if not math.isclose(at_now, mass, rel_tol=RELATIVE):
                return f"{key}: {at_now!r} is not {mass!r}"
    return ""
