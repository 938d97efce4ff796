"""A condition's answers at every moment of a history at once, as bounds.

VECTORS is the document: the kinds of conditions that have a form for whole columns. Where a value
is off by rounding from what the memory reader would measure and the comparison is that close, the
answer stays open; so does everything of a kind that is not listed. What is open is asked moment by
moment (personalization.backtest.exact), where the rest of a rule has not decided it.

What never gets in: clocks, settings, storage.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import msgspec
import numpy as np

from personalization.backtest.bounds import (
    CODES,
    FALSE,
    TRUE,
    UNKNOWN,
    Answers,
    Bounds,
    bounds_constant,
    bounds_exact,
    bounds_open,
)
from personalization.backtest.history import History
from personalization.backtest.interests import Interests, of_pairs
from personalization.backtest.moments import PLAIN, events_recent, feature_counts
from personalization.backtest.past import World, request_of
from personalization.rules.context import Context
from personalization.rules.nodes import Leaf
from personalization.rules.operators import NOT_SET, NotSet
from profiles.columns import Bools, Floats, Ints

_COMPARE: Mapping[str, Callable[[Floats, float], Bools]] = {
    ">=": np.greater_equal,
    ">": np.greater,
    "<=": np.less_equal,
    "<": np.less,
    "=": np.equal,
    "!=": np.not_equal,
}


@dataclass
class Columnwise:
    """Answers over one history; conditions that are asked twice are answered once."""

    history: History
    world: World
    crowded: Bools
    #: None of what has no form for columns.
    _known: dict[bytes, Bounds | None] = field(default_factory=dict)

    @cached_property
    def size(self) -> int:
        return len(self.history.moments)

    @cached_property
    def interests(self) -> Interests:
        return Interests(self.history, self.world.weights, self.world.half_lives)

    def leaf_bounds(self, leaf: Leaf) -> Bounds:
        """The bounds of a condition's answers (m,)."""
        bounds = self.leaf_known(leaf)
        return bounds_open(self.size) if bounds is None else bounds

    def leaf_known(self, leaf: Leaf) -> Bounds | None:
        """The same; None where the condition has no form for columns."""
        key = leaf_key(leaf)
        if key not in self._known:
            self._known[key] = self._leaf_bounds(leaf)
        return self._known[key]

    def _leaf_bounds(self, leaf: Leaf) -> Bounds | None:
        if leaf.is_open:
            return bounds_constant(self.size, None)
        kind = leaf.condition.kind
        if kind in PLAIN:
            return compared(leaf, PLAIN[kind](self.history))
        vector = VECTORS.get(kind)
        if vector is None and leaf.condition.of_page:
            vector = _of_request
        bounds = vector(self, leaf) if vector is not None else None
        if bounds is not None and kind in OF_TOPICS and self.crowded.any():
            # Of these visitors topics may have given way.
            crowded = self.crowded[self.history.moment_visitor]
            return Bounds(
                np.where(crowded, FALSE, bounds.low), np.where(crowded, TRUE, bounds.high)
            )
        return bounds


def leaf_key(leaf: Leaf) -> bytes:
    """What stands for a condition with its parameters."""
    return msgspec.json.encode((leaf.condition.kind, leaf.is_open, dict(leaf.params)))


# --- Comparing ---------------------------------------------------------------------------------


def compared(
    leaf: Leaf, values: Floats, off: Floats | float = 0.0, *, missing: NotSet | None = NOT_SET
) -> Bounds:
    """What an operator answers of values that can be `off` by so much; NaN: `missing`.

    Operators other than those of numbers ask whether there is a value.
    """
    operator = leaf.params["operator"]
    unset = np.isnan(values)
    if operator not in _COMPARE and operator != "between":
        return bounds_exact(_presence(leaf, unset, missing))
    bounds = _between(leaf, values - off, values + off)
    return where_unknown(bounds, unset)


