"""Declared features at every moment at once: how often something happened, first and last.

Exact where a profile is; where it keeps a crowd of events in buckets, what it reads lies between
two counts, and both are given. What never gets in: clocks, settings, storage.
"""

from collections.abc import Mapping
from functools import cached_property
from types import SimpleNamespace
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from personalization.backtest.history import History
from personalization.backtest.moments import Rows, rows_where
from personalization.backtest.past import KIND_FIELDS
from personalization.backtest.zone_periods import period_numbers
from personalization.frequency.limits import VISIT_GAP_MS
from profiles.columns import Bools, Floats, Ints
from profiles.features.definition import (
    PROPERTY,
    TIME,
    VISITS_KEPT,
    Calendar,
    Dates,
    Feature,
    Lifetime,
    Rolling,
    Visit,
)
from profiles.features.filters import condition_test
from profiles.features.periods import dates_edges

#: So many events in a window are surely kept one by one (profiles.features.definition).
SURELY_EXACT = 60


class Counts(NamedTuple):
    """What a count reads at each moment lies between these (m,)."""

    least: Floats
    most: Floats

    @property
    def is_exact(self) -> Bools:
        return self.least == self.most


class Times(NamedTuple):
    """When something happened, in ms since 1970, NaN for never; and where that is not sure (m,)."""

    when: Floats
    is_unsure: Bools


# --- Which events ------------------------------------------------------------------------------


