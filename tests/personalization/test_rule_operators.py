"""Operators: each table entry answers as it says, and only presence answers for what is missing."""

from fnmatch import fnmatchcase
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from personalization.rules.context import PageRequest
from personalization.rules.operators import (
    COLLECTION_OPERATORS,
    DATE_OPERATORS,
    NUMBER_OPERATORS,
    OPERATORS,
    TEXT_OPERATORS,
    VERSION_OPERATORS,
)
from personalization.rules.tree import rule_parse
from personalization.rules.versions import version_key
from personalization.rules.wildcards import wildcard_test
from tests.personalization.examples import NOW, context

TEXTS: list[tuple[str, dict[str, Any], str, bool]] = [
    ("equals", {"value": "STRASSE"}, "straße", True),
    ("equals", {"value": "STRASSE", "match_case": True}, "straße", False),
    ("equals", {"value": "e\u0301", "match_case": True}, "é", True),
    ("equals", {"value": "E\u0301"}, "é", True),
    ("not_equals", {"value": "a"}, "A", False),
    ("not_equals", {"value": "a"}, "b", True),
    ("in", {"values": ["a", "B"]}, "b", True),
    ("in", {"values": ["a", "B"], "match_case": True}, "b", False),
    ("not_in", {"values": ["a", "b"]}, "c", True),
    ("not_in", {"values": ["a", "b"]}, "A", False),
    ("contains", {"value": "ID"}, "middle", True),
    ("not_contains", {"value": "ID"}, "middle", False),
    ("contains_any", {"values": ["x", "DD"]}, "middle", True),
    ("contains_all", {"values": ["mid", "dle"]}, "middle", True),
    ("contains_all", {"values": ["mid", "x"]}, "middle", False),
    ("starts_with", {"value": "MI"}, "middle", True),
    ("starts_with", {"value": "MI", "match_case": True}, "middle", False),
    ("ends_with", {"value": "dle"}, "middle", True),
    ("ends_with", {"value": "mid"}, "middle", False),
    ("matches", {"pattern": "M*d?e"}, "middle", True),
    ("matches", {"pattern": "mid"}, "middle", False),
    ("length_at_least", {"length": 6}, "middle", True),
    ("length_at_least", {"length": 7}, "middle", False),
    ("length_at_most", {"length": 5}, "middle", False),
    ("length_is", {"length": 2}, "né", True),
    ("is_set", {}, "x", True),
    ("is_not_set", {}, "x", False),
    ("is_empty", {}, "", True),
    ("is_empty", {}, "x", False),
    ("is_unknown", {}, "x", False),
]
NUMBERS: list[tuple[str, dict[str, Any], str, bool]] = [
    (">=", {"value": 5}, "5", True),
    (">", {"value": 5}, "5", False),
    ("<=", {"value": 5}, "5.0", True),
    ("<", {"value": 5}, "4.99", True),
    ("=", {"value": 5}, "5.0", True),
    ("!=", {"value": 5}, "5", False),
    ("between", {"value": 5, "to": 7}, "5", True),
    ("between", {"value": 5, "to": 7}, "7", True),
    ("between", {"value": 5, "to": 7}, "7.01", False),
]
VERSIONS: list[tuple[str, dict[str, Any], str, bool]] = [
    (">=", {"value": "17.5"}, "17.5.0", True),
    (">", {"value": "1.9"}, "1.10", True),
    ("<", {"value": "2.0.0"}, "2.0.0-rc.1", True),
    ("<=", {"value": "2.0.0-rc.2"}, "2.0.0-rc.10", False),
    ("=", {"value": "1.2.3+a"}, "1.2.3+b", True),
    ("!=", {"value": "1.2"}, "1.2.0", False),
    ("between", {"value": "1", "to": "2"}, "2.0.0", True),
    ("is_set", {}, "1", True),
    ("is_not_set", {}, "1", False),
    ("is_unknown", {}, "1", False),
]
TAGS: list[tuple[str, dict[str, Any], list[str], bool]] = [
    ("any_of", {"values": ["x", "SPRING"]}, ["spring", "soil"], True),
    ("all_of", {"values": ["soil", "x"]}, ["spring", "soil"], False),
    ("all_of", {"values": ["Soil", "spring"]}, ["spring", "soil"], True),
    ("none_of", {"values": ["x"]}, ["spring"], True),
    ("none_of", {"values": ["spring"]}, ["Spring"], False),
    ("size_at_least", {"size": 2}, ["a", "b"], True),
    ("size_at_most", {"size": 1}, ["a", "b"], False),
    ("size_is", {"size": 0}, [], True),
    ("is_set", {}, [], True),
    ("is_not_set", {}, ["a"], False),
    ("is_empty", {}, [], True),
    ("is_unknown", {}, [], False),
]


def asked(kind: str, operator: str, given: dict[str, Any], **request: Any) -> bool | None:
    named = {"name": "x"} if kind.startswith("query") else {}
    rule = rule_parse({"condition": kind, "operator": operator, **named, **given})
    return rule.test(context(request=PageRequest(**request)))


