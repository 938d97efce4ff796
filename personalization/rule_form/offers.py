"""Which conditions the rule form offers, and what each needs and costs.

What never gets in: requests, widgets, storage.
"""

from personalization.rules.conditions import CONDITIONS, Condition
from personalization.rules.costs import COST_WORDS


def kinds_by_group() -> list[tuple[str, list[tuple[str, str]]]]:
    """Every kind that a campaign can ask, with its label, under the group it is offered in."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for condition in CONDITIONS:
        if not condition.awaits:
            groups.setdefault(condition.group, []).append((condition.kind, condition.label))
    return list(groups.items())


def hint_of(condition: Condition) -> str:
    """What the condition needs, and what counting it costs."""
    if condition.awaits:
        return "No campaign can ask this yet"
    needs = f"Needs consent to {condition.needs}, " if condition.needs else "Needs no consent, "
    return needs + COST_WORDS[condition.cost]
