"""The behavioral vector of a real visitor, computed as docs/profiles.md says, with nothing of the
product's code: lists, sums and powers of two.

Ages are days before the moment of reading. `places` rounds them, as the docs' tables do.
"""

from __future__ import annotations

import csv
import gzip
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from statistics import fmean, quantiles, stdev
from typing import Any, NamedTuple

from tests.realdata.deskdrop import DATA

EBNERD = DATA / "ebnerd_mini" / "history_flat.csv"
DESKDROP = DATA / "deskdrop" / "users_interactions.csv.gz"
EBNERD_NOW = datetime(2023, 2, 24, tzinfo=UTC)
DESKDROP_NOW = datetime(2017, 3, 1, tzinfo=UTC)
WEIGHTS = {
    **{"page_view": 1.0, "dwell": 0.05, "scroll": 1.0},
    **{"like": 3.0, "bookmark": 4.0, "comment": 5.0, "follow": 5.0},
}
DESKDROP_TYPES = {
    "VIEW": "page_view",
    "LIKE": "like",
    "BOOKMARK": "bookmark",
    "COMMENT CREATED": "comment",
    "FOLLOW": "follow",
}
DAY = 86_400.0


class Act(NamedTuple):
    """One event: its type, age in days, amount, and the visit and article it belongs to."""

    type: str
    age: float
    amount: float
    visit: str
    article: str


class Smoothed(NamedTuple):
    """A day of a trend: its number from 0, its value, and both as moving averages."""

    number: int
    value: float
    day: float
    smooth: float


# --- The logs -------------------------------------------------------------------------------------


def ebnerd_read() -> dict[str, list[Act]]:
    """Each reader's reads as page view, dwell and scroll; a visit ends after 30 idle minutes."""
    with EBNERD.open(newline="", encoding="utf-8") as file:
        rows = {tuple(row.values()): row for row in csv.DictReader(file)}.values()
    readers: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in rows:
        readers[row["user_id"]].append(row)
    return {reader: list(_reads(mine)) for reader, mine in readers.items()}


def _reads(rows: list[dict[str, str]]) -> Iterable[Act]:
    visit, until = 0, -math.inf
    for row in sorted(rows, key=lambda row: row["impression_time"]):
        moment = datetime.fromisoformat(row["impression_time"]).replace(tzinfo=UTC)
        at, seconds = moment.timestamp(), min(float(row["read_time"]), 1800.0)
        visit += at - until > 1800
        until = max(until, at + seconds)
        age, name = (EBNERD_NOW.timestamp() - at) / DAY, str(visit)
        yield Act("page_view", age, 1.0, name, row["article_id"])
        yield Act("dwell", age, seconds, name, row["article_id"])
        if row["scroll_percentage"]:
            depth = float(row["scroll_percentage"]) / 100
            yield Act("scroll", age, depth, name, row["article_id"])


def deskdrop_read() -> dict[str, list[Act]]:
    """Each reader's events; visits are the log's own sessions."""
    with gzip.open(DESKDROP, "rt", encoding="utf-8", newline="") as file:
        rows = {tuple(row.values()): row for row in csv.DictReader(file)}.values()
    readers: dict[str, list[Act]] = defaultdict(list)
    for row in rows:
        age = (DESKDROP_NOW.timestamp() - int(row["timestamp"])) / DAY
        kind = DESKDROP_TYPES[row["eventType"]]
        readers[row["personId"]].append(Act(kind, age, 1.0, row["sessionId"], row["contentId"]))
    return {
        reader: sorted(acts, key=lambda act: (-act.age, -WEIGHTS[act.type]))
        for reader, acts in readers.items()
    }


def ebnerd_reader(readers: dict[str, list[Act]]) -> str:
    """The only one of six reads in five visits."""
    (reader,) = (
        reader
        for reader, acts in readers.items()
        if sum(act.type == "page_view" for act in acts) == 6
        and len({act.visit for act in acts}) == 5
    )
    return reader


def deskdrop_reader(readers: dict[str, list[Act]]) -> str:
    """The only one of five events in four visits, first seen in the last 24 days, with a like."""
    (reader,) = (
        reader
        for reader, acts in readers.items()
        if len(acts) == 5
        and len({act.visit for act in acts}) == 4
        and acts[0].age < 24
        and any(act.type == "like" for act in acts)
    )
    return reader