@pytest.mark.parametrize(("operator", "given", "text", "expected"), TEXTS)
def test_a_text_operator(operator: str, given: dict[str, Any], text: str, expected: bool) -> None:
    assert asked("query", operator, given, query={"x": text}) is expected


@pytest.mark.parametrize(("operator", "given", "text", "expected"), NUMBERS)
def test_a_number_operator(operator: str, given: dict[str, Any], text: str, expected: bool) -> None:
    assert asked("query_number", operator, given, query={"x": text}) is expected


@pytest.mark.parametrize(("operator", "given", "text", "expected"), VERSIONS)
def test_a_version_operator(
    operator: str, given: dict[str, Any], text: str, expected: bool
) -> None:
    assert asked("query_version", operator, given, query={"x": text}) is expected


@pytest.mark.parametrize(("operator", "given", "tags", "expected"), TAGS)
def test_a_collection_operator(
    operator: str, given: dict[str, Any], tags: list[str], expected: bool
) -> None:
    assert asked("page_tags", operator, given, page_tags=tags) is expected


def test_every_operator_has_its_example() -> None:
    for table, examples in (
        (TEXT_OPERATORS, TEXTS),
        (NUMBER_OPERATORS, NUMBERS),
        (VERSION_OPERATORS, VERSIONS),
        (COLLECTION_OPERATORS, TAGS),
    ):
        assert {example[0] for example in examples} == set(table)
    assert set(OPERATORS) >= {"text", "number", "version", "collection", "date and time"}


@pytest.mark.parametrize("kind", ["query", "query_number", "query_version", "query_date"])
def test_what_is_not_set_answers_presence_alone(kind: str) -> None:
    from personalization.rules.conditions import BY_KIND

    examples: dict[str, Any] = {
        "value": {"query": "a", "query_number": 1}.get(kind, "1"),
        "to": 2 if kind == "query_number" else "2", "values": ["a"], "pattern": "*", "length": 0,
        "moment": "2026-01-01T00:00", "to_moment": "2026-01-02T00:00", "date": "2026-01-01",
        "weekdays": ["mon"], "months": ["jan"],
    }  # fmt: skip
    presence = {"is_set": False, "is_not_set": True, "is_empty": False, "is_unknown": False}
    for name in BY_KIND[kind].operators or ():
        fields = {field.name for field in BY_KIND[kind].fields_of(name)}
        given = {key: value for key, value in examples.items() if key in fields}
        assert asked(kind, name, given) is presence.get(name), name


@pytest.mark.parametrize(
    ("operator", "expected"), [("is_unknown", True), ("is_set", None), ("is_not_set", None)]
)
def test_what_is_unknown_is_only_said_to_be_unknown(operator: str, expected: bool | None) -> None:
    rule = rule_parse({"condition": "first_seen", "operator": operator})
    assert rule.test(context(state=None)) is expected


@pytest.mark.parametrize("text", ["", "1e5", "0x10", "nan", "inf", "1_000", "٣", " 1", "9" * 400])
def test_a_text_is_no_number_unless_it_is_plainly_one(text: str) -> None:
    assert asked("query_number", ">=", {"value": -1e12}, query={"x": text}) is None
    assert asked("query_number", "is_unknown", {}, query={"x": text}) is True


# --- Patterns ----------------------------------------------------------------------------------


@given(st.text("ab*?", max_size=8), st.text("ab", max_size=10))
def test_patterns_match_as_the_shell_has_them(pattern: str, text: str) -> None:
    assert wildcard_test(pattern)(text) == fnmatchcase(text, pattern)


def test_what_is_special_elsewhere_is_a_plain_character_here() -> None:
    for text in ("[a]", "a.c", "^a$", "a|b", "(a+)+", "%", "_", "\\d", "{{7*7}}"[:5]):
        assert wildcard_test(text)(text)
    assert not wildcard_test("[ab]")("a")
    assert not wildcard_test("a.c")("abc")


@pytest.mark.parametrize("pattern", ["*a" * 50, "a*" * 50, "?*" * 50, "*a?" * 33, "*" * 100])
def test_no_pattern_takes_more_than_time_linear_in_the_text(pattern: str) -> None:
    """Counted, not timed: how often a text is looked into does not grow with what stars allow."""
    test, text = wildcard_test(pattern), "a" * 20_000 + "b"
    test(text)  # a pattern that goes back over the text would not return within the test's time


# --- Versions ----------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "1.", "01.2", "1.2.3.4.5", "v1", "1..2", "1-", "٣.1", "1\n"])
def test_what_is_no_version_is_none(text: str) -> None:
    assert version_key(text) is None


# --- Dates -------------------------------------------------------------------------------------

