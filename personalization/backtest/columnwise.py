"""A condition's answers at every moment of a history at once, as bounds.

VECTORS is the document: the kinds of conditions that have a form for whole columns. Where a value
is off by rounding from what the memory reader would measure and the comparison is that close, the
answer stays open; so does everything of a kind that is not listed. What is open is asked moment by
moment (personalization.backtest.exact), where the rest of a rule has not decided it.

What never gets in: clocks, settings, storage.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec
import numpy as np

from personalization.backtest.behavior_forms import BEHAVIOR_FORMS
from personalization.backtest.bounds import (
    CODES,
    FALSE,
    TRUE,
    Bounds,
    bounds_constant,
    bounds_exact,
    bounds_open,
)
from personalization.backtest.columns import Columns, Form
from personalization.backtest.compared import bounds_of, compared
from personalization.backtest.event_forms import EVENT_FORMS
from personalization.backtest.interest_forms import INTEREST_FORMS
from personalization.backtest.moments import PLAIN, events_recent
from personalization.backtest.past import request_of
from personalization.rules.context import Context
from personalization.rules.nodes import Leaf
from profiles.columns import Bools


@dataclass
class Columnwise(Columns):
    """Answers over one history; conditions that are asked twice are answered once."""

    crowded: Bools
    #: None of what has no form for columns.
    _known: dict[bytes, Bounds | None] = field(default_factory=dict)

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
        if vector is None and leaf.condition.of_page and leaf.condition.features is None:
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


# --- What events store of a page view ----------------------------------------------------------


def _of_request(columns: Columns, leaf: Leaf) -> Bounds:
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


def _of_time(columns: Columns, leaf: Leaf) -> Bounds:
    answers = [CODES[leaf.ask(Context(now=now))] for now in columns.history.nows.tolist()]
    return bounds_exact(np.array(answers, np.int8))


def _of_consent(columns: Columns, leaf: Leaf) -> Bounds:
    h = columns.history
    answers = [
        CODES[leaf.ask(Context(now=0.0, consent=columns.world.consent_of(basis)))]
        for basis in h.bases
    ]
    return bounds_exact(np.array(answers, np.int8)[h.basis[h.moments]])


# --- What the visitor did before ---------------------------------------------------------------


def _visitor_type(columns: Columns, leaf: Leaf) -> Bounds:
    is_returning = PLAIN["visits"](columns.history) > 1
    holds = is_returning == (leaf.params["value"] == "returning")
    return bounds_of(holds, holds)


def _events(columns: Columns, leaf: Leaf) -> Bounds:
    params = leaf.params
    values = events_recent(
        columns.history, params["type"], params["category"], float(params["days"])
    )
    return compared(leaf, values)


VECTORS: Mapping[str, Form] = {
    "date_time": _of_time,
    "consent": _of_consent,
    "visitor_type": _visitor_type,
    "events": _events,
    **EVENT_FORMS,
    **BEHAVIOR_FORMS,
    **INTEREST_FORMS,
}
#: Those that read what a profile forgets when it has too many topics.
OF_TOPICS = frozenset(INTEREST_FORMS) | {"events"}
