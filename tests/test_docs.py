"""The documentation says what the code does: names compared, links followed."""

import re
from pathlib import Path

import pytest

from tracking.taxonomy import STANDARD_TYPES

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")])
LINK = re.compile(r"\]\(([^)\s#]+)(?:#[^)]*)?\)")


def test_every_standard_event_type_has_its_line_with_its_weight() -> None:
    lines = {}
    for line in (ROOT / "docs/events.md").read_text().splitlines():
        if match := re.match(r"\| `(\w+)` \| (\w+) \| ([\d.]+) \|", line):
            lines[match[1]] = (match[2], float(match[3]))
    assert lines == {entry.name: (entry.kind, entry.weight) for entry in STANDARD_TYPES}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_within_the_project_leads_somewhere(page: Path) -> None:
    missing = [
        target
        for target in LINK.findall(page.read_text())
        if "://" not in target and not (page.parent / target).exists()
    ]
    assert missing == []


def test_the_readme_shows_every_document() -> None:
    readme = (ROOT / "README.md").read_text()
    unmentioned = [page.name for page in (ROOT / "docs").glob("*.md") if page.name not in readme]
    assert unmentioned == []
