"""The pages that explain refusals and imports say what the code does."""

import doctest
import re
from pathlib import Path

import msgspec
from django.core.management import load_command_class

from tracking import (
    cleaning_admin,
    fence_chart,
    quarantine,
    quarantine_admin,
    retention,
    runs,
    useragent,
)
from tracking.api import STATUS
from tracking.imports.mapping import SHIPPED, EventSpec, Field, Mapping, Skip, Time, mapping_parse
from tracking.management.commands import import_events
from tracking.pipeline import distribution, duplicates, outliers, parse, repeats
from tracking.pipeline.steps import HISTORY, STEPS
from tracking.pipeline.wire import Finding, Refusal
from tracking.quarantine import MENDABLE
from tracking.remedies import REMEDIES
from tracking.replay import LINE_KEPT

DOCS = Path(__file__).resolve().parents[2] / "docs"
EVENTS = (DOCS / "events.md").read_text(encoding="utf-8")
ERRORS = (DOCS / "errors.md").read_text(encoding="utf-8")
IMPORTING = (DOCS / "importing.md").read_text(encoding="utf-8")


DOCTESTED = (
    cleaning_admin, distribution, duplicates, fence_chart, import_events, outliers, parse,
    quarantine, quarantine_admin, repeats, retention, runs, useragent,
)  # fmt: skip

#: Refusals of requests that are not about events: config.errors, the framework, the consent form,
#: the API for slots.
ELSEWHERE = {
    "bad_request": 400,
    "invalid_request": 400,
    "not_found": 404,
    "method_not_allowed": 405,
    "unknown_choice": 400,
    "too_many_choices": 429,
    "server_error": 500,
}


def test_every_refusal_and_finding_has_its_line_and_nothing_else_has() -> None:
    named = re.findall(r"^\| `(\w+)` \|", ERRORS, re.MULTILINE)
    assert sorted(named) == sorted([*Refusal, *Finding, *ELSEWHERE])


def test_every_step_has_its_line_in_order() -> None:
    way = EVENTS.partition("### The steps")[2].partition("\n### ")[0]
    named = re.findall(r"^\| `(\w+)` \|", way, re.MULTILINE)
    assert named == [step.__name__ for step in (*STEPS, *HISTORY)]


def plain(cell: str) -> str:
    """A cell of a table without its links, code and emphasis."""
    return re.sub(r"\[(.+?)\]\(.+?\)", r"\1", cell).replace("`", "").replace("*", "").strip()


def test_the_admin_says_what_to_do_in_the_words_of_the_docs() -> None:
    cells = {
        line.split("`")[1]: plain(line.strip("|\n ").rpartition(" | ")[2])
        for line in ERRORS.splitlines()
        if line.startswith("| `")
    }
    assert {str(reason): cells[reason] for reason in REMEDIES} == REMEDIES


def test_every_reason_that_can_stand_in_quarantine_says_what_to_do() -> None:
    assert (MENDABLE | LINE_KEPT | {Refusal.UNPROCESSABLE}) <= REMEDIES.keys()


def test_the_statuses_are_those_of_the_api() -> None:
    stated = re.findall(r"^\| `(\w+)` \| (\d{3}) \|", ERRORS, re.MULTILINE)
    assert {reason: int(status) for reason, status in stated} == STATUS | ELSEWHERE


def test_every_key_of_a_mapping_is_explained() -> None:
    keys = {
        field.encode_name
        for struct in (Mapping, Field, Time, Skip, EventSpec)
        for field in msgspec.structs.fields(struct)
    }
    assert {key for key in keys if not re.search(rf"\b{key}\b", IMPORTING)} == set()


def test_every_shipped_mapping_and_option_is_named() -> None:
    parser = load_command_class("tracking", "import_events").create_parser("", "import_events")
    own = {"--mapping", "--basis", "--refused", "--drain", "--no-wait"}
    assert own <= set(parser._option_string_actions)
    for name in own | {file.stem for file in SHIPPED.glob("*.toml")}:
        assert f"`{name}" in IMPORTING


def test_the_example_mapping_is_one() -> None:
    first, more = re.findall(r"```toml\n(.*?)```", IMPORTING, re.DOTALL)
    assert mapping_parse(first).name == "shop"
    head = first.partition("[[events]]")[0]
    assert len(mapping_parse(head + more).events) == 3


def test_the_examples_of_the_docstrings_run() -> None:
    results = [doctest.testmod(module) for module in DOCTESTED]
    assert all(result.attempted for result in results)
    assert not any(result.failed for result in results)
