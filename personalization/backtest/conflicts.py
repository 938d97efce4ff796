"""What stands between a draft and its visitors: conflicts with itself and with other campaigns.

`rule_contradictions` and `rules_identical` look at rules alone and cost nothing; the others read
what a backtest counted. What never gets in: clocks, settings, storage.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from math import inf
from typing import Any, Literal, NamedTuple

import msgspec

from personalization.rules.nodes import Group, Leaf, Node, rule_as_json

#: What an operator of numbers leaves open: (least, is it in, most, is it in).
_RANGES = {
    ">=": lambda p: (p["value"], True, inf, False),
    ">": lambda p: (p["value"], False, inf, False),
    "<=": lambda p: (-inf, False, p["value"], True),
    "<": lambda p: (-inf, False, p["value"], False),
    "=": lambda p: (p["value"], True, p["value"], True),
    "between": lambda p: (p["value"], True, p["to"], True),
}
#: What an overlap has to be at least to be told, in percent.
TOLD_PERCENT = 10

Kind = Literal["never", "identical", "shadowed", "overlaps"]


class Conflict(NamedTuple):
    """A finding: of itself (`campaign` 0) or with another campaign. `percent` of the draft's
    matches are the other's, too; `wins` says that the other precedes the draft."""

    kind: Kind
    campaign: int = 0
    percent: int = 100
    wins: bool = False


def canonical(node: Node) -> Any:
    """A rule without what changes no answer: names, order, and groups that add nothing."""
    if isinstance(node, Leaf):
        return rule_as_json(node)
    members = sorted(_members(node), key=lambda one: msgspec.json.encode(one, order="sorted"))
    if node.kind in ("all", "any", "at_least"):
        if node.kind != "at_least":
            members = [m for n, m in enumerate(members) if m not in members[:n]]
        if len(members) == 1:
            return members[0]
    # "None of these" and "not this" are one; a single member is told alike.
    kind = "none" if node.kind == "not" else node.kind
    return {kind: members, "needed": node.needed}


def _members(node: Group) -> Iterator[Any]:
    for member in node.members:
        said = canonical(member)
        nested = said.get(node.kind) if isinstance(said, dict) else None
        if node.kind in ("all", "any") and isinstance(nested, list):
            yield from nested
        else:
            yield said


def rules_identical(one: Node, other: Node) -> bool:
    """Whether two rules ask the same, however they are written down."""
    return bool(canonical(one) == canonical(other))


def rule_contradictions(rule: Node) -> list[tuple[str, str]]:
    """Pairs of sentences that cannot both hold, of conditions that all have to."""
    wanted, unwanted = _demands(rule)
    found = [
        (one.sentence, other.sentence)
        for one, other in combinations(wanted, 2)
        if _excludes(one, other)
    ]
    refused = [(canonical(leaf), leaf) for leaf in unwanted]
    found += [
        (leaf.sentence, f"not: {no.sentence}")
        for leaf in wanted
        for said, no in refused
        if said == canonical(leaf)
    ]
    return found


def _demands(node: Node) -> tuple[list[Leaf], list[Leaf]]:
    """The conditions that must hold, and those that must not, whatever the others say."""
    if isinstance(node, Leaf):
        return [node], []
    if node.kind in ("none", "not"):
        return [], [member for member in node.members if isinstance(member, Leaf)]
    needs_all = node.kind == "all" or len(node.members) == 1 or node.needed == len(node.members)
    if not needs_all:
        return [], []
    parts = [_demands(member) for member in node.members]
    return [leaf for part in parts for leaf in part[0]], [
        leaf for part in parts for leaf in part[1]
    ]


def _excludes(one: Leaf, other: Leaf) -> bool:
    if one.condition.kind != other.condition.kind:
        return False
    if _asked(one) != _asked(other):
        return False
    if equals := one.condition.equals:
        return bool(one.params[equals] != other.params[equals])
    return _apart(one.params, other.params)


def _asked(leaf: Leaf) -> dict[str, Any]:
    """What is measured: the fields beside the comparison."""
    compared = {"operator", "value", "to", leaf.condition.equals}
    return {name: value for name, value in leaf.params.items() if name not in compared}


def _apart(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two comparisons of the same number leave nothing in common."""
    makes = [_RANGES.get(params.get("operator", "")) for params in (one, other)]
    if None in makes or not all(type(p.get("value")) in (int, float) for p in (one, other)):
        return False
    first, second = (make(params) for make, params in zip(makes, (one, other), strict=True))  # type: ignore[misc]
    low, low_out = max((first[0], not first[1]), (second[0], not second[1]))
    high, high_in = min((first[2], first[3]), (second[2], second[3]))
    return bool(low > high or (low == high and (low_out or not high_in)))


def conflicts_of(
    result: Mapping[str, Any], order: Sequence[int], *, draft: int, identical: Sequence[int] = ()
) -> list[Conflict]:
    """What a backtest's numbers (personalization.backtest.tally) say; `order` are the slot's
    campaigns as they win, `identical` those with the same rule."""
    matched = result["matched_views"]
    if not matched:
        never = [Conflict("never")]
        return never + [Conflict("identical", one) for one in identical]
    place = order.index(draft)
    found = []
    for number, counts in result["campaigns"].items():
        other = int(number)
        wins = other in order[:place]
        percent = 100 * counts["both"] // matched
        if other in identical:
            found.append(Conflict("identical", other, 100, wins))
        elif counts["both"] == matched and wins and other in order:
            found.append(Conflict("shadowed", other, 100, True))
        elif percent >= TOLD_PERCENT and other in order:
            found.append(Conflict("overlaps", other, percent, wins))
    ranks = ("identical", "shadowed", "overlaps")
    return sorted(found, key=lambda one: (ranks.index(one.kind), -one.percent, one.campaign))
