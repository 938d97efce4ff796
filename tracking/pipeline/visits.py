"""Visits, verified: at most 30 minutes of inactivity, at most 24 hours.

The client names a visit; here its events are split where it went on too long or had ended. All
that come of one name have it as their `root`, and never overlap. An event joins the visit its
time falls in, else the nearer neighbour that it does not stretch too far, else it begins one.
What was assigned stays: a late event that bridges two visits joins the nearer.

What never gets in: the store. It hands over the visits that a batch could join.
"""

from bisect import bisect_right
from collections.abc import Iterator
from math import inf
from uuid import UUID, uuid5

from msgspec import Struct, field

from tracking.pipeline.repeats import Kept

GAP_MS = 30 * 60_000.0
LONGEST_MS = 24 * 3_600_000.0
Key = tuple[int, int]


class Visit(Struct, gc=False):
    """A run of one visitor's events. Times in milliseconds since 1970.

    `counts` has the events by "type|content type" (pipeline.outliers), `counts_before` as they were
    when the batch began; `recent` the acts that can be repeated (pipeline.repeats).
    """

    visitor_id: UUID
    id: UUID
    root: UUID
    started_ms: float
    ended_ms: float
    counts: dict[str, int] = field(default_factory=dict)
    counts_before: dict[str, int] = field(default_factory=dict)
    recent: list[Kept] = field(default_factory=list)
    is_touched: bool = False


class Visits:
    """The visits a batch can join, and those it begins."""

    def __init__(self) -> None:
        self._by_root: dict[Key, list[Visit]] = {}
        self._taken: set[Key] = set()

    def add(self, visit: Visit) -> None:
        """Know a stored visit; the same one twice is one."""
        key = visit.visitor_id.int, visit.id.int
        if key not in self._taken:
            self._taken.add(key)
            visits = self._by_root.setdefault((key[0], visit.root.int), [])
            visits.insert(bisect_right(visits, visit.started_ms, key=_start), visit)

    def find(self, visitor_id: UUID, root: UUID, at_ms: float) -> Visit | None:
        """The visit of this root that a time falls in."""
        visits = self._by_root.get((visitor_id.int, root.int), ())
        index = bisect_right(visits, at_ms, key=_start)
        return visits[index - 1] if index and at_ms <= visits[index - 1].ended_ms else None

    def join(self, visitor_id: UUID, root: UUID, at_ms: float) -> tuple[Visit, bool]:
        """The visit of an event, stretched to hold it, and whether the event begins it."""
        visits = self._by_root.get((visitor_id.int, root.int))
        if visits is None:
            visits = self._by_root[visitor_id.int, root.int] = []
        elif (visit := visits[-1]).started_ms <= at_ms <= visit.ended_ms:
            return visit, False  # mostly
        index = bisect_right(visits, at_ms, key=_start)
        found = _fitting(visits, index, at_ms)
        if found is not None:
            found.started_ms = min(found.started_ms, at_ms)
            found.ended_ms = max(found.ended_ms, at_ms)
            return found, False
        new = Visit(visitor_id, self._new_id(visitor_id, root, at_ms), root, at_ms, at_ms)
        visits.insert(index, new)
        return new, True

    def absorb(self, visitor_id: UUID, other: Visit) -> Visit:
        """The visit that a retired visitor's becomes part of, or becomes by itself."""
        for at_ms in (other.started_ms, other.ended_ms):
            visits = self._by_root.get((visitor_id.int, other.root.int), [])
            found = _fitting(visits, bisect_right(visits, at_ms, key=_start), at_ms)
            if found is not None and _length(found, other) <= LONGEST_MS:
                break
        else:
            new_id = self._new_id(visitor_id, other.root, other.started_ms)
            found = Visit(visitor_id, new_id, other.root, other.started_ms, other.ended_ms)
            self._by_root.setdefault((visitor_id.int, other.root.int), []).append(found)
        found.started_ms = min(found.started_ms, other.started_ms)
        found.ended_ms = max(found.ended_ms, other.ended_ms)
        self._by_root[visitor_id.int, other.root.int].sort(key=_start)
        return found

    def stay(self, visit: Visit, until_ms: float) -> None:
        """The visitor was still there: stretch a visit, up to 24 hours and the next visit."""
        visits = self._by_root[visit.visitor_id.int, visit.root.int]
        index = bisect_right(visits, visit.started_ms, key=_start)
        limit = visits[index].started_ms if index < len(visits) else inf
        until_ms = min(until_ms, limit, visit.started_ms + LONGEST_MS)
        visit.ended_ms = max(visit.ended_ms, until_ms)

    def touched(self) -> Iterator[Visit]:
        """The visits that are to be written."""
        return (visit for visits in self._by_root.values() for visit in visits if visit.is_touched)

    def _new_id(self, visitor_id: UUID, root: UUID, at_ms: float) -> UUID:
        """The client's own id for its first visit, one made of it and the time for the others."""
        new = root
        if root == visitor_id or (visitor_id.int, root.int) in self._taken:
            new = uuid5(root, repr(float(at_ms)))
        self._taken.add((visitor_id.int, new.int))
        return new


def _start(visit: Visit) -> float:
    return visit.started_ms


def _length(left: Visit, right: Visit) -> float:
    """How long a visit of both lasts, in milliseconds."""
    return max(left.ended_ms, right.ended_ms) - min(left.started_ms, right.started_ms)


def _fitting(visits: list[Visit], index: int, at_ms: float) -> Visit | None:
    """Of the neighbours before and from `index` the nearer one that can hold the time."""
    left = visits[index - 1] if index else None
    right = visits[index] if index < len(visits) else None
    to_left = to_right = inf
    if left is not None:
        if at_ms <= left.ended_ms:
            return left
        if at_ms - left.started_ms <= LONGEST_MS:
            to_left = at_ms - left.ended_ms
    if right is not None and right.ended_ms - at_ms <= LONGEST_MS:
        to_right = right.started_ms - at_ms
    if min(to_left, to_right) > GAP_MS:
        return None
    return left if to_left <= to_right else right
