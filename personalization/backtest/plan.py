"""What a backtest compares: the published rules, and the same with the draft in its place.

Both are rule sets as pages have them, so precedence, schedules and limits are read from one place.
The draft is taken as if it had been on all the time; other campaigns keep their schedules.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from personalization.backtest.bounds import Answers
from personalization.backtest.competing import Contest
from personalization.backtest.past import World, facts_of, rule_in_past
from personalization.backtest.slot_pages import SlotPages
from personalization.decide import RuleSet, ruleset_compile
from personalization.rules.nodes import Node

Payload = Mapping[str, Any]


@dataclass(frozen=True)
class Plan:
    """`draft` is the campaign's id, 0 for none; `since` and `until` are in seconds since 1970.

    `pages` says which page views have the slot.
    """

    draft: int
    before: Contest
    after: Contest
    world: World
    pages: SlotPages
    since: float
    until: float

    @cached_property
    def rules(self) -> list[Node]:
        """The rules to replay: of the published campaigns, and of the draft at last."""
        draft = [one for one in self.after.campaigns if one.id == self.draft]
        return [rule_in_past(each.rule) for each in (*self.before.campaigns, *draft)]

    @property
    def facts(self) -> tuple[str, ...]:
        asked = facts_of(self.rules)
        return asked if "path" in asked or self.pages.is_everywhere else ("path", *asked)

    def answers_after(self, answers: Answers) -> Answers:
        """The answers of the contest with the draft, from those of `rules`."""
        places = {one.id: place for place, one in enumerate(self.before.campaigns)}
        places[self.draft] = len(self.before.campaigns)
        return answers[[places[one.id] for one in self.after.campaigns]]


def contest_of(ruleset: RuleSet, slot: str) -> Contest:
    rules = ruleset.slots.get(slot)
    return Contest(slot, rules.campaigns if rules else ())


def payload_with(payload: Payload, *, slot: str, slot_name: str, entry: Payload) -> dict[str, Any]:
    """A published payload with one campaign put in, or in the place of its published version.

    `entry` is as personalization.campaigns.versions.page_payload gives it, with the variant's
    content beside it as `content`.
    """
    number = entry["id"]
    campaign = {name: value for name, value in entry.items() if name != "content"}
    campaign |= {"starts": None, "ends": None}
    slots = []
    since = 0.0
    for one in payload["slots"]:
        since = next(
            (c.get("published", 0.0) for c in one["campaigns"] if c["id"] == number), since
        )
        kept = [c for c in one["campaigns"] if c["id"] != number]
        slots.append({**one, "campaigns": kept})
    campaign["published"] = since or entry.get("published", 0.0)
    if not any(one["key"] == slot for one in slots):
        slots.append({"key": slot, "name": slot_name, "default": entry["variant"], "campaigns": []})
    for one in slots:
        if one["key"] == slot:
            one["campaigns"] = sorted([*one["campaigns"], campaign], key=_precedence)
    variants = {**payload["variants"], str(entry["variant"]): entry["content"]}
    groups = dict(payload.get("exclusion_groups", {}))
    joined = str(campaign.get("frequency", {}).get("group", ""))
    if joined in groups:
        members = {*groups[joined]["campaigns"], number}
        groups[joined] = {**groups[joined], "campaigns": sorted(members)}
    return {**payload, "slots": slots, "variants": variants, "exclusion_groups": groups}


def _precedence(campaign: Payload) -> tuple[int, float, int]:
    return -campaign["priority"], campaign.get("published", 0.0), campaign["id"]


def rulesets_of(
    version: int, payload: Payload, *, slot: str, slot_name: str, entry: Payload
) -> tuple[RuleSet, RuleSet]:
    """(as published, with the draft)."""
    drafted = payload_with(payload, slot=slot, slot_name=slot_name, entry=entry)
    return ruleset_compile(version, payload), ruleset_compile(version, drafted)