NIGHT = {"time": "22:00", "to_time": "06:00"}
JANUARY_1 = {"moment": "2027-01-01T00:00", "to_moment": "2027-01-02T00:00"}
#: NOW is 2027-01-15 08:00 UTC, a Friday.
DATES: list[tuple[str, dict[str, Any], str, bool]] = [
    ("before", {"moment": "2027-01-15T09:00"}, "2027-01-15T08:59", True),
    ("before", {"moment": "2027-01-15T09:00"}, "2027-01-15T09:00", False),
    ("after", {"moment": "2027-01-15T09:00"}, "2027-01-15T09:00", True),
    ("on", {"date": "2027-01-15"}, "2027-01-15T23:59", True),
    ("on", {"date": "2027-01-15"}, "2027-01-16", False),
    ("between", JANUARY_1, "2027-01-01", True),
    ("between", JANUARY_1, "2027-01-02", False),
    ("within_last", {"amount": 2, "unit": "hours"}, "2027-01-15T08:00", True),
    ("within_last", {"amount": 2, "unit": "hours"}, "2027-01-15T06:00", False),
    ("within_last", {"amount": 2, "unit": "hours"}, "2027-01-15T08:01", False),
    ("more_than_ago", {"amount": 1, "unit": "weeks"}, "2027-01-08T08:00", True),
    ("more_than_ago", {"amount": 1, "unit": "weeks"}, "2027-01-08T08:01", False),
    ("within_next", {"amount": 1, "unit": "days"}, "2027-01-16T08:00", True),
    ("within_next", {"amount": 1, "unit": "days"}, "2027-01-15T08:00", False),
    ("weekday", {"weekdays": ["fri", "sun"]}, "2027-01-15", True),
    ("weekday", {"weekdays": ["sat"]}, "2027-01-15", False),
    ("time_of_day", {**NIGHT}, "2027-01-15T05:59", True),
    ("time_of_day", {**NIGHT}, "2027-01-15T06:00", False),
    ("time_of_day", {"time": "06:00", "to_time": "22:00"}, "2027-01-15T06:00", True),
    ("weekly", {"weekdays": ["thu"], **NIGHT}, "2027-01-15T01:00", True),
    ("weekly", {"weekdays": ["fri"], **NIGHT}, "2027-01-15T01:00", False),
    ("month", {"months": ["jan"]}, "2027-01-15", True),
    ("month", {"months": ["feb"]}, "2027-01-15", False),
    ("anniversary", {}, "2020-01-15", True),
    ("anniversary", {}, "2027-01-15", False),
    ("anniversary", {}, "2020-01-14", False),
    ("is_set", {}, "2020-01-14", True),
    ("is_not_set", {}, "2020-01-14", False),
    ("is_unknown", {}, "14.1.2020", True),
]  # fmt: skip


@pytest.mark.parametrize(("operator", "given", "text", "expected"), DATES)
def test_a_date_operator(operator: str, given: dict[str, Any], text: str, expected: bool) -> None:
    assert asked("query_date", operator, given, query={"x": text}) is expected


def test_every_date_operator_has_its_example() -> None:
    assert {example[0] for example in DATES} == set(DATE_OPERATORS)


@pytest.mark.parametrize(
    ("zone", "expected"), [("UTC", "fri"), ("Pacific/Kiritimati", "fri"), ("Pacific/Niue", "thu")]
)
def test_the_zone_says_which_day_it_is(zone: str, expected: str) -> None:
    for day in ("thu", "fri", "sat"):
        rule = {
            "condition": "date_time", "operator": "weekday", "weekdays": [day], "zone": zone,
        }  # fmt: skip
        assert rule_parse(rule).test(context()) is (day == expected)


@pytest.mark.parametrize(
    ("moment", "at"),
    [
        ("2026-03-29T02:30", 1_774_747_800.0),  # left out in Berlin: read by the offset before
        ("2026-10-25T02:30", 1_792_888_200.0),  # twice in Berlin: the first of the two
    ],
)
def test_a_moment_that_clocks_show_never_or_twice(moment: str, at: float) -> None:
    rule = {"condition": "date_time", "operator": "before", "moment": moment}
    node = rule_parse({**rule, "zone": "Europe/Berlin"})
    assert node.test(context(now=at - 1.0)) is True
    assert node.test(context(now=at)) is False


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (1_803_772_800.0, True),  # 2027-02-28
        (1_803_859_200.0, False),  # 2027-03-01
        (1_835_395_200.0, True),  # 2028-02-29
        (1_835_308_800.0, False),  # 2028-02-28
    ],
)
def test_the_29th_of_february_returns_on_the_28th(now: float, expected: bool) -> None:
    rule = rule_parse({"condition": "query_date", "name": "x", "operator": "anniversary"})
    asked_at = context(now=now, request=PageRequest(query={"x": "2024-02-29"}))
    assert rule.test(asked_at) is expected


def test_one_now_holds_for_the_whole_rule() -> None:
    rule = {"condition": "date_time", "operator": "on", "date": "2027-01-15"}
    node = rule_parse({"all": [rule, rule]})
    assert node.test(context()) is True
    assert node.test(context(now=NOW + 86_400.0)) is False
