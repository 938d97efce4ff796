"""Adding many events to profiles at once: the same as one by one (profiles.state), in numpy.

A batch is grouped by visitor and key; each group becomes one sum, and the sums of a visitor are
merged into what the profile had. Where a topic could give way the order decides, and the events
are added one by one instead. What never gets in: clocks, settings, storage.
"""

from collections.abc import Callable, Iterator, MutableMapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np

from profiles.columns import Bools, Columns, Floats, Ints
from profiles.decay import EPOCH
from profiles.state import (
    CLICKS,
    DAY_MS,
    DWELL,
    HALF_LIVES,
    RECENT_DAYS,
    RECENT_EVENTS,
    RECENT_VISITS,
    Day,
    Increment,
    Mass,
    State,
    state_add,
    state_merge,
    topics_exceed,
)


class Groups(NamedTuple):
    """Rows sorted by key: `order` sorts them, `starts` says where each key's rows begin."""

    order: Ints
    starts: Ints
    first: Ints

    @property
    def ends(self) -> Ints:
        return np.append(self.starts[1:], len(self.order))


def columns_add(
    states: MutableMapping[UUID, State],
    columns: Columns,
    *,
    max_topics: int,
    new_state: Callable[[], State] = State,
) -> None:
    """Add a batch of events to their visitors' states, in place; new visitors get `new_state()`.

    All states given are of one definition, that of `new_state()`.
    """
    if not len(columns.visitor):
        return
    half_lives = new_state().half_lives
    crowded: list[int] = []
    for visitor, partial in partial_states(columns, half_lives):
        visitor_id = columns.visitors[visitor]
        state = states.get(visitor_id)
        is_new = state is None
        if state is None:
            state = states[visitor_id] = new_state()
        if topics_exceed(state, partial, max_topics=max_topics):
            crowded.append(visitor)
        elif is_new:
            partial.definition, partial.half_lives = state.definition, state.half_lives
            states[visitor_id] = partial
        else:
            state_merge(state, partial)
    if crowded:
        left = columns.take(np.isin(columns.visitor, crowded))
        for visitor, event in zip(left.visitor.tolist(), increments(left), strict=True):
            state_add(states[columns.visitors[visitor]], event, max_topics=max_topics)


def increments(columns: Columns) -> Iterator[Increment]:
    """The events one by one, in order."""
    c = columns
    arrays = (
        *(c.signal, c.category, c.content_type),
        *(c.occurred_ms, c.weight, c.is_new, c.starts_visit, c.visit),
    )
    rows = zip(*(array.tolist() for array in arrays), strict=True)
    for signal, category, content_type, occurred_ms, weight, *rest in rows:
        yield Increment(
            c.signals[signal],
            c.categories[category],
            c.content_types[content_type],
            weight,
            occurred_ms,
            *rest,
        )


def partial_states(
    columns: Columns, half_lives: dict[str, tuple[float, float]]
) -> list[tuple[int, State]]:
    """(visitor code, state of the visitor's events of this batch alone), bounded by nothing."""
    c = columns
    present = np.unique(c.visitor).tolist()
    states = {visitor: State() for visitor in present}
    when = c.occurred_ms.astype(np.int64)
    _masses_fill(states, c, half_lives)
    _counts_fill(states, c)
    _recent_fill(states, c, when)
    _spans_fill(states, c, when)
    _days_fill(states, c, when)
    return list(states.items())


