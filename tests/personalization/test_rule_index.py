"""The index of many rules finds what asking each of them finds, and keeps nothing of anybody."""

from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from personalization.rules.context import Context, PageRequest
from personalization.rules.index import RuleIndex
from personalization.rules.tree import rule_parse
from tests.personalization.examples import context, increment
from tests.personalization.trees import trees

#: Conditions whose values lie close together, so that contexts fall on and between them.
LEAVES = st.one_of(
    st.builds(
        lambda operator, value: {"condition": "visits", "operator": operator, "value": value},
        st.sampled_from([">=", ">", "<=", "<", "=", "!="]),
        st.integers(0, 4),
    ),
    st.integers(0, 3).map(
        lambda low: {"condition": "visits", "operator": "between", "value": low, "to": low + 1}
    ),
    st.builds(
        lambda operator, value, case: {
            "condition": "path", "operator": operator, "value": value, "match_case": case,
        },
        st.sampled_from(["equals", "not_equals", "contains"]),
        st.sampled_from(["/a", "/A", "/b", "/"]),
        st.booleans(),
    ),
    st.lists(st.sampled_from(["/a", "/B", "/c"]), min_size=1, max_size=2).map(
        lambda values: {"condition": "path", "operator": "not_in", "values": values}
    ),
    st.sampled_from(["phone", "tablet"]).map(lambda value: {"condition": "device", "value": value}),
    st.sampled_from(["music", "gardening"]).map(
        lambda category: {"condition": "page_category", "category": category}
    ),
    st.just({"condition": "referrer", "operator": "is_not_set"}),
    st.just({"condition": "interest_share", "category": "gardening", "value": 50}),
)  # fmt: skip


def group(members: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    some = st.lists(members, min_size=1, max_size=4)
    return st.one_of(
        *(
            some.map(lambda nodes, kind=kind: {kind: nodes})
            for kind in ("all", "all", "any", "none")
        ),
        some.flatmap(
            lambda nodes: st.integers(1, len(nodes)).map(
                lambda needed: {"at_least": needed, "of": nodes}
            )
        ),
    )


RULES = st.lists(st.one_of(LEAVES, group(LEAVES), group(LEAVES | group(LEAVES))), max_size=12)
#: Every one that tells two values of LEAVES apart, made once.
CONTEXTS = [
    context(
        *[increment(starts_visit=True)] * visits,
        request=PageRequest(path=path, device=device, page_category=category),
    )
    for visits in range(6)
    for path in ("/a", "/A", "/b", "/x", "/")
    for device, category in (("phone", "music"), ("desktop", ""))
] + [context(state=None, request=PageRequest(path="/a", device="phone"))]


def naive(rules: list[Any], asked: Context) -> list[int]:
    return [place for place, rule in enumerate(rules) if rule.test(asked) is True]


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(RULES, st.randoms(use_true_random=False))
def test_the_index_finds_what_asking_every_rule_finds(trees: list[Any], draw: Random) -> None:
    rules = [rule_parse(tree) for tree in trees]
    index = RuleIndex(rules)
    contexts = draw.sample(CONTEXTS, len(CONTEXTS))  # what is kept depends on who came first
    for asked in contexts:
        assert list(index.matches(asked)) == naive(rules, asked)


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(trees(2), max_size=6))
def test_any_rules_can_be_indexed(many: list[Any]) -> None:
    rules = [rule_parse(tree) for tree in many]
    asked = context(increment(), increment("click", days_ago=3))
    assert list(RuleIndex(rules).matches(asked)) == naive(rules, asked)


def test_nothing_that_a_visitor_sent_is_kept() -> None:
    rules = [
        rule_parse({"condition": "query", "name": "q", "value": value, "operator": operator})
        for value in ("a", "b")
        for operator in ("equals", "not_equals")
    ]
    index = RuleIndex(rules)
    for number in range(100):
        list(index.matches(context(request=PageRequest(query={"q": f"secret {number}"}))))
    families = list(index._families.values())
    assert [len(family._kept) for family in families] == [1]
    assert "secret" not in repr([family._kept for family in families])


def test_rules_that_share_a_false_condition_are_not_asked() -> None:
    asked: list[int] = []

    class Counting(Context):
        @property
        def pages_in_visit(self) -> int:  # type: ignore[override]
            asked.append(1)
            return 1

    only = {"condition": "device", "value": "tablet"}
    pages = [{"condition": "pages_in_visit", "value": number} for number in range(1, 30)]
    index = RuleIndex([rule_parse({"all": [page, only]}) for page in pages])
    facts = context()
    counting = Counting(now=facts.now, state=facts.state, request=facts.request)
    assert list(index.matches(counting)) == []
    assert asked == []
