"""Event conditions by hand: what they say, what is refused, and which features they need."""

import doctest
from typing import Any

import pytest

from personalization.campaigns import feature_plan
from personalization.campaigns.feature_plan import Need, features_plan
from personalization.rule_form import parts as rule_parts
from personalization.rule_form.parts import parts_of_window
from personalization.rule_form.posted import tree_errors, tree_from_posted
from personalization.rule_form.words import rule_sentence
from personalization.rules import event_values
from personalization.rules.tree import RuleError, rule_features, rule_parse
from profiles.features.checks import MAX_FEATURES
from profiles.features.definition import Feature, Rolling
from profiles.features.events import FeatureEvent
from tests.personalization.test_event_laws import context_of

ARTICLE = {"field": "content_type", "operator": "eq", "values": ["article"]}
WEEK = {"kind": "calendar", "period": "week", "zone": "Europe/Oslo", "offset": 0}
EVER = {"kind": "lifetime"}
SINCE = {"kind": "since", "type": "purchase"}
ADVENT = {"kind": "dates", "zone": "Europe/Oslo", "from": "2026-11-29", "to": "2026-12-24"}


def test_the_examples_of_the_docstrings_run() -> None:
    for module in (event_values, rule_parts, feature_plan):
        assert not doctest.testmod(module).failed


@pytest.mark.parametrize(
    ("leaf", "said"),
    [
        ({"condition": "event_did", "answer": "did_not", "type": "purchase", "window": EVER},
         "has not purchased so far"),
        ({"condition": "event_count", "category": "gardening", "where": [ARTICLE]},
         "viewed pages in Gardening where content type is “article” at least 3 times"
         " within 14 days"),
        ({"condition": "event_count", "operator": "between", "value": 1, "to": 4, "window": WEEK},
         "viewed pages between 1 and 4 times this week (Europe/Oslo)"),
        ({"condition": "event_count", "operator": "=", "value": 0, "window": {"kind": "visit"}},
         "has not viewed pages in this visit"),
        ({"condition": "event_distinct", "value": 5},
         "viewed pages with at least 5 different values of item within 14 days"),
        ({"condition": "event_value", "field": "property.unit_price", "aggregation": "max"},
         "the largest unit price is at least 100 when purchased within 14 days"),
        ({"condition": "event_time", "type": "purchase", "which": "first"},
         "purchased for the first time within 7 days"),
        ({"condition": "event_days", "value": 5},
         "viewed pages on at least 5 different days within 14 days (UTC)"),
        ({"condition": "event_stopped", "type": "purchase"},
         "not purchased within 30 days, but in the 60 days before"),
        ({"condition": "event_resumed", "type": "purchase", "days": 1},
         "purchased again within 1 day, after a pause of 30 days"),
        ({"condition": "event_trend", "period": "week", "zone": "Europe/Oslo"},
         "viewed pages at least 1.5 times as often this week as last week (Europe/Oslo)"),
        ({"condition": "event_sequence", "type": "add_to_cart"},
         "added to the cart and after that purchased, both within 14 days"),
        ({"condition": "event_sequence", "type": "add_to_cart", "without": "search"},
         "added to the cart and after that purchased, not having searched in between, both within"
         " 14 days"),
        ({"condition": "event_sequence", "type": "checkout", "without": "remove_from_cart"},
         "went to the checkout and after that purchased, not having removed from the cart in"
         " between, both within 14 days"),
        ({"condition": "event_sequence", "type": "add_to_cart", "without": "exposure"},
         "added to the cart and after that purchased, not having been shown something personal in"
         " between, both within 14 days"),
        ({"condition": "event_count", "category": "gardening", "window": SINCE},
         "viewed pages in Gardening at least 3 times since the last purchase"),
        ({"condition": "event_did", "window": SINCE | {"category": "home-office"}},
         "viewed pages since the last purchase in Home office"),
        ({"condition": "event_did", "window": {"kind": "visits", "visits": 1}},
         "viewed pages in the last visit"),
        ({"condition": "event_did", "answer": "did_not", "window": {"kind": "visits", "visits": 3}},
         "has not viewed pages in the last 3 visits"),
        ({"condition": "event_did", "window": ADVENT},
         "viewed pages from 2026-11-29 to 2026-12-24 (Europe/Oslo)"),
        ({"condition": "event_did", "window": ADVENT | {"to": ""}},
         "viewed pages from 2026-11-29 on (Europe/Oslo)"),
        ({"condition": "event_did", "window": ADVENT | {"from": ""}},
         "viewed pages until 2026-12-24 (Europe/Oslo)"),
        ({"condition": "event_did", "answer": "did_not", "type": "exposure"},
         "has not been shown something personal within 14 days"),
        ({"condition": "campaign_contact", "campaign": "7", "operator": "=", "value": 0},
         "has not been shown “campaign 7” within 14 days"),
        ({"condition": "event_unfinished"},
         "added to the cart within 7 days and not purchased since"),
        ({"condition": "campaign_contact", "campaign": "7", "what": "dismiss"},
         "dismissed “campaign 7” at least once within 14 days"),
    ],
)  # fmt: skip
def test_a_condition_reads_well(leaf: dict[str, Any], said: str) -> None:
    assert rule_sentence(rule_parse(leaf)) == said


