"""What a profile must hold, from the accepted events alone: plain lists and sums.

Written from docs/profiles.md, with nothing of the product's code, so that the two can disagree.
Sums are taken directly, Σ a·2^(−(now−t)/h), and compared at the moment `now`.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

DAY_MS = 86_400_000
USUAL = (86_400.0, 30 * 86_400.0)
RELATIVE = 1e-9
EPOCH = 1_577_836_800.0  # 2020-01-01, from which stored masses count
KEPT_TIMES, KEPT_VISITS, KEPT_DAYS = 32, 32, 35
GROWING = ("dwell", "scroll")
CLICKS = ("click", "category_click")


class Told(NamedTuple):
    """One event, however often it was reported: `values` are all reports of a growing one."""

    type: str
    at: int
    category: str
    content_type: str
    visit: str
    values: tuple[float, ...]

    @property
    def amount(self) -> float:
        return max(self.values) if self.type in GROWING else 1.0

    @property
    def topics(self) -> list[str]:
        named = (("c:", self.category), ("t:", self.content_type))
        return ["", *(prefix + name for prefix, name in named if name)]


class Model(NamedTuple):
    """Masses are (short, long, events) as of `now`; of each visit the times it may have begun."""

    masses: dict[str, tuple[float, float, int]]
    recent: dict[str, list[int]]
    counts: dict[str, int]
    begun: list[set[int]]
    first: int
    last: int
    days: dict[int, tuple[float, int, int, int]]


def model_of(
    events: Iterable[Told], half_lives: Mapping[str, tuple[float, float]], *, now: float
) -> Model | None:
    """The profile of one visitor's events that count; None without any."""
    told = list(events)
    if not told:
        return None
    visits: dict[str, set[int]] = defaultdict(set)
    for event in told:
        visits[event.visit].add(event.at)
    return Model(
        masses=_masses(told, half_lives, now),
        recent=_recent(told),
        counts=dict(Counter(event.type for event in told)),
        begun=sorted(visits.values(), key=min),
        first=min(event.at for event in told),
        last=max(event.at for event in told),
        days=_days(told, visits),
    )


def _masses(
    told: list[Told], half_lives: Mapping[str, tuple[float, float]], now: float
) -> dict[str, tuple[float, float, int]]:
    behind: dict[tuple[str, str], list[Told]] = defaultdict(list)
    for event in told:
        for topic in event.topics:
            behind[event.type, topic].append(event)
    masses = {}
    for (type_, topic), mine in behind.items():
        short, long = (
            math.fsum(one.amount * 2.0 ** (-(now - one.at / 1000) / half_life) for one in mine)
            for half_life in half_lives.get(type_, USUAL)
        )
        masses[f"{type_}|{topic}"] = short, long, len(mine)
    return masses


def _recent(told: list[Told]) -> dict[str, list[int]]:
    times: dict[str, list[int]] = defaultdict(list)
    for event in told:
        for place in {"", event.category}:
            times[f"{event.type}|{place}"].append(event.at)
    return {key: sorted(ats)[-KEPT_TIMES:] for key, ats in times.items()}


def _days(
    told: list[Told], visits: Mapping[str, set[int]]
) -> dict[int, tuple[float, int, int, int]]:
    """By day: seconds of dwell, clicks, visits begun, events. A visit is within one day."""
    latest = max(event.at for event in told) // DAY_MS
    days = {}
    for number in {event.at // DAY_MS for event in told}:
        if number > latest - KEPT_DAYS:
            mine = [event for event in told if event.at // DAY_MS == number]
            days[number] = (
                math.fsum(event.amount for event in mine if event.type == "dwell"),
                sum(event.type in CLICKS for event in mine),
                sum(min(times) // DAY_MS == number for times in visits.values()),
                len(mine),
            )
    return days


def model_differences(
    state: dict[str, Any], model: Model, half_lives: Mapping[str, tuple[float, float]], now: float
) -> list[str]:
    """In what a profile, as plain values, is not what the model says."""
    found = [
        f"{name}: {state[name]} is not {getattr(model, name)}"
        for name in ("recent", "counts", "first", "last")
        if state[name] != getattr(model, name)
    ]
    found += _starts_differences(state, model.begun)
    if state["masses"].keys() != model.masses.keys():
        found.append(f"masses of {sorted(state['masses'])}, not {sorted(model.masses)}")
    for key, (short, long, count) in model.masses.items():
        stored = state["masses"].get(key, (0.0, 0.0, 0))
        if stored[2] != count:
            found.append(f"{key}: {stored[2]} events, not {count}")
        lives = half_lives.get(key.partition("|")[0], USUAL)
        for x, mass, half_life in zip(stored[:2], (short, long), lives, strict=True):
            at_now = 2.0 ** (x - (now - EPOCH) / half_life)
            if not math.isclose(at_now, mass, rel_tol=RELATIVE):
                found.append(f"{key}: {at_now!r} is not {mass!r}")
    days = {int(number): tuple(values) for number, values in state["days"].items()}
    for number in days.keys() | model.days.keys():
        mine, theirs = days.get(number), model.days.get(number)
        if mine is None or theirs is None or mine[1:] != theirs[1:]:
            found.append(f"day {number}: {mine} is not {theirs}")
        elif not math.isclose(mine[0], theirs[0], rel_tol=RELATIVE):
            found.append(f"dwell of day {number}: {mine[0]!r} is not {theirs[0]!r}")
    return found


def _starts_differences(state: dict[str, Any], begun: list[set[int]]) -> list[str]:
    """Each visit began once, at the time of one of its events; which one was stored first decides,
    and that is not told by what happened."""
    starts, latest = state["starts"], begun[-KEPT_VISITS:]
    if state["visits"] != len(begun) or len(starts) != len(latest):
        return [f"{state['visits']} visits, {len(starts)} beginnings, not {len(begun)}"]
    return [
        f"a visit began at {start}, not one of {sorted(times)}"
        for start, times in zip(starts, latest, strict=True)
        if start not in times
    ]
