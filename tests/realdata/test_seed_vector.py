"""The vectors of two real visitors: docs, product and plain arithmetic say the same."""

from __future__ import annotations

import io
import json
import math
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID, uuid5

import pytest
from django.core.management import call_command
from django.test import override_settings

from profiles import baselines, selectors
from profiles.baseline import Baseline
from profiles.state import State
from profiles.vector import behavioral_vector, interest_list, vector_as_dict
from tests.realdata import seed_vector as plain
from tests.realdata.deskdrop import NAMESPACE
from tests.realdata.seed_vector import Act

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.slow,
    pytest.mark.skipif(
        not (plain.EBNERD.exists() and plain.DESKDROP.exists()), reason="the real data is not here"
    ),
]

DOCS = Path(__file__).resolve().parents[2] / "docs/profiles.md"
Rows = list[list[str]]


# --- The docs -------------------------------------------------------------------------------------


def section(title: str) -> str:
    text = DOCS.read_text(encoding="utf-8").partition(f"### {title}\n")[2]
    return re.split(r"^##", text, flags=re.M)[0]


def vector_documented(title: str) -> dict[str, Any]:
    (block,) = re.findall(r"```json\n(.*?)```", section(title), re.S)
    vector: dict[str, Any] = json.loads(block)
    return vector


def tables_documented(title: str) -> dict[str, list[Rows]]:
    """The tables below a title, without heads, by what stands in the first cell of the head."""
    tables: dict[str, list[Rows]] = defaultdict(list)
    for table in re.findall(r"(?:^\|.*\|\n)+", section(title), re.M):
        rows = [[cell.strip() for cell in line[1:-1].split(" | ")] for line in table.splitlines()]
        tables[rows[0][0]].append(rows[2:])
    return tables


def by_hand(formula: str) -> str | float:
    """What a pocket calculator makes of a formula; words stand for themselves."""
    signs = {"^": "**", "·": "*", "−": "-", "√": "sqrt"}
    for sign, operator in signs.items():
        formula = formula.replace(sign, operator)
    if not re.fullmatch(r"(?:[\d\s.()<*/+-]|sqrt)+", formula):
        assert not re.search(r"\d", formula), formula
        return formula
    answer = eval(formula, {"__builtins__": {}}, {"sqrt": math.sqrt})
    return ("yes" if answer else "no") if isinstance(answer, bool) else float(answer)


def assert_arithmetic(rows: Rows) -> None:
    """Each formula has the result beside it, to its last digit."""
    for name, formula, result, *_ in rows:
        answer = by_hand(formula)
        if isinstance(answer, float):
            digits = len(result.partition(".")[2])
            assert f"{answer:.{digits}f}" == number(result), (name, formula)
        elif result in ("yes", "no"):
            assert answer == result, (name, formula)


def number(cell: str) -> str:
    return cell.replace("−", "-")


def said(value: Any) -> str:
    """A value of the product as the docs write it."""
    words = {None: "none", True: "yes", False: "no"}
    return words[value] if value is None or isinstance(value, bool) else str(value)


def assert_product(rows: Rows, values: dict[str, Any]) -> None:
    """The last column is what the product says, and by hand comes near it."""
    for name, _, result, told in rows:
        if not told:
            continue  # a step on the way
        key = name.split("`")[1] if name.count("`") == 2 else name
        assert number(told) == said(values[key]), name
        if isinstance(values[key], float):
            assert float(number(result)) == pytest.approx(values[key], rel=3e-3, abs=1e-4), name


# --- The product ----------------------------------------------------------------------------------


class Told(NamedTuple):
    """What the product holds of the visitor, and of the site."""

    state: State
    site: Baseline


def imported(mapping: str, reader: str) -> Told:
    path, now = {
        "ebnerd": (plain.EBNERD, plain.EBNERD_NOW),
        "deskdrop": (plain.DESKDROP, plain.DESKDROP_NOW),
    }[mapping]
    call_command("import_events", str(path), mapping=mapping, drain=True, stdout=io.StringIO())
    state = selectors.profile_get(visitor_of(mapping, reader))
    assert state is not None
    return Told(state, baselines.baseline_compute(now=now))


def visitor_of(mapping: str, person: str) -> UUID:
    return uuid5(NAMESPACE, json.dumps([mapping, "visitor", person], separators=(",", ":")))


def vector_told(state: State, now: float, baseline: Baseline | None = None) -> dict[str, Any]:
    vector = behavioral_vector(state, selectors.weights_current(), now=now, baseline=baseline)
    return vector_as_dict(vector)


def flat(vector: dict[str, Any]) -> dict[str, Any]:
    """One level; the trends and gaps have names of their own."""
    return vector | vector["temporal_gaps"] | vector["behavioral_trends"]


