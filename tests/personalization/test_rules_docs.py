"""docs/rules.md and CONDITIONS say the same."""

import re
from pathlib import Path

from personalization.rules.conditions import BY_KIND, CONDITIONS
from personalization.rules.tree import MAX_CONDITIONS, MAX_DEPTH, MAX_TEXT
from profiles.state import RECENT_EVENTS

DOCS = (Path(__file__).resolve().parents[2] / "docs" / "rules.md").read_text()
ROW = re.compile(r"^\| `(\w+)` \| (\w+) \| (.+?) \| (yes|no) \| .+ \|$", re.MULTILINE)


def test_every_condition_has_its_line_and_no_line_is_left_over() -> None:
    rows = {kind: (group, fields, needs) for kind, group, fields, needs in ROW.findall(DOCS)}
    assert list(rows) == [condition.kind for condition in CONDITIONS]
    for kind, (group, fields, needs) in rows.items():
        condition = BY_KIND[kind]
        assert group == condition.group
        assert re.findall(r"`(\w+)`", fields) == [field.name for field in condition.fields]
        assert needs == ("yes" if condition.needs else "no")


def test_the_limits_are_the_published_ones() -> None:
    assert f"at most {MAX_DEPTH} deep" in DOCS
    assert f"at most {MAX_CONDITIONS} conditions" in DOCS
    assert f"at most {MAX_TEXT} characters" in DOCS
    assert f"exact up to {RECENT_EVENTS}" in DOCS