def _group(key: Ints) -> Groups:
    order = np.argsort(key, kind="stable")
    ordered = key[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(key) else order
    return Groups(order, starts, order[starts])


def _masses_fill(
    states: dict[int, State], c: Columns, half_lives: dict[str, tuple[float, float]]
) -> None:
    c = c.take(c.weight > 0.0)
    if not len(c.visitor):
        return
    lives = np.array([half_lives.get(signal, HALF_LIVES) for signal in c.signals])
    log_weight, at = np.log2(c.weight), c.occurred_ms / 1000.0 - EPOCH
    short = log_weight + at / lives[c.signal, 0]
    long = log_weight + at / lives[c.signal, 1]
    for codes, texts, prefix in (
        (np.zeros_like(c.category), [""], ""),
        (c.category, c.categories, "c:"),
        (c.content_type, c.content_types, "t:"),
    ):
        rows = np.flatnonzero(codes) if prefix else np.arange(len(codes))
        if not len(rows):
            continue
        groups = _group(_key(c, codes, len(texts))[rows])
        order, first = rows[groups.order], rows[groups.first]
        masses = zip(
            _log_sums(short[order], groups),
            _log_sums(long[order], groups),
            np.add.reduceat(c.is_new[order].astype(np.int64), groups.starts).tolist(),
            strict=True,
        )
        names = _Names(c.signals, prefix, texts)
        for visitor, name, mass in zip(
            c.visitor[first].tolist(), names.of(c, codes, first), masses, strict=True
        ):
            states[visitor].masses[name] = Mass(*mass)


def _key(c: Columns, codes: Ints, size: int) -> Ints:
    return (c.visitor * len(c.signals) + c.signal) * size + codes


class _Names(dict[int, str]):
    """The key "signal|topic" of each pair of codes, made when it is first asked for."""

    def __init__(self, signals: Sequence[str], prefix: str, texts: Sequence[str]) -> None:
        self._signals, self._prefix, self._texts = signals, prefix, texts

    def __missing__(self, pair: int) -> str:
        signal, code = divmod(pair, len(self._texts))
        name = self[pair] = f"{self._signals[signal]}|{self._prefix}{self._texts[code]}"
        return name

    def of(self, c: Columns, codes: Ints, rows: Ints) -> Iterator[str]:
        return map(self.__getitem__, (c.signal[rows] * len(self._texts) + codes[rows]).tolist())


def _log_sums(x: Floats, groups: Groups) -> list[float]:
    """log2 Σ 2^x of each group, scaled by its largest so that nothing overflows."""
    most = np.maximum.reduceat(x, groups.starts)
    sizes = groups.ends - groups.starts
    sums = np.add.reduceat(np.exp2(x - np.repeat(most, sizes)), groups.starts)
    return (most + np.log2(sums)).tolist()


def _counts_fill(states: dict[int, State], c: Columns) -> None:
    c = c.take(c.is_new)
    groups = _group(c.visitor * len(c.signals) + c.signal)
    counts = (groups.ends - groups.starts).tolist()
    first = groups.first
    for visitor, signal, count in zip(
        c.visitor[first].tolist(), c.signal[first].tolist(), counts, strict=True
    ):
        states[visitor].counts[c.signals[signal]] = count


def _recent_fill(states: dict[int, State], c: Columns, when: Ints) -> None:
    c, when = c.take(c.is_new), when[c.is_new]
    for codes, texts in ((np.zeros_like(c.category), [""]), (c.category, c.categories)):
        rows = np.flatnonzero(codes) if texts is c.categories else np.arange(len(codes))
        if not len(rows):
            continue
        names = _Names(c.signals, "", texts)
        first, latest = _latest(_key(c, codes, len(texts))[rows], when[rows], keep=RECENT_EVENTS)
        first = rows[first]
        for visitor, name, times in zip(
            c.visitor[first].tolist(), names.of(c, codes, first), latest, strict=True
        ):
            states[visitor].recent[name] = times


def _latest(key: Ints, when: Ints, *, keep: int) -> tuple[Ints, list[list[int]]]:
    """For each key a row of it, and its `keep` latest times, ascending."""
    order = np.lexsort((when, key))
    ordered = key[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    ends = np.append(starts[1:], len(order))
    times = when[order].tolist()
    begins = np.maximum(starts, ends - keep).tolist()
    return order[starts], [times[b:e] for b, e in zip(begins, ends.tolist(), strict=True)]


def _spans_fill(states: dict[int, State], c: Columns, when: Ints) -> None:
    groups = _group(c.visitor)
    ordered = when[groups.order]
    lows = np.minimum.reduceat(ordered, groups.starts)
    highs = np.maximum.reduceat(ordered, groups.starts)
    is_last = ordered == np.repeat(highs, groups.ends - groups.starts)
    visits = np.maximum.reduceat(np.where(is_last, c.visit[groups.order], 0), groups.starts)
    for visitor, low, high, visit in zip(
        *(column.tolist() for column in (c.visitor[groups.first], lows, highs, visits)),
        strict=True,
    ):
        state = states[visitor]
        state.first, state.last, state.visit = low, high, visit
    _visits_fill(states, c.visitor[c.starts_visit], when[c.starts_visit])


def _visits_fill(states: dict[int, State], visitor: Ints, begun: Ints) -> None:
    if not len(visitor):
        return
    groups = _group(visitor)
    counts = (groups.ends - groups.starts).tolist()
    first, latest = _latest(visitor, begun, keep=RECENT_VISITS)
    for code, count, times in zip(visitor[first].tolist(), counts, latest, strict=True):
        states[code].visits, states[code].starts = count, times


def _days_fill(states: dict[int, State], c: Columns, when: Ints) -> None:
    number = when // DAY_MS
    kept = _days_kept(c.visitor, number)
    c, number = c.take(kept), number[kept]
    low = int(number.min())
    groups = _group(c.visitor * (int(number.max()) - low + 1) + number - low)
    is_click = np.array([signal in CLICKS for signal in c.signals])[c.signal] & c.is_new
    is_dwell = np.array([signal == DWELL for signal in c.signals])[c.signal]

    def sums(column: Any) -> list[Any]:
        return np.add.reduceat(column[groups.order], groups.starts).tolist()

    days = zip(
        sums(np.where(is_dwell, c.weight, 0.0)),
        sums(is_click.astype(np.int64)),
        sums(c.starts_visit.astype(np.int64)),
        sums(c.is_new.astype(np.int64)),
        strict=True,
    )
    first = groups.first
    for visitor, day, values in zip(
        c.visitor[first].tolist(), number[first].tolist(), days, strict=True
    ):
        states[visitor].days[day] = Day(*values)


def _days_kept(visitor: Ints, number: Ints) -> Bools:
    """Which events lie within RECENT_DAYS of their visitor's latest day."""
    latest = np.full(int(visitor.max()) + 1, np.iinfo(np.int64).min)
    np.maximum.at(latest, visitor, number)
    return number > latest[visitor] - RECENT_DAYS
