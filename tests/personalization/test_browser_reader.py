"""The browser's reader and the one in memory say the same of the same facts; and of a rule, no more
reaches the page than it has to decide there."""

import shutil
import unicodedata
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from personalization.rules.browser import BROWSER_KINDS, rule_for_browser
from personalization.rules.conditions import BY_KIND, CONDITIONS
from personalization.rules.tree import rule_parse
from profiles.features.values import text_fold
from tests.personalization import page_facts
from tests.personalization.corpus import context_of
from tests.personalization.node import BrowserReader, browser_reader
from tests.personalization.page_facts import Asked

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="needs Node")


@pytest.fixture(scope="session")
def browser() -> Iterator[BrowserReader]:
    with browser_reader() as reader:
        yield reader


@needs_node
def test_both_know_the_same_conditions(browser: BrowserReader) -> None:
    assert set(browser.kinds) == BROWSER_KINDS


@needs_node
@settings(max_examples=300)
@given(asked=page_facts.asked(page_facts.rules_of(page_facts.LEAVES)))
def test_the_browser_says_what_memory_says(browser: BrowserReader, asked: Asked) -> None:
    tree, facts = asked
    rule = rule_parse(tree)
    assert browser.answer(tree, facts) is rule.test(context_of(facts, rule)), (tree, facts)


BY_ITSELF = {kind: page_facts.asked(page_facts.leaves(kind)) for kind in BROWSER_KINDS}


@needs_node
@pytest.mark.parametrize("kind", sorted(BROWSER_KINDS))
@settings(max_examples=12)
@given(data=st.data())
def test_the_browser_says_of_each_condition_what_memory_says(
    browser: BrowserReader, kind: str, data: st.DataObject
) -> None:
    leaf, facts = data.draw(BY_ITSELF[kind])
    rule = rule_parse(leaf)
    assert browser.answer(leaf, facts) is rule.test(context_of(facts, rule)), (leaf, facts)


@needs_node
def test_the_browser_folds_every_letter_with_case_as_python_does(browser: BrowserReader) -> None:
    """Letters of Unicode 3.2, which every browser knows alike."""
    known = unicodedata.ucd_3_2_0
    cased = [
        letter
        for letter in map(chr, range(0x20000))
        if known.category(letter) not in ("Cn", "Cs", "Co")
        and len({letter, letter.upper(), letter.lower(), text_fold(letter)}) > 1
    ]
    rule: dict[str, Any] = {"condition": "given_text", "name": "x"}
    for start in range(0, len(cased), 40):
        text = "".join(cased[start : start + 40])
        wanted = text_fold(text)
        folded = {"operator": "equals", "value": wanted, "match_case": False}
        assert browser.answer({**rule, **folded}, {"profile": {"x": text}}) is True, text


# --- What is left for the page ------------------------------------------------------------------

SERVER_SIDE: tuple[dict[str, Any], ...] = (
    {"condition": "gpc", "value": "on"},
    {"condition": "visits", "operator": ">=", "value": 1},
    {"condition": "affinity", "category": "music", "horizon": "long", "operator": ">", "value": 1},
    {"condition": "device", "value": "phone"},
    {"condition": "prediction", "model": "churn", "operator": ">=", "value": 10},
)
IN_PAGE = st.one_of(
    [page_facts.leaves(each.kind) for each in CONDITIONS if each.in_page]
)  # fmt: skip
MIXED = page_facts.rules_of(st.sampled_from(SERVER_SIDE) | IN_PAGE)
VISITED = [{"type": "page_view", "days_ago": 1, "category": "music", "starts_visit": True}] * 3


