"""The rule form's fields: any valid rule opens and comes back unchanged, errors stand beside."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from personalization.rule_form.names import Names
from personalization.rule_form.posted import tree_errors, tree_from_posted
from personalization.rule_form.rows import Box, Control, Row, box_from_tree
from personalization.rules.conditions import CONDITIONS
from personalization.rules.tree import MAX_CONDITIONS, MAX_DEPTH, RuleError, rule_parse
from tests.personalization.trees import trees

NAMES = Names(categories={"gardening": "Gardening"}, event_types={"click": "Click"})
PHONE = {"condition": "device", "value": "phone"}
AFFINITY = {"condition": "affinity", "category": "gardening", "horizon": "long"}


def control_posted(control: Control) -> dict[str, str]:
    """What one control posts: nothing of a box that is not checked, line ends as browsers do."""
    if control.kind == "boxes":
        return {box.name: "1" for box in control.boxes if box.is_chosen}
    if control.kind == "box":
        return {control.name: "1"} if control.value else {}
    return {control.name: control.value.replace("\n", "\r\n")}


def posted_of(node: Box | Row) -> dict[str, str]:
    """What a browser posts for a form as it was rendered."""
    if isinstance(node, Row):
        posted = {f"{node.name}.condition": node.kind}
        for control in node.controls:
            for line in control.parts if control.parts is not None else [[control]]:
                for each in line:
                    posted |= control_posted(each)
        return posted
    posted = {f"{node.name}.kind": node.kind, f"{node.name}.needed": node.needed}
    posted |= {label.name: label.value for label in node.labels}
    if node.is_bare:
        posted[f"{node.name}.bare"] = "1"
    for member in node.members:
        posted |= posted_of(member)
    return posted


def selectable(node: Box | Row) -> bool:
    """Whether every select offers the value it shows."""
    if isinstance(node, Row):
        return all(
            each.options is None or each.value in dict(each.options)
            for control in node.controls
            for line in control.parts or [[control]]
            for each in line
        )
    return node.kind in dict(node.kinds) and all(map(selectable, node.members))


@settings(max_examples=300)
@given(trees(MAX_DEPTH))
def test_any_valid_rule_opens_in_the_form_and_comes_back_unchanged(tree: dict[str, Any]) -> None:
    try:
        rule_parse(tree)
    except RuleError:
        assert json.dumps(tree).count('"condition":') > MAX_CONDITIONS
        return
    box = box_from_tree(tree, NAMES)
    assert selectable(box)
    again = tree_from_posted(posted_of(box))
    assert json.dumps(again, sort_keys=True) == json.dumps(tree, sort_keys=True)
    assert tree_errors(again) == {}


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["all", "any", "none", "not", "of", "at_least", "condition", "value"]),
            inner | st.sampled_from(["affinity", "events", "device", "no such kind"]),
            max_size=3,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=300)
@given(JSON)
def test_whatever_is_stored_can_be_shown_and_its_errors_are_told(tree: Any) -> None:
    errors = tree_errors(tree)
    box_from_tree(tree, NAMES, errors)
    try:
        rule_parse(tree)
    except RuleError:
        assert errors
    else:
        assert not errors


@settings(max_examples=300)
@given(
    st.dictionaries(
        st.lists(
            st.sampled_from(
                ["rule", "0", "1", "٣", "kind", "condition", "value", "bare", "needed"]
            ),
            min_size=1,
            max_size=9,
        ).map(".".join),
        st.sampled_from(
            ["all", "not", "at_least", "condition", "device", "events", "1", "1e999", ""]
        ),
        max_size=8,
    )
)
def test_whatever_is_posted_becomes_a_tree_that_can_be_judged(posted: dict[str, str]) -> None:
    tree = tree_from_posted(posted)
    box_from_tree(tree, NAMES, tree_errors(tree) if tree else {})


@pytest.mark.parametrize(
    ("tree", "name"),
    [
        ({"all": [{**AFFINITY, "value": "five"}]}, "rule.0.value"),
        ({"all": [PHONE, {"any": [{**AFFINITY, "operator": "~"}]}]}, "rule.1.0.operator"),
        ({"not": {"condition": "visits", "value": -1}}, "rule.0.value"),
        ({"all": [{"condition": "affinity"}]}, "rule.0.category"),
        ({"condition": "device", "value": "fridge"}, "rule.0.value"),
        ({"all": [{"condition": "weather"}]}, "rule.0.condition"),
        ({"any": [{"all": []}]}, "rule.0"),
        ({"at_least": 3, "of": [PHONE]}, "rule.needed"),
        ({"all": [{"at_least": "", "of": [PHONE]}]}, "rule.0.needed"),
        ({"all": [{"condition": "path", "value": "a\nb"}]}, "rule.0.value"),
    ],
)
def test_an_error_belongs_to_the_field_it_is_about(tree: dict[str, Any], name: str) -> None:
    assert list(tree_errors(tree)) == [name]


def test_every_wrong_field_is_told_at_once() -> None:
    tree = {
        "all": [{**AFFINITY, "value": 10**9, "category": ""}, {"condition": "device", "value": ""}]
    }
    assert set(tree_errors(tree)) == {"rule.0.value", "rule.0.category", "rule.1.value"}


def test_too_deep_a_rule_is_refused_and_not_cut() -> None:
    name = "rule" + ".0" * MAX_DEPTH
    posted = {f"{name}.condition": "device", f"{name}.value": "phone"}
    errors = tree_errors(tree_from_posted(posted))
    assert list(errors.values()) == [f"Groups nest at most {MAX_DEPTH} deep."]


def test_a_row_without_a_condition_is_left_out() -> None:
    posted = {
        "rule.kind": "all",
        "rule.0.condition": "",
        "rule.0.value": "phone",
        "rule.1.condition": "device",
        "rule.1.value": "phone",
    }
    assert tree_from_posted(posted) == {"all": [PHONE]}
    assert tree_from_posted({"rule.kind": "all", "rule.0.condition": ""}) == {}
    assert tree_from_posted({}) == {}


def test_a_condition_chosen_without_its_fields_starts_from_the_defaults() -> None:
    tree = tree_from_posted({"rule.kind": "all", "rule.0.condition": "visits"})
    assert tree == {"all": [{"condition": "visits", "operator": ">=", "value": 2}]}


def test_a_not_that_got_a_second_member_means_none() -> None:
    posted = {"rule.kind": "not", "rule.0.condition": "device", "rule.1.condition": "device"}
    assert tree_from_posted(posted) == {"none": [PHONE, PHONE]}


def test_a_category_that_is_gone_can_still_be_seen() -> None:
    box = box_from_tree({"all": [{"condition": "page_category", "category": "fishing"}]}, NAMES)
    (row,) = box.members
    assert isinstance(row, Row)
    assert ("fishing", "fishing (not there any more)") in (row.controls[0].options or [])


@pytest.mark.parametrize("text", ["1_0", "٣", "1e5000", "0x10", "nan", "", " ", "9" * 400])
def test_what_is_no_plain_number_is_refused(text: str) -> None:
    posted = {"rule.kind": "all", "rule.0.condition": "visits", "rule.0.value": text}
    assert list(tree_errors(tree_from_posted(posted))) == ["rule.0.value"]


def test_conditions_have_no_field_that_the_form_names_otherwise() -> None:
    taken = {"condition", "kind", "needed", "bare", "all", "any", "none", "not", "of", "at_least"}
    for condition in CONDITIONS:
        assert taken.isdisjoint(field.name for field in condition.fields)
