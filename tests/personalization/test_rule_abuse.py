"""What somebody hostile writes into a rule: refused by name and reason, or plain text for ever."""

import json
import time
from typing import Any

import pytest

from personalization.rule_form.names import Names
from personalization.rule_form.posted import tree_errors, tree_from_posted
from personalization.rule_form.rows import box_from_tree
from personalization.rule_form.words import rule_sentence
from personalization.rules.conditions import CONDITIONS, Condition
from personalization.rules.context import PageRequest
from personalization.rules.fields import MAX_VALUES
from personalization.rules.tree import (
    MAX_CONDITIONS,
    MAX_DEPTH,
    MAX_TEXT,
    Node,
    RuleError,
    rule_as_json,
    rule_parse,
)
from personalization.rules.wildcards import MAX_PATTERN
from tests.personalization.examples import context, increment

PHONE = {"condition": "device", "value": "phone"}
HOSTILE = (
    "__class__",
    "{{7*7}}",
    "${7*7}",
    "{value.__class__.__init__.__globals__}",
    "{test}",
    "{0}",
    "%s%n",
    "<script>alert(1)</script>",
    "'; DROP TABLE visitors; --",
    "__import__('os').system('id')",
    '#{T(java.lang.Runtime).getRuntime().exec("id")}',
    "(a+)+$",
    "../../etc/passwd",
    "\u202eevil",
    "$&$1",
)


def refused(tree: Any) -> RuleError:
    with pytest.raises(RuleError) as error:
        rule_parse(tree)
    assert error.value.message
    return error.value


def parsed_or_error(tree: Any) -> Node | RuleError:
    try:
        return rule_parse(tree)
    except RuleError as error:
        return error


def event_did(**fields: Any) -> dict[str, Any]:
    return {"condition": "event_did", **fields}


def filled(condition: Condition) -> dict[str, Any]:
    """A condition whose default operator has all it takes."""
    needed: dict[str, Any] = {
        "category": "gardening", "values": ["a"], "value": "1", "to": "2", "pattern": "*",
        "moment": "2026-01-01T00:00", "to_moment": "2026-02-01T00:00", "date": "2026-01-01",
        "weekdays": ["mon"], "months": ["jan"], "campaign": "7",
        "model": "churn", "cluster": "daily", "experiment": "hero", "variant": "b", "name": "plan",
        "element": "menu", "segment": "fans",
    }  # fmt: skip
    fields = condition.fields_of(condition.operator_default)
    needed |= {
        each.name: next(iter(each.choices or ())) for each in fields if each.type == "choice"
    }
    given = {field.name: needed[field.name] for field in fields if field.default is None}
    return {"condition": condition.kind, **given}


@pytest.mark.parametrize("condition", CONDITIONS, ids=lambda condition: condition.kind)
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_refused_by_field_or_stays_the_text_it_is(
    condition: Condition, text: str
) -> None:
    for field in condition.fields_of(condition.operator_default):
        for value in (text, [text], {"x": text}):
            tree = {**filled(condition), field.name: value}
            node = parsed_or_error(tree)
            if isinstance(node, RuleError):
                assert node.where == field.name
                assert field.label in node.message
                continue
            assert rule_as_json(node)[field.name] == value
            said = rule_sentence(node)
            assert "49" not in said
            assert "builtins" not in said
            node.test(context(increment(), request=PageRequest(query={text: text}, path=text)), [])


@pytest.mark.parametrize("condition", CONDITIONS, ids=lambda condition: condition.kind)
@pytest.mark.parametrize("name", [*HOSTILE, "", "ask", "needs", "test", "\ud800"])
def test_an_unknown_field_is_refused_by_name(condition: Condition, name: str) -> None:
    error = refused({"any": [{**filled(condition), name: "x"}]})
    assert error.where.startswith("any[0].")
    assert "has no such field" in error.message
    error.where.encode()  # can be shown and logged, whatever was sent


