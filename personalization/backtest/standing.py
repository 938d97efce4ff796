"""What a replay says of visitors at the end of their histories.

Where it has no answer of its own, there is none: of who has more topics than a profile holds, of
whose events were erased meanwhile, and where a value is as close to what it is compared with as
rounding is. What never gets in: clocks, settings, storage.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from personalization.backtest.bounds import CODES, TRUE, UNKNOWN, Bounds, bounds_exact, rule_bounds
from personalization.backtest.columnwise import Columnwise, leaf_key
from personalization.backtest.exact import DetailsOf, VisitorGoneError, contexts_of
from personalization.backtest.history import PAGE_VIEW, History
from personalization.backtest.past import World
from personalization.backtest.replay import crowded_visitors
from personalization.rules.nodes import Leaf, Node, rule_conditions
from personalization.rules.operators import Answer
from profiles.columns import Bools, Ints
from tracking.pipeline.details import Detail

Answers = dict[UUID, Answer]


@dataclass(frozen=True)
class Standing:
    """Visitors' histories, each of which ends with the moment that is asked (history_asked)."""

    history: History
    world: World
    details_of: DetailsOf

    @property
    def places(self) -> Ints:
        """The last moments, by visitor (v,)."""
        return self.history.begins[1:] - 1


def view_asked(visitor_id: UUID, basis: str) -> Detail:
    """The page view that is asked for, in full: the last that `details_of` gives."""
    nothing = ("",) * 7
    return Detail(visitor_id, basis, PAGE_VIEW, 0.0, 0.0, 0, None, *nothing, None, None)


def rules_answer(standing: Standing, rules: Sequence[Node]) -> list[Answers]:
    """The answers at the visitors' last moments."""
    history, world = standing.history, standing.world
    crowded = crowded_visitors(history, world)
    columns = Columnwise(history, world, crowded)
    last = np.searchsorted(history.moments, standing.places)
    formless = {
        leaf_key(leaf): leaf
        for rule in rules
        for leaf in rule_conditions(rule)
        if columns.leaf_known(leaf) is None
    }
    one_by_one, gone = _one_by_one(standing, formless)

    def leaf_bounds(leaf: Leaf) -> Bounds:
        known = columns.leaf_known(leaf)
        if known is None:
            return bounds_exact(one_by_one[leaf_key(leaf)])
        return Bounds(known.low[last], known.high[last])

    answers = []
    for rule in rules:
        bounds = rule_bounds(rule, leaf_bounds)
        is_own = ~bounds.is_open & ~crowded & ~gone
        answers.append(
            {
                history.visitors[place]: _answer(int(bounds.low[place]))
                for place in np.flatnonzero(is_own).tolist()
            }
        )
    return answers


def _answer(code: int) -> Answer:
    return None if code == UNKNOWN else code == TRUE


def _one_by_one(
    standing: Standing, leaves: Mapping[bytes, Leaf]
) -> tuple[dict[bytes, NDArray[np.int8]], Bools]:
    """(the answers of conditions that have no form for columns, who is gone), by visitor (v,)."""
    count = len(standing.history.visitors)
    answers = {key: np.full(count, UNKNOWN, np.int8) for key in leaves}
    gone = np.zeros(count, bool)
    for visitor, place in enumerate(standing.places.tolist()) if leaves else ():
        try:
            for _, context in contexts_of(
                standing.history, standing.world, visitor, [place], standing.details_of
            ):
                for key, leaf in leaves.items():
                    answers[key][visitor] = CODES[leaf.ask(context)]
        except VisitorGoneError:
            gone[visitor] = True
    return answers, gone