def feature_rows(history: History, feature: Feature) -> Rows | None:
    """The events that a feature counts; None where fields of theirs were not read."""
    named = {condition.field for condition in feature.where} - set(KIND_FIELDS)
    asked = history.asked
    if named and (
        asked is None or not named <= set(asked.fields) or feature.type not in asked.types
    ):
        return None
    tests = [condition_test(condition) for condition in feature.where]
    kinds = [place for place, kind in enumerate(history.kinds) if kind.type == feature.type]
    mask = np.isin(history.kind, kinds) & history.is_new
    if isinstance(feature.window, Dates):
        start, end = dates_edges(feature.window.start, feature.window.end, feature.window.zone)
        mask &= (start <= history.when) & (history.when < end)
    if not tests:
        return rows_where(history, mask)
    places, wide = np.flatnonzero(mask), len(history.fields)
    field = history.field[places] if named else np.zeros(len(places), np.int64)
    pairs, which = np.unique(history.kind[places] * wide + field, return_inverse=True)
    holds = [
        all(test(_event(history, pair // wide, pair % wide if named else None)) for test in tests)
        for pair in pairs.tolist()
    ]
    return Rows(history, places[np.array(holds, bool)[which]])


def _event(history: History, kind: int, field: int | None) -> Any:
    """What conditions look at of all events of a kind with these fields."""
    told: Mapping[str, Any] = {}
    if field is not None and history.asked is not None:
        told = dict(zip(history.asked.fields, history.fields[field], strict=False))
    properties = {
        name.removeprefix(PROPERTY): value
        for name, value in told.items()
        if name.startswith(PROPERTY)
    }
    plain = {name: value for name, value in told.items() if not name.startswith(PROPERTY)}
    return SimpleNamespace(**(history.kinds[kind]._asdict() | plain), properties=properties)


# --- How often ---------------------------------------------------------------------------------


def feature_counts(history: History, feature: Feature) -> Counts | None:
    """What a declared count reads; None where it takes more to tell."""
    rows = feature_rows(history, feature) if feature.aggregation == "count" else None
    if rows is None:
        return None
    window = feature.window
    if isinstance(window, Rolling):
        return _rolling(rows, window)
    if isinstance(window, Calendar):
        return _exactly(_in_period(rows, window))
    if isinstance(window, Lifetime | Dates):
        return _exactly(rows.before() - rows.own())
    return _in_visit(rows) if isinstance(window, Visit) else None


def _exactly(counts: Ints) -> Counts:
    return Counts(counts.astype(np.float64), counts.astype(np.float64))


def _now_ms(history: History) -> Ints:
    return np.rint(history.nows * 1000.0).astype(np.int64)


def _since(rows: Rows, times: Ints) -> Ints:
    """How many of the visitor's before the moment are later than these times (m,)."""
    before = rows.before()
    return before - np.maximum(rows.own(), np.minimum(rows.until(times), before))


def _rolling(rows: Rows, window: Rolling) -> Counts:
    edges = _now_ms(rows.history) - window.span_ms
    counts = _since(rows, edges)
    buckets = edges // window.bucket_ms * window.bucket_ms
    most = np.where(counts <= SURELY_EXACT, counts, _since(rows, buckets - 1))
    return Counts(counts.astype(np.float64), most.astype(np.float64))


class _Grouped:
    """Rows by visitor and a code of theirs (n,), `wide` many; counted before each moment."""

    def __init__(self, rows: Rows, codes: Ints, wide: int) -> None:
        self.history, self.wide = rows.history, wide
        self.size = len(rows.history) + 1
        groups = rows.history.visitor[rows.places] * wide + codes
        self.keys = np.sort(groups * self.size + rows.places)

    def _group(self, codes: Ints) -> Ints:
        return (self.history.moment_visitor * self.wide + codes) * self.size

    def first(self, codes: Ints) -> Ints:
        """How many keys are before the first one of the moment's visitor and code."""
        return np.searchsorted(self.keys, self._group(codes))

    def counts(self, codes: Ints) -> Ints:
        until = self._group(codes) + self.history.moments
        return np.searchsorted(self.keys, until) - self.first(codes)

    def places(self, at: Ints) -> Ints:
        return np.append(self.keys, 0)[at] % self.size


def _in_period(rows: Rows, window: Calendar) -> Ints:
    """How many are in the moment's day, week or month, or the one before; as profiles do, a clock
    that was put back does not take the latest event's period away."""
    h, zone = rows.history, ZoneInfo(window.zone)
    numbers = period_numbers(window.period, zone, h.when[rows.places])
    now = period_numbers(window.period, zone, _now_ms(h))
    if not len(numbers) or not len(now):
        return np.zeros(len(now), np.int64)
    low = min(int(numbers.min()), int(now.min())) - 1
    wide = max(int(numbers.max()), int(now.max())) - low + 1
    codes = numbers - low
    latest = np.maximum.accumulate(h.visitor[rows.places] * wide + codes) % wide
    before = rows.before()
    reached = np.where(before > rows.own(), latest[before - 1], 0)
    return _Grouped(rows, codes, wide).counts(np.maximum(now - low, reached) + window.offset)


class Visits:
    """The visit that goes on at each moment."""

    def __init__(self, history: History) -> None:
        h = self.history = history
        self.values, self.codes = np.unique(h.visit, return_inverse=True)
        # Of events at the same millisecond the highest visit is the latest, as in a profile.
        begins = np.r_[True, (np.diff(h.visitor) != 0) | (np.diff(h.when) != 0)][: len(h)]
        wide = len(self.values)
        latest = np.maximum.accumulate((np.cumsum(begins) - 1) * wide + self.codes) % max(wide, 1)
        self.current = latest[h.moments - 1] if len(h) else np.zeros(0, np.int64)

    @cached_property
    def goes_on(self) -> Bools:
        h = self.history
        gap = h.nows * 1000.0 - h.when[h.moments - 1]
        return (h.moments > h.moment_begins) & (gap <= VISIT_GAP_MS)

    @cached_property
    def is_unsure(self) -> Bools:
        """Where the visit may stand for events of none: they go by their visitor's number."""
        own = np.array([visitor.int >> 65 for visitor in self.history.visitors], np.int64)
        return self.values[self.current] == own[self.history.moment_visitor]


def _in_visit(rows: Rows) -> Counts:
    """How many are in the visit that goes on. A profile lets go of a visit when enough others have
    events after its first."""
    h = rows.history
    if not len(rows.places):
        return _exactly(np.zeros(len(h.moments), np.int64))
    visits = Visits(h)
    grouped = _Grouped(rows, visits.codes[rows.places], len(visits.values))
    counts = grouped.counts(visits.current)
    first = h.when[grouped.places(grouped.first(visits.current))]
    others = _since(rows, first - 1) - counts
    is_sure = ((counts == 0) | (others < VISITS_KEPT)) & ~visits.is_unsure
    counts = np.where(visits.goes_on, counts, 0)
    is_sure |= ~visits.goes_on
    return Counts(np.where(is_sure, counts, 0).astype(float), np.where(is_sure, counts, np.inf))


# --- When --------------------------------------------------------------------------------------


def feature_times(history: History, feature: Feature) -> Times | None:
    """When it happened first (`min`) or last (`max`), ever, or first within a rolling window; None
    where it takes more to tell."""
    rows = feature_rows(history, feature) if feature.of == TIME else None
    kind = feature.aggregation, type(feature.window)
    if rows is None or kind not in _FIRST_OR_LAST:
        return None
    before, own = rows.before(), rows.own()
    nowhere = np.zeros(len(before), bool)
    if kind == ("max", Lifetime):
        return Times(_times_at(rows, before - 1, before > own), nowhere)
    if kind == ("min", Lifetime):
        return Times(_times_at(rows, own, before > own), nowhere)
    assert isinstance(feature.window, Rolling)
    count = _since(rows, _now_ms(history) - feature.window.span_ms)
    return Times(_times_at(rows, before - count, count > 0), count > SURELY_EXACT)


_FIRST_OR_LAST = {("max", Lifetime), ("min", Lifetime), ("min", Rolling)}


def _times_at(rows: Rows, at: Ints, is_there: Bools) -> Floats:
    times = np.append(rows.history.when[rows.places], 0)
    return np.where(is_there, times[np.where(is_there, at, -1)], np.nan)
