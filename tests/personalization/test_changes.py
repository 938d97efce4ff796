"""What changed between versions, the chart's shape, and sentences."""

from copy import deepcopy
from itertools import pairwise
from typing import Any

import pytest

from personalization.campaigns.changes import ruleset_changes
from personalization.chart import BOTTOM, HEIGHT, TOP, chart_of
from personalization.rule_form.names import Names
from personalization.rule_form.words import rule_definitions, rule_sentence
from personalization.rules.conditions import CONDITIONS
from personalization.rules.tree import rule_parse

PHONE = {"condition": "device", "value": "phone"}
VISITS = {"condition": "visits", "operator": ">=", "value": 2}


def payload() -> dict[str, Any]:
    campaign = {
        "id": 1, "name": "Phones", "variant": 1, "rule": {"all": [PHONE]},
        "priority": 50, "starts": None, "ends": None,
    }  # fmt: skip
    return {
        "slots": [{"key": "hero", "name": "Hero", "default": 1, "campaigns": [campaign]}],
        "variants": {"1": {"headline": "Hello", "text": ""}, "2": {"headline": "Hi", "text": ""}},
        "weights": {"click": [3.0, False]},
        "cards": {"gardening": []},
    }


def edited(edit: Any) -> list[str]:
    after = deepcopy(payload())
    edit(after)
    return ruleset_changes(payload(), after)


def set_campaign(**values: Any) -> Any:
    return lambda after: after["slots"][0]["campaigns"][0].update(values)


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (set_campaign(priority=70), ["“Phones”, priority: 50 → 70"]),
        (set_campaign(variant=2), ["“Phones”, shows: “Hello” → “Hi”"]),
        (set_campaign(ends=1_800_000_000.0), ["“Phones”, ends: never → 15 Jan 2027, 08:00 UTC"]),
        (
            set_campaign(rule={"any": [PHONE, VISITS]}),
            [
                "“Phones”, rule: using a phone → "
                "using a phone or made at least 2 visits"
            ],
        ),
        (lambda after: after["slots"][0]["campaigns"].clear(), ["“Phones” is no longer live."]),
        (lambda after: after["slots"][0].update(default=2), ["Slot “Hero” shows “Hi” by default."]),
        (
            lambda after: after["slots"].clear(),
            ["“Phones” is no longer live.", "Slot “Hero” removed."],
        ),
        (lambda after: after["variants"]["2"].update(text="!"), ["Variant “Hi” edited: text."]),
        (lambda after: after["variants"].pop("2"), []),
        (lambda after: after["weights"].update(click=[4.5, False]), ["Weight of click: 3 → 4.5"]),
        (lambda after: after["weights"].update(like=[1.0, False]), ["Weight of like: none → 1"]),
        (lambda after: after["cards"].update(music=[]), []),
        (
            lambda after: after["cards"].update(gardening=[{"slug": "beds"}]),
            ["Newest content changed: gardening."],
        ),
        (lambda after: None, []),
    ],
)  # fmt: skip
def test_a_difference_is_a_sentence(edit: Any, said: list[str]) -> None:
    assert edited(edit) == said


def test_a_variant_that_is_shown_no_more_is_still_named() -> None:
    def edit(after: dict[str, Any]) -> None:
        after["slots"][0]["campaigns"][0]["variant"] = 2
        after["slots"][0]["default"] = 2
        del after["variants"]["1"]

    assert "“Phones”, shows: “Hello” → “Hi”" in edited(edit)


def test_the_first_version_and_what_went_live() -> None:
    assert ruleset_changes(None, payload()) == ["First version."]
    empty = payload()
    empty["slots"][0]["campaigns"] = []
    assert ruleset_changes(empty, payload()) == ["“Phones” went live."]


def test_an_old_rule_does_not_break_the_history() -> None:
    said = edited(set_campaign(rule={"all": [{"condition": "gone"}]}))
    assert said == ["“Phones”, rule: using a phone → a rule of an older form"]


def test_groups_within_groups_are_said_without_doubt() -> None:
    names = Names(categories={"gardening": "Gardening"})
    rule = {
        "all": [
            {"any": [PHONE, VISITS]},
            {"none": [PHONE, VISITS]},
            {"not": {"condition": "page_category", "category": "gardening"}},
            {"at_least": 1, "of": [PHONE, {"all": [VISITS]}]},
        ]
    }
    phone, visits = "using a phone", "made at least 2 visits"
    assert rule_sentence(rule_parse(rule), names) == (
        f"({phone} or {visits}) and (none of these is true: {phone}; {visits})"
        " and (not: the page is about Gardening)"
        f" and (at least 1 of these are true: {phone}; {visits})"
    )


def test_the_browser_gets_every_sentence_and_every_word() -> None:
    names = Names({"gardening": "Gardening"}, {"page_view": "Page view"}, {})
    given = rule_definitions(names)["conditions"]
    assert list(given) == [condition.kind for condition in CONDITIONS]
    assert given["events"]["fields"]["type"]["words"] == {"page_view": "viewed pages"}
    assert given["events"]["fields"]["category"]["before"] == " in "


def test_labels_in_a_chart_stay_apart_and_inside() -> None:
    curves = [(f"C{i}", [(0.0, 10.0 + i / 10), (86400.0 * 30, 5.0 + i / 100)]) for i in range(5)]
    chart = chart_of(curves, threshold=5.0)
    heights = sorted(line.label_y for line in chart.lines)
    assert all(b - a >= 14.9 for a, b in pairwise(heights))
    assert heights[-1] <= HEIGHT - BOTTOM
    for line in chart.lines:
        for point in line.points.split():
            assert TOP <= float(point.split(",")[1]) <= HEIGHT - BOTTOM


@pytest.mark.parametrize("score", [1e-9, 0.3, 1.0, 7.0, 99.0, 123456.0, 0.0])
def test_a_chart_has_a_few_round_marks(score: float) -> None:
    chart = chart_of([("A", [(0.0, score), (86400.0, score / 2)])], threshold=5.0)
    assert 2 <= len(chart.y_ticks) <= 7
    assert (chart.threshold_y is None) == (float(chart.y_ticks[-1].label) < 5.0)