@pytest.mark.parametrize(
    ("leaf", "where"),
    [
        ({"condition": "event_did", "where": [ARTICLE] * 4}, "where"),
        ({"condition": "event_did", "where": [ARTICLE | {"field": "colour"}]}, "where"),
        ({"condition": "event_did", "where": [ARTICLE | {"values": [5]}]}, "where"),
        ({"condition": "event_did", "where": [ARTICLE | {"values": ["a\nb"]}]}, "where"),
        ({"condition": "event_did", "where": [ARTICLE | {"__class__": "x"}]}, "where"),
        ({"condition": "event_did", "where": {"field": "item"}}, "where"),
        ({"condition": "event_did", "window": {"kind": "rolling", "minutes": 132_481}}, "window"),
        ({"condition": "event_did", "window": {"kind": "rolling", "minutes": 1.5}}, "window"),
        ({"condition": "event_did", "window": WEEK | {"zone": "Mars/Olympus"}}, "window"),
        ({"condition": "event_did", "window": "14 days"}, "window"),
        ({"condition": "event_did", "window": ADVENT | {"zone": "Mars/Olympus"}}, "window"),
        ({"condition": "event_did", "window": ADVENT | {"to": "2026-11-28"}}, "window"),
        ({"condition": "event_did", "window": ADVENT | {"to": "29.12.2026"}}, "window"),
        ({"condition": "event_did", "window": ADVENT | {"from": "", "to": ""}}, "window"),
        ({"condition": "event_did", "window": {"kind": "visits", "visits": 11}}, "window"),
        ({"condition": "event_did", "window": {"kind": "visits", "visits": "all"}}, "window"),
        ({"condition": "event_did", "window": {"kind": ["visits"]}}, "window"),
        ({"condition": "event_did", "window": {"kind": "visits", "visits": [3]}}, "window"),
        ({"condition": "event_did", "window": SINCE | {"type": ""}}, "window"),
        ({"condition": "event_did", "window": SINCE | {"category": "a\nb"}}, "window"),
        ({"condition": "event_did", "window": SINCE | {"__class__": "x"}}, "window"),
        ({"condition": "event_did",
          "window": {"kind": "order", "minutes": 5, "then": "purchase"}}, "window"),
        ({"condition": "event_sequence", "without": "Page View"}, "without"),
        ({"condition": "event_sequence", "without": "search", "then": "{{7*7}}"}, "then"),
        ({"condition": "event_sequence", "without_category": "gardening"}, "without_category"),
        ({"condition": "event_did", "type": "Page View"}, "type"),
        ({"condition": "event_did", "type": "{{7*7}}"}, "type"),
        ({"condition": "event_count", "operator": "between", "value": 5, "to": 4}, "to"),
        ({"condition": "event_value", "field": "category"}, "field"),
        ({"condition": "event_value", "type": "dwell", "aggregation": "max", "field": "amount"},
         "aggregation"),
        ({"condition": "event_distinct", "field": "__class__"}, "field"),
        ({"condition": "event_days", "zone": "../etc/passwd"}, "zone"),
        ({"condition": "event_days", "days": 64}, "days"),
        ({"condition": "event_days", "days": 7, "value": 9}, "value"),
        ({"condition": "event_resumed", "days": 60, "pause": 60}, "pause"),
        ({"condition": "event_trend", "period": "year"}, "period"),
        ({"condition": "campaign_contact", "campaign": "seven"}, "campaign"),
        ({"condition": "campaign_contact", "campaign": "٣"}, "campaign"),
        ({"condition": "campaign_contact"}, "campaign"),
    ],
)  # fmt: skip
def test_a_wrong_condition_is_refused_where_it_is_wrong(leaf: dict[str, Any], where: str) -> None:
    with pytest.raises(RuleError) as refused:
        rule_parse({"all": [leaf]})
    assert refused.value.where.partition("].")[2] == where
    assert list(tree_errors({"all": [leaf]})) == [f"rule.0.{where}"]


