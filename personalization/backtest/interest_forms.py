"""Conditions on interests at every moment of a history at once.

INTEREST_FORMS is the document. What never gets in: clocks, settings, storage.
"""

from collections.abc import Mapping

import numpy as np

from personalization.backtest.bounds import Bounds
from personalization.backtest.columns import Columns, Form
from personalization.backtest.compared import (
    bounds_of,
    compared,
    compared_range,
    where_open,
    where_unknown,
)
from personalization.backtest.interests import of_pairs
from personalization.rules.nodes import Leaf
from profiles.baseline import PSEUDO_EVENTS, baseline_usable
from profiles.columns import Bools, Floats, Ints

#: What a quotient can be off by beside what its parts are.
ROUNDING = 1e-9


def _category(columns: Columns, leaf: Leaf) -> Ints:
    """The code of the condition's category for every moment, −1 for one that nobody has."""
    known = columns.history.categories.values
    slug = leaf.params["category"]
    return np.full(columns.size, known.index(slug) if slug in known else -1)


def _affinity(columns: Columns, leaf: Leaf) -> Bounds:
    i = columns.interests
    pairs = i.pairs_of(_category(columns, leaf))
    values, off = (
        (i.now, i.now_off) if leaf.params["horizon"] == "short" else (i.score, i.score_off)
    )
    there = of_pairs(i.is_there, pairs)
    measured = np.where(there, of_pairs(values, pairs), 0.0)
    bounds = compared(leaf, measured, np.where(there, of_pairs(off, pairs), 0.0))
    return where_open(bounds, of_pairs(i.is_unsure, pairs))


def _evidence(columns: Columns, leaf: Leaf) -> Bounds:
    i = columns.interests
    pairs = i.pairs_of(_category(columns, leaf))
    measured = np.where(of_pairs(i.is_there, pairs), of_pairs(i.evidence, pairs), 0)
    bounds = compared(leaf, measured.astype(np.float64))
    return where_open(bounds, of_pairs(i.is_unsure, pairs))


def _top_interest(columns: Columns, leaf: Leaf) -> Bounds:
    return _ranked(columns, leaf, _category(columns, leaf))


def _page_interest(columns: Columns, leaf: Leaf) -> Bounds:
    h = columns.history
    category = h.category[h.moments]
    return where_unknown(_ranked(columns, leaf, category), category == 0)


def _ranked(columns: Columns, leaf: Leaf, category: Ints) -> Bounds:
    best, worst = columns.interests.ranks(category)
    most = leaf.params["value"]
    return bounds_of(worst <= most, best <= most)


def _share(columns: Columns, leaf: Leaf) -> Bounds:
    return _parted(columns, leaf, margin=False)


def _margin(columns: Columns, leaf: Leaf) -> Bounds:
    return _parted(columns, leaf, margin=True)


def _parted(columns: Columns, leaf: Leaf, *, margin: bool) -> Bounds:
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


def _strongest(columns: Columns, leaf: Leaf) -> Bounds:
    i = columns.interests
    return where_open(compared(leaf, *i.highest()), i.unsure)


def _lift(columns: Columns, leaf: Leaf) -> Bounds:
    """The share against the site's, the evidence on its side (profiles.baseline.lift_of)."""
    i, pairs = columns.interests, columns.interests.pairs_of(_category(columns, leaf))
    usual = baseline_usable(columns.world.baseline).shares.get(leaf.params["category"])
    score, off = of_pairs(i.score, pairs), of_pairs(i.score_off, pairs)
    if not usual:
        return compared(leaf, np.full(columns.size, np.nan), missing=None)
    prior = PSEUDO_EVENTS * usual
    least = (score - off + prior) / (i.total + i.total_off + PSEUDO_EVENTS) / usual
    most = (score + off + prior) / (i.total - i.total_off + PSEUDO_EVENTS) / usual
    return _evidently(columns, leaf, pairs, (least, most))


def _change(columns: Columns, leaf: Leaf) -> Bounds:
    """The share now against the visitor's own usual one."""
    i, pairs = columns.interests, columns.interests.pairs_of(_category(columns, leaf))
    evident = _evident(columns, leaf, pairs)
    total = np.where(evident & (i.total > 0.0), i.total, 1.0)
    share = np.where(evident, of_pairs(i.score, pairs) / total, 1.0)
    share_off = np.where(evident, (of_pairs(i.score_off, pairs) + share * i.total_off) / total, 0.0)
    now, off = of_pairs(i.now, pairs), of_pairs(i.now_off, pairs)
    prior, prior_off = PSEUDO_EVENTS * share, PSEUDO_EVENTS * share_off
    # Where rounding is as large as the share, nothing is told.
    floor = np.maximum(share - share_off, 1e-300)
    least = (now - off + prior - prior_off) / (i.now_total + i.now_total_off + PSEUDO_EVENTS)
    most = (now + off + prior + prior_off) / (i.now_total - i.now_total_off + PSEUDO_EVENTS)
    return _evidently(columns, leaf, pairs, (least / (share + share_off), most / floor))


def _evident(columns: Columns, leaf: Leaf, pairs: Ints) -> Bools:
    """Where enough events are behind the interest."""
    i = columns.interests
    enough = of_pairs(i.evidence, pairs) >= leaf.params["evidence"]
    there: Bools = of_pairs(i.is_there, pairs) & enough
    return there


def _evidently(columns: Columns, leaf: Leaf, pairs: Ints, ends: tuple[Floats, Floats]) -> Bounds:
    """Between these ends, where the interest is evident."""
    i, evident = columns.interests, _evident(columns, leaf, pairs)
    low = np.where(evident, ends[0] * (1.0 - ROUNDING), np.nan)
    high = np.where(evident, ends[1] * (1.0 + ROUNDING), np.nan)
    bounds = compared_range(leaf, low, high, missing=None)
    return where_open(bounds, of_pairs(i.is_unsure, pairs) | (i.unsure & evident))


INTEREST_FORMS: Mapping[str, Form] = {
    "affinity": _affinity,
    "interest_evidence": _evidence,
    "top_interest": _top_interest,
    "page_interest": _page_interest,
    "interest_share": _share,
    "interest_margin": _margin,
    "interest_lift": _lift,
    "interest_change": _change,
    "strongest_interest": _strongest,
}
