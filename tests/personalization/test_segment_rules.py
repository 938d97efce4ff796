"""A segment in a rule is its rule put in its place; what cannot be resolved is refused by name."""

import itertools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from personalization.decide import reasons_of
from personalization.rule_form.words import rule_sentence
from personalization.rules.context import Context, PageRequest
from personalization.rules.inlining import (
    SegmentRule,
    rule_compile,
    rule_inline,
    segments_dated,
    segments_used,
)
from personalization.rules.tree import (
    MAX_CONDITIONS,
    MAX_DEPTH,
    RuleError,
    Trace,
    rule_as_json,
    rule_conditions,
    rule_features,
    rule_parse,
    rule_purposes,
)
from personalization.segments.membership import Membership
from profiles.state import DAY
from tests.personalization.examples import NOW, context, increment

PHONE = {"condition": "device", "value": "phone"}
FAN = {"condition": "affinity", "category": "gardening", "value": 2}
READ = {"condition": "event_count", "type": "page_view", "value": 3}


def of(key: str, operator: str = "in", **fields: Any) -> dict[str, Any]:
    return {"condition": "segment", "segment": key, "operator": operator, **fields}


def rules(**trees: Any) -> dict[str, SegmentRule]:
    return {key: SegmentRule(key.title(), tree) for key, tree in trees.items()}


def spliced(tree: Any, segments: Mapping[str, SegmentRule]) -> Any:
    """The rule as somebody would write it who has no segments: another account of inlining."""
    if isinstance(tree, list):
        return [spliced(member, segments) for member in tree]
    if not isinstance(tree, dict):
        return tree
    if tree.get("condition") == "segment":
        inner = spliced(segments[tree["segment"]].rule, segments)
        return inner if tree["operator"] == "in" else {"not": inner}
    if "condition" in tree:
        return tree
    return {key: spliced(value, segments) for key, value in tree.items()}


LEAVES = st.sampled_from(
    [
        PHONE, FAN, {"condition": "visits", "value": 1}, {"condition": "bot", "value": "no"},
        {"condition": "page_category", "category": "gardening"},
        {"condition": "query", "name": "q", "operator": "equals", "value": "a"},
    ]
)  # fmt: skip
REFERENCES = st.builds(of, st.sampled_from("ab"), st.sampled_from(["in", "not_in"]))


