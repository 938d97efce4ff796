"""decide(context, rule set, slot) -> decision: pure, the same for page, preview and test.

A RuleSet is one published version, compiled once per process. It holds everything a slot can
show, so a decision reads nothing. What never gets in: requests, clocks, storage.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from personalization.frequency.capacity import Capacity
from personalization.frequency.compile import basis_of, frequency_of, shared_of
from personalization.frequency.limits import Frequency, Shown, refusal, shown_add
from personalization.rules.context import Context
from personalization.rules.index import RuleIndex
from personalization.rules.inlining import segments_dated
from personalization.rules.nodes import sentences_holding
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
    frequency: Frequency | None = None
    published: float = 0.0

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
    """One published version: slots, signal weights and the cards of each category.

    `limited` has the campaigns with limits of any kind; `frequency_basis` names what is counted
    for them (frequency.compile.basis_of), "" for nothing. `asks_memberships` is whether a rule asks
    when a visitor came into a segment or left it. `rendered` is for who renders it: what is the
    same for all visitors, by whatever tells it apart.
    """

    version: int
    weights: Mapping[str, Weight]
    slots: Mapping[str, SlotRules]
    cards: Mapping[str, Sequence[Mapping[str, Any]]]
    limited: Mapping[int, Frequency] = field(default_factory=dict)
    frequency_basis: str = ""
    asks_memberships: bool = False
    rendered: dict[tuple[Any, ...], Any] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def capacities(self) -> Mapping[int, Capacity]:
        """By campaign, of those that have one."""
        return {one: each.capacity for one, each in self.limited.items() if each.capacity}


@dataclass(frozen=True)
class Considered:
    """A campaign that was looked at for a slot, with its trace. `answer` None: unknown.

    `note` says why one that matches is not the winner: its limits, or a tie that it lost.
    """

    campaign: Campaign
    answer: bool | None
    is_on: bool
    trace: list[Trace]
    note: str = ""


@dataclass(frozen=True)
class Decision:
    """What one slot shows for one request, and why.

    `passed` are the sentences of campaigns that would have won and were shown often enough.
    """

    slot: str
    version: int
    campaign: Campaign | None
    content: Mapping[str, Any]
    reasons: list[str]
    considered: list[Considered] = field(default_factory=list)
    passed: list[str] = field(default_factory=list)

    @property
    def personalized(self) -> bool:
        return self.campaign is not None

    @property
    def frequency(self) -> Frequency | None:
        """The limits of what is shown."""
        return self.campaign.frequency if self.campaign else None


def decide(ruleset: RuleSet, slot: str, context: Context, *, explain: bool = False) -> Decision:
    """Decide one slot. Raises KeyError for a slot that was never published.

    The highest priority wins, then the campaign published first, then the lower id; what the
    visitor was shown often enough is passed over. With `explain`, every campaign of the slot is
    asked and traced, too.
    """
    rules = ruleset.slots[slot]
    if context.consent.get(PURPOSE) != "granted":
        reason = "Personalization is off: you see what everyone sees."
        return Decision(slot, ruleset.version, None, _content(rules.default), [reason])
    winner, passed = _winner(rules, context)
    considered = _considered(rules, context, winner) if explain else []
    if winner is None:
        reasons = passed or ["No campaign matches: you see what everyone sees."]
        content = _content(rules.default)
        return Decision(slot, ruleset.version, None, content, reasons, considered, passed)
    content = _content(winner.content, ruleset=ruleset, context=context)
    reasons = reasons_of(winner.rule, context)
    return Decision(slot, ruleset.version, winner, content, reasons, considered, passed)


def decide_page(
    ruleset: RuleSet, slots: Sequence[str], context: Context
) -> tuple[list[Decision], Shown]:
    """Decide slots in this order, and what the visitor was shown once they are given.

    What one slot is given counts for the next. Nothing is kept: to give the decisions to a
    visitor, call personalization.exposing.decide_and_reserve.
    """
    decisions = []
    for slot in slots:
        decision = decide(ruleset, slot, context)
        decisions.append(decision)
        if decision.campaign and decision.frequency and decision.frequency.counts:
            context = context.with_shown(shown_add(context.shown, decision.campaign.id, context))
    return decisions, context.shown


def _refusal(campaign: Campaign, context: Context) -> str:
    return refusal(campaign.id, campaign.frequency, context) if campaign.frequency else ""


def _tie_note(winner: Campaign, other: Campaign) -> str:
    if winner.priority != other.priority:
        return ""
    first = winner.published < other.published
    why = "was published first" if first else "was made first, published at the same time"
    return f"A tie with “{winner.name}”, which {why}."


def _winner(rules: SlotRules, context: Context) -> tuple[Campaign | None, list[str]]:
    """The campaign that wins, and why those before it were passed over."""
    passed: list[str] = []
    for campaign in map(rules.campaigns.__getitem__, rules.index.matches(context)):
        if not campaign.is_on(context.now):
            continue
        if not (note := _refusal(campaign, context)):
            return campaign, passed
        passed.append(note)
    return None, passed


def _considered(rules: SlotRules, context: Context, winner: Campaign | None) -> list[Considered]:
    considered = []
    is_decided = False
    for campaign in rules.campaigns:
        trace: list[Trace] = []
        answer = campaign.rule.test(context, trace)
        is_on, note = campaign.is_on(context.now), ""
        if campaign is winner:
            is_decided = True
        elif answer and is_on and winner is not None and is_decided:
            note = _tie_note(winner, campaign)
        elif answer and is_on:
            note = _refusal(campaign, context)
        considered.append(Considered(campaign, answer, is_on, trace, note))
    return considered


def reasons_of(rule: Node, context: Context) -> list[str]:
    """The conditions by which a rule that matches holds, in plain sentences."""
    return [f"{said[0].upper()}{said[1:]}." for said in sentences_holding(rule, context)]


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
    shared = shared_of(payload)

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
                    rule=rule_parse(campaign["rule"], is_inlined=True),
                    priority=campaign["priority"],
                    starts=campaign["starts"],
                    ends=campaign["ends"],
                    frequency=frequency_of(campaign, shared),
                    published=campaign.get("published", 0.0),
                )
                for campaign in slot["campaigns"]
            ),
        )
        for slot in payload["slots"]
    }
    weights = {name: Weight(*pair) for name, pair in payload["weights"].items()}
    limited = {
        campaign.id: campaign.frequency
        for slot in slots.values()
        for campaign in slot.campaigns
        if campaign.frequency
    }
    asks_memberships = any(
        segments_dated(campaign["rule"])
        for slot in payload["slots"]
        for campaign in slot["campaigns"]
    )
    basis = basis_of(limited) if limited else ""
    return RuleSet(version, weights, slots, cards, limited, basis, asks_memberships)
