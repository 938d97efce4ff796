"""Three-valued answers of many moments at once, as far as they are known yet.

An answer is a number: FALSE < UNKNOWN < TRUE. Kleene's logic is then the order alone: `all` is the
least, `any` the greatest, `not` turns it round, and "at least k" is the k-th greatest. So joins
work on bounds as well as on answers: where the two bounds of a rule meet, it is decided, whatever
the conditions that are not would say. What never gets in: clocks, settings, storage.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from personalization.rules.nodes import Leaf, Node
from personalization.rules.operators import Answer

FALSE, UNKNOWN, TRUE = 0, 1, 2
CODES: Mapping[Answer, int] = {False: FALSE, None: UNKNOWN, True: TRUE}

Answers = NDArray[np.int8]


class Bounds(NamedTuple):
    """The least and the greatest that each answer can be (m,)."""

    low: Answers
    high: Answers

    @property
    def is_open(self) -> NDArray[np.bool_]:
        return self.low != self.high


def bounds_exact(answers: Answers) -> Bounds:
    return Bounds(answers, answers)


def bounds_constant(size: int, answer: Answer) -> Bounds:
    return bounds_exact(np.full(size, CODES[answer], np.int8))


def bounds_open(size: int) -> Bounds:
    """Nothing is known yet."""
    return Bounds(np.full(size, FALSE, np.int8), np.full(size, TRUE, np.int8))


def bounds_turned(bounds: Bounds) -> Bounds:
    """NOT: the order the other way round."""
    return Bounds(TRUE - bounds.high, TRUE - bounds.low)


def bounds_joined(kind: str, members: Sequence[Bounds], needed: int = 0) -> Bounds:
    """The answers of a group from those of its members."""
    lows = np.stack([member.low for member in members])
    highs = np.stack([member.high for member in members])
    if kind == "all":
        return Bounds(lows.min(axis=0), highs.min(axis=0))
    if kind == "at_least":
        place = len(members) - needed
        return Bounds(np.sort(lows, axis=0)[place], np.sort(highs, axis=0)[place])
    joined = Bounds(lows.max(axis=0), highs.max(axis=0))
    return joined if kind == "any" else bounds_turned(joined)


def rule_bounds(node: Node, leaf_bounds: Callable[[Leaf], Bounds]) -> Bounds:
    """The bounds of a rule from those of its conditions."""
    if isinstance(node, Leaf):
        return leaf_bounds(node)
    members = [rule_bounds(member, leaf_bounds) for member in node.members]
    return bounds_joined(node.kind, members, node.needed)