def rounded(acts: Iterable[Act], places: int) -> list[Act]:
    return [act._replace(age=round(act.age, places)) for act in acts]


# --- The formulas of docs/profiles.md -------------------------------------------------------------


def mass(acts: Iterable[Act], half_life: float, *types: str) -> float:
    """The decayed sum of the amounts of some types, weighted if several are named."""
    return math.fsum(
        (WEIGHTS[act.type] if len(types) != 1 else 1.0) * act.amount * 2.0 ** (-act.age / half_life)
        for act in acts
        if act.type in (types or WEIGHTS)
    )


def pace(of: float, half_life: float, known: float) -> float:
    return of / (half_life / math.log(2) * (1 - 2.0 ** (-known / half_life)))


def visit_ages(acts: Sequence[Act]) -> list[float]:
    """How long ago each visit began, the oldest first."""
    begun: dict[str, float] = {}
    for act in acts:
        begun[act.visit] = max(act.age, begun.get(act.visit, 0.0))
    return sorted(begun.values(), reverse=True)


def daily(acts: Sequence[Act], pairs: Iterable[tuple[float, float]]) -> list[float]:
    """(age, amount) by complete day since the first event, of the last 28, the oldest first."""
    days = [0.0] * min(28, math.ceil(max(act.age for act in acts)) - 1)
    for age, amount in pairs:
        back = math.ceil(age)  # the day of an event of age 0.5 is the latest complete one
        if back <= len(days):
            days[-back] += amount
    return days


def daily_dwell(acts: Sequence[Act]) -> list[float]:
    return daily(acts, [(act.age, act.amount) for act in acts if act.type == "dwell"])


def daily_visits(acts: Sequence[Act]) -> list[float]:
    return daily(acts, [(age, 1.0) for age in visit_ages(acts)])


def smoothed(values: Sequence[float]) -> list[Smoothed]:
    days, total, times, weights = [], 0.0, 0.0, 0.0
    for number, value in enumerate(values):
        total, times, weights = total * 0.75 + value, times * 0.75 + number, weights * 0.75 + 1
        days.append(Smoothed(number, value, times / weights, total / weights))
    return days


def slope(values: Sequence[float]) -> float:
    days = smoothed(values)
    middle = fmean(day.day for day in days)
    return math.fsum((day.day - middle) * day.smooth for day in days) / math.fsum(
        (day.day - middle) ** 2 for day in days
    )


def trend(values: Sequence[float], usual: float | None) -> float:
    scale = usual or (fmean(values) if values else 0.0)
    return max(-1.0, min(1.0, slope(values) / scale)) if len(values) >= 3 and scale else 0.0


def weekly(acts: Sequence[Act]) -> float:
    """Today has only just begun, so 27 days before it count."""
    return sum(age <= 27 for age in visit_ages(acts)) / 4


def vector_expected(
    acts: Sequence[Act], baseline: dict[str, Any] | None = None, content_type: str | None = None
) -> dict[str, Any]:
    """All values of the vector, not rounded; `baseline` has `quantiles` and `daily_means`."""
    site = baseline or {"quantiles": {}, "daily_means": {}}
    known, ages, week = max(act.age for act in acts), visit_ages(acts), weekly(acts)
    gaps = [earlier - later for earlier, later in pairwise(ages)]
    recent, usual = (pace(mass(acts, half), half, known) for half in (1.0, 30.0))
    dwell = mass(acts, 30.0, "dwell")
    chance = (sum(gaps) / (sum(gaps) + ages[-1])) ** len(gaps) if gaps else 1.0
    return {
        "recency_score": 2.0 ** (-min(act.age for act in acts) / 7),
        "engagement_level": level(site, "engagement", mass(acts, 30.0), 40.0),
        "frequency": level(site, "visits_per_week", week, 1.0),
        "visits_per_week": week,
        "consistency": 1 / (1 + stdev(gaps) / fmean(gaps)) if len(gaps) >= 3 else None,
        "momentum": (recent - usual) / (recent + usual),
        "temporal_gaps": {
            "mean_days": fmean(gaps) if gaps else None,
            "latest_days": gaps[-1] if gaps else None,
            "present_days": ages[-1],
            "is_unusual": chance < 0.05,
        },
        "scroll_velocity": 60 * mass(acts, 30.0, "scroll") / dwell if dwell else None,
        "preferred_content_type": content_type,
        "behavioral_trends": {
            "dwell_time": trend(daily_dwell(acts), site["daily_means"].get("dwell_time")),
            "clicks": 0.0,
            "visits": trend(daily_visits(acts), site["daily_means"].get("visits")),
        },
    }


