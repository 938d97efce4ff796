"""Which of many rules can be true in a context, without asking each of them.

A rule of conditions joined by "all" is not true as soon as one of them is not. So each of these
conditions stands for the set of rules that need it, a bit each, and one that does not hold takes
all of them away at once. Conditions that measure the same thing and differ by what they compare it
with are a family: what is measured falls into one of few classes, between two of the rules'
numbers, or equal to one of the rules' texts or to none of them. In each class every answer of the
family is the same, so it is found once, by asking the conditions themselves, and then kept.

The index only ever says which rules are worth asking: a rule it lets pass is asked as always.
Kept are answers by the rules' own values; nothing of a visitor stays behind.
"""

import json
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from personalization.rules.conditions import Condition
from personalization.rules.context import Context
from personalization.rules.nodes import Group, Leaf, Node
from personalization.rules.operators import NOT_SET
from personalization.rules.operators.texts import fold_measured

Bits = int
#: What is measured, as what decides all answers of a family.
ClassOf = Callable[[Any], Any]

_NEITHER = object()
#: Classes of a family whose answers are kept.
MAX_KEPT = 4096
#: How many readings of a request one of a profile costs, about.
PROFILE_COST = 4


class Family:
    """Conditions that measure the same; `narrow` gives the rules that can still be true."""

    def __init__(self, leaves: Sequence[tuple[Leaf, Bits]], everything: Bits) -> None:
        self._leaves = leaves
        self._everything = everything
        first = leaves[0][0]
        self._measure = first.measured
        self.reads_profile = bool(first.condition.needs)
        self._class_of = _class_of([leaf for leaf, _ in leaves])
        self._kept: dict[Any, Bits] = {}

    def narrow(self, context: Context) -> Bits:
        """The rules that no condition of the family rules out."""
        if self._class_of is None:
            return self._asked(context)
        found = self._class_of(self._measure(context))
        bits = self._kept.get(found)
        if bits is None:
            bits = self._asked(context)
            if len(self._kept) < MAX_KEPT:
                self._kept[found] = bits
        return bits

    def _asked(self, context: Context) -> Bits:
        bits = self._everything
        for leaf, needing in self._leaves:
            if leaf.ask(context) is not True:
                bits &= ~needing
        return bits


class RuleIndex:
    """Rules in their order of precedence. Made once for a published version."""

    def __init__(self, rules: Sequence[Node]) -> None:
        self._rules = rules
        self._all = (1 << len(rules)) - 1
        families: dict[str, dict[str, tuple[Leaf, Bits]]] = {}
        needs: list[list[str]] = []
        for place, rule in enumerate(rules):
            names = []
            for leaf in _needed(rule):
                name, same = _family_name(leaf), _name(leaf.params)
                known = families.setdefault(name, {})
                known[same] = (leaf, known.get(same, (leaf, 0))[1] | 1 << place)
                names.append(name)
            needs.append(names)
        self._families = {
            name: Family(list(leaves.values()), self._all) for name, leaves in families.items()
        }
        # What many rules need is asked first: it takes the most away. What a profile has to be
        # read for costs several times what the request says.
        needed = Counter(name for names in needs for name in set(names))
        order = {
            name: (-needed[name] / (PROFILE_COST if family.reads_profile else 1), name)
            for name, family in self._families.items()
        }
        self._needs = [sorted(set(names), key=order.__getitem__) for names in needs]

    def matches(self, context: Context) -> Iterator[int]:
        """The places of the rules that are true, in order; what nobody takes is not asked."""
        left = self._all
        asked: set[str] = set()
        while left:
            lowest = left & -left
            place = lowest.bit_length() - 1
            for name in self._needs[place]:
                if name not in asked:
                    asked.add(name)
                    left &= self._families[name].narrow(context)
                    if not left & lowest:
                        break
            else:
                left ^= lowest
                if self._rules[place].ask(context) is True:
                    yield place


def _needed(node: Node) -> Iterator[Leaf]:
    """The conditions without which a rule is not true."""
    if isinstance(node, Leaf):
        yield node
    elif node.kind == "all" or _needs_each(node):
        for member in node.members:
            yield from _needed(member)


def _needs_each(group: Group) -> bool:
    needed = {"any": 1, "at_least": group.needed}.get(group.kind)
    return needed == len(group.members)


def _name(params: Any) -> str:
    return json.dumps(params, sort_keys=True)


def _family_name(leaf: Leaf) -> str:
    """What a condition measures; all that it is where its answers have no classes."""
    condition, params = leaf.condition, leaf.params
    owned = _compared(condition, leaf)
    if owned is None:
        return condition.kind + _name(params)
    rest = {name: value for name, value in params.items() if name not in owned}
    return condition.kind + _name(rest)


def _compared(condition: Condition, leaf: Leaf) -> set[str] | None:
    """The fields that say what is compared with; None where answers have no classes."""
    if leaf.is_open:
        return None
    if condition.equals:
        return {condition.equals}
    operator = condition.operator_of(leaf.params.get("operator"))
    if operator is None or operator.cuts is None:
        return None
    if leaf.params.get("match_case"):
        return None
    return {"operator", *operator.fields}


def _class_of(leaves: Sequence[Leaf]) -> ClassOf | None:
    cuts: set[Any] = set()
    for leaf in leaves:
        if _compared(leaf.condition, leaf) is None:
            return None
        operator = leaf.condition.operator_of(leaf.params.get("operator"))
        found = operator.cuts if operator else None
        cuts.update(found(leaf.params) if found else [leaf.params[leaf.condition.equals]])
    if leaves[0].condition.equals:
        return lambda measured: measured if measured in cuts else _absent(measured)
    if all(isinstance(cut, str) for cut in cuts):
        return _text_classes(frozenset(cuts))
    return _number_classes(sorted(cuts))


def _absent(measured: Any) -> Any:
    return None if measured is None or measured is NOT_SET else _NEITHER


def _text_classes(cuts: frozenset[str]) -> ClassOf:
    def class_of(measured: Any) -> Any:
        if not isinstance(measured, str):
            return None
        folded = fold_measured(measured)
        return folded if folded in cuts else _NEITHER

    return class_of


def _number_classes(cuts: list[float]) -> ClassOf:
    def class_of(measured: Any) -> Any:
        if measured is None or measured is NOT_SET:
            return None
        return bisect_left(cuts, measured), bisect_right(cuts, measured)

    return class_of
