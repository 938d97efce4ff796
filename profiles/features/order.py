"""What is kept of an order: when its three kinds of events happened, the latest moments of each.

Each kind has its times under its number in `cells`: FIRST, THEN, WITHOUT. One moment more is kept
than readings are exact for: where there are more, the order is looked for no farther back than
that one, so that what was forgotten never makes one that was interrupted.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from profiles.features.cells import Cell
from profiles.features.definition import EXACT_MOMENTS, Order
from profiles.features.state import FeatureState

FIRST, THEN, WITHOUT = range(3)


class Ordered:
    """The latest moments of each kind that lie in the window of the latest of all."""

    def __init__(self, window: Order) -> None:
        self.span = window.span_ms

    def put(self, state: FeatureState, when: int, visit: int | None, cell: Cell) -> None:
        """`cell` is the number of the kind."""
        times: list[int] = state.cells.get(cell, [])
        at = bisect_left(times, when)
        if at < len(times) and times[at] == when:
            return
        state.cells[cell] = [*times[:at], when, *times[at:]][-EXACT_MOMENTS - 1 :]
        self._prune(state)

    def _prune(self, state: FeatureState) -> None:
        edge = max(times[-1] for times in state.cells.values()) - self.span
        for kind, times in list(state.cells.items()):
            if times[-1] <= edge:
                del state.cells[kind]
            elif times[0] <= edge:
                state.cells[kind] = times[bisect_right(times, edge) :]

    def merge(self, state: FeatureState, other: FeatureState) -> None:
        for kind, times in other.cells.items():
            for when in times:
                self.put(state, when, None, kind)

    def read(
        self, state: FeatureState, now: int, visit: int | None, starts: Sequence[int]
    ) -> Cell | None:
        kinds: list[list[int]] = [state.cells.get(kind, []) for kind in (FIRST, THEN, WITHOUT)]
        latest = max((times[-1] for times in kinds if times), default=now)
        edge = max(now, latest) - self.span
        for times in kinds:
            if len(times) > EXACT_MOMENTS:
                edge = max(edge, times[0])
        return order_found(*kinds, edge=edge)


def order_found(
    first: Sequence[int], then: Sequence[int], without: Sequence[int], *, edge: int
) -> bool:
    """Whether one of `first` after `edge` is followed by one of `then`, with none of `without`
    between. Times are ascending; those of one moment do not follow each other.

    >>> order_found([1, 5], [4, 7], [2], edge=0), order_found([1, 5], [4], [2], edge=0)
    (True, False)
    """
    for later in then:
        at = bisect_left(first, later) - 1  # the latest before it: least can lie between
        if at >= 0 and first[at] > edge:
            between = bisect_right(without, first[at])
            if between == len(without) or without[between] >= later:
                return True
    return False
