"""The rule engine: parsing with named errors, three-valued answers, one trace for all."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from personalization.rules.conditions import CONDITIONS, Condition
from personalization.rules.context import Context, PageRequest
from personalization.rules.tree import (
    MAX_CONDITIONS,
    MAX_DEPTH,
    Leaf,
    RuleError,
    Trace,
    rule_as_json,
    rule_parse,
    rule_purposes,
    sentence_of,
)
from profiles.state import Increment
from tests.personalization.examples import NOW, WEIGHTS, context, increment
from tests.personalization.trees import trees

PHONE = {"condition": "device", "value": "phone"}
DESKTOP = {"condition": "device", "value": "desktop"}
UNKNOWN = {"condition": "referrer", "operator": "contains", "value": "news"}


def answer(rule: dict[str, Any], asked: Context) -> bool | None:
    """The answer, which must be the same with and without a trace."""
    node = rule_parse(rule)
    trace: list[Trace] = []
    plain = node.test(asked)
    assert node.test(asked, trace) is plain
    assert trace[0].answer is plain
    return plain


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"all": [PHONE, PHONE]}, True),
        ({"all": [PHONE, UNKNOWN]}, None),
        ({"all": [DESKTOP, UNKNOWN]}, False),
        ({"any": [DESKTOP, UNKNOWN]}, None),
        ({"any": [PHONE, UNKNOWN]}, True),
        ({"none": [DESKTOP]}, True),
        ({"none": [UNKNOWN]}, None),
        ({"none": [PHONE, UNKNOWN]}, False),
        ({"not": UNKNOWN}, None),
        ({"not": DESKTOP}, True),
        ({"at_least": 2, "of": [PHONE, UNKNOWN, DESKTOP]}, None),
        ({"at_least": 1, "of": [PHONE, UNKNOWN, DESKTOP]}, True),
        ({"at_least": 3, "of": [PHONE, UNKNOWN, DESKTOP]}, False),
    ],
)
def test_groups_follow_three_valued_logic(rule: dict[str, Any], expected: bool | None) -> None:
    assert answer(rule, context()) is expected


@pytest.mark.parametrize("condition", [c for c in CONDITIONS if c.needs])
def test_nothing_about_behavior_is_known_without_a_profile(condition: Any) -> None:
    rule = {"condition": condition.kind, **example(condition)}
    assert answer(rule, context(state=None)) is None
    assert answer({"not": rule}, context(state=None)) is None
    assert rule_purposes(rule_parse(rule)) == {"personalization"}


def test_an_affinity_is_weighted_and_decayed() -> None:
    asked = context(increment(), increment("click"), increment(days_ago=30))
    rule = {"condition": "affinity", "category": "gardening"}
    assert answer({**rule, "operator": ">=", "value": 4.49}, asked) is True
    assert answer({**rule, "operator": ">", "value": 4.51}, asked) is False


def test_a_dismissal_takes_from_an_affinity_and_never_below_zero() -> None:
    rule = {"condition": "affinity", "category": "gardening", "operator": ">", "value": 0}
    assert answer(rule, context(increment(), increment("dismiss"))) is False


@given(
    st.lists(
        st.builds(
            increment,
            st.sampled_from(["page_view", "click", "dismiss", "unweighted"]),
            category=st.sampled_from(["a", "b", "ab", "a|c:b", ""]),
            days_ago=st.floats(0, 400),
        ),
        max_size=12,
    )
)
def test_one_affinity_read_alone_is_that_of_the_list(increments: list[Increment]) -> None:
    for category in ("a", "b", "ab", "a|c:b", "none"):
        alone, listed = context(*increments), context(*increments)
        assert isinstance(listed.interests, list)
        assert alone.affinity_of(category) == listed.affinity_of(category)
        assert "interests" not in alone.__dict__
    many = context(*increments)
    for category in ("none", "a", "b", "ab", "a|c:b", "other"):
        assert many.affinity_of(category) == context(*increments).affinity_of(category)


def test_a_share_is_unknown_below_its_evidence() -> None:
    rule = {"condition": "interest_share", "category": "gardening", "value": 50, "evidence": 3}
    assert answer(rule, context(increment(), increment())) is None
    assert answer(rule, context(*[increment()] * 3)) is True
    assert answer(rule, context(*[increment()] * 3, *[increment(category="music")] * 4)) is False


def test_top_interest_counts_places() -> None:
    asked = context(increment(), increment(), increment(category="music"))
    rule = {"condition": "top_interest", "category": "music"}
    assert answer({**rule, "value": 1}, asked) is False
    assert answer({**rule, "value": 2}, asked) is True
    assert answer({**rule, "category": "cooking", "value": 10}, asked) is False


@pytest.mark.parametrize(
    ("days_ago", "counted"), [(0.0, True), (6.99, True), (7.0, False), (8.0, False), (-0.1, False)]
)
def test_a_window_is_open_at_its_start_and_closed_now(days_ago: float, counted: bool) -> None:
    rule = {"condition": "events", "category": "gardening", "value": 1, "days": 7}
    assert answer(rule, context(increment(days_ago=days_ago))) is counted


def test_pages_in_visit_end_at_a_gap_of_half_an_hour() -> None:
    minutes = [1, 20, 49, 80]
    asked = context(*(increment(days_ago=minute / 1440) for minute in minutes))
    assert asked.pages_in_visit == 3
    assert context(increment(days_ago=0.5)).pages_in_visit == 0


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"condition": "path", "operator": "starts_with", "value": "/items/"}, True),
        ({"condition": "path", "operator": "equals", "value": "/ITEMS/a/"}, True),
        ({"condition": "page_category", "category": "music"}, True),
        ({"condition": "query", "name": "utm_source", "operator": "equals", "value": "x"}, True),
        ({"condition": "query", "name": "gclid", "operator": "equals", "value": "x"}, None),
        ({"condition": "referrer", "operator": "contains", "value": "example"}, True),
        ({"condition": "language", "operator": "starts_with", "value": "en"}, True),
        ({"condition": "consent", "purpose": "measurement", "value": "granted"}, True),
        ({"condition": "consent", "purpose": "ads", "value": "not_asked"}, True),
        ({"condition": "gpc", "value": "on"}, False),
    ],
)
def test_requests_and_consent_can_be_asked(rule: dict[str, Any], expected: bool | None) -> None:
    request = PageRequest(
        path="/items/a/",
        page_category="music",
        query={"utm_source": "X"},
        referrer_host="www.example.org",
        language="en-GB",
    )
    assert answer(rule, context(request=request)) is expected


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"condition": "events", "value": 1}, "viewed pages at least once within 7 days"),
        ({"condition": "events", "type": "purchase", "operator": "=", "value": 0, "days": 1},
         "has not purchased within 1 day"),
        ({"condition": "events", "type": "add_to_cart", "operator": "=", "value": 2},
         "added to the cart exactly 2 times within 7 days"),
        ({"condition": "events", "type": "own_kind", "category": "home-office"},
         "own kind in Home office at least 3 times within 7 days"),
        ({"condition": "top_interest", "category": "gardening"}, "Gardening is the top interest"),
        ({"condition": "top_interest", "category": "gardening", "value": 3},
         "Gardening is among the top 3 interests"),
        ({"condition": "visits", "value": 1}, "made at least 1 visit"),
        ({"condition": "visits", "operator": "<=", "value": 0}, "made no visits"),
        ({"condition": "pages_in_visit", "operator": "<"}, "saw fewer than 3 pages in this visit"),
        ({"condition": "days_since_last_event", "value": 1}, "last seen at least 1 day ago"),
    ],
)  # fmt: skip
def test_a_condition_reads_well(rule: dict[str, Any], said: str) -> None:
    leaf = rule_parse(rule)
    assert isinstance(leaf, Leaf)
    assert sentence_of(leaf) == said


@pytest.mark.parametrize(
    ("rule", "where"),
    [
        ([], ""),
        ({}, ""),
        ({"all": []}, "all"),
        ({"all": PHONE}, "all"),
        ({"some": [PHONE]}, ""),
        ({"all": [PHONE], "any": [PHONE]}, ""),
        ({"at_least": 3, "of": [PHONE]}, "at_least"),
        ({"at_least": True, "of": [PHONE]}, "at_least"),
        ({"all": [PHONE, {"condition": "nope"}]}, "all[1].condition"),
        ({"condition": ["device"]}, "condition"),
        ({"condition": "device", "value": "toaster"}, "value"),
        ({"condition": "device", "value": "phone", "__class__": "x"}, "__class__"),
        ({"not": {"condition": "visits", "value": "3"}}, "not.value"),
        ({"condition": "visits", "value": True}, "value"),
        ({"condition": "visits", "value": 2.5}, "value"),
        ({"condition": "visits", "value": -1}, "value"),
        ({"condition": "affinity", "category": "", "value": 1}, "category"),
        ({"condition": "affinity", "category": "a", "value": float("nan")}, "value"),
        ({"condition": "affinity", "category": "a", "operator": "or 1=1", "value": 1}, "operator"),
        ({"condition": "path", "value": "x" * 201}, "value"),
        ({"condition": "events", "value": 33}, "value"),
    ],
)
def test_a_wrong_rule_is_refused_where_it_is_wrong(rule: Any, where: str) -> None:
    with pytest.raises(RuleError) as refused:
        rule_parse(rule)
    assert refused.value.where == where
    assert refused.value.message


def test_depth_and_size_are_bounded() -> None:
    deep: dict[str, Any] = PHONE
    for _ in range(MAX_DEPTH - 1):
        deep = {"not": deep}
    rule_parse(deep)
    with pytest.raises(RuleError, match="deep"):
        rule_parse({"not": deep})
    rule_parse({"all": [PHONE] * MAX_CONDITIONS})
    with pytest.raises(RuleError, match="at most"):
        rule_parse({"all": [PHONE] * (MAX_CONDITIONS + 1)})


def example(condition: Condition) -> dict[str, Any]:
    """A condition with its defaults, and what has none."""
    fields = condition.fields_of(condition.operator_default)
    needed = {"campaign": "7"}
    if condition.kind == "country":
        needed["value"] = "AT"
    return {
        field.name: needed.get(field.name, "gardening") if field.default is None else field.default
        for field in fields
    }


@settings(max_examples=300)
@given(trees(3))
def test_a_rule_survives_the_way_through_json_and_answers_alike(tree: dict[str, Any]) -> None:
    node = rule_parse(tree)
    assert rule_as_json(node) == tree
    assert rule_parse(json.loads(json.dumps(rule_as_json(node)))) == node
    answer(tree, context(increment(), increment("click", days_ago=3)))
    answer(tree, Context(now=NOW, weights=WEIGHTS))
