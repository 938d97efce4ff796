"""A visitor of a million events, folded in a process of its own, which says what that took.

    python -m tests.profiles.endless grown|rebuilt

"grown" adds them in random portions as a worker does, reading and writing the profile each time;
"rebuilt" in blocks as a rebuild does. Most events are about a few of 5,000 categories and 2,000
content types, a quarter of them about any.
"""

from __future__ import annotations

import re
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import msgspec
import numpy as np

from profiles.batch import columns_add
from profiles.columns import Columns
from profiles.state import State, state_decode, state_encode

VISITOR = UUID(int=1)
BLOCKS, BLOCK = 10, 100_000
EVENTS = BLOCKS * BLOCK
#: The most events a portion has.
PORTION = 5_000
CATEGORIES, TYPES = 5_000, 2_000
SIGNALS = ("page_view", "click", "dwell", "scroll", "like", "dismiss")
MAX_TOPICS = 64
START_MS, SPAN_MS = 1_760_000_000_000, 90 * 86_400_000


class Cost(msgspec.Struct):
    """What it took, and the profile; `memory` are the peaks of resident memory after a tenth of
    the events and after all of them, `largest` is the most bytes the profile ever had."""

    state: str
    seconds: float
    memory: tuple[int, int]
    largest: int


def blocks_make() -> Iterator[Columns]:
    """The same events each time, in no order of time; of ten parts one is no event of its own."""
    categories = ["", *(f"category-{n:055}" for n in range(CATEGORIES))]
    content_types = ["", *(f"type-{n:059}" for n in range(TYPES))]
    for number in range(BLOCKS):
        rng = np.random.default_rng(number)
        signal = rng.integers(0, len(SIGNALS), BLOCK)
        is_dwell = signal == SIGNALS.index("dwell")
        yield Columns(
            visitor=np.zeros(BLOCK, np.int64),
            signal=signal,
            category=_codes(rng, CATEGORIES),
            content_type=_codes(rng, TYPES),
            occurred_ms=(START_MS + rng.integers(0, SPAN_MS, BLOCK)).astype(float),
            weight=np.where(is_dwell, rng.integers(0, 60, BLOCK), 1.0),
            is_new=np.arange(BLOCK) % 10 > 0,
            starts_visit=rng.random(BLOCK) < 0.01,
            visit=rng.integers(1, 9, BLOCK),
            visitors=[VISITOR],
            signals=SIGNALS,
            categories=categories,
            content_types=content_types,
        )


def _codes(rng: np.random.Generator, size: int) -> np.typing.NDArray[np.int64]:
    few = np.minimum(rng.zipf(1.3, BLOCK), size)
    return np.where(rng.random(BLOCK) < 0.75, few, rng.integers(0, size + 1, BLOCK))


def portions_make(block: Columns, rng: np.random.Generator) -> Iterator[Columns]:
    start = 0
    while start < BLOCK:
        end = min(start + int(rng.integers(1, PORTION)), BLOCK)
        yield block.take(np.arange(start, end))
        start = end


def memory_peak() -> int:
    """The most resident memory so far. On Linux getrusage tells the parent's too."""
    status = Path("/proc/self/status")
    if status.exists() and (peak := re.search(r"VmHWM:\s+(\d+)", status.read_text())):
        return int(peak[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def cost_measure(mode: str) -> Cost:
    states: dict[UUID, State] = {}
    rng = np.random.default_rng(BLOCKS)
    peaks, largest, began = [], 0, time.process_time()
    for block in blocks_make():
        for columns in portions_make(block, rng) if mode == "grown" else [block]:
            columns_add(states, columns, max_topics=MAX_TOPICS)
            raw = state_encode(states[VISITOR])
            largest = max(largest, len(raw))
            states = {VISITOR: state_decode(raw)}
        peaks.append(memory_peak())
    return Cost(raw.decode(), time.process_time() - began, (peaks[0], peaks[-1]), largest)


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(cost_measure(sys.argv[1])))
