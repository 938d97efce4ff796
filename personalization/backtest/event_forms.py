"""Conditions on declared features at every moment of a history at once.

EVENT_FORMS is the document; what is compared there is what personalization.rules.event_reading
makes of the features' values. What never gets in: clocks, settings, storage.
"""

from collections.abc import Mapping

import numpy as np

from personalization.backtest.bounds import Bounds
from personalization.backtest.columns import Columns, Form
from personalization.backtest.compared import bounds_of, compared, compared_range, where_open
from personalization.backtest.counted import Counts, Times, feature_counts, feature_times
from personalization.rules.conditions.event_times import ROLLING_TRENDS
from personalization.rules.nodes import Leaf
from profiles.columns import Bools, Floats
from profiles.features.definition import Feature
from profiles.state import DAY_MS


def _features(leaf: Leaf) -> tuple[Feature, ...]:
    assert leaf.condition.features is not None
    return tuple(leaf.condition.features(leaf.params))


def _counts(columns: Columns, leaf: Leaf) -> list[Counts] | None:
    found = [feature_counts(columns.history, feature) for feature in _features(leaf)]
    known = [each for each in found if each is not None]
    return known if len(known) == len(found) else None


def _times(columns: Columns, leaf: Leaf) -> list[Times] | None:
    found = [feature_times(columns.history, feature) for feature in _features(leaf)]
    known = [each for each in found if each is not None]
    return known if len(known) == len(found) else None


# --- How often ---------------------------------------------------------------------------------


def _did(columns: Columns, leaf: Leaf) -> Bounds | None:
    if (found := _counts(columns, leaf)) is None:
        return None
    least, most = (each > 0 for each in found[0])
    if leaf.params["answer"] == "did":
        return bounds_of(least, most)
    return bounds_of(~most, ~least)


def _count(columns: Columns, leaf: Leaf) -> Bounds | None:
    found = _counts(columns, leaf)
    return None if found is None else compared_range(leaf, *found[0])


def _trend(columns: Columns, leaf: Leaf) -> Bounds | None:
    if (found := _counts(columns, leaf)) is None:
        return None
    this, before = (each.least for each in found)
    if leaf.params["period"] in ROLLING_TRENDS:
        before = before - this
    divisor = np.where(before > 0, before, 1.0)
    ratio = np.where(before > 0, this / divisor, np.where(this > 0, np.inf, np.nan))
    return where_open(compared(leaf, ratio), ~(found[0].is_exact & found[1].is_exact))


def _resumed(columns: Columns, leaf: Leaf) -> Bounds | None:
    if (found := _counts(columns, leaf)) is None:
        return None
    lately, with_pause, ever = (each.least for each in found)
    holds = (lately > 0) & (lately == with_pause) & (with_pause < ever)
    return where_open(bounds_of(holds, holds), ~(found[0].is_exact & found[1].is_exact))


# --- When --------------------------------------------------------------------------------------


def _days_ago(columns: Columns, times: Times) -> Floats:
    """Infinite where it never happened."""
    now = np.rint(columns.history.nows * 1000.0)
    return np.where(np.isnan(times.when), np.inf, np.maximum(now - times.when, 0.0) / DAY_MS)


def _surely(holds: Bools, unsure: Bools) -> Bounds:
    return where_open(bounds_of(holds, holds), unsure)


def _time(columns: Columns, leaf: Leaf) -> Bounds | None:
    if (found := _times(columns, leaf)) is None:
        return None
    days, limit = _days_ago(columns, found[0]), leaf.params["days"]
    is_within = leaf.params["when"] == "within"
    holds = days < limit if is_within else (limit <= days) & (days < np.inf)
    return _surely(holds, found[0].is_unsure)


def _stopped(columns: Columns, leaf: Leaf) -> Bounds | None:
    if (found := _times(columns, leaf)) is None:
        return None
    days, limit = _days_ago(columns, found[0]), leaf.params["days"]
    return _surely((limit <= days) & (days < limit + leaf.params["earlier"]), found[0].is_unsure)


def _sequence(columns: Columns, leaf: Leaf) -> Bounds | None:
    if (found := _times(columns, leaf)) is None:
        return None
    began, then = found
    return _surely(began.when < then.when, began.is_unsure | then.is_unsure)


def _conversion(columns: Columns, leaf: Leaf) -> Bounds | None:
    if (found := _times(columns, leaf)) is None:
        return None
    shown, goal = found
    reached = shown.when < goal.when
    holds = reached == (leaf.params["value"] == "yes")
    return _surely(holds, shown.is_unsure | goal.is_unsure)


def _unfinished(columns: Columns, leaf: Leaf) -> Bounds | None:
    if (found := _times(columns, leaf)) is None:
        return None
    began, finished = found
    days = np.where(finished.when >= began.when, np.inf, _days_ago(columns, began))
    return _surely(days < leaf.params["days"], began.is_unsure | finished.is_unsure)


EVENT_FORMS: Mapping[str, Form] = {
    "event_did": _did,
    "event_count": _count,
    "campaign_contact": _count,
    "event_trend": _trend,
    "event_resumed": _resumed,
    "event_time": _time,
    "event_stopped": _stopped,
    "event_sequence": _sequence,
    "event_unfinished": _unfinished,
    "campaign_conversion": _conversion,
}
