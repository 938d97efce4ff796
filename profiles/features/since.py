"""What is kept of what came after the latest event of some type: the mark.

A mark may arrive late, so what came before it is kept as well: the latest EXACT_MOMENTS + 1 moments
one by one, and those before them in buckets, days in the latest two blocks of 32 days and whole
blocks before. What lies in a block before that of the mark is gone, and so are buckets more than
OLD_BLOCKS before the latest. So no mark ever divides a bucket, whenever it arrives: one that has
the mark in it is read whole, and what is kept is a function of the events alone.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from functools import reduce
from typing import Protocol

from profiles.features.cells import Cell
from profiles.features.definition import EXACT_MOMENTS
from profiles.features.keeping import Join, Keep, LastSeen, Newest, edge_since
from profiles.features.state import FeatureState

DAY_MS = 86_400_000
BLOCK_MS = 32 * DAY_MS
#: Blocks that are kept before the latest one: about two years.
OLD_BLOCKS = 23


class SinceKeep(Keep, Protocol):
    def mark(self, state: FeatureState, when: int) -> None:
        """It happened at `when`; in place."""


class SinceNewest(Newest):
    """The latest value, after the mark or not."""

    def __init__(self, join: Join) -> None:
        super().__init__(join, edge_since)

    def mark(self, state: FeatureState, when: int) -> None:
        _marked(state, when)

    def merge(self, state: FeatureState, other: FeatureState) -> None:
        super().merge(state, other)
        _marked(state, other.mark)


class SinceSeen(LastSeen):
    """When each value was last seen, of those seen after the mark."""

    def __init__(self) -> None:
        super().__init__(edge_since)

    def mark(self, state: FeatureState, when: int) -> None:
        if _marked(state, when):
            self.prune(state)

    def merge(self, state: FeatureState, other: FeatureState) -> None:
        _marked(state, other.mark)
        super().merge(state, other)


class SinceMoments:
    """A cell per moment, of the latest ones, and a cell per bucket of what is before them.

    A day's bucket is known by its number since 1970 UTC, a block's by ~ its number.
    """

    def __init__(self, join: Join) -> None:
        self.join = join

    def put(self, state: FeatureState, when: int, visit: int | None, cell: Cell) -> None:
        times, held = state.times, state.held
        if state.mark is not None and when // BLOCK_MS < state.mark // BLOCK_MS:
            return
        latest = times[-1] if times else when
        at = len(times) if when > latest else bisect_left(times, when)
        if at < len(times) and times[at] == when:
            held[at] = self.join(held[at], cell)
            return
        times.insert(at, when)
        held.insert(at, cell)
        if len(times) > EXACT_MOMENTS + 1:
            self._bucket(state, times.pop(0), held.pop(0))
        if when // BLOCK_MS > latest // BLOCK_MS:
            self._sort(state)

    def _bucket(self, state: FeatureState, when: int, cell: Cell) -> None:
        cells, key = state.cells, bucket_of(when, state.times[-1])
        if key is not None:
            cells[key] = self.join(cells[key], cell) if key in cells else cell

    def _sort(self, state: FeatureState) -> None:
        """Put the buckets where they belong by now: days into blocks, too old ones away."""
        cells, state.cells = state.cells, {}
        for key, cell in cells.items():
            self._bucket(state, bucket_begins(key), cell)

    def mark(self, state: FeatureState, when: int) -> None:
        if _marked(state, when):
            first = when // BLOCK_MS * BLOCK_MS
            gone = bisect_left(state.times, first)
            del state.times[:gone], state.held[:gone]
            for key in [key for key in state.cells if bucket_begins(key) < first]:
                del state.cells[key]

    def merge(self, state: FeatureState, other: FeatureState) -> None:
        if other.mark is not None:
            self.mark(state, other.mark)
        for when, cell in zip(other.times, other.held, strict=True):
            self.put(state, when, None, cell)
        first = None if state.mark is None else state.mark // BLOCK_MS * BLOCK_MS
        for key, cell in other.cells.items():
            begins = bucket_begins(key)
            if first is None or begins >= first:
                self._bucket(state, begins, cell)

    def read(
        self, state: FeatureState, now: int, visit: int | None, starts: Sequence[int]
    ) -> Cell | None:
        mark, times = state.mark, state.times
        if mark is None or not times:
            return None
        inside = state.held[bisect_right(times, mark) :]
        if state.cells and times[0] > mark:
            inside += [cell for key, cell in state.cells.items() if bucket_ends(key) > mark]
        return reduce(self.join, inside) if inside else None


def _marked(state: FeatureState, when: int | None) -> bool:
    """Whether the mark moved."""
    if when is None or (state.mark is not None and state.mark >= when):
        return False
    state.mark = when
    return True


def bucket_of(when: int, latest: int) -> int | None:
    """The bucket of a moment where `latest` is the latest one; None if it is too old for any."""
    block, newest = when // BLOCK_MS, latest // BLOCK_MS
    if block < newest - OLD_BLOCKS:
        return None
    return when // DAY_MS if block >= newest - 1 else ~block


def bucket_begins(key: int) -> int:
    return key * DAY_MS if key >= 0 else ~key * BLOCK_MS


def bucket_ends(key: int) -> int:
    return bucket_begins(key) + (DAY_MS if key >= 0 else BLOCK_MS)
