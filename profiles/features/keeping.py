"""What a window keeps of the past: one class per way of keeping, chosen by plans.keep_of.

Each puts a cell where its time belongs, merges two states and reads a moment. What is kept is a
function of the events alone, whatever their order: a cell goes only when enough later ones, or a
late enough one, make sure that no reading from then on can need it.

No reading is for a moment before the latest event: `read` then answers for that event's time.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from functools import reduce
from typing import Protocol
from zoneinfo import ZoneInfo

from profiles.features.cells import Cell
from profiles.features.definition import (
    DISTINCT_VALUES,
    EXACT_MOMENTS,
    SEEN_EVENTS,
    VISITS_KEPT,
    Calendar,
    LatestVisits,
    Rolling,
)
from profiles.features.periods import period_number
from profiles.features.state import FeatureState

Join = Callable[[Cell, Cell], Cell]
#: After which moment the window lies, at a moment and with the beginnings of visits; None: nothing
#: lies in it yet.
Edge = Callable[[FeatureState, int, Sequence[int]], int | None]
_BEFORE_ALL = -(1 << 62)


class Keep(Protocol):
    def put(self, state: FeatureState, when: int, visit: int | None, cell: Cell) -> None:
        """Add a cell of an event at `when`, in place."""

    def merge(self, state: FeatureState, other: FeatureState) -> None:
        """Add everything `other` keeps, in place."""

    def read(
        self, state: FeatureState, now: int, visit: int | None, starts: Sequence[int]
    ) -> Cell | None:
        """The cell of the window at `now` (milliseconds); None when nothing lies in it.

        `visit` is the one that goes on, `starts` are when the latest visits began, ascending.
        """


def edge_rolling(window: Rolling) -> Edge:
    span = window.span_ms
    return lambda state, now, starts: now - span


def edge_visits(window: LatestVisits) -> Edge:
    """The beginning of the visit that is the first of the latest so many."""
    visits = window.visits
    return lambda state, now, starts: starts[-visits] - 1 if len(starts) >= visits else _BEFORE_ALL


def edge_since(state: FeatureState, now: int, starts: Sequence[int]) -> int | None:
    return state.mark


class Whole:
    """Everything in one cell."""

    def __init__(self, join: Join) -> None:
        self.join = join

    def put(self, state: FeatureState, when: int, visit: int | None, cell: Cell) -> None:
        cells = state.cells
        cells[0] = self.join(cells[0], cell) if cells else cell

    def merge(self, state: FeatureState, other: FeatureState) -> None:
        for cell in other.cells.values():
            self.put(state, 0, None, cell)

    def read(
        self, state: FeatureState, now: int, visit: int | None, starts: Sequence[int]
    ) -> Cell | None:
        return state.cells.get(0)


class Newest(Whole):
    """The latest value only: when it is before the window, everything is."""

    def __init__(self, join: Join, edge: Edge) -> None:
        super().__init__(join)
        self.edge = edge

    def read(
        self, state: FeatureState, now: int, visit: int | None, starts: Sequence[int]
    ) -> Cell | None:
        cell: Cell = state.cells.get(0)
        edge = self.edge(state, now, starts)
        return cell if cell is not None and edge is not None and cell[0] > edge else None


class Periods:
    """A cell per day, week or month of the zone: the latest one, and the one before if asked."""

    def __init__(self, join: Join, window: Calendar) -> None:
        self.join = join
        self.offset = window.offset
        self.number = period_number(window.period, ZoneInfo(window.zone))

    def put(self, state: FeatureState, when: int, visit: int | None, cell: Cell) -> None:
        self._put(state.cells, self.number(when), cell)

    def _put(self, cells: dict[int, Cell], number: int, cell: Cell) -> None:
        if number in cells:
            cells[number] = self.join(cells[number], cell)
        else:
            cells[number] = cell
            _cells_prune(cells, max(cells) + self.offset)

    def merge(self, state: FeatureState, other: FeatureState) -> None:
        for number, cell in other.cells.items():
            self._put(state.cells, number, cell)

    def read(
        self, state: FeatureState, now: int, visit: int | None, starts: Sequence[int]
    ) -> Cell | None:
        latest = max(state.cells, default=0)
        return state.cells.get(max(self.number(now), latest) + self.offset)


class Visits:
    """A cell per visit, of the visits whose latest event is the latest."""

    most = VISITS_KEPT

    def __init__(self, join: Join) -> None:
        self.join = join

    def put(self, state: FeatureState, when: int, visit: int | None, cell: Cell) -> None:
        if visit is None:
            return
        cells = state.cells
        if visit in cells:
            cells[visit] = self.join(cells[visit], cell)
        else:
            cells[visit] = cell
        if (gone := _last_seen(state, when, visit, self.most)) is not None:
            del cells[gone]

    def merge(self, state: FeatureState, other: FeatureState) -> None:
        for when, visit in zip(other.times, other.held, strict=True):
            self.put(state, when, visit, other.cells[visit])

    def read(
        self, state: FeatureState, now: int, visit: int | None, starts: Sequence[int]
    ) -> Cell | None:
        return state.cells.get(visit) if visit is not None else None


class Latest(Visits):
    """The visits that have something in them since the first of the latest so many began."""

    def __init__(self, join: Join, window: LatestVisits) -> None:
        super().__init__(join)
        self.edge = edge_visits(window)
        # So that there is room for visits beside them, as on two devices.
        self.most = window.visits + VISITS_KEPT - 1

    def read(
        self, state: FeatureState, now: int, visit: int | None, starts: Sequence[int]
    ) -> Cell | None:
        edge = self.edge(state, now, starts)
        inside = state.held[bisect_right(state.times, edge) :] if edge is not None else []
        return reduce(self.join, [state.cells[each] for each in inside]) if inside else None


class LatestEvents:
    """The latest events, whatever their values: each one's time and the hash of its value."""

    def put(self, state: FeatureState, when: int, visit: int | None, cell: Cell) -> None:
        times, held = state.times, state.held
        at = bisect_right(times, when)
        while at and times[at - 1] == when and held[at - 1] > cell:
            at -= 1
        times.insert(at, when)
        held.insert(at, cell)
        if len(times) > SEEN_EVENTS:
            del times[0], held[0]

    def merge(self, state: FeatureState, other: FeatureState) -> None:
        for when, value in zip(other.times, other.held, strict=True):
            self.put(state, when, None, value)

    def read(
        self, state: FeatureState, now: int, visit: int | None, starts: Sequence[int]
    ) -> Cell | None:
        return state.held


