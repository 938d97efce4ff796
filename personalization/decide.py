"""decide(context, rule set, slot) -> decision: pure, the same for page, preview and test.

A RuleSet is one published version, compiled once per process. It holds everything a slot can
show, so a decision reads nothing. What never gets in: requests, clocks, storage.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from personalization.rules.context import Context
from personalization.rules.index import RuleIndex
from personalization.rules.tree import Node, Trace, rule_parse
from profiles.vector import Weight

PURPOSE = "personalization"
ITEMS_SHOWN = 3


@dataclass(frozen=True)
class Campaign:
    """A live campaign of a published version; times in seconds since 1970, None unbounded."""

    id: int
    name: str
    variant_id: int
    content: Mapping[str, Any]
    rule: Node
    priority: int
    starts: float | None
    ends: float | None

    def is_on(self, now: float) -> bool:
        return (self.starts is None or self.starts <= now) and (
            self.ends is None or now < self.ends
        )


@dataclass(frozen=True)
class SlotRules:
    """A slot's default content and its campaigns, the first to match wins."""

    key: str
    name: str
    default: Mapping[str, Any]
    campaigns: tuple[Campaign, ...]

    @cached_property
    def index(self) -> RuleIndex:
        """Finds the campaigns whose rule is true, whatever their schedules say."""
        return RuleIndex([campaign.rule for campaign in self.campaigns])


@dataclass(frozen=True)
class RuleSet:
    """One published version: slots, signal weights and the cards of each category."""

    version: int
    weights: Mapping[str, Weight]
    slots: Mapping[str, SlotRules]
    cards: Mapping[str, Sequence[Mapping[str, Any]]]


@dataclass(frozen=True)
class Considered:
    """A campaign that was looked at for a slot, with its trace. `answer` None: unknown."""

    campaign: Campaign
    answer: bool | None
    is_on: bool
    trace: list[Trace]


@dataclass(frozen=True)
class Decision:
    """What one slot shows for one request, and why."""

    slot: str
    version: int
    campaign: Campaign | None
    content: Mapping[str, Any]
    reasons: list[str]
    considered: list[Considered] = field(default_factory=list)

    @property
    def personalized(self) -> bool:
        return self.campaign is not None


def decide(ruleset: RuleSet, slot: str, context: Context, *, explain: bool = False) -> Decision:
    """Decide one slot. Raises KeyError for a slot that was never published.

    The highest priority wins, then the older campaign. With `explain`, every campaign of the slot
    is asked and traced, too.
    """
    rules = ruleset.slots[slot]
    if context.consent.get(PURPOSE) != "granted":
        reason = "Personalization is off: you see what everyone sees."
        return Decision(slot, ruleset.version, None, _content(rules.default), [reason])
    considered = _considered(rules, context) if explain else []
    winner = _winner(rules, context)
    if winner is None:
        reason = "No campaign matches: you see what everyone sees."
        content = _content(rules.default)
        return Decision(slot, ruleset.version, None, content, [reason], considered)
    content = _content(winner.content, ruleset=ruleset, context=context)
    return Decision(
        slot, ruleset.version, winner, content, reasons_of(winner.rule, context), considered
    )


def _winner(rules: SlotRules, context: Context) -> Campaign | None:
    matching = map(rules.campaigns.__getitem__, rules.index.matches(context))
    return next((campaign for campaign in matching if campaign.is_on(context.now)), None)


def _considered(rules: SlotRules, context: Context) -> list[Considered]:
    considered = []
    for campaign in rules.campaigns:
        trace: list[Trace] = []
        answer = campaign.rule.test(context, trace)
        considered.append(Considered(campaign, answer, campaign.is_on(context.now), trace))
    return considered


def reasons_of(rule: Node, context: Context) -> list[str]:
    """The conditions that held, in plain sentences."""
    trace: list[Trace] = []
    rule.test(context, trace)
    sentences: list[str] = []
    negated_below: int | None = None
    for line in trace:
        if negated_below is not None and line.depth > negated_below:
            continue
        negated_below = None
        if line.is_group:
            if line.negates:
                negated_below = line.depth
        elif line.answer:
            sentences.append(line.sentence[0].upper() + line.sentence[1:] + ".")
    return sentences


def _content(
    content: Mapping[str, Any], *, ruleset: RuleSet | None = None, context: Context | None = None
) -> dict[str, Any]:
    """The variant with its items filled in: of its category, or of the top interest."""
    category = content["category"]
    if content["items_from"] == "interest" and context is not None and context.interests:
        category = context.interests[0].category
    cards: Sequence[Mapping[str, Any]] = content["cards"]
    if ruleset is not None and content["items_from"] == "interest":
        cards = ruleset.cards.get(category, ())
    return {**content, "category": category, "items": list(cards[:ITEMS_SHOWN])}


def ruleset_compile(version: int, payload: Mapping[str, Any]) -> RuleSet:
    """The rule set of a published payload (personalization.services.ruleset_payload)."""
    cards = payload["cards"]

    def content_of(variant_id: int) -> dict[str, Any]:
        content = dict(payload["variants"][str(variant_id)])
        of_category = content["items_from"] == "category"
        content["cards"] = cards.get(content["category"], []) if of_category else []
        return content

    slots = {
        slot["key"]: SlotRules(
            key=slot["key"],
            name=slot["name"],
            default=content_of(slot["default"]),
            campaigns=tuple(
                Campaign(
                    id=campaign["id"],
                    name=campaign["name"],
                    variant_id=campaign["variant"],
                    content=content_of(campaign["variant"]),
                    rule=rule_parse(campaign["rule"]),
                    priority=campaign["priority"],
                    starts=campaign["starts"],
                    ends=campaign["ends"],
                )
                for campaign in slot["campaigns"]
            ),
        )
        for slot in payload["slots"]
    }
    weights = {name: Weight(*pair) for name, pair in payload["weights"].items()}
    return RuleSet(version, weights, slots, cards)