def level(site: dict[str, Any], measure: str, value: float, midpoint: float) -> float:
    ranks = site["quantiles"].get(measure)
    return rank(ranks, value) if ranks else value / (value + midpoint)


def rank(values: Sequence[float], value: float) -> float:
    """The part of the visitors below, half of those equal: `values` are those at 0, 1, … 100 %."""
    equal = [place for place, one in enumerate(values) if one == value]
    if equal:
        return fmean(equal) / 100
    below = sum(one < value for one in values)
    if below in (0, len(values)):
        return below / len(values)
    low, high = values[below - 1], values[below]
    return (below - 1 + (value - low) / (high - low)) / 100


def percentiles(values: Sequence[float]) -> list[float]:
    return [min(values), *quantiles(values, n=100, method="inclusive"), max(values)]


# --- The tables of the docs -----------------------------------------------------------------------


def reads_table(acts: Sequence[Act]) -> list[list[str]]:
    """EB-NeRD: one line a read, and the sums of all columns but the ages."""
    reads = [acts[start : start + 3] for start in range(0, len(acts), 3)]
    rows = []
    for view, dwell, scroll in reads:
        long, short = 2.0 ** (-view.age / 30), 2.0**-view.age
        amounts = dwell.amount, scroll.amount
        rows.append(
            [view.age, *amounts, long, *(long * a for a in amounts), short]
            + [short * a for a in amounts]
        )
    sums = ["sum", "", *map(math.fsum, [*zip(*rows, strict=True)][1:])]
    formats = ".2f", ".0f", ".2f", ".4f", ".2f", ".4f", ".5f", ".4f", ".5f"
    numbered = [[str(number), *row] for number, row in enumerate(rows, start=1)]
    return [_cells(row, ["", *formats]) for row in [*numbered, sums]]


def events_table(acts: Sequence[Act]) -> list[list[str]]:
    """Deskdrop: one line an event, and the sums of the weighted columns."""
    names = dict(zip(dict.fromkeys(act.article for act in acts), "AB", strict=True))
    rows = []
    for act in acts:
        weight, long, short = WEIGHTS[act.type], 2.0 ** (-act.age / 30), 2.0**-act.age
        kind = act.type.replace("_", " ")
        rows.append([names[act.article], kind, act.age, weight, long, weight * long, short])
        rows[-1].append(weight * short)
    sums = ["sum", "", "", "", "", math.fsum(r[5] for r in rows), "", math.fsum(r[7] for r in rows)]
    formats = "", "", ".2f", ".0f", ".4f", ".4f", ".6f", ".6f"
    return [_cells(row, formats) for row in [*rows, sums]]


def trend_table(*series: Sequence[float]) -> list[list[str]]:
    """A line for each day: its number, the values, the averages, and the terms of the slope."""
    smooth = [smoothed(values) for values in series]
    middle = fmean(day.day for day in smooth[0])
    rows = []
    for days in zip(*smooth, strict=True):
        c = days[0].day - middle
        row = [days[0].number, *(day.value for day in days), days[0].day]
        rows.append([*row, *(day.smooth for day in days), c, c * c, *(c * d.smooth for d in days)])
    many = len(series)
    formats = [".0f"] * (1 + many) + [".3f"] * (3 + 2 * many)
    columns = [*zip(*rows, strict=True)]
    sums = ["sum", *map(math.fsum, columns[1:])]
    sums[2 + many : 3 + 2 * many] = [""] * (1 + many)  # of the averages and c nothing is needed
    return [_cells(row, formats) for row in [*rows, sums]]


def _cells(row: Sequence[Any], formats: Sequence[str]) -> list[str]:
    return [
        cell if isinstance(cell, str) else _number(format(cell, form))
        for cell, form in zip(row, formats, strict=True)
    ]


def _number(text: str) -> str:
    """With a true minus sign, and none before nothing."""
    return text.replace("-", "−") if float(text) else text.lstrip("-")
