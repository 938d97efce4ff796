"""docs/rules.md and the code say the same."""

import re
from pathlib import Path

from personalization.rules.conditions import BY_KIND, CONDITIONS
from personalization.rules.fields import MAX_VALUES
from personalization.rules.operators import OPERATORS
from personalization.rules.schema import UNSAID
from personalization.rules.tree import LABELS, MAX_CONDITIONS, MAX_DEPTH, MAX_TEXT
from personalization.rules.wildcards import MAX_PATTERN
from profiles.state import RECENT_EVENTS

DOCS = (Path(__file__).resolve().parents[2] / "docs" / "rules.md").read_text()
ROW = re.compile(r"^\| `(\w+)` \| ([\w ]+) \| (.+?) \| (yes|no) \| (\w+) \| .+ \|$", re.MULTILINE)
OPERATOR = re.compile(r"^\| ([\w ]+) \| `(\S+)` \| (.+?) \| (.+) \|$", re.MULTILINE)
CODE = re.compile(r"`(\w+)`")


def test_every_condition_has_its_line_and_no_line_is_left_over() -> None:
    rows = {kind: rest for kind, *rest in ROW.findall(DOCS)}
    assert list(rows) == [condition.kind for condition in CONDITIONS]
    for kind, (group, fields, needs, cost) in rows.items():
        condition = BY_KIND[kind]
        assert group == condition.group
        assert CODE.findall(fields) == [field.name for field in condition.fields]
        assert needs == ("yes" if condition.needs else "no")
        assert cost == condition.cost


def test_every_operator_has_its_line_and_no_line_is_left_over() -> None:
    said = {
        (table, name): (CODE.findall(fields), label)
        for table, name, fields, label in OPERATOR.findall(DOCS)
    }
    assert said == {
        (table, name): (list(operator.fields), operator.label)
        for table, operators in OPERATORS.items()
        if table not in ("count", "presence")
        for name, operator in operators.items()
        if operator.kind != "presence"
    }
    assert set(OPERATORS["count"]) == set(OPERATORS["number"])
    for name in OPERATORS["presence"]:
        assert f"| `{name}`" in DOCS


def test_the_limits_are_the_published_ones() -> None:
    assert f"at most {MAX_DEPTH} deep" in DOCS
    assert f"at most {MAX_CONDITIONS} conditions" in DOCS
    assert f"at most {MAX_TEXT} characters" in DOCS
    assert f"at most {MAX_VALUES} values" in DOCS
    assert f"at most {MAX_PATTERN} characters" in DOCS
    assert f"exact up to {RECENT_EVENTS}" in DOCS
    for label, most in LABELS.items():
        assert f'`"{label}"` (at most {most} characters)' in DOCS


def test_what_the_schema_does_not_say_is_said() -> None:
    for unsaid in UNSAID:
        assert f"- {unsaid}" in DOCS
