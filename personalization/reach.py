"""How many of the recent visitors a rule would touch now, evaluated in memory."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from consent import selectors as consent_selectors
from personalization.decide import PURPOSE
from personalization.rules.context import Context
from personalization.rules.tree import Group, Node
from personalization.segments.kept import memberships_read
from profiles import selectors as profile_selectors

#: Whom "recent" means, and how many of them are evaluated at most.
RECENT = timedelta(days=30)
MAX_VISITORS = 2000


@dataclass(frozen=True)
class Reach:
    """`matching` of `visitors` match now; `open` depend on what only a page view tells."""

    matching: int
    open: int
    visitors: int


def reach_now(rule: Node, *, now: datetime, among: Node | None = None) -> Reach:
    """The reach among visitors seen in the last 30 days who allow personalization; with `among`
    those of them for whom that rule is true."""
    states = profile_selectors.states_recent(since=now - RECENT, limit=MAX_VISITORS)
    visitors = [visitor_id for visitor_id, _ in states]
    memberships = memberships_read(visitors)
    granted = {
        purpose.key: consent_selectors.visitors_granted(visitors, purpose.key, now=now)
        for purpose in consent_selectors.purposes_active()
    }
    weights = profile_selectors.weights_current()
    baseline = profile_selectors.baseline_latest()
    contexts = (
        Context(
            now=now.timestamp(),
            state=state,
            weights=weights,
            baseline=baseline,
            consent={
                purpose: "granted" if visitor_id in allowing else "refused"
                for purpose, allowing in granted.items()
            },
            kept=profile_selectors.features_kept(state),
            memberships=memberships.get(visitor_id, {}),
        )
        for visitor_id, state in states
        if visitor_id in granted.get(PURPOSE, ())
    )
    if among is not None:
        within = rule_without_request(among)
        contexts = (context for context in contexts if within.test(context) is True)
    return reach_of(rule, contexts)


def reach_of(rule: Node, contexts: Iterable[Context]) -> Reach:
    """Count a rule's answers. Without a page view, what is asked of one stays unknown."""
    timeless = rule_without_request(rule)
    answers = [timeless.test(context) for context in contexts]
    return Reach(answers.count(True), answers.count(None), len(answers))


def rule_without_request(node: Node) -> Node:
    """The rule with every condition on the request answering "unknown"."""
    if isinstance(node, Group):
        return replace(node, members=tuple(map(rule_without_request, node.members)))
    return replace(node, is_open=True) if node.condition.of_page else node