def _presence(leaf: Leaf, unset: Bools, missing: NotSet | None) -> Answers:
    operator = leaf.condition.operator_of(leaf.params["operator"])
    assert operator is not None
    test = operator.test(leaf.params)
    given, gone = CODES[test(0.0)], CODES[test(missing)]
    return np.where(unset, np.int8(gone), np.int8(given))


def _between(leaf: Leaf, least: Floats, most: Floats) -> Bounds:
    """The bounds where a value lies in [least, most]."""
    operator, params = leaf.params["operator"], leaf.params
    value = float(params["value"])
    if operator in {"=", "!="}:
        surely, maybe = (least == value) & (most == value), (least <= value) & (value <= most)
        if operator == "!=":
            surely, maybe = ~maybe, ~surely
    elif operator == "between":
        to = float(params["to"])
        surely = (value <= least) & (most <= to)
        maybe = (value <= most) & (least <= to)
    else:
        compare = _COMPARE[operator]
        one, other = compare(least, value), compare(most, value)
        surely, maybe = one & other, one | other
    return bounds_of(surely, maybe)


def bounds_of(surely: Bools, maybe: Bools) -> Bounds:
    return Bounds(
        np.where(surely, np.int8(TRUE), np.int8(FALSE)),
        np.where(maybe, np.int8(TRUE), np.int8(FALSE)),
    )


def where_unknown(bounds: Bounds, unknown: Bools) -> Bounds:
    return Bounds(*(np.where(unknown, np.int8(UNKNOWN), answers) for answers in bounds))


def where_open(bounds: Bounds, unsure: Bools) -> Bounds:
    return Bounds(
        np.where(unsure, np.int8(FALSE), bounds.low), np.where(unsure, np.int8(TRUE), bounds.high)
    )


# --- What events store of a page view ----------------------------------------------------------