@needs_node
@settings(max_examples=150)
@given(asked=page_facts.asked(MIXED), is_known=st.booleans())
def test_what_is_left_answers_in_the_page_as_the_whole_rule_does(
    browser: BrowserReader, asked: Asked, is_known: bool
) -> None:
    tree, told = asked
    rule = rule_parse(tree)
    # Without consent nothing that needs it is known, also in the page.
    untold: dict[str, Any] = {"signals": {}, "profile": {}}
    whole = {**told, **({"events": VISITED} if is_known else untold)}
    left = rule_for_browser(rule, context_of({**whole, "signals": {}, "profile": {}}, rule))
    assert browser.answer(left, told) is rule.test(context_of(whole, rule)), (tree, left)


@given(MIXED)
@settings(max_examples=100)
def test_no_more_reaches_the_page_than_it_decides_there(tree: dict[str, Any]) -> None:
    labelled = {"all": [tree], "name": "Who left us", "note": "From the list of refunds."}
    rule = rule_parse(labelled)
    left = rule_for_browser(rule, context_of({"events": VISITED, "now": 1e9}, rule))
    kinds = {leaf["condition"] for leaf in kept_of(left)}
    assert all(BY_KIND[kind].in_page for kind in kinds)
    assert not labels_of(left)


def kept_of(left: Any) -> list[dict[str, Any]]:
    if not isinstance(left, dict):
        return []
    if "condition" in left:
        return [left]
    return [leaf for member in members_of(left) for leaf in kept_of(member)]


def members_of(group: dict[str, Any]) -> list[Any]:
    found = next(group[kind] for kind in ("all", "any", "not", "of") if kind in group)
    return found if isinstance(found, list) else [found]


def labels_of(left: Any) -> list[str]:
    """What people call the groups that are left."""
    if not isinstance(left, dict) or "condition" in left:
        return []
    mine = [name for name in ("name", "note") if name in left]
    return mine + [label for member in members_of(left) for label in labels_of(member)]


SCROLLED = {"condition": "scroll_depth", "operator": ">=", "value": 50}
ON, OFF = {"condition": "gpc", "value": "on"}, {"condition": "gpc", "value": "off"}
OPEN = {"condition": "prediction", "model": "churn", "operator": ">=", "value": 1}


@pytest.mark.parametrize(
    ("tree", "left"),
    [
        (SCROLLED, SCROLLED),
        (ON, True),
        (OPEN, None),
        ({"all": [ON, SCROLLED]}, SCROLLED),
        ({"all": [OFF, SCROLLED]}, False),
        ({"all": [OPEN, SCROLLED]}, {"all": [SCROLLED, None]}),
        ({"all": [OPEN, ON]}, None),
        ({"any": [OFF, SCROLLED]}, SCROLLED),
        ({"any": [ON, SCROLLED]}, True),
        ({"any": [OPEN, OPEN, SCROLLED]}, {"any": [SCROLLED, None]}),
        ({"none": [OFF, SCROLLED]}, {"not": SCROLLED}),
        ({"none": [ON, SCROLLED]}, False),
        ({"not": OPEN}, None),
        ({"not": {"not": SCROLLED}}, {"not": {"not": SCROLLED}}),
        ({"at_least": 2, "of": [ON, SCROLLED, SCROLLED]}, {"any": [SCROLLED, SCROLLED]}),
        ({"at_least": 2, "of": [OFF, SCROLLED, SCROLLED]}, {"all": [SCROLLED, SCROLLED]}),
        ({"at_least": 2, "of": [SCROLLED] * 3}, {"at_least": 2, "of": [SCROLLED] * 3}),
        ({"at_least": 2, "of": [OFF, OFF, SCROLLED]}, False),
        ({"at_least": 2, "of": [ON, ON, SCROLLED]}, True),
        ({"at_least": 2, "of": [ON, OPEN, SCROLLED]}, {"any": [SCROLLED, None]}),
    ],
)
def test_what_the_server_knows_is_answered_away(tree: dict[str, Any], left: Any) -> None:
    rule = rule_parse(tree)
    facts = {"gpc": True, "now": 0.0, "events": []}
    assert rule_for_browser(rule, context_of(facts, rule)) == left
