"""What is measured at every moment at once: visits, pages, days, and how often something happened.

Each measure gives floats of shape (m,), equal to what the context of that one moment measures: the
same integers, or the same operations on the same floats. NaN stands for "not set". What never gets
in: clocks, settings, storage.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from personalization.backtest.history import PAGE_VIEW, History
from personalization.frequency.limits import VISIT_GAP_MS
from profiles.columns import Bools, Floats, Ints
from profiles.state import DAY, DAY_MS, RECENT_EVENTS

#: More than any time in milliseconds: a visitor's times are apart from the next one's.
SPAN = 1 << 42


class Rows:
    """Some of the events, to be counted before each moment: `places` in order."""

    def __init__(self, history: History, places: Ints) -> None:
        self.history, self.places = history, places
        self._keys = history.visitor[places] * SPAN + history.when[places]

    def before(self) -> Ints:
        """How many of all visitors' lie before each moment's event, in order."""
        return np.searchsorted(self.places, self.history.moments)

    def own(self) -> Ints:
        """How many of them lie before the moment's visitor's first event."""
        return np.searchsorted(self.places, self.history.moment_begins)

    def until(self, times: Ints) -> Ints:
        """How many lie before the visitor's time (m,), or at it."""
        limits = self.history.moment_visitor * SPAN + np.clip(times, 0, SPAN - 1)
        return np.searchsorted(self._keys, limits, side="right")


def rows_where(history: History, mask: Bools) -> Rows:
    return Rows(history, np.flatnonzero(mask))


def _visits(history: History) -> Floats:
    rows = rows_where(history, history.starts_visit)
    return (rows.before() - rows.own()).astype(np.float64)


def _starts(history: History) -> tuple[Ints, Ints, Ints]:
    """(visits begun before the moment, when the latest of them and the one before it began)."""
    rows = rows_where(history, history.starts_visit)
    before = rows.before()
    times = np.append(history.when[rows.places], [0, 0])  # read where there is none
    return before - rows.own(), times[before - 1], times[before - 2]


def _pages_in_visit(history: History) -> Floats:
    is_page = np.array([kind.type == PAGE_VIEW for kind in history.kinds], bool)
    rows = rows_where(history, is_page[history.kind] & history.is_new)
    if not len(rows.places):
        return np.zeros(0)
    when, visitor = history.when[rows.places], history.visitor[rows.places]
    opens = np.r_[True, (np.diff(when) > VISIT_GAP_MS) | (np.diff(visitor) != 0)]
    index = np.arange(len(when))
    length = index - np.maximum.accumulate(np.where(opens, index, 0)) + 1
    before, own = rows.before(), rows.own()
    gap = history.nows * 1000.0 - when[before - 1]
    goes_on = (before > own) & (gap <= VISIT_GAP_MS)
    return np.where(goes_on, np.minimum(length[before - 1], RECENT_EVENTS), 0).astype(np.float64)


def _has_events(history: History) -> Bools:
    return history.moments > history.moment_begins


def _minutes_in_visit(history: History) -> Floats:
    now_ms = history.nows * 1000.0
    visits, latest, _ = _starts(history)
    last = history.when[history.moments - 1]
    goes_on = _has_events(history) & (visits > 0) & (now_ms - last <= VISIT_GAP_MS)
    return np.where(goes_on, np.maximum(now_ms - latest, 0.0) / 60_000.0, 0.0)


def _days_since_first(history: History) -> Floats:
    first = history.when[history.moment_begins] / 1000.0
    days = np.maximum(history.nows - first, 0.0) / 86_400.0
    return np.where(_has_events(history), days, np.nan)


def _days_since_last(history: History) -> Floats:
    last = history.when[history.moments - 1] / 1000.0
    days = np.maximum(history.nows - last, 0.0) / 86_400.0
    return np.where(_has_events(history), days, np.nan)


def _days_between_visits(history: History) -> Floats:
    visits, latest, earlier = _starts(history)
    return np.where(visits > 1, (latest - earlier) / (1000.0 * DAY), np.nan)


#: By the kind of condition, where the kind alone says what is measured.
PLAIN: Mapping[str, Callable[[History], Floats]] = {
    "visits": _visits,
    "pages_in_visit": _pages_in_visit,
    "minutes_in_visit": _minutes_in_visit,
    "days_since_first_event": _days_since_first,
    "days_since_last_event": _days_since_last,
    "days_between_visits": _days_between_visits,
}


def events_recent(history: History, type: str, category: str, days: float) -> Floats:
    """What `events` measures: of the latest RECENT_EVENTS, those in the last days."""
    wanted = [
        kind.type == type and (not category or kind.category == category) for kind in history.kinds
    ]
    rows = rows_where(history, np.array(wanted, bool)[history.kind] & history.is_new)
    now_ms = history.nows * 1000.0
    before = rows.before()
    until = np.minimum(rows.until(np.floor(now_ms).astype(np.int64)), before)
    since = rows.until(np.floor(now_ms - days * DAY_MS).astype(np.int64))
    first = np.maximum(np.maximum(since, before - RECENT_EVENTS), rows.own())
    return np.maximum(until - first, 0).astype(np.float64)


def kinds_where(history: History, names: Sequence[str]) -> Bools:
    """Which events are of these types (n,)."""
    return np.array([kind.type in names for kind in history.kinds], bool)[history.kind]