def _of_request(columns: Columnwise, leaf: Leaf) -> Bounds:
    """Asked of the condition itself, once for each different page view."""
    h = columns.history
    wide = len(h.kinds)
    pairs = h.fact[h.moments] * wide + h.kind[h.moments]
    different, which = np.unique(pairs, return_inverse=True)
    answers = [
        CODES[
            leaf.ask(Context(now=0.0, request=request_of(h, fact=pair // wide, kind=pair % wide)))
        ]
        for pair in different.tolist()
    ]
    return bounds_exact(np.array(answers, np.int8)[which])


def _of_time(columns: Columnwise, leaf: Leaf) -> Bounds:
    answers = [CODES[leaf.ask(Context(now=now))] for now in columns.history.nows.tolist()]
    return bounds_exact(np.array(answers, np.int8))


def _of_consent(columns: Columnwise, leaf: Leaf) -> Bounds:
    h = columns.history
    answers = [
        CODES[leaf.ask(Context(now=0.0, consent=columns.world.consent_of(basis)))]
        for basis in h.bases
    ]
    return bounds_exact(np.array(answers, np.int8)[h.basis[h.moments]])


# --- What the visitor did before ---------------------------------------------------------------


def _visitor_type(columns: Columnwise, leaf: Leaf) -> Bounds:
    is_returning = PLAIN["visits"](columns.history) > 1
    holds = is_returning == (leaf.params["value"] == "returning")
    return bounds_of(holds, holds)


def _events(columns: Columnwise, leaf: Leaf) -> Bounds:
    params = leaf.params
    values = events_recent(
        columns.history, params["type"], params["category"], float(params["days"])
    )
    return compared(leaf, values)


def _counted(columns: Columnwise, leaf: Leaf) -> Bounds | None:
    assert leaf.condition.features is not None
    (feature,) = leaf.condition.features(leaf.params)
    found = feature_counts(columns.history, feature)
    if found is None:
        return None
    counts, is_exact = found
    if leaf.condition.operators:
        return where_open(compared(leaf, counts), ~is_exact)
    did = (counts > 0) == (leaf.params["answer"] == "did")
    return where_open(bounds_of(did, did), ~is_exact)


# --- Interests ---------------------------------------------------------------------------------


def _category(columns: Columnwise, leaf: Leaf) -> Ints:
    """The code of the condition's category for every moment, −1 for one that nobody has."""
    known = columns.history.categories.values
    slug = leaf.params["category"]
    return np.full(columns.size, known.index(slug) if slug in known else -1)


def _affinity(columns: Columnwise, leaf: Leaf) -> Bounds:
    i = columns.interests
    pairs = i.pairs_of(_category(columns, leaf))
    values, off = (
        (i.now, i.now_off) if leaf.params["horizon"] == "short" else (i.score, i.score_off)
    )
    there = of_pairs(i.is_there, pairs)
    measured = np.where(there, of_pairs(values, pairs), 0.0)
    bounds = compared(leaf, measured, np.where(there, of_pairs(off, pairs), 0.0))
    return where_open(bounds, of_pairs(i.is_unsure, pairs))


def _evidence(columns: Columnwise, leaf: Leaf) -> Bounds:
    i = columns.interests
    pairs = i.pairs_of(_category(columns, leaf))
    measured = np.where(of_pairs(i.is_there, pairs), of_pairs(i.evidence, pairs), 0)
    bounds = compared(leaf, measured.astype(np.float64))
    return where_open(bounds, of_pairs(i.is_unsure, pairs))


def _top_interest(columns: Columnwise, leaf: Leaf) -> Bounds:
    return _ranked(columns, leaf, _category(columns, leaf))


def _page_interest(columns: Columnwise, leaf: Leaf) -> Bounds:
    h = columns.history
    category = h.category[h.moments]
    return where_unknown(_ranked(columns, leaf, category), category == 0)


def _ranked(columns: Columnwise, leaf: Leaf, category: Ints) -> Bounds:
    best, worst = columns.interests.ranks(category)
    most = leaf.params["value"]
    return bounds_of(worst <= most, best <= most)


def _share(columns: Columnwise, leaf: Leaf) -> Bounds:
    return _parted(columns, leaf, margin=False)


def _margin(columns: Columnwise, leaf: Leaf) -> Bounds:
    return _parted(columns, leaf, margin=True)


def _parted(columns: Columnwise, leaf: Leaf, *, margin: bool) -> Bounds:
    """A category's score as a part of all, or how much of it lies above the next one's."""
    i = columns.interests
    category = _category(columns, leaf)
    pairs = i.pairs_of(category)
    score, off = of_pairs(i.score, pairs), of_pairs(i.score_off, pairs)
    if margin:
        others, others_off = i.highest(without=category)
        score, off = score - others, off + others_off
    evident = of_pairs(i.is_there, pairs) & (of_pairs(i.evidence, pairs) >= leaf.params["evidence"])
    total = np.where(evident & (i.total > 0.0), i.total, 1.0)
    part = 100.0 * score / total
    part_off = 100.0 * (off + np.abs(score) * i.total_off / total) / total + 1e-9
    bounds = compared(leaf, np.where(evident, part, np.nan), part_off, missing=None)
    return where_open(bounds, of_pairs(i.is_unsure, pairs) | (i.unsure & evident))


def _strongest(columns: Columnwise, leaf: Leaf) -> Bounds:
    i = columns.interests
    return where_open(compared(leaf, *i.highest()), i.unsure)


Vector = Callable[[Columnwise, Leaf], Bounds | None]

VECTORS: Mapping[str, Vector] = {
    "date_time": _of_time,
    "consent": _of_consent,
    "visitor_type": _visitor_type,
    "events": _events,
    "event_did": _counted,
    "event_count": _counted,
    "affinity": _affinity,
    "interest_evidence": _evidence,
    "top_interest": _top_interest,
    "page_interest": _page_interest,
    "interest_share": _share,
    "interest_margin": _margin,
    "strongest_interest": _strongest,
}
#: Those that read what a profile forgets when it has too many topics.
OF_TOPICS = frozenset(VECTORS) - {
    "date_time",
    "consent",
    "visitor_type",
    "event_did",
    "event_count",
}
