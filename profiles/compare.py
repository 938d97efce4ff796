"""Whether two states are the same profile, and where not: the law "incremental = rebuild".

Masses are sums of floats kept as logarithms, so another order of adding may round differently:
they count as equal up to TOLERANCE, relative, in linear space. So do the seconds of a day. Whatever
else a State holds, now or later, is compared exactly. What never gets in: clocks, settings,
storage, visitor ids.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from math import expm1, inf, isclose
from typing import Any, NamedTuple

from profiles.state import Day, Mass, State

#: The largest relative difference of two masses, or two days' seconds, that rounding explains.
TOLERANCE = 1e-9
_LN2 = 0.6931471805599453
#: expm1 overflows above.
_HUGE = 700.0

#: What people call the parts of a state; a new part goes by its field's name.
PARTS = {
    "definition": "definition",
    "masses": "interest strength",
    "recent": "latest event times",
    "counts": "event counts",
    "visits": "number of visits",
    "first": "first seen",
    "last": "last seen",
    "starts": "visit times",
    "days": "daily figures",
    "half_lives": "half-lives",
    "visit": "latest visit",
    "features": "declared features",
}


class Difference(NamedTuple):
    """`part` is the State's field, `text` says what differs, with keys and values."""

    part: str
    text: str


def state_differences(a: State, b: State) -> list[str]:
    """What differs between two states, a line each, in a fixed order; [] when they are the same.

    >>> state_differences(State(visits=3), State(visits=4))
    ['visits: 3 and 4']
    >>> state_differences(State(masses={"click|": Mass(1.0, 2.0, 1)}), State())
    ['masses, click|: (1.0, 2.0, 1) and nothing']
    """
    return [difference.text for difference in state_compare(a, b)]


def state_compare(a: State, b: State) -> list[Difference]:
    """The same as Differences, which can be told without what they say."""
    return list(_compared(a, b))


def differences_summary(differences: Iterable[Difference]) -> str:
    """Which parts differ and how often, without keys or values: nothing of what a visitor did.

    >>> differences_summary(state_compare(State(visits=3, counts={"click": 1}), State()))
    'event counts (1), number of visits (1)'
    """
    counted = Counter(difference.part for difference in differences)
    return ", ".join(f"{PARTS.get(part, part)} ({count})" for part, count in counted.items())


def mass_distance(x: float, y: float) -> float:
    """The relative difference in linear space of two masses kept as log2 (profiles.decay).

    >>> round(mass_distance(3.0, 4.0), 12), mass_distance(-inf, -inf), mass_distance(1.0, -inf)
    (1.0, 0.0, inf)
    """
    if x == y:
        return 0.0
    exponent = abs(x - y) * _LN2
    return expm1(exponent) if exponent < _HUGE else inf


def _compared(a: State, b: State) -> Iterator[Difference]:
    for part in State.__struct_fields__:
        mine, theirs = getattr(a, part), getattr(b, part)
        if mine == theirs:
            continue
        if isinstance(mine, dict):
            yield from _mappings(part, mine, theirs)
        else:
            yield Difference(part, f"{part}: {_said(mine)} and {_said(theirs)}")


def _mappings(part: str, a: Mapping[Any, Any], b: Mapping[Any, Any]) -> Iterator[Difference]:
    for key in sorted(a.keys() | b.keys()):
        mine, theirs = a.get(key), b.get(key)
        if not _same(mine, theirs):
            yield Difference(part, f"{part}, {key}: {_said(mine)} and {_said(theirs)}")


def _same(mine: Any, theirs: Any) -> bool:
    if isinstance(mine, Mass) and isinstance(theirs, Mass):
        return (
            mine.events == theirs.events
            and mass_distance(mine.short, theirs.short) <= TOLERANCE
            and mass_distance(mine.long, theirs.long) <= TOLERANCE
        )
    if isinstance(mine, Day) and isinstance(theirs, Day):
        return (mine.clicks, mine.visits, mine.events) == (
            theirs.clicks,
            theirs.visits,
            theirs.events,
        ) and isclose(mine.dwell, theirs.dwell, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return bool(mine == theirs)


def _said(value: Any) -> str:
    """The value, of a long list its length and ends."""
    if value is None:
        return "nothing"
    if isinstance(value, Mass | Day):
        return str(tuple(getattr(value, name) for name in value.__struct_fields__))
    if isinstance(value, list) and len(value) > 4:
        return f"{len(value)} from {value[0]} to {value[-1]}"
    return str(value)
