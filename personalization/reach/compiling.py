"""A rule as SQL over projected profiles: the rule language's second reader.

Where the SQL of a rule says TRUE or FALSE, that is the answer. NULL is unknown, or, where `maybe`
holds, a profile that has to be asked in memory: a condition that SQL cannot decide is NULL, and by
Kleene's logic the rest of the rule still decides most profiles without it.
"""

from collections.abc import Mapping
from typing import NamedTuple

from personalization.reach import declared, interests, times
from personalization.reach.leaves import Answer, Asking, Reader
from personalization.reach.sql import FALSE, NULL, TRUE, Sql, all_of, any_of, filled, joined
from personalization.rules.nodes import Group, Leaf, Node

#: Every condition that SQL can answer, always or with some of its operators.
READERS: Mapping[str, Reader] = {
    **interests.READERS,
    **times.READERS,
    **declared.READERS,
}
_MEMORY = Answer(NULL, TRUE)


class Compiled(NamedTuple):
    """A rule's SQL over `p` (a projected profile) and `c` (its consent).

    `possible` holds wherever the rule is not FALSE; it is made for indexes. `is_of_interests` says
    that rows which are not plain, or are not of the current basis, have to be asked in memory,
    `is_of_consent` that `c` is asked: else nothing but `p` is needed.
    """

    value: Sql
    maybe: Sql
    possible: Sql
    is_of_interests: bool
    is_of_consent: bool


def leaf_answer(leaf: Leaf, asking: Asking) -> Answer:
    """What SQL says of one condition."""
    if leaf.is_open or leaf.condition.of_page:
        return Answer(NULL)
    reader = READERS.get(leaf.condition.kind)
    return (reader(leaf, asking) if reader else None) or _MEMORY


def leaf_is_indexed(leaf: Leaf, asking: Asking) -> bool:
    """Whether SQL answers the condition for nearly all profiles."""
    return leaf_answer(leaf, asking).maybe != TRUE


def rule_sql(node: Node, asking: Asking) -> Compiled:
    """A rule as SQL."""
    if isinstance(node, Leaf):
        return _leaf_sql(node, asking)
    parts = [rule_sql(member, asking) for member in node.members]
    value = _JOINS[node.kind](node, [part.value for part in parts])
    return Compiled(
        value,
        any_of([part.maybe for part in parts]),
        _possible(node, parts, value),
        any(part.is_of_interests for part in parts),
        any(part.is_of_consent for part in parts),
    )


def _leaf_sql(leaf: Leaf, asking: Asking) -> Compiled:
    answer = leaf_answer(leaf, asking)
    value = answer.value
    if answer.maybe == TRUE:
        value = NULL
    elif answer.maybe != FALSE and not answer.is_guarded:
        value = filled("CASE WHEN ({}) IS NOT TRUE THEN {} END", answer.maybe, answer.value)
    possible = answer.possible or _possible_of(value)
    return Compiled(value, answer.maybe, possible, answer.is_of_interests, answer.is_of_consent)


def _possible_of(value: Sql) -> Sql:
    """What no index can find is not asked twice: the value itself says it."""
    return FALSE if value == FALSE else TRUE


def _possible(node: Group, parts: list[Compiled], value: Sql) -> Sql:
    if node.kind == "all" or (node.kind == "at_least" and node.needed == len(parts)):
        return all_of([part.possible for part in parts])
    if node.kind == "any" or (node.kind == "at_least" and node.needed == 1):
        return any_of([part.possible for part in parts])
    return _possible_of(value)


def _quick_first(values: list[Sql]) -> list[Sql]:
    """What takes long is asked only of the rows that the others leave open."""
    return sorted(values, key=lambda value: len(value.text))


def _all(node: Group, values: list[Sql]) -> Sql:
    return all_of(_quick_first(values))


def _any(node: Group, values: list[Sql]) -> Sql:
    return any_of(_quick_first(values))


def _none(node: Group, values: list[Sql]) -> Sql:
    found = any_of(_quick_first(values))
    if found in (TRUE, FALSE):
        return FALSE if found == TRUE else TRUE
    return filled("NOT ({})", found)


def _at_least(node: Group, values: list[Sql]) -> Sql:
    true = joined([filled("(({}) IS TRUE)::int", value) for value in values], "+", nothing=FALSE)
    open_ = joined(
        [filled("(({}) IS NOT FALSE)::int", value) for value in values], "+", nothing=FALSE
    )
    needed = int(node.needed)
    return filled(
        f"CASE WHEN ({{}}) >= {needed} THEN TRUE WHEN ({{}}) < {needed} THEN FALSE END", true, open_
    )


_JOINS = {"all": _all, "any": _any, "none": _none, "not": _none, "at_least": _at_least}