class LastSeen:
    """When each value was last seen, of those seen latest: distinct where the past moves on."""

    def __init__(self, edge: Edge) -> None:
        self.edge = edge

    def put(self, state: FeatureState, when: int, visit: int | None, cell: Cell) -> None:
        self._put(state, when, cell[0])

    def _put(self, state: FeatureState, when: int, value: int) -> None:
        _last_seen(state, when, value, DISTINCT_VALUES)
        self.prune(state)

    def prune(self, state: FeatureState) -> None:
        """Let go what no later reading can need."""
        times = state.times
        if times and (edge := self.edge(state, times[-1], ())) is not None and times[0] <= edge:
            gone = bisect_right(times, edge)
            del times[:gone], state.held[:gone]

    def merge(self, state: FeatureState, other: FeatureState) -> None:
        for when, value in zip(other.times, other.held, strict=True):
            self._put(state, when, value)
        self.prune(state)

    def read(
        self, state: FeatureState, now: int, visit: int | None, starts: Sequence[int]
    ) -> Cell | None:
        times = state.times
        if not times or (edge := self.edge(state, max(now, times[-1]), starts)) is None:
            return None
        return state.held[bisect_right(times, edge) :]


def _last_seen(state: FeatureState, when: int, what: int, most: int) -> int | None:
    """Note that something was seen; gives what has to go, the one seen least lately.

    Ties go by number, so that the order of arrival has no say.
    """
    times, held = state.times, state.held
    if held and held[-1] == what:
        times[-1] = max(times[-1], when)
        return None
    if what in held:
        at = held.index(what)
        if times[at] >= when:
            return None
        del times[at], held[at]
    if not times or when > times[-1]:
        at = len(times)
    else:
        at = bisect_left(times, when)
        while at < len(times) and times[at] == when and held[at] < what:
            at += 1
    times.insert(at, when)
    held.insert(at, what)
    if len(times) <= most:
        return None
    del times[0]
    gone: int = held.pop(0)
    return gone


class Moments:
    """A cell per moment, of the latest ones, and a cell per bucket of what is before them.

    One moment more is kept than readings are exact for: it shows whether anything before the
    others lies in the window. Whatever is not later than the beginning of the bucket in which the
    window of the latest event begins is gone: no later reading goes back that far.
    """

    def __init__(self, join: Join, window: Rolling) -> None:
        self.join = join
        self.span = window.span_ms
        self.width = window.bucket_ms

    def put(self, state: FeatureState, when: int, visit: int | None, cell: Cell) -> None:
        times, held = state.times, state.held
        latest = times[-1] if times else when
        low = (latest - self.span) // self.width
        if not times or when > latest:
            times.append(when)
            held.append(cell)
            if (when - self.span) // self.width > low:
                self._prune(state)
        elif when // self.width < low:
            return
        else:
            at = bisect_left(times, when)
            if times[at] == when:
                held[at] = self.join(held[at], cell)
                return
            times.insert(at, when)
            held.insert(at, cell)
        if len(times) > EXACT_MOMENTS + 1:
            self._bucket(state.cells, times.pop(0) // self.width, held.pop(0))

    def _prune(self, state: FeatureState) -> None:
        low = (state.times[-1] - self.span) // self.width
        if state.times[0] < low * self.width:
            gone = bisect_left(state.times, low * self.width)
            del state.times[:gone], state.held[:gone]
        if state.cells:
            _cells_prune(state.cells, low)

    def _bucket(self, cells: dict[int, Cell], number: int, cell: Cell) -> None:
        cells[number] = self.join(cells[number], cell) if number in cells else cell

    def merge(self, state: FeatureState, other: FeatureState) -> None:
        for when, cell in zip(other.times, other.held, strict=True):
            self.put(state, when, None, cell)
        for number, cell in other.cells.items():
            self._bucket(state.cells, number, cell)
        if state.times:
            self._prune(state)

    def read(
        self, state: FeatureState, now: int, visit: int | None, starts: Sequence[int]
    ) -> Cell | None:
        times = state.times
        if not times:
            return None
        edge = max(now, times[-1]) - self.span
        inside = state.held[bisect_right(times, edge) :]
        if state.cells and times[0] > edge:
            inside += [cell for number, cell in state.cells.items() if number >= edge // self.width]
        return reduce(self.join, inside) if inside else None


def _cells_prune(cells: dict[int, Cell], low: int) -> None:
    """Drop the cells before a number."""
    if min(cells) < low:
        for number in [number for number in cells if number < low]:
            del cells[number]
