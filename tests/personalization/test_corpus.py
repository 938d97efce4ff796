"""The hand-written corpus: the reader in memory agrees, and the corpus is what it says it is."""

import json
from collections import Counter

import pytest

from personalization.rules.conditions import CONDITIONS
from personalization.rules.operators import OPERATORS
from personalization.rules.tree import rule_as_json, rule_conditions, rule_parse
from tests.personalization.corpus import FOLDER, Case, context_of, corpus_read
from tests.personalization.corpus_readers import readers_of

CASES = corpus_read()
#: Operators of a type, by a condition that the corpus asks it of.
TABLES = {
    "number": "query_number",
    "text": "query",
    "collection": "page_tags",
    "version": "query_version",
    "date and time": "query_date",
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_memory_agrees_with_the_corpus(case: Case) -> None:
    rule = rule_parse(case.rule)
    context = context_of(case.facts, rule)
    assert rule.test(context) is case.answer
    assert rule.test(context, []) is case.answer, "an explanation answers the same"


def test_every_case_has_its_rule_in_full_its_readers_and_its_own_words() -> None:
    assert len(CASES) >= 150
    for case in CASES:
        rule = rule_parse(case.rule)
        assert json.dumps(rule_as_json(rule)) == json.dumps(case.rule), case.name
        assert readers_of(rule, case.facts) == case.readers, case.name
    for path in FOLDER.glob("*.json"):
        said = Counter(row["why"] for row in json.loads(path.read_text(encoding="utf-8")))
        assert max(said.values()) == 1, said.most_common(1)


def test_every_operator_of_every_type_is_in_the_corpus() -> None:
    asked = {
        (leaf.condition.kind, leaf.params.get("operator"))
        for case in CASES
        for leaf in rule_conditions(rule_parse(case.rule))
    }
    for table, kind in TABLES.items():
        # What only now itself cannot be asked is asked of it.
        also = "date_time" if table == "date and time" else kind
        missing = [
            name
            for name in OPERATORS[table]
            if (kind, name) not in asked and (also, name) not in asked
        ]
        assert not missing, (table, missing)


def test_every_condition_is_in_the_corpus() -> None:
    asked = {
        leaf.condition.kind for case in CASES for leaf in rule_conditions(rule_parse(case.rule))
    }
    assert not {each.kind for each in CONDITIONS} - asked
