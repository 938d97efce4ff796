"""A profile is bounded, whatever a visitor does: docs/profiles.md says by how much, and why."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
from django.conf import settings

from profiles.compare import state_differences
from profiles.features.checks import MAX_FEATURES
from profiles.features.state import FEATURE_BYTES
from profiles.state import (
    DAY_MS,
    RECENT_DAYS,
    RECENT_EVENTS,
    RECENT_VISITS,
    TOPIC_KEYS,
    Day,
    Increment,
    Mass,
    State,
    state_add,
    state_decode,
    state_encode,
)
from tests.profiles.endless import EVENTS, MAX_TOPICS, SIGNALS, Cost
from tracking.taxonomy import STANDARD_TYPES

ROOT = Path(__file__).resolve().parents[2]
NOW_MS = 1_763_800_000_000
#: The longest names the door lets in (tracking.pipeline.wire): of an event type, of a category.
TYPE, SLUG = "t" * 40, "c" * 64
TYPES = len(STANDARD_TYPES)


class Part(NamedTuple):
    """A line of the docs: how many entries a part has at most, of how many bytes, together."""

    entries: int
    each: int
    total: int


@cache
def parts_documented() -> dict[str, Part]:
    text = (ROOT / "docs/profiles.md").read_text(encoding="utf-8")
    section = text.partition("## How large it gets")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| ([^|]+?) \| .*?([\d,]+) \| ([\d,]+) \| ([\d,]+) \|$", section, re.M)
    return {
        name: Part(*(int(number.replace(",", "")) for number in numbers)) for name, *numbers in rows
    }


def bound() -> int:
    """The bytes that nobody's profile has more of, without declared features."""
    return sum(part.total for name, part in parts_documented().items() if "features" not in name)


# --- The sum in the docs ------------------------------------------------------------------------


def test_the_documented_numbers_of_entries_are_those_of_the_code() -> None:
    assert settings.PROFILE_MAX_TOPICS == MAX_TOPICS == 64
    assert {name: part.entries for name, part in parts_documented().items()} == {
        KEYS: TOPIC_KEYS * MAX_TOPICS,
        "`counts`": TYPES,
        "`half_lives`": TYPES,
        "`starts`": RECENT_VISITS,
        "`days`": RECENT_DAYS,
        "the other fields, and the names of all": 1,
        "declared features": MAX_FEATURES,
    }
    for part in parts_documented().values():
        assert part.entries * part.each == part.total
    assert parts_documented()["declared features"].each == FEATURE_BYTES


def test_the_documented_sums_are_right() -> None:
    text = " ".join((ROOT / "docs/profiles.md").read_text(encoding="utf-8").split())
    features = parts_documented()["declared features"].total
    assert f"**{bound():,} bytes** without declared features" in text
    assert f"**{bound() + features:,} bytes** with 64 of them" in text


LARGE = -123_456.78901234567
KEYS = "keys of `masses` and `recent`"
ENTRIES = [
    (KEYS, State(masses={f"{TYPE}|c:{SLUG}": Mass(LARGE, LARGE, 10**9)})),
    (KEYS, State(recent={f"{TYPE}|{SLUG}": [NOW_MS] * RECENT_EVENTS})),
    ("`counts`", State(counts={TYPE: 10**12})),
    ("`half_lives`", State(half_lives={TYPE: (123_456.78901234567, 123_456.78901234567)})),
    ("`starts`", State(starts=[NOW_MS])),
    ("`days`", State(days={NOW_MS // DAY_MS: Day(123_456_789.12345678, 10**9, 10**9, 10**9)})),
]


@pytest.mark.parametrize(("name", "state"), ENTRIES, ids=range(len(ENTRIES)))
def test_an_entry_of_a_part_is_no_larger_than_documented(name: str, state: State) -> None:
    (part,) = (getattr(state, field) for field in State.__struct_fields__ if getattr(state, field))
    comma, brackets = 1, 2
    assert len(msgspec.json.encode(part)) - brackets + comma <= parts_documented()[name].each


def test_the_other_fields_are_no_larger_than_documented() -> None:
    """Of a state of which nothing is left out, with one empty entry in each part."""
    state = State(definition=10**9, visits=10**9, first=NOW_MS, last=NOW_MS, starts=[0])
    state.masses, state.half_lives = {"": Mass(0, 0)}, {"": (0, 0)}
    state.recent, state.counts, state.days = {"": []}, {"": 0}, {0: Day()}
    documented = parts_documented()["the other fields, and the names of all"]
    assert len(state_encode(state)) <= documented.total


# --- Whatever they send ---------------------------------------------------------------------------


def increment(signal: str, at: int = NOW_MS, **changes: object) -> Increment:
    event = Increment(signal, "gardening", "article", 1.0, float(at), True, False)
    return event._replace(**changes)  # type: ignore[arg-type]


HOSTILE = {
    "values of zero": lambda n: increment("dwell", category=f"{n:064}", weight=0.0),
    "one event each": lambda n: increment("click", category=f"{n:064}", content_type=f"{n:064}"),
    "latest times to the brim": lambda n: increment(
        TYPE, NOW_MS + n, category=f"{n % 255:064}", content_type="", weight=0.0
    ),
    "everything to the brim": lambda n: increment(
        f"{n % 17:040}", NOW_MS + n, category=f"{n // 640:064}"
    ),
    "visits through the ages": lambda n: increment(
        f"{n % TYPES:040}", NOW_MS + n * 3_600_000, category=f"{n:064}", starts_visit=True
    ),
}


@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_visitor_stays_small_and_cheap_to_fold(make: Callable[[int], Increment]) -> None:
    events = [make(n) for n in range(20_000)]
    state, largest = State(), 0
    began = time.process_time()
    for number, event in enumerate(events):
        state_add(state, event, max_topics=MAX_TOPICS)
        if number % 500 == 0:
            largest = max(largest, len(state_encode(state)))
    assert time.process_time() - began < 20_000 * 200e-6
    assert largest <= bound()


@pytest.mark.slow
def test_a_visitor_of_a_million_events_stays_within_the_bound() -> None:
    """Of thousands of categories and content types; grown in portions it is the same as rebuilt."""
    command = [sys.executable, "-m", "tests.profiles.endless"]
    running = [
        subprocess.Popen([*command, mode], cwd=ROOT, stdout=subprocess.PIPE)
        for mode in ("grown", "rebuilt")
    ]
    outputs = [process.communicate(timeout=300)[0] for process in running]
    grown, rebuilt = (msgspec.json.decode(output, type=Cost) for output in outputs)
    for name, cost in {"grown": grown, "rebuilt": rebuilt}.items():
        low, high = cost.memory
        print(
            f"{name}: {cost.seconds / EVENTS * 1e6:.1f} µs an event, {cost.largest:,} bytes,"
            f" peak memory {high / low:.3f} of that after a tenth"
        )
        assert cost.largest <= bound()
        assert high <= 1.3 * low
        assert cost.seconds < EVENTS * 100e-6
    state = state_decode(grown.state)
    assert state_differences(state, state_decode(rebuilt.state)) == []
    assert len(state.masses) + len(state.recent) <= TOPIC_KEYS * MAX_TOPICS
    assert sum(state.counts.values()) == EVENTS * 9 // 10
    assert sum(state.masses[f"{signal}|"].events for signal in SIGNALS) <= EVENTS * 9 // 10
