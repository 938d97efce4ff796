"""docs/profiles.md has a line for everything that can be read from a profile."""

import re
from pathlib import Path

import pytest

from profiles.state import State
from profiles.vector import ENGAGEMENT_MIDPOINT, FREQUENCY_MIDPOINT, Interest, Trends, Vector
from profiles.visits import Gaps

TEXT = (Path(__file__).resolve().parents[2] / "docs/profiles.md").read_text(encoding="utf-8")
LINES = {
    name
    for line in TEXT.splitlines()
    if line.startswith("|")
    for name in re.findall(r"`(\w+)`", line.split("|")[1])
}


@pytest.mark.parametrize("kind", [Vector, Gaps, Trends])
def test_every_field_of_the_vector_has_its_line(kind: type) -> None:
    assert set(kind._fields) <= LINES  # type: ignore[attr-defined]


def test_every_value_of_an_interest_and_every_part_of_a_profile_has_its_line() -> None:
    assert set(Interest._fields) - {"category"} <= LINES
    assert set(State.__struct_fields__) <= LINES


def test_no_line_is_about_what_is_no_more() -> None:
    known = {name for kind in (Vector, Gaps, Trends, Interest) for name in kind._fields}
    assert known | set(State.__struct_fields__) >= LINES


def test_the_midpoints_are_those_of_the_code() -> None:
    assert f"midpoint {ENGAGEMENT_MIDPOINT:g} |" in TEXT
    assert f"midpoint {FREQUENCY_MIDPOINT:g} |" in TEXT
