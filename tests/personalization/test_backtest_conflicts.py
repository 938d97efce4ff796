"""Conflicts of a draft: with itself, and with other campaigns of its slot."""

from typing import Any

import pytest

from personalization.backtest.conflicts import (
    Conflict,
    conflicts_of,
    rule_contradictions,
    rules_identical,
)
from personalization.backtest.report import finding_words
from personalization.rules.tree import rule_parse

PHONE = {"condition": "device", "value": "phone"}
DESKTOP = {"condition": "device", "value": "desktop"}


def visits(operator: str, value: int, **more: Any) -> dict[str, Any]:
    return {"condition": "visits", "operator": operator, "value": value, **more}


def affinity(category: str, operator: str, value: float) -> dict[str, Any]:
    asked = {"condition": "affinity", "category": category, "horizon": "long"}
    return {**asked, "operator": operator, "value": value}


@pytest.mark.parametrize(
    "members",
    [
        [PHONE, DESKTOP],
        [PHONE, {"not": PHONE}],
        [PHONE, {"none": [visits(">=", 9), PHONE]}],
        [visits(">=", 3), visits("<", 3)],
        [visits(">", 3), visits("=", 3)],
        [visits("between", 1, to=4), visits(">=", 5)],
        [affinity("a", ">=", 2), {"all": [affinity("a", "<", 2)]}],
        [
            {"condition": "consent", "purpose": "measurement", "value": value}
            for value in ("granted", "refused")
        ],
    ],
)
def test_conditions_that_exclude_each_other_are_found(members: list[dict[str, Any]]) -> None:
    assert len(rule_contradictions(rule_parse({"all": members}))) == 1
    assert rule_contradictions(rule_parse({"any": members})) == []


@pytest.mark.parametrize(
    "members",
    [
        [PHONE, {"not": DESKTOP}],
        [visits(">=", 3), visits("<=", 3)],
        [visits("between", 1, to=4), visits(">=", 4)],
        [affinity("a", ">=", 2), affinity("b", "<", 2)],
        [visits(">=", 3), visits("!=", 3)],
        [
            {"condition": "element_seen", "element": name, "value": value}
            for name, value in (("price", "yes"), ("cart", "no"))
        ],
    ],
)
def test_conditions_that_go_together_are_left_alone(members: list[dict[str, Any]]) -> None:
    assert rule_contradictions(rule_parse({"all": members})) == []


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"all": [PHONE, visits(">", 1)]}, {"all": [visits(">", 1), PHONE], "name": "N"}, True),
        ({"all": [PHONE]}, PHONE, True),
        ({"all": [PHONE, {"all": [visits(">", 1)]}]}, {"all": [PHONE, visits(">", 1)]}, True),
        ({"not": PHONE}, {"none": [PHONE]}, True),
        ({"any": [PHONE, PHONE]}, PHONE, True),
        ({"all": [PHONE, DESKTOP]}, {"any": [PHONE, DESKTOP]}, False),
        ({"at_least": 1, "of": [PHONE, DESKTOP]}, {"at_least": 2, "of": [PHONE, DESKTOP]}, False),
        (visits(">", 1), visits(">", 2), False),
    ],
)
def test_rules_that_ask_the_same_are_known(one: Any, other: Any, same: bool) -> None:
    assert rules_identical(rule_parse(one), rule_parse(other)) is same


def numbers(both: int, *, matched: int = 20) -> dict[str, Any]:
    return {"matched_views": matched, "campaigns": {"7": {"both": both}}}


def test_a_campaign_that_always_comes_first_shadows_the_draft() -> None:
    assert conflicts_of(numbers(20), [7, 1], draft=1) == [Conflict("shadowed", 7, 100, True)]
    # One that comes after it takes nothing away.
    assert conflicts_of(numbers(20), [1, 7], draft=1) == [Conflict("overlaps", 7, 100, False)]


def test_an_overlap_is_told_from_a_tenth_on() -> None:
    assert conflicts_of(numbers(8), [7, 1], draft=1) == [Conflict("overlaps", 7, 40, True)]
    assert conflicts_of(numbers(1), [7, 1], draft=1) == []


def test_the_same_rule_and_no_match_at_all_are_told() -> None:
    same = conflicts_of(numbers(20), [7, 1], draft=1, identical=[7])
    assert same == [Conflict("identical", 7, 100, True)]
    never = conflicts_of(numbers(0, matched=0), [7, 1], draft=1)
    assert never == [Conflict("never")]
    assert "matched nobody" in finding_words(never[0], {})[1]
