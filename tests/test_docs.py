"""The documentation says what the code does: names compared, links followed."""

import re
from pathlib import Path

import pytest

from tracking.pipeline.enrich import CLICK_IDS, MEDIA
from tracking.pipeline.properties import KINDS
from tracking.pipeline.steps import HISTORY, STEPS
from tracking.taxonomy import STANDARD_TYPES

ROOT = Path(__file__).resolve().parent.parent
EVENTS = (ROOT / "docs/events.md").read_text()
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")])
LINK = re.compile(r"\]\(([^)\s#]+)(?:#[^)]*)?\)")


def test_every_standard_event_type_has_its_line() -> None:
    line = re.compile(
        r"^\| `(\w+)` \| (\w+) \| ([\d.]+) \| [\w ]+ \| ([\d.]+) / ([\d.]+) \| ([\d–]+) \|", re.M
    )
    found = {
        name: (kind, float(weight), float(short), float(long), 0 if repeat == "–" else int(repeat))
        for name, kind, weight, short, long, repeat in line.findall(EVENTS)
    }
    assert found == {
        standard.name: (
            *(standard.kind, standard.weight, standard.half_life_short, standard.half_life_long),
            standard.repeat_ms,
        )
        for standard in STANDARD_TYPES
    }


def test_every_property_of_a_standard_event_type_has_its_kind() -> None:
    table = EVENTS.partition("| event type | properties |")[2].partition("\n\n")[0]
    rows = dict(re.findall(r"^\| (\S+) \| (.*) \|$", table, re.MULTILINE))

    def kinds(cell: str) -> dict[str, str]:
        found = dict(re.findall(r"`(\w+)` (\w+)", cell))
        for group in re.findall(r"\*\w+\*", cell):
            found |= kinds(rows[group])
        return found

    types = {name.strip("`"): kinds(cell) for name, cell in rows.items() if name.startswith("`")}
    assert types == {standard.name: standard.properties for standard in STANDARD_TYPES}


def test_every_kind_of_value_step_and_medium_has_its_line() -> None:
    for heading, names in (
        ("kind", list(KINDS)),
        ("step", [step.__name__ for step in STEPS + HISTORY]),
        ("medium", list(MEDIA)),
    ):
        table = EVENTS.partition(f"\n| {heading} | ")[2].partition("\n\n")[0]
        named = re.findall(r"^\| `(\w+)` \|", table, re.M)
        assert sorted(named) == sorted(names), heading


def test_the_tracker_and_the_docs_know_the_click_ids_of_the_pipeline() -> None:
    source = (ROOT / "static/src/tracker/context.js").read_text()
    listed = re.search(r"CLICK_ID =\s*/\^\(([\w|]+)\)\$/", source)
    assert listed is not None
    assert listed[1].split("|") == list(CLICK_IDS)
    assert {name for name in CLICK_IDS if name not in EVENTS} == set()


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
