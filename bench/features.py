"""What keeping a declared feature costs: `python -m bench.features`. Pure, starts nothing.

Each row adds 2,000 matching events to one state: visits of five, 20 seconds apart, every two
hours. The rows take turns, so that a neighbour of the machine slows them all alike; the median of
a busy machine says more about its neighbours than about the code, so beside it stand the fastest
round and a reference, one step of counting in a dictionary.
"""

import time
import timeit
from collections.abc import Callable
from functools import partial
from itertools import product

import msgspec

from bench.report import median, report
from profiles.features.definition import (
    Calendar,
    Condition,
    Dates,
    Feature,
    LatestVisits,
    Lifetime,
    Order,
    Rolling,
    Since,
    Visit,
    Window,
)
from profiles.features.events import FeatureEvent
from profiles.features.fold import feature_add, feature_compile, features_add
from profiles.features.state import FeatureState

START_MS = 1_763_800_000_000
EVENTS = [
    FeatureEvent(
        "page_view",
        START_MS + number // 5 * 7_200_000 + number % 5 * 20_000,
        value=number * 37 % 1000 / 100,
        item=f"item-{number * 13 % 40}",
        category="gardening",
        visit=number // 5,
    )
    for number in range(2000)
]
WHERE = (Condition("category", "eq", ("gardening",)),)
WINDOWS: dict[str, Window] = {
    "the last 30 minutes": Rolling(30),
    "the last day": Rolling(1440),
    "the last 92 days, crowded": Rolling(92 * 1440),
    "this day in Copenhagen": Calendar("day", "Europe/Copenhagen"),
    "this visit": Visit(),
    "ever": Lifetime(),
    "between dates": Dates("Europe/Copenhagen", "2025-11-01"),
    "the latest 3 visits": LatestVisits(3),
    "since a purchase": Since("purchase"),
}
#: Of page views each is the first, what follows or what must not lie between.
ORDER = Order(14 * 1440, "page_view", "cooking", "page_view", "music")
FIELDS = {"count": "", "sum": "value", "mean": "value", "latest": "item", "distinct": "item"}
ROUNDS = 41
Run = Callable[[], object]


def reference() -> None:
    counts: dict[int, int] = {}
    for number in range(2000):
        counts[number & 63] = counts.get(number & 63, 0) + 1


def add_all(feature: Feature) -> FeatureState:
    state = FeatureState()
    feature_add(state, feature, FeatureEvent("purchase", START_MS - 1))
    for event in EVENTS:
        feature_add(state, feature, event)
    return state


def undeclared() -> None:
    states: dict[str, FeatureState] = {}
    for event in EVENTS:
        features_add(states, COMPILED, event)


COMPILED = feature_compile([Feature("click", "count", Lifetime())])


def runs() -> tuple[dict[str, Run], dict[str, int]]:
    """What is measured, by its name, and the bytes of the state it leaves."""
    named: dict[str, Run] = {"undeclared event type": undeclared, "reference": reference}
    sizes = {}
    for (words, window), (aggregation, of) in product(WINDOWS.items(), FIELDS.items()):
        feature = Feature("page_view", aggregation, window, of=of, where=WHERE)
        name = f"{aggregation}, {words}"
        named[name] = partial(add_all, feature)
        sizes[name] = len(msgspec.json.encode(add_all(feature)))
    feature = Feature("page_view", "followed", ORDER, where=WHERE)
    named["followed, 14 days"] = partial(add_all, feature)
    sizes["followed, 14 days"] = len(msgspec.json.encode(add_all(feature)))
    return named, sizes


def main() -> None:
    named, sizes = runs()
    times: dict[str, list[float]] = {name: [] for name in named}
    for _ in range(ROUNDS):
        for name, run in named.items():
            spent = timeit.timeit(run, number=1, timer=time.process_time)
            times[name].append(spent / len(EVENTS) * 1e6)
    rows: dict[str, float | str] = {
        name: f"{min(spent):.2f} / {median(spent):.2f} µs"
        + (f", {sizes[name]:,} bytes" if name in sizes else "")
        for name, spent in times.items()
    }
    report("features", rows, note="fastest / median per event, JSON of the state")


if __name__ == "__main__":
    main()