DAY_MS = 86_400_000
NOW_MS = 1_800_000_000_000


@pytest.mark.parametrize(
    ("leaf", "ages", "other", "answer"),
    [
        ({"condition": "event_time", "days": 7}, [7], [], False),
        ({"condition": "event_time", "days": 7}, [6.9999, 30], [], True),
        ({"condition": "event_time", "which": "first", "days": 7}, [1, 30], [], False),
        ({"condition": "event_time", "when": "before", "days": 7}, [7], [], True),
        ({"condition": "event_time", "when": "before", "days": 7}, [], [], False),
        ({"condition": "event_days", "value": 2, "days": 7}, [1, 1.0001], [], False),
        ({"condition": "event_days", "value": 2, "days": 7}, [1, 3], [], True),
        ({"condition": "event_days", "value": 2, "days": 7}, [1, 7], [], False),
        ({"condition": "event_stopped", "days": 7, "earlier": 7}, [7], [], True),
        ({"condition": "event_stopped", "days": 7, "earlier": 7}, [13.9999], [], True),
        ({"condition": "event_stopped", "days": 7, "earlier": 7}, [14], [], False),
        ({"condition": "event_stopped", "days": 7, "earlier": 7}, [6.9999, 10], [], False),
        ({"condition": "event_resumed", "days": 7, "pause": 7}, [1, 14], [], True),
        ({"condition": "event_resumed", "days": 7, "pause": 7}, [1], [], False),
        ({"condition": "event_resumed", "days": 7, "pause": 7}, [1, 13.9, 20], [], False),
        ({"condition": "event_resumed", "days": 7, "pause": 7}, [14], [], False),
        ({"condition": "event_trend", "value": 2}, [1, 2, 8], [], True),
        ({"condition": "event_trend", "value": 2}, [1, 8], [], False),
        ({"condition": "event_trend", "value": 2}, [1], [], True),
        ({"condition": "event_trend", "value": 2}, [20], [], None),
        ({"condition": "event_trend", "value": 0, "operator": "<="}, [8], [], True),
        ({"condition": "event_sequence", "days": 7}, [3], [2], True),
        ({"condition": "event_sequence", "days": 7}, [2], [3], False),
        ({"condition": "event_sequence", "days": 7}, [3], [3], False),
        ({"condition": "event_sequence", "days": 7}, [7], [2], False),
        ({"condition": "event_unfinished", "days": 7}, [3], [4], True),
        ({"condition": "event_unfinished", "days": 7}, [3], [3], False),
        ({"condition": "event_unfinished", "days": 7}, [7], [], False),
        ({"condition": "event_unfinished", "days": 7}, [], [], False),
        ({"condition": "event_value", "field": "value", "aggregation": "mean"}, [], [], None),
        ({"condition": "event_value", "field": "value", "value": 0}, [], [], True),
    ],
)
def test_an_edge_is_where_the_docs_say(
    leaf: dict[str, Any], ages: list[float], other: list[float], answer: bool | None
) -> None:
    """Ages are days before now, of the condition's event and of what comes `then`."""
    rule = rule_parse(leaf | {"type": "view"})
    then = rule_parse(leaf).params.get("then", "other")  # type: ignore[union-attr]
    events = [FeatureEvent("view", NOW_MS - round(age * DAY_MS)) for age in ages]
    events += [FeatureEvent(then, NOW_MS - round(age * DAY_MS)) for age in other]
    context = context_of(events, rule_features(rule), NOW_MS)
    assert rule.test(context) is answer


