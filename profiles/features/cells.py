"""Aggregations as cells that add up: what one event is worth, and how two cells become one.

Joining is commutative and associative, exactly, so neither order nor grouping of events matters.
Cells are never changed, only replaced. By aggregation a cell is

    count, sum, min, max   a whole number: events, or millionths of the field's unit
    mean                   [events, millionths]
    latest, first          [milliseconds since 1970, value]
    distinct               the hashes of up to DISTINCT_VALUES values, the smallest, ascending
    followed               whether it was (profiles.features.order)
    seen                   the hash of one value; they are never joined (profiles.features.keeping)
"""

from bisect import bisect_left
from collections.abc import Callable, Mapping
from operator import add
from typing import Any

from profiles.features.definition import ADDITIVE, AMOUNT, DISTINCT_VALUES, Feature
from profiles.features.events import field_getter
from profiles.features.values import UNITS, Value, number_units, value_hash, value_kept, value_rank

#: An int or a list, see above: which one is known where the aggregation is.
Cell = Any
Lift = Callable[[Any], Cell | None]


def _mean_join(a: list[int], b: list[int]) -> list[int]:
    return [a[0] + b[0], a[1] + b[1]]


def _latest_join(a: list[Any], b: list[Any]) -> list[Any]:
    if a[0] != b[0]:
        return a if a[0] > b[0] else b
    return a if value_rank(a[1]) >= value_rank(b[1]) else b


def _first_join(a: list[Any], b: list[Any]) -> list[Any]:
    if a[0] != b[0]:
        return a if a[0] < b[0] else b
    return a if value_rank(a[1]) <= value_rank(b[1]) else b


def _distinct_join(a: list[int], b: list[int]) -> list[int]:
    if len(b) > 1:
        return sorted({*a, *b})[:DISTINCT_VALUES]
    at = bisect_left(a, b[0])
    if at == DISTINCT_VALUES or (at < len(a) and a[at] == b[0]):
        return a
    return [*a[:at], b[0], *a[at:]][:DISTINCT_VALUES]


JOIN: Mapping[str, Callable[[Cell, Cell], Cell]] = {
    "count": add,
    "sum": add,
    "mean": _mean_join,
    "min": min,
    "max": max,
    "latest": _latest_join,
    "first": _first_join,
    "distinct": _distinct_join,
}

#: From a cell to the value a rule sees.
FINISH: Mapping[str, Callable[[Cell], Value | None]] = {
    "count": int,
    "sum": lambda cell: cell / UNITS,
    "mean": lambda cell: cell[1] / (cell[0] * UNITS) if cell[0] else None,
    "min": lambda cell: cell / UNITS,
    "max": lambda cell: cell / UNITS,
    "latest": lambda cell: cell[1],
    "first": lambda cell: cell[1],
    "distinct": len,
    "followed": bool,
    "seen": lambda cell: len({*cell}),
}

#: The value of no event at all: none were counted, summed or told apart; others have no value.
EMPTY: Mapping[str, Value | None] = {
    "count": 0, "distinct": 0, "sum": 0.0, "followed": False, "seen": 0
}  # fmt: skip


def lift_of(feature: Feature) -> Lift:
    """From a matching event to its cell; None when it has nothing that counts.

    Later parts of a growing event add to the sum and mean of what grows, and are no events.
    """
    if feature.aggregation == "count":
        return lambda event: 1 if event.part == 0 else None
    get = field_getter(feature.of)
    if feature.aggregation in ADDITIVE and feature.of in {AMOUNT, "value"}:
        return _growing_lift(get, is_mean=feature.aggregation == "mean")
    whole = _WHOLE[feature.aggregation]

    def lift(event: Any) -> Cell | None:
        return whole(event, get(event)) if event.part == 0 else None

    return lift


def _growing_lift(get: Callable[[Any], Any], *, is_mean: bool) -> Lift:
    if not is_mean:
        return lambda event: number_units(get(event))

    def lift(event: Any) -> Cell | None:
        units = number_units(get(event))
        return [1 if event.part == 0 else 0, units] if units is not None else None

    return lift


def _units(event: Any, value: object) -> Cell | None:
    return number_units(value)


def _mean(event: Any, value: object) -> Cell | None:
    units = number_units(value)
    return [1, units] if units is not None else None


def _dated(event: Any, value: object) -> Cell | None:
    kept = value_kept(value)
    return [int(event.occurred_ms), kept] if kept is not None else None


def _distinct(event: Any, value: object) -> Cell | None:
    hashed = value_hash(value)
    return [hashed] if hashed is not None else None


def _seen(event: Any, value: object) -> Cell | None:
    return value_hash(value)


_WHOLE: Mapping[str, Callable[[Any, object], Cell | None]] = {
    "sum": _units,
    "mean": _mean,
    "min": _units,
    "max": _units,
    "latest": _dated,
    "first": _dated,
    "distinct": _distinct,
    "seen": _seen,
}
