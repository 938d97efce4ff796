"""Near misses: who would be reached if one number of a rule were a little wider."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import count
from math import floor, log10
from typing import Any, NamedTuple

from personalization.reach.asking import Site
from personalization.reach.counting import TooSlowError, rule_count, timed
from personalization.rules.fields import Field, field_error
from personalization.rules.nodes import Leaf, Node, rule_conditions, sentence_of

#: Seconds for counting all of them, how many are counted and shown at most.
SECONDS, TRIED, SHOWN = 1.5, 12, 3
#: Which way a number has to go for more to match: down where at least so much is asked.
_DOWN, _UP = ("value", -1), ("value", 1)
_WIDER: Mapping[str, tuple[tuple[str, int], ...]] = {
    ">=": (_DOWN,),
    ">": (_DOWN,),
    "<=": (_UP,),
    "<": (_UP,),
    "between": (_DOWN, ("to", 1)),
}
#: Fields that are wider the larger they are, whatever the operator.
_LARGER: Mapping[str, tuple[str, ...]] = {
    "top_interest": ("value",),
    "events": ("days",),
    "event_unfinished": ("days",),
}
#: Spans people think in, in days.
_SPANS = (1, 2, 3, 7, 14, 21, 28, 30, 60, 90, 180, 365)


class Hint(NamedTuple):
    """`gained` more with another `value` of a field of the condition in the form's row `place`,
    counted from 0: who would match, or match on the right page view."""

    place: int
    field: str
    value: float
    before: float
    gained: int
    sentence: str


def hints_of(rule: Node, site: Site, *, reached: int, categories: Mapping[str, str]) -> list[Hint]:
    """The changes of one number that gain most, as far as SQL can count them quickly.

    `reached` are those who match the rule or depend on the page view: of a rule that asks for the
    device, a count knows nobody who matches for certain.
    """
    began, found = time.monotonic(), []
    for place, row, field, value, wider in list(_wider(rule))[:TRIED]:
        if time.monotonic() - began > SECONDS:
            break
        try:
            with timed():
                counted = rule_count(wider, site)
        except TooSlowError:
            break
        if counted is None or sum(counted) <= reached:
            continue
        leaf, old = rule_conditions(wider)[place], rule_conditions(rule)[place]
        sentence = sentence_of(leaf, categories)
        before = old.params[field]
        found.append(Hint(row, field, value, before, sum(counted) - reached, sentence))
    return sorted(found, key=lambda hint: -hint.gained)[:SHOWN]


def _wider(rule: Node) -> Iterator[tuple[int, int, str, float, Node]]:
    """(place, row, field, value, the rule with it) of each number that could be wider."""
    for place, (leaf, row, is_negated) in enumerate(_leaves(rule, count())):
        if row is None or leaf.condition.of_page:
            continue
        for name, way in _ways(leaf):
            field = next(field for field in leaf.condition.fields if field.name == name)
            value = _next(field, leaf.params[name], -way if is_negated else way)
            if value is not None:
                changed = Leaf(leaf.condition, {**leaf.params, name: value})
                yield place, row, name, value, _replaced(rule, [place], changed)


def _leaves(
    node: Node, rows: Iterator[int], *, is_negated: bool = False, is_inside: bool = False
) -> Iterator[tuple[Leaf, int | None, bool]]:
    """Every condition, its row in the form, and whether more match the rule when fewer match it.

    A segment has one row, and what it is made of none: that is not this rule's to change.
    """
    if isinstance(node, Leaf):
        yield node, None if is_inside else next(rows), is_negated
        return
    if node.segment and not is_inside:
        next(rows)
        is_inside = True
    for member in node.members:
        negated = is_negated != node.negates
        yield from _leaves(member, rows, is_negated=negated, is_inside=is_inside)


def _ways(leaf: Leaf) -> list[tuple[str, int]]:
    ways = list(_WIDER.get(str(leaf.params.get("operator")), ()))
    return ways + [(name, 1) for name in _LARGER.get(leaf.condition.kind, ())]


def _next(field: Field, value: float, way: int) -> float | None:
    """The next sensible number that way; None at the end.

    >>> from personalization.rules.fields import Field
    >>> _next(Field("value", "", "integer", low=1, high=9), 3, -1)
    2
    >>> _next(Field("value", "", "number", low=0, high=1), 0.5, -1)
    0.4
    >>> _next(Field("days", "", "number", low=0, high=365), 7, 1)
    14
    """
    if field.name == "days":
        steps = [span for span in _SPANS if (span - value) * way > 0]
        if not steps:
            return None
        wider: float = steps[0] if way > 0 else steps[-1]
    elif field.type == "integer":
        wider = value + way
    else:
        # A tenth of what people would call the size of the number, two where it is large in it.
        unit = 10.0 ** floor(log10(abs(value))) if value else 1.0
        step = unit if abs(value) > 1.5 * unit else unit / 5.0
        wider = round(value + way * min(step, abs(value) or step), 6)
    return None if field_error(field, wider) or wider == value else wider


def _replaced(node: Node, left: list[int], leaf: Leaf) -> Node:
    """The rule with another condition at a place, counted down in `left`."""
    if isinstance(node, Leaf):
        left[0] -= 1
        return leaf if left[0] == -1 else node
    members = tuple(_replaced(member, left, leaf) for member in node.members)
    return replace(node, members=members)


def hint_text(hint: Hint) -> str:
    """
    >>> hint_text(Hint(0, "value", 2, 3, 1212, "viewed pages at least 2 times within 7 days"))
    '1,212 more with 2 instead of 3: viewed pages at least 2 times within 7 days'
    """
    return f"{hint.gained:,} more with {hint.value:g} instead of {hint.before:g}: {hint.sentence}"


def hint_values(hint: Hint) -> dict[str, Any]:
    """What the editor needs to apply it."""
    return {"place": hint.place, "field": hint.field, "value": f"{hint.value:g}"}