@pytest.mark.parametrize(
    ("ages", "between", "then", "answer"),
    [
        ([3], [], [1], True),
        ([3], [2], [1], False),
        ([3, 1.5], [2], [1], True),
        ([3], [3, 1], [1], True),
        ([3], [2], [2.5], True),
        ([7], [], [1], False),
        ([3], [], [], False),
    ],
)
def test_one_thing_then_another_with_none_of_a_third_between(
    ages: list[float], between: list[float], then: list[float], answer: bool
) -> None:
    leaf = {"condition": "event_sequence", "days": 7, "type": "view", "without": "search"}
    rule = rule_parse(leaf)
    events = [
        FeatureEvent(kind, NOW_MS - round(age * DAY_MS))
        for kind, each in (("view", ages), ("search", between), ("purchase", then))
        for age in each
    ]
    assert rule.test(context_of(events, rule_features(rule), NOW_MS)) is answer


def test_who_never_did_what_a_window_counts_since_has_done_nothing_since() -> None:
    rule = rule_parse({"condition": "event_did", "type": "view", "window": SINCE})
    seen = [FeatureEvent("view", NOW_MS - DAY_MS)]
    bought = [*seen, FeatureEvent("purchase", NOW_MS - 2 * DAY_MS)]
    for events, answer in ((seen, False), (bought, True)):
        context = context_of(events, rule_features(rule), NOW_MS)
        assert rule.test(context) is answer
        assert (
            rule_parse({"not": {"condition": "event_did", "type": "view", "window": SINCE}}).test(
                context
            )
            is not answer
        )


def test_a_sequence_with_nothing_between_asks_for_what_it_always_asked() -> None:
    """Published rules keep their features, so nothing has to be made anew for them."""
    rule = rule_parse({"condition": "event_sequence", "days": 7})
    assert [feature.aggregation for feature in rule_features(rule)] == ["min", "max"]


def test_rules_that_ask_the_same_share_a_feature() -> None:
    did = {"condition": "event_did", "category": "Garden", "where": [ARTICLE]}
    count = {"condition": "event_count", "category": "garden", "where": [ARTICLE]}
    assert len(rule_features(rule_parse({"any": [did, {"not": count}]}))) == 1
    assert rule_features(rule_parse({"condition": "events"})) == ()


# --- The form -------------------------------------------------------------------------------------


def posted(**parts: str) -> dict[str, Any]:
    """The tree of one posted event_did row."""
    fields = {f"rule.0.{name}": value for name, value in parts.items()}
    tree = tree_from_posted({"rule.kind": "all", "rule.0.condition": "event_did", **fields})
    leaf: dict[str, Any] = tree["all"][0]
    return leaf


def test_filters_are_typed_by_the_field_that_was_chosen() -> None:
    leaf = posted(
        where0_field="property.price|number", where0_operator="between", where0_values="1\r\n2.5",
        where1_field="property.sku|text", where1_operator="in", where1_values="5\n\n7, a",
        where2_field="property.paid|boolean", where2_operator="eq", where2_values="True",
    )  # fmt: skip
    assert leaf["where"] == [
        {"field": "property.price", "operator": "between", "values": [1, 2.5]},
        {"field": "property.sku", "operator": "in", "values": ["5", "7, a"]},
        {"field": "property.paid", "operator": "eq", "values": [True]},
    ]
    assert tree_errors({"all": [leaf]}) == {}


