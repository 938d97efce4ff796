"""docs/features.md says what the code does: tables compared, the example read."""

import json
import re
from pathlib import Path

from profiles.features.checks import LIMITS, feature_parse
from profiles.features.definition import (
    AGGREGATIONS,
    BUCKETS,
    DISTINCT_VALUES,
    EXACT_MOMENTS,
    FIELDS,
    OPERATORS,
    PERIODS,
    SEEN_EVENTS,
    VISITS_KEPT,
    WINDOWS,
)
from profiles.features.state import FEATURE_BYTES

PAGE = (Path(__file__).resolve().parents[3] / "docs/features.md").read_text(encoding="utf-8")


def rows(title: str) -> dict[str, list[str]]:
    """The lines of the table whose first column has this title, by their first column."""
    table = PAGE.partition(f"| {title} |")[2].partition("\n\n")[0].splitlines()[2:]
    cells = ([cell.strip() for cell in line.strip("|").split("|")] for line in table)
    return {first.strip("`"): rest for first, *rest in cells}


def test_every_field_has_its_line_with_its_kind() -> None:
    stated = {field: rest[0] for field, rest in rows("field").items()}
    assert stated == {**FIELDS, "property.<name>": "any"}


def test_every_operator_has_its_line_with_what_it_takes() -> None:
    expected = {
        name: [
            ", ".join(operator.kinds),
            str(operator.most)
            if operator.fewest == operator.most
            else f"{operator.fewest} to {operator.most}",
        ]
        for name, operator in OPERATORS.items()
    }
    assert {operator: rest[:2] for operator, rest in rows("operator").items()} == expected


def test_every_aggregation_and_every_window_has_its_line() -> None:
    assert list(rows("aggregation")) == list(AGGREGATIONS)
    assert list(rows("window")) == list(WINDOWS)
    assert all(period in rows("window")["calendar"][0] for period in PERIODS)


def test_the_limits_are_those_of_the_code() -> None:
    assert {name: int(rest[0].split()[0]) for name, rest in rows("limit").items()} == LIMITS
    assert f"at most {FEATURE_BYTES} bytes" in PAGE
    assert f"up to {EXACT_MOMENTS} different times" in PAGE
    assert f"up to {DISTINCT_VALUES} values" in PAGE
    assert f"the latest {SEEN_EVENTS} events" in PAGE
    assert f"fewer than {VISITS_KEPT} other visits" in PAGE
    assert f"at most {BUCKETS}, and else a day" in PAGE


def test_the_example_is_a_feature_and_its_words_are_its_own() -> None:
    example = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    words = re.findall(r"In words: \*(.*?)\*", PAGE, re.DOTALL)
    assert [feature_parse(json.loads(text)).describe() for text in example] == [
        text.replace("\n", " ") for text in words
    ]