def assert_same(told: dict[str, Any], expected: dict[str, Any]) -> None:
    for name, value in expected.items():
        if isinstance(value, dict):
            assert_same(told[name], value)
        elif isinstance(value, float):
            assert told[name] == pytest.approx(value, abs=5.1e-5), name
        else:
            assert told[name] == value, name


def recent_readers(readers: dict[str, list[Act]]) -> list[list[Act]]:
    return [acts for acts in readers.values() if min(act.age for act in acts) <= 28]


def assert_engagement_quantiles(site: Baseline, readers: dict[str, list[Act]]) -> None:
    masses = [plain.mass(acts, 30.0) for acts in recent_readers(readers)]
    assert site.n == len(masses)
    assert site.quantiles["engagement"] == pytest.approx(plain.percentiles(masses), rel=1e-6)


def mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


# --- They agree -----------------------------------------------------------------------------------


def test_a_reader_of_ebnerd() -> None:
    readers = plain.ebnerd_read()
    reader = plain.ebnerd_reader(readers)
    acts, now = readers[reader], plain.EBNERD_NOW.timestamp()
    title, hand = "A reader of the EB-NeRD sample", plain.rounded(acts, 2)
    tables = tables_documented(title)
    assert tables["read"] == [plain.reads_table(hand)]
    trends = plain.trend_table(plain.daily_dwell(hand), plain.daily_visits(hand))
    assert tables["day"] == [trends]

    state, site = imported("ebnerd", reader)
    told = vector_told(state, now)
    assert told == vector_documented(title)
    assert_same(told, plain.vector_expected(acts, content_type="article"))
    assert told == vector_told(state, now, site), "a baseline of 44 readers is not read by"
    (values,) = tables["value"]
    assert_arithmetic(values)
    assert_product(values, flat(told))

    assert site.n == 44
    assert_engagement_quantiles(site, readers)
    weekly = [plain.weekly(acts) for acts in recent_readers(readers)]
    assert site.quantiles["visits_per_week"] == pytest.approx(plain.percentiles(weekly), rel=1e-6)
    for name, daily in {"dwell_time": plain.daily_dwell, "visits": plain.daily_visits}.items():
        days = [value for acts in recent_readers(readers) for value in daily(acts)]
        assert site.daily_means[name] == pytest.approx(mean(days), rel=1e-6)
    against = vector_told(state, now, replace(site, n=50))
    assert_same(against, plain.vector_expected(acts, asdict(site), content_type="article"))
    (values,) = tables["with the baseline"]
    assert_arithmetic(values)
    assert_product(values, flat(against))


def test_a_reader_of_deskdrop() -> None:
    readers = plain.deskdrop_read()
    reader = plain.deskdrop_reader(readers)
    acts, now = readers[reader], plain.DESKDROP_NOW.timestamp()
    title, hand = "A reader of Deskdrop", plain.rounded(acts, 2)
    tables = tables_documented(title)
    assert tables["article"] == [plain.events_table(hand)]
    assert tables["day"] == [plain.trend_table(plain.daily_visits(hand))]

    with override_settings(PROFILE_MAX_TOPICS=4096):  # its topics are its articles
        state, site = imported("deskdrop", reader)
    told = vector_told(state, now)
    assert told == vector_documented(title)
    assert_same(told, plain.vector_expected(acts))
    (values,) = tables["value"]
    assert_arithmetic(values)
    assert_product(values, flat(told))

    assert site.n == 723
    assert_engagement_quantiles(site, readers)
    against = vector_told(state, now, site)
    assert_same(against, plain.vector_expected(acts, asdict(site)))
    (values,) = tables["with the baseline"]
    assert_arithmetic(values)
    assert_product(values, flat(against))

    interests = interest_list(state, selectors.weights_current(), now=now, baseline=site)
    (rows,) = tables["interest"]
    assert_arithmetic(rows)
    letters = dict(zip("AB", dict.fromkeys(act.article for act in acts), strict=True))
    for letter, article in letters.items():
        (interest,) = (interest for interest in interests if interest.category == article)
        share = share_expected(article, readers)
        assert site.shares[article] == pytest.approx(share, rel=1e-6)
        mine = [row for row in rows if row[0].startswith(letter)]
        assert len(mine) == 3
        three = (interest.score, interest.share, interest.lift)
        four = [float(f"{value:.4g}") for value in three]
        assert_product(mine, dict(zip(("score", "share", "lift"), four, strict=True)))


def share_expected(article: str, readers: dict[str, list[Act]]) -> float:
    everyone = [act for acts in recent_readers(readers) for act in acts]
    own = plain.mass([act for act in everyone if act.article == article], 30.0)
    return own / plain.mass(everyone, 30.0)
