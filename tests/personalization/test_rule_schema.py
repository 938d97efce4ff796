"""The published JSON Schema: what it accepts is what rule_parse accepts."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from personalization.rules.schema import UNSAID, rule_schema
from personalization.rules.tree import RuleError, rule_parse
from tests.personalization.trees import LEAVES, trees

PUBLISHED = Path(__file__).resolve().parents[2] / "docs" / "rule.schema.json"
VALIDATOR = Draft202012Validator(rule_schema())
PHONE = {"condition": "device", "value": "phone"}


def test_the_published_schema_is_that_of_the_code() -> None:
    Draft202012Validator.check_schema(rule_schema())
    assert json.loads(PUBLISHED.read_text()) == rule_schema(), (
        "write it anew: python -m personalization.rules.schema > docs/rule.schema.json"
    )


@settings(max_examples=150)
@given(trees(3))
def test_the_schema_accepts_every_rule(tree: dict[str, Any]) -> None:
    rule_parse(tree)
    VALIDATOR.validate(tree)


def agree(tree: Any) -> None:
    """Schema and parser say the same, or the parser refuses what the schema cannot say."""
    error = error_of(tree)
    if error is None:
        VALIDATOR.validate(tree)
    elif VALIDATOR.is_valid(tree):
        assert any(said in error.message for said in UNSAID.values()), (error, tree)


def error_of(tree: Any) -> RuleError | None:
    try:
        rule_parse(tree)
    except RuleError as error:
        return error
    return None


ODD: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, 0, -1, 1.5, 10**9, "", "x", "x" * 201, "a\nb", [], ["a"], [""], ["mon", "mon"],
     ["mon"], {}, "2026-02-30", "2026-02-28T10:00", "25:00", "18:00", "17.5", "v1", "between", "in",
     "is_unknown", ">=", "*" * 101]
)  # fmt: skip


@settings(max_examples=500)
@given(st.data(), LEAVES)
def test_a_condition_that_was_changed_is_judged_alike(data: st.DataObject, leaf: Any) -> None:
    name = data.draw(st.sampled_from([*leaf, "match_case", "values", "to", "zone", "extra"]))
    if data.draw(st.booleans()):
        changed = {**leaf, name: data.draw(ODD)}
    else:
        changed = {key: value for key, value in leaf.items() if key != name}
    agree(changed)
    agree({"all": [PHONE, changed]})


@pytest.mark.parametrize(
    "tree",
    [
        None, [], {}, {"all": []}, {"all": PHONE}, {"some": [PHONE]}, {"all": [PHONE], "any": []},
        {"not": [PHONE]}, {"not": PHONE, "name": ""}, {"not": PHONE, "name": "x" * 81},
        {"at_least": 0, "of": [PHONE]}, {"at_least": 1}, {"at_least": "1", "of": [PHONE]},
        {"all": [PHONE], "note": 3}, {"all": [PHONE], "title": "x"}, {"condition": "weather"},
        {"condition": None}, {**PHONE, "name": "x"}, {"not": {"not": {"not": {"not": PHONE}}}},
        {"not": {"not": {"not": {"not": {"not": PHONE}}}}},
    ],
)  # fmt: skip
def test_a_wrong_tree_is_judged_alike(tree: Any) -> None:
    agree(tree)


@pytest.mark.parametrize(
    "tree",
    [
        {"all": [PHONE] * 51},
        {"at_least": 3, "of": [PHONE]},
        {"condition": "visits", "operator": "between", "value": 5, "to": 4},
        {"condition": "date_time", "weekdays": ["mon"], "time": "09:00", "to_time": "09:00"},
        {"condition": "first_seen", "operator": "on", "date": "2026-02-30"},
        {"condition": "date_time", "weekdays": ["mon"], "time": "24:00"},
        {"condition": "date_time", "weekdays": ["mon"], "zone": "Mars/Olympus"},
        {"condition": "visits", "value": 2.0},
    ],
)
def test_what_no_schema_says_is_listed(tree: Any) -> None:
    assert VALIDATOR.is_valid(tree)
    with pytest.raises(RuleError) as refused:
        rule_parse(tree)
    assert any(said in refused.value.message for said in UNSAID.values())
