"""What is left of a rule for the page to decide, once the server has answered what it can.

    {"all": [{"condition": "affinity", …}, {"condition": "scroll_depth", …}]}

becomes the condition on scrolling alone where the interest is there, and false where it is not: the
page is told no more of a visitor than what its answer depends on, and nothing that people call the
groups. static/src/rules/ reads what this returns.

What never gets in: requests, storage, clocks.
"""

from collections.abc import Sequence
from typing import Any

from personalization.rules.conditions import CONDITIONS
from personalization.rules.context import Context
from personalization.rules.nodes import Group, Leaf, Node, rule_as_json
from personalization.rules.operators import Answer

#: What static/src/rules/ can answer of what it is told; anything else is unknown there.
BROWSER_KINDS = frozenset(
    condition.kind
    for condition in CONDITIONS
    if condition.in_page or condition.group in ("Request", "Consent")
)
#: A condition or group as JSON, or an answer that the server has given (None: unknown).
Remainder = dict[str, Any] | Answer


def rule_for_browser(rule: Node, context: Context) -> Remainder:
    """What the page has to decide: the conditions that it answers itself (Condition.in_page), with
    every other one answered in this context. An answer alone where nothing is left to decide.
    What needs consent is unknown without it in the page as well, whatever the page knows.

    >>> from personalization.rules.tree import rule_parse
    >>> from profiles.state import State
    >>> scrolled = {"condition": "scroll_depth", "operator": ">=", "value": 50}
    >>> asked = Context(now=0.0, state=State(), gpc=True)
    >>> either = rule_parse({"any": [{"condition": "gpc", "value": "on"}, scrolled]})
    >>> rule_for_browser(either, asked)
    True
    >>> both = rule_parse({"all": [{"condition": "gpc", "value": "on"}, scrolled]})
    >>> rule_for_browser(both, asked) == scrolled
    True
    >>> rule_for_browser(both, Context(now=0.0, gpc=True)) is None
    True
    """
    if isinstance(rule, Leaf):
        may_know = context.state is not None or not rule.condition.needs
        return rule_as_json(rule) if rule.condition.in_page and may_know else rule.ask(context)
    members = [rule_for_browser(member, context) for member in rule.members]
    is_negated = rule.kind in ("none", "not")
    return _negated(_counted(members, 1)) if is_negated else _counted(members, _needed(rule))


def _needed(group: Group) -> int:
    """How many members have to be true."""
    return {"all": len(group.members), "any": 1}.get(group.kind, group.needed)


def _counted(members: Sequence[Remainder], needed: int) -> Remainder:
    """At least so many of these are true, without what is answered already."""
    left = [member for member in members if isinstance(member, dict)]
    needed -= sum(member is True for member in members)
    unknown = min(sum(member is None for member in members), max(needed, 0))
    if needed <= 0:
        return True
    if len(left) + unknown < needed:
        return False
    if not left:
        return None
    asked = [*left, *[None] * unknown]
    if len(asked) == 1:
        return left[0]
    if needed == len(asked):
        return {"all": asked}
    return {"any": asked} if needed == 1 else {"at_least": needed, "of": asked}


def _negated(remainder: Remainder) -> Remainder:
    if isinstance(remainder, dict):
        return {"not": remainder}
    return None if remainder is None else not remainder
