"""What a visitor's signals and visits add up to at every moment at once: decayed masses whatever
they were about, gaps between visits, and daily figures.

A decayed mass is a running sum here and a sum of logarithms in a profile, so it can be off by OFF
of what was added up. What never gets in: clocks, settings, storage.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import NamedTuple

import numpy as np

from personalization.backtest.history import History
from personalization.backtest.interests import ANCIENT, HalfLives, decayed_sums
from personalization.backtest.moments import Rows, rows_where
from profiles.columns import Bools, Floats, Ints
from profiles.decay import EPOCH
from profiles.state import CLICKS, DAY_MS, DWELL, HALF_LIVES
from profiles.trends import WINDOW_DAYS
from profiles.visits import consistency_of


class Masses(NamedTuple):
    """A signal's two masses, 0 where there is none, and where digits run out (m,)."""

    short: Floats
    long: Floats
    is_ancient: Bools


class Totals:
    """Of one history."""

    def __init__(self, history: History, half_lives: HalfLives) -> None:
        self.history, self.half_lives = history, half_lives
        self._masses: dict[str, Masses] = {}

    # --- Signals -----------------------------------------------------------------------------

    def half_lives_of(self, signal: str) -> tuple[float, float]:
        return self.half_lives.get(signal, HALF_LIVES)

    def masses(self, signal: str) -> Masses:
        if signal not in self._masses:
            self._masses[signal] = self._masses_of(signal)
        return self._masses[signal]

    def _masses_of(self, signal: str) -> Masses:
        h = self.history
        kinds = [place for place, kind in enumerate(h.kinds) if kind.type == signal]
        rows = rows_where(h, np.isin(h.kind, kinds) & (h.amount > 0.0))
        size = len(h.moments)
        if not len(rows.places):
            return Masses(np.zeros(size), np.zeros(size), np.zeros(size, bool))
        at = h.occurred_ms[rows.places] / 1000.0 - EPOCH
        owner = h.visitor[rows.places]
        begins = np.r_[True, owner[1:] != owner[:-1]]
        index = np.arange(len(owner))
        place = index - np.maximum.accumulate(np.where(begins, index, 0))
        before, own = rows.before(), rows.own()
        there, latest = before > own, np.maximum(before - 1, 0)
        now, found, ancient = h.nows - EPOCH, [], np.zeros(size, bool)
        for life in self.half_lives_of(signal):
            sums = decayed_sums(h.amount[rows.places], at, place, life)
            ages = np.where(there, (at[latest] - now) / life, 0.0)
            ancient |= ages < -ANCIENT
            found.append(np.where(there, sums[latest] * np.exp2(ages), 0.0))
        return Masses(found[0], found[1], ancient)

    # --- Visits ------------------------------------------------------------------------------

    @cached_property
    def visit_rows(self) -> Rows:
        return rows_where(self.history, self.history.starts_visit)

    @cached_property
    def today(self) -> Ints:
        """The moments' days since 1970 (m,)."""
        return (self.history.nows // (DAY_MS / 1000.0)).astype(np.int64)

    @cached_property
    def visits_recent(self) -> Ints:
        """Visits begun in the last 28 days, today among them (m,)."""
        rows = self.visit_rows
        first = (self.today - WINDOW_DAYS + 1) * DAY_MS
        since = np.maximum(rows.own(), rows.until(first - 1))
        return np.maximum(rows.before() - since, 0)

    @cached_property
    def consistency(self) -> Floats:
        """How regular visits were so far, NaN where they are too few (m,)."""
        rows, h = self.visit_rows, self.history
        values = np.full(len(rows.places) + 1, np.nan)
        owner, times = h.visitor[rows.places].tolist(), h.when[rows.places].tolist()
        gaps: list[float] = []
        for place, (visitor, when) in enumerate(zip(owner, times, strict=True)):
            if place and owner[place - 1] == visitor:
                gaps = [*gaps, (when - times[place - 1]) / DAY_MS][-GAPS:]
            else:
                gaps = []
            found = consistency_of(gaps)
            values[place] = np.nan if found is None else found
        before = rows.before()
        return np.where(before > rows.own(), values[before - 1], np.nan)

    # --- Days --------------------------------------------------------------------------------

    @cached_property
    def daily(self) -> Mapping[str, Floats]:
        """What each visitor's days add up to, in the order of `_days`."""
        h = self.history
        _, which = self._days
        types = [kind.type for kind in h.kinds]
        is_dwell = np.array([name == DWELL for name in types], bool)[h.kind]
        is_click = np.array([name in CLICKS for name in types], bool)[h.kind] & h.is_new
        counted = {
            "dwell_time": np.where(is_dwell, h.amount, 0.0),
            "clicks": is_click.astype(np.float64),
            "visits": h.starts_visit.astype(np.float64),
        }
        return {
            name: np.bincount(which, weights=each).astype(np.float64)
            for name, each in counted.items()
        }

    @cached_property
    def _days(self) -> tuple[Ints, Ints]:
        """(visitors' days with events, as keys; which of them each event is of)."""
        h = self.history
        keys, which = np.unique(h.visitor * DAYS + h.when // DAY_MS, return_inverse=True)
        return keys, which

    def days_complete(self, measure: str) -> tuple[Floats, Ints, Ints]:
        """The complete days after a visitor's first, of each visitor and today that moments have.

        (values (k, 28), the latest day last; how many days there are (k,); which each moment has
        (m,)).
        """
        h = self.history
        keys, _ = self._days
        pairs, which = np.unique(h.moment_visitor * DAYS + self.today, return_inverse=True)
        visitor, today = pairs // DAYS, pairs % DAYS
        first = h.when[h.begins[visitor]] // DAY_MS
        days = today[:, None] + np.arange(-WINDOW_DAYS, 0)
        wanted = visitor[:, None] * DAYS + days
        at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        found = np.where(keys[at] == wanted, self.daily[measure][at], 0.0)
        values = np.where(days > first[:, None], found, 0.0)
        return values, np.clip(today - first - 1, 0, WINDOW_DAYS), which


#: Gaps between the visits that a profile remembers.
GAPS = 31
#: More days than any time has.
DAYS = 1 << 20