def groups(members: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    some = st.lists(members, min_size=1, max_size=3)
    kinds = [st.fixed_dictionaries({kind: some}) for kind in ("all", "any", "none")]
    return st.one_of(
        *kinds,
        st.builds(lambda of: {"at_least": 1 + len(of) // 2, "of": of}, some),
        st.fixed_dictionaries({"not": members}),
    )


CONTEXTS = st.sampled_from(
    [
        context(increment(), increment(), increment()),
        context(),
        context(increment(starts_visit=True), request=PageRequest(device="desktop")),
        Context(now=NOW, request=PageRequest(device="phone", query={"q": "a"})),
    ]
)


@settings(max_examples=100)
@given(
    groups(LEAVES | REFERENCES),
    LEAVES | groups(LEAVES),
    LEAVES | groups(LEAVES | st.builds(of, st.just("a"), st.sampled_from(["in", "not_in"]))),
    CONTEXTS,
)
def test_a_rule_with_segments_answers_as_the_rule_with_their_rules_in_it(
    tree: Any, first: Any, second: Any, asked: Context
) -> None:
    segments = rules(a=first, b=second)
    try:
        written = rule_parse(spliced(tree, segments))
    except RuleError:
        with pytest.raises(RuleError):  # the limits are the same, too
            rule_compile(tree, segments)
        return
    node = rule_compile(tree, segments)
    trace: list[Trace] = []
    assert node.ask(asked) is written.ask(asked) is node.test(asked, trace)
    assert trace[0].answer is node.ask(asked)
    leaves = [(leaf.condition.kind, leaf.params) for leaf in rule_conditions(node)]
    assert leaves == [(leaf.condition.kind, leaf.params) for leaf in rule_conditions(written)]
    assert rule_parse(rule_as_json(node), is_inlined=True) == node


def test_what_a_rule_needs_is_seen_through_its_segments() -> None:
    segments = rules(readers=READ, nested={"all": [of("readers"), PHONE]})
    node = rule_compile({"any": [PHONE, of("nested", "not_in")]}, segments)
    assert rule_features(node) == rule_features(rule_parse(READ)) != ()
    assert rule_purposes(node) == {"personalization"}
    assert segments_used({"all": [of("a"), {"not": of("b")}, of("a")]}) == ["a", "b"]
    assert segments_dated({"all": [of("a"), of("b", "left_within")]}) == ["b"]


def test_unknown_stays_unknown_in_a_segment_and_out_of_it() -> None:
    nobody = Context(now=NOW)
    for operator in ("in", "not_in"):
        assert rule_compile(of("fans", operator), rules(fans=FAN)).ask(nobody) is None
    # And where no rule was put in, which no page sees, nothing is made up.
    assert rule_parse(of("fans")).ask(context()) is None


@pytest.mark.parametrize(
    ("operator", "said"),
    [
        ("entered_within", "Came into the segment “Garden fans” within the last 7 days."),
        ("left_within", "Left the segment “Garden fans” within the last 7 days."),
    ],
)
def test_who_came_and_who_left_is_said_with_the_name_of_the_segment(
    operator: str, said: str
) -> None:
    segments = {"fans": SegmentRule("Garden fans", FAN)}
    node = rule_compile(of("fans", operator), segments)
    kept = Membership(NOW - DAY, NOW - DAY / 2 if operator == "left_within" else None)
    asked = replace(context(), memberships={"fans": kept})
    trace: list[Trace] = []
    assert node.test(asked, trace) is True
    assert reasons_of(node, asked) == [said]
    assert trace[0].sentence[1:] == said[1:-1]
    assert rule_parse(rule_as_json(node), is_inlined=True) == node
    with pytest.raises(RuleError, match="no such field"):  # nobody writes it
        rule_parse(rule_as_json(node))


def test_the_reasons_and_the_sentence_keep_the_name_of_the_segment() -> None:
    segments = {"fans": SegmentRule("Garden fans", {"all": [FAN, {"not": of("tablets")}]})}
    segments["tablets"] = SegmentRule("Tablets", {"condition": "device", "value": "tablet"})
    node = rule_compile({"all": [of("fans"), PHONE, of("tablets", "not_in")]}, segments)
    asked = context(increment(), increment(), increment())
    assert reasons_of(node, asked) == [
        "In the segment “Garden fans” because the interest in Gardening is at least 2.",
        "Using a phone.",
        "Not in the segment “Tablets”.",
    ]
    assert rule_sentence(node) == (
        "in the segment “Garden fans” and using a phone and not in the segment “Tablets”"
    )
    assert "in the segment “Garden fans” (the interest in" in rule_sentence(
        node, opens_segments=True
    )
    trace: list[Trace] = []
    node.test(asked, trace)
    depths = [(line.depth, line.sentence) for line in trace]
    assert depths[1] == (1, "in the segment “Garden fans”")


@pytest.mark.parametrize(
    ("tree", "where", "said"),
    [
        (of("gone"), "segment", "There is no segment “gone” in use"),
        ({"all": [PHONE, of("gone", "left_within")]}, "all[1].segment", "no segment “gone”"),
        ({"not": of("outer")}, "not.segment", "“Outer” uses the segment “gone”"),
        (of("a"), "segment", "round in a circle: “A”, which uses “B”, which uses “A”."),
        (of("self"), "segment", "round in a circle: “Self”, which uses “Self”."),
        (of("dated"), "segment", "round in a circle: “Dated”, which uses “Dated”."),
        (of("empty"), "segment", "“Empty” has no condition yet"),
        ({"all": [of("many"), of("many")]}, "all[1].segment", f"at most {MAX_CONDITIONS}"),
        ({"any": [{"any": [{"any": [of("deep")]}]}]}, "any[0].any[0].any[0].segment",
         f"nest at most {MAX_DEPTH} deep"),
    ],
)  # fmt: skip
def test_what_cannot_be_resolved_is_refused_where_it_is_named(
    tree: Any, where: str, said: str
) -> None:
    segments = rules(
        outer={"all": [PHONE, of("gone")]}, a={"any": [PHONE, of("b")]}, b=of("a", "not_in"),
        self=of("self"), dated=of("dated", "entered_within"), empty={},
        many={"any": [PHONE] * 30}, deep={"all": [{"any": [{"all": [PHONE]}]}]},
    )  # fmt: skip
    with pytest.raises(RuleError) as refused:
        rule_inline(tree, segments)
    assert refused.value.where == where
    assert said in refused.value.message


def test_a_bomb_of_segments_is_refused_before_it_goes_off() -> None:
    names = "abcdefgh"
    segments = rules(**{
        name: {"any": [of(below)] * MAX_CONDITIONS}
        for name, below in itertools.pairwise(names)
    }, h=PHONE)  # fmt: skip
    with pytest.raises(RuleError):
        rule_inline(of("a"), segments)
    chain = rules(**{name: of(below) for name, below in itertools.pairwise(names)}, h=PHONE)
    with pytest.raises(RuleError, match=f"at most {MAX_DEPTH} deep"):
        rule_inline(of("a"), chain)
    assert rule_compile(of("d"), chain).ask(context()) is True


def test_nobody_may_write_what_only_inlining_makes() -> None:
    forged = {"all": [PHONE], "segment": "fans", "name": "Fans"}
    with pytest.raises(RuleError):
        rule_parse(forged)


@pytest.mark.parametrize(
    ("kept", "operator", "expected"),
    [
        (Membership(NOW - 2 * DAY), "entered_within", True),
        (Membership(NOW - 7 * DAY), "entered_within", False),
        (Membership(NOW - 2 * DAY, NOW - DAY), "entered_within", False),
        (Membership(NOW - 2 * DAY, was_there=True), "entered_within", None),
        (Membership(NOW - 8 * DAY, was_there=True), "entered_within", False),
        (None, "entered_within", False),
        (Membership(NOW - 20 * DAY, NOW - 2 * DAY), "left_within", True),
        (Membership(NOW - 20 * DAY, NOW - 7 * DAY), "left_within", False),
        (Membership(NOW - 2 * DAY), "left_within", False),
        (None, "left_within", False),
    ],
)  # fmt: skip
def test_coming_and_leaving_are_read_from_what_is_kept(
    kept: Membership | None, operator: str, expected: bool | None
) -> None:
    tree = of("fans", operator, amount=7, unit="days")
    node = rule_compile(tree, rules(fans=FAN))
    assert node.ask(context(memberships={"fans": kept} if kept else {})) is expected
    assert node.ask(context()) is None, "nothing is known of when"
    assert rule_sentence(node) == (
        f"{'came into' if operator == 'entered_within' else 'left'} the segment “Fans” within the "
        "last 7 days"
    )
