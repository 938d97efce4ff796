"""Decisions: the deterministic winner, its reasons, its items, and nothing without consent."""

from dataclasses import replace
from typing import Any

import pytest

from personalization.decide import decide
from tests.personalization.examples import (
    NOW,
    campaign,
    context,
    increment,
    ruleset,
    variant,
)

ALWAYS = {"condition": "gpc", "value": "off"}
NEVER = {"condition": "gpc", "value": "on"}
READER = {"condition": "events", "category": "gardening", "value": 2}


def test_without_consent_everyone_sees_the_default() -> None:
    rules = ruleset(campaign(1, ALWAYS))
    ben = context(increment(), consent={"personalization": "refused"})
    decision = decide(rules, "hero", ben)
    assert decision.content["headline"] == "Default"
    assert decision.campaign is None
    assert decision.reasons == ["Personalization is off: you see what everyone sees."]


def test_the_highest_priority_wins_then_the_older_campaign() -> None:
    rules = ruleset(campaign(2, ALWAYS, priority=60), campaign(1, ALWAYS))
    assert decide(rules, "hero", context()).content["headline"] == "Variant 2"
    tied = ruleset(campaign(1, ALWAYS), campaign(2, ALWAYS))
    assert decide(tied, "hero", context()).content["headline"] == "Variant 1"


def test_unknown_does_not_match() -> None:
    rules = ruleset(campaign(1, {"not": READER}))
    assert decide(rules, "hero", context(state=None)).campaign is None


@pytest.mark.parametrize(
    ("starts", "ends", "is_on"),
    [
        (NOW, None, True),
        (NOW + 1, None, False),
        (None, NOW, False),
        (None, NOW + 1, True),
    ],
)
def test_a_schedule_includes_its_start_and_not_its_end(
    starts: float | None, ends: float | None, is_on: bool
) -> None:
    rules = ruleset(campaign(1, ALWAYS, starts=starts, ends=ends))
    assert decide(rules, "hero", context()).personalized is is_on


def test_the_reasons_name_the_conditions_that_held_and_no_negation() -> None:
    rule = {"all": [READER, {"not": {"condition": "device", "value": "desktop"}}]}
    decision = decide(ruleset(campaign(1, rule)), "hero", context(increment(), increment()))
    assert decision.reasons == ["Viewed pages in Gardening at least 2 times within 7 days."]


READ = "Viewed pages in Gardening at least 2 times within 7 days."
NO_SIGNAL = "The opt-out signal is off."


@pytest.mark.parametrize(
    ("rule", "reasons"),
    [
        ({"all": [READER, {"any": [NEVER, ALWAYS]}]}, [READ, NO_SIGNAL]),
        ({"any": [READER, {"all": [ALWAYS, NEVER]}]}, [READ]),
        ({"at_least": 1, "of": [{"all": [ALWAYS, NEVER]}, READER]}, [READ]),
        ({"all": [READER, {"none": [{"all": [ALWAYS, NEVER]}]}]}, [READ]),
    ],
    ids=["any", "in a group that does not hold", "at least", "none"],
)
def test_the_reasons_are_what_decided_and_nothing_beside_it(
    rule: dict[str, Any], reasons: list[str]
) -> None:
    rules = ruleset(campaign(1, rule))
    assert decide(rules, "hero", context(increment(), increment())).reasons == reasons


def test_removing_the_named_reason_changes_the_decision() -> None:
    rules = ruleset(campaign(1, READER))
    assert decide(rules, "hero", context(increment(), increment())).personalized
    assert not decide(rules, "hero", context(increment())).personalized


def test_an_explanation_decides_alike_and_shows_every_campaign() -> None:
    rules = ruleset(campaign(1, NEVER), campaign(2, READER), campaign(3, ALWAYS))
    for asked in (context(), context(increment(), increment())):
        plain = decide(rules, "hero", asked)
        explained = decide(rules, "hero", asked, explain=True)
        assert replace(explained, considered=[]) == plain
        assert [entry.campaign.id for entry in explained.considered] == [1, 2, 3]
        assert all(entry.trace for entry in explained.considered)


def test_a_variant_can_bring_items_of_the_top_interest() -> None:
    variants = {"1": variant("For you", items_from="interest")}
    rules = ruleset(campaign(1, ALWAYS), variants=variants)
    content = decide(rules, "hero", context(increment())).content
    assert [card["slug"] for card in content["items"]] == ["g0", "g1", "g2"]
    assert decide(rules, "hero", context()).content["items"] == []
