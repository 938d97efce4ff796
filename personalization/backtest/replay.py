"""Rules evaluated at every past moment: the third reader of the rule tree.

Each rule is answered for whole columns as far as that goes, and moment by moment where it is still
open: the answers are those of the memory reader, exactly. What never gets in: clocks, settings,
storage.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from personalization.backtest.bounds import CODES, Answers, rule_bounds
from personalization.backtest.columnwise import Columnwise
from personalization.backtest.exact import DetailsOf, VisitorGoneError, contexts_of
from personalization.backtest.history import History
from personalization.backtest.past import World
from personalization.rules.nodes import Node
from profiles.columns import Bools, Codes
from profiles.state import TOPIC_KEYS


class Replayed(NamedTuple):
    """The answers of each rule at each moment (rules, m), and the moments that hold: not those of
    visitors whose events were erased while they were read (m,)."""

    answers: Answers
    holds: Bools
    exact: int


def rules_replay(
    rules: Sequence[Node], history: History, world: World, details_of: DetailsOf, *, since: float
) -> Replayed:
    """The answers of rules at the moments from `since` on (seconds since 1970).

    `rules` have been through personalization.backtest.past.rule_in_past. Before `since` nothing is
    asked: answers there say nothing.
    """
    columns = Columnwise(history, world, crowded_visitors(history, world))
    bounds = [rule_bounds(rule, columns.leaf_bounds) for rule in rules]
    asked = history.nows >= since
    answers = np.stack([each.low for each in bounds])
    open_ = np.stack([each.is_open for each in bounds]) & asked
    gone = _resolve(_Open(rules, history, world, details_of), answers, open_)
    holds = asked & ~gone[history.moment_visitor]
    return Replayed(answers, holds, int(open_.any(axis=0).sum()))


class _Open(NamedTuple):
    rules: Sequence[Node]
    history: History
    world: World
    details_of: DetailsOf


def _resolve(asked: _Open, answers: Answers, open_: Bools) -> Bools:
    """Answer what is open, in place; returns who is gone (v,)."""
    rules, history, world, details_of = asked
    gone = np.zeros(len(history.visitors), bool)
    undecided = np.flatnonzero(open_.any(axis=0))
    visitors, first = np.unique(history.moment_visitor[undecided], return_index=True)
    for visitor, mine in zip(visitors.tolist(), np.split(undecided, first[1:]), strict=False):
        places = history.moments[mine].tolist()
        column_of = dict(zip(places, mine.tolist(), strict=True))
        try:
            for place, context in contexts_of(history, world, visitor, places, details_of):
                column = column_of[place]
                for number in np.flatnonzero(open_[:, column]).tolist():
                    answers[number, column] = CODES[rules[number].test(context)]
        except VisitorGoneError:
            gone[visitor] = True
    return gone


def crowded_visitors(history: History, world: World) -> Bools:
    """Visitors (v,) who may have more topics than a profile remembers, so that order decides."""
    h, kinds = history, history.kinds
    pair = np.unique(h.visitor * max(len(kinds), 1) + h.kind)
    visitor, kind = np.divmod(pair, max(len(kinds), 1))
    signal = Codes().of([each.type for each in kinds])[kind]
    keys = np.zeros(len(h.visitors), np.int64)
    for times, texts in (
        (2, [""] * len(kinds)),  # of a type alone there are a mass and a list of times
        (2, [each.category for each in kinds]),
        (1, [each.content_type for each in kinds]),
    ):
        text = Codes().of(texts)[kind]
        key = (visitor * len(kinds) + signal) * (len(kinds) + 1) + text
        owner = np.unique(key) // (len(kinds) * (len(kinds) + 1))
        keys += times * np.bincount(owner, minlength=len(keys))
    return keys > TOPIC_KEYS * world.max_topics