@pytest.mark.parametrize(
    "value", [*HOSTILE, None, 7, True, ["device"], {"a": 1}, "\ud800", "DEVICE"]
)
def test_an_unknown_condition_or_operator_is_refused(value: Any) -> None:
    error = refused({"all": [PHONE, {"condition": value}]})
    assert error.where == "all[1].condition"
    assert len(error.message) < 120
    error.message.encode()
    assert refused({"condition": "visits", "operator": value, "value": 1}).where == "operator"


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), -float("inf"), 10**400, -(10**400), "5", "NaN", True, None],
)
def test_a_number_is_a_number_within_its_bounds(value: Any) -> None:
    error = refused({"condition": "affinity", "category": "a", "value": value})
    assert error.where == "value"
    assert refused({"condition": "visits", "value": value}).where == "value"
    assert refused({"at_least": value, "of": [PHONE]}).where == "at_least"


@pytest.mark.parametrize("character", ["\x00", "\n", "\x1b", "\x85", "\ud800"])
def test_control_and_half_characters_are_refused_in_every_text(character: str) -> None:
    text = f"a{character}b"
    for tree, where in (
        ({"condition": "path", "value": text}, "value"),
        ({"condition": "path", "operator": "in", "values": ["a", text]}, "values"),
        ({"condition": "path", "operator": "matches", "pattern": text}, "pattern"),
        ({"condition": "query", "name": text, "value": "a"}, "name"),
        ({"condition": "page_category", "category": text}, "category"),
        (event_did(where=[{"field": f"property.{text}", "operator": "is_set"}]), "where"),
        (event_did(where=[{"field": "item", "operator": "eq", "values": [text]}]), "where"),
        (event_did(window={"kind": "since", "type": "click", "category": text}), "window"),
        ({"all": [PHONE], "name": text}, "name"),
        ({"all": [PHONE], "note": text}, "note"),
    ):
        assert refused(tree).where == where


def test_bombs_of_depth_and_size_are_refused_at_once() -> None:
    deep: Any = PHONE
    for _ in range(MAX_DEPTH * 100):
        deep = {"not": deep}
    assert "deep" in refused(deep).message
    assert "at most" in refused({"all": [PHONE] * 1_000_000}).message
    nested = {"all": [{"any": [PHONE] * MAX_CONDITIONS} for _ in range(1000)]}
    assert "at most" in refused(nested).message
    too_many = ["a"] * (MAX_VALUES + 1)
    assert refused({"condition": "path", "operator": "in", "values": too_many}).where == "values"
    too_long = "x" * (MAX_TEXT + 1)
    assert refused({"condition": "path", "operator": "in", "values": [too_long]}).where == "values"
    pattern = "*" * (MAX_PATTERN + 1)
    assert refused({"condition": "path", "operator": "matches", "pattern": pattern}).where == (
        "pattern"
    )
    assert refused({"all": [PHONE], "name": "x" * 81}).where == "name"


def test_the_longest_rule_of_the_worst_patterns_over_a_long_address_is_quick() -> None:
    leaf = {"condition": "path", "operator": "matches", "pattern": "*a?" * 33}
    node = rule_parse({"any": [leaf] * MAX_CONDITIONS})
    asked = context(request=PageRequest(path="a" * 8000 + "b"))
    started = time.process_time()
    node.test(asked)
    assert time.process_time() - started < 5.0  # exponential would be for ever


def test_texts_of_a_request_are_never_kept_when_they_are_long() -> None:
    from profiles.features.values import text_fold

    text_fold.cache_clear()
    node = rule_parse({"any": [{"condition": "query", "name": "q", "operator": operator, **given}
                               for operator, given in (("equals", {"value": "a"}),
                                                       ("in", {"values": ["a"]}))]})  # fmt: skip
    kept = text_fold.cache_info().currsize
    for number in range(50):
        node.test(context(request=PageRequest(query={"q": "x" * 300 + str(number)})))
    assert text_fold.cache_info().currsize == kept


@pytest.mark.parametrize("text", HOSTILE)
def test_the_form_shows_and_keeps_hostile_text_as_text(text: str) -> None:
    posted = {
        "rule.kind": "all", "rule.name": text, "rule.note": text,
        "rule.0.condition": "query", "rule.0.name": text, "rule.0.operator": "in",
        "rule.0.values": f"{text}\r\n\r\n{text}", "rule.0.match_case": "1",
    }  # fmt: skip
    tree = tree_from_posted(posted)
    assert tree_errors(tree) == {}
    assert tree == {
        "all": [{"condition": "query", "name": text, "operator": "in", "values": [text, text],
                 "match_case": True}],
        "name": text, "note": text,
    }  # fmt: skip
    assert json.loads(json.dumps(tree)) == tree
    box_from_tree(tree, Names())
