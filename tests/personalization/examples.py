"""Contexts and rule sets for the tests of rules and decisions."""

from typing import Any

from personalization.decide import RuleSet, ruleset_compile
from personalization.rules.context import Context, PageRequest
from profiles.state import DAY, Increment, State, state_add
from profiles.vector import Weight

NOW = 1_800_000_000.0
WEIGHTS = {
    "page_view": Weight(1.0),
    "click": Weight(3.0),
    "dwell": Weight(0.05),
    "dismiss": Weight(3.0, negative=True),
}
GRANTED = {"measurement": "granted", "personalization": "granted"}


def increment(
    signal: str = "page_view",
    *,
    category: str = "gardening",
    content_type: str = "article",
    days_ago: float = 0.0,
    weight: float = 1.0,
    starts_visit: bool = False,
) -> Increment:
    at = (NOW - days_ago * DAY) * 1000.0
    return Increment(signal, category, content_type, weight, at, True, starts_visit)


def state_of(*increments: Increment) -> State:
    state = State()
    for event in increments:
        state_add(state, event, max_topics=100)
    return state


def context(*increments: Increment, **facts: Any) -> Context:
    """Ana's context: consented, with these events."""
    values: dict[str, Any] = {
        "now": NOW,
        "state": state_of(*increments),
        "weights": WEIGHTS,
        "consent": GRANTED,
        "request": PageRequest(path="/", device="phone", language="en-GB"),
    }
    return Context(**(values | facts))


def variant(headline: str, **values: Any) -> dict[str, Any]:
    empty = dict.fromkeys(("eyebrow", "text", "button_label", "button_url", "image"), "")
    return {**empty, "headline": headline, "items_from": "", "category": "", **values}


def campaign(number: int, rule: dict[str, Any], **values: Any) -> dict[str, Any]:
    return {
        "id": number,
        "name": f"Campaign {number}",
        "variant": number,
        "rule": rule,
        "priority": 50,
        "starts": None,
        "ends": None,
        **values,
    }


def ruleset(*campaigns: dict[str, Any], variants: dict[str, Any] | None = None) -> RuleSet:
    """One slot "hero" with these campaigns; variant 0 is its default."""
    shown = {"0": variant("Default")}
    shown |= {str(entry["variant"]): variant(f"Variant {entry['variant']}") for entry in campaigns}
    return ruleset_compile(
        7,
        {
            "slots": [{"key": "hero", "name": "Hero", "default": 0, "campaigns": list(campaigns)}],
            "variants": shown | (variants or {}),
            "weights": {},
            "cards": {"gardening": [{"slug": f"g{i}"} for i in range(5)]},
        },
    )