@pytest.mark.parametrize(
    ("field", "value"),
    [("property.price|number", "cheap"), ("property.paid|boolean", "maybe"), ("item|text", "")],
)
def test_a_value_of_another_kind_is_refused_and_never_taken_for_text(
    field: str, value: str
) -> None:
    leaf = posted(where0_field=field, where0_operator="eq", where0_values=value)
    errors = tree_errors({"all": [leaf]})
    assert list(errors) == ["rule.0.where"]
    assert errors["rule.0.where"].startswith("Only where: filter 1: ")


def test_one_filter_too_many_is_refused_and_not_cut() -> None:
    parts: dict[str, str] = {}
    for number in range(4):
        parts |= {f"where{number}_field": "item|text", f"where{number}_values": "a"}
    assert list(tree_errors({"all": [posted(**parts)]})) == ["rule.0.where"]


@pytest.mark.parametrize(
    ("unit", "amount", "window"),
    [
        ("days", "14", {"kind": "rolling", "minutes": 20160}),
        ("hours", "1.5", {"kind": "rolling", "minutes": 90}),
        ("visit", "14", {"kind": "visit"}),
        ("month:-1", "14", {"kind": "calendar", "period": "month", "zone": "UTC", "offset": -1}),
        ("visits", "14", {"kind": "visits", "visits": 3}),
        ("since", "14", {"kind": "since", "type": "purchase", "category": "home"}),
        ("dates", "14", {"kind": "dates", "zone": "UTC", "from": "2026-11-29", "to": ""}),
    ],
)
def test_a_window_is_put_together_from_its_parts(
    unit: str, amount: str, window: dict[str, Any]
) -> None:
    leaf = posted(
        window_unit=unit, window_amount=amount, window_zone="UTC", window_visits="3",
        window_type="purchase", window_category="home", window_from="2026-11-29", window_to="",
    )  # fmt: skip
    assert leaf["window"] == window
    assert tree_errors({"all": [leaf]}) == {}
    shown = {f"window_{name}": text for name, text in parts_of_window(window).items()}
    assert posted(**shown)["window"] == window, "opened and saved unchanged"


@pytest.mark.parametrize(
    ("unit", "amount", "why"),
    [("days", "93", "1 to 132,480"), ("days", "", "whole number of minutes"),
     ("eons", "1", "choose a window"), ("visits", "", "whole number of visits"),
     ("since", "", "An event type"), ("dates", "", "name the first day")],
)  # fmt: skip
def test_a_window_that_is_none_is_refused(unit: str, amount: str, why: str) -> None:
    leaf = posted(window_unit=unit, window_amount=amount, window_zone="UTC")
    errors = tree_errors({"all": [leaf]})
    assert list(errors) == ["rule.0.window"]
    assert why.lower() in errors["rule.0.window"].lower()


# --- Whose features fit ---------------------------------------------------------------------------


def features(number: int, start: int = 0) -> tuple[Feature, ...]:
    return tuple(Feature("click", "count", Rolling(start + n + 1)) for n in range(number))


def test_who_was_first_keeps_the_place() -> None:
    full = Need(2, "Full", features(MAX_FEATURES), is_declared=True)
    late = Need(1, "Late", features(2, start=MAX_FEATURES))
    plan = features_plan([late, full], others={})
    assert len(plan.declared[2]) == MAX_FEATURES
    assert plan.declared[1] == {}
    assert "“Full” 64" in plan.problems[1]


def test_what_others_ask_as_well_takes_no_room() -> None:
    full = Need(1, "Full", features(MAX_FEATURES), is_declared=True)
    same = Need(2, "Same", features(3))
    assert features_plan([full, same], others={}).problems == {}


def test_an_earlier_rule_keeps_its_features_when_the_new_one_does_not_fit() -> None:
    others = {"the segment “Fans”": {feature.key for feature in features(MAX_FEATURES - 2)}}
    earlier = features(1, start=100)
    need = Need(1, "Grown", features(2, start=200), earlier=earlier, is_declared=True)
    plan = features_plan([need], others=others)
    assert plan.declared[1].keys() == {earlier[0].key}
    assert "needs 3 more" in plan.problems[1]
    assert "In use by: the segment “Fans” 62. Pause or archive one" in plan.problems[1]
