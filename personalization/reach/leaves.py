"""What every condition's SQL is made from: the moment it is asked at, and what it gives.

A reader takes a condition's leaf and an Asking and gives an Answer, or None where SQL cannot tell:
then the profiles that the rest of the rule leaves open are asked in memory.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, log2
from operator import ge, gt
from typing import Any, NamedTuple

from personalization.reach.sql import (
    FALSE,
    NULL,
    TRUE,
    Run,
    Sql,
    all_of,
    any_of,
    bound,
    constant,
    filled,
    near,
    runs_of,
    runs_sql,
)
from personalization.rules.context import Context
from personalization.rules.nodes import Leaf
from profiles.baseline import Baseline
from profiles.decay import EPOCH
from profiles.state import State

#: In half-lives: two logarithms that are closer are asked in memory, where they were rounded.
LOG_MARGIN = 1e-6
#: The same of numbers made by a few multiplications.
MARGIN = 1e-9
#: So many half-lives make a float64 nothing, or leave it few digits: that is asked in memory. No
#: event is farther back than FARTHEST, in seconds.
FADING, FARTHEST = 1010.0, 60 * 365 * 86_400.0


@dataclass(frozen=True)
class Asking:
    """What a count is asked with. `now` is in seconds since 1970.

    `keeping` says for a declared feature's key which definitions keep it, `lacking` which do not.
    """

    now: float
    baseline: Baseline | None = None
    purposes: tuple[str, ...] = ()
    keeping: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    lacking: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def now_ms(self) -> float:
        return self.now * 1000.0


class Answer(NamedTuple):
    """A condition over the row `p` of a profile (and `c` of its consent).

    `value` is TRUE, FALSE or NULL (unknown). Where `maybe` holds, it is not to be relied on, and
    the profile is asked in memory; `is_guarded`: it is NULL there by itself. `possible` holds
    wherever the value is not FALSE, or maybe; it is what an index can find, None where there is
    nothing better than the value itself.
    `is_of_interests`: rows that are not plain are asked in memory. `is_of_consent`: it is asked of
    `c`, which is else not there.
    """

    value: Sql
    maybe: Sql = FALSE
    possible: Sql | None = None
    is_of_interests: bool = False
    is_guarded: bool = False
    is_of_consent: bool = False


Reader = Callable[[Leaf, Asking], Answer | None]


class Span(NamedTuple):
    """Whole numbers from `low` to `high`, both included; None is no bound."""

    low: int | None
    high: int | None


#: No profile's events are farther from 1970, in milliseconds.
_FAR_MS = 1e15


def number_test(leaf: Leaf) -> tuple[Callable[[float], Any], Sequence[float]] | None:
    """The test of a measured number and where it changes; None for an operator of presence."""
    operator = leaf.condition.operator_of(leaf.params.get("operator"))
    if operator is None or operator.cuts is None:
        return None
    return operator.test(leaf.params), operator.cuts(leaf.params)


def presence(leaf: Leaf, *, unknown: Sql = FALSE, missing: Sql = FALSE) -> Answer:
    """What the operators of presence say; `missing` is where it is known that there is nothing."""
    operator = leaf.params["operator"]
    if operator == "is_unknown":
        return Answer(filled("({}) IS TRUE", unknown))
    found = missing if operator == "is_not_set" else filled("({}) IS NOT TRUE", missing)
    return Answer(filled("CASE WHEN ({}) IS NOT TRUE THEN {} END", unknown, found))


def number(
    leaf: Leaf,
    value: Sql,
    *,
    known: Sql = TRUE,
    missing: Sql = FALSE,
    margin: float = 0.0,
    exact: Sql = FALSE,
    possible: Callable[[Sequence[Run]], Sql | None] = lambda runs: None,
) -> Answer:
    """A number that SQL computes, NULL where there is none.

    Within `margin` of an edge it is asked in memory, but where `exact` holds. `missing`: nothing is
    there, and that is known; else NULL is unknown. `possible` makes of the runs what an index
    finds.
    """
    if (found := number_test(leaf)) is None:
        nothing = filled("({}) IS NULL AND ({}) IS NOT TRUE", value, missing)
        return presence(leaf, unknown=any_of((_not(known), nothing)), missing=missing)
    test, cuts = found
    runs = runs_of(test, cuts)
    said = runs_sql(value, runs)
    if known != TRUE:
        said = filled("CASE WHEN {} THEN {} END", known, said)
    maybe = near(value, cuts, margin, relative=True) if margin else FALSE
    if maybe != FALSE:
        maybe = all_of((maybe, _not(exact)))
    return Answer(said, maybe, possible(runs))


def _not(condition: Sql) -> Sql:
    """Whether it does not hold, unknown included."""
    if condition in (TRUE, FALSE):
        return FALSE if condition == TRUE else TRUE
    return filled("({}) IS NOT TRUE", condition)


def decayed(
    x: Sql,
    test: Callable[[float], Any],
    cuts: Sequence[float],
    *,
    now: float,
    half_life: float,
) -> Answer:
    """A test of 2^(x − age), of which x is kept, and which is 0 where x is NULL or long gone."""
    age = (now - EPOCH) / half_life
    runs = [run.moved(lambda mass: log2(mass) + age) for run in positive_runs(test, cuts)]
    edges = [edge for run in runs for edge in (run.low, run.high)]
    wider = [run._replace(low=run.low - 1e-5, high=run.high + 1e-5) for run in runs]
    nothing = bool(test(0.0))
    value = filled(
        f"CASE WHEN {{}} IS NULL THEN {nothing} ELSE {{}} END",
        x,
        any_of(guarded_run(x, run, LOG_MARGIN) for run in runs),
    )
    maybe = near(x, edges, LOG_MARGIN)
    possible = [runs_sql(x, wider)] if wider else []
    if nothing:
        possible.append(Sql(f"{x.text} IS NULL", x.params))
    if half_life * FADING < FARTHEST:
        fades = bound("{} < %s::float8", x, age - FADING)
        value = filled("CASE WHEN ({}) IS NOT TRUE THEN {} END", fades, value)
        maybe, possible = any_of((fades, maybe)), [*possible, fades]
    return Answer(value, maybe, any_of(possible), is_guarded=True)


def guarded_run(x: Sql, run: Run, margin: float) -> Sql:
    """Whether a number lies in a run; NULL within `margin` of its edges."""
    parts = []
    for edge, sign in ((run.low, 1), (run.high, -1)):
        if abs(edge) == inf:
            continue
        inside, outside = edge + sign * margin, edge - sign * margin
        comparison = ">=" if sign > 0 else "<="
        surely = bound(f"{{}} {comparison} %s::float8", x, inside)
        perhaps = bound(f"nullif({{}} {comparison} %s::float8, TRUE)", x, outside)
        parts.append(any_of((surely, perhaps)))
    return all_of(parts)


def positive_runs(test: Callable[[float], Any], cuts: Sequence[float]) -> list[Run]:
    """Where the test of a number above 0 is true; -inf stands for 0."""
    runs = [run for run in runs_of(test, [*cuts, 0.0]) if run.high > 0.0]
    return [run if run.low > 0.0 else run._replace(low=-inf, low_in=False) for run in runs]


def climbed(reaches: Callable[[float], float], cuts: Sequence[float]) -> list[float]:
    """Where a function of a mass, which never falls, reaches each cut and where it exceeds it."""
    edges = []
    for cut in cuts:
        for compare in (ge, gt):
            low, high = -1000.0, 1000.0
            if compare(reaches(2.0**low), cut) or not compare(reaches(2.0**high), cut):
                continue
            for _ in range(80):
                middle = (low + high) / 2.0
                is_there = compare(reaches(2.0**middle), cut)
                low, high = (low, middle) if is_there else (middle, high)
            edges.append(2.0**high)
    return edges


#: So many milliseconds around a computed edge hold the true one, whatever was rounded.
_AROUND = 4


def moments_in(leaf: Leaf, asking: Asking, edges: Iterable[float]) -> list[Span]:
    """The whole milliseconds of a profile's first and latest event at which a condition is true.

    The condition asks for nothing else of a profile, and changes near `edges` only (milliseconds).
    It is asked itself, as a page does, so the spans are exact.
    """

    def asks(at: int) -> bool:
        return leaf.ask(Context(now=asking.now, state=State(first=at, last=at))) is True

    near_edges = {
        int(edge) + step
        for edge in edges
        if abs(edge) < _FAR_MS
        for step in range(-_AROUND, _AROUND + 1)
    }
    moments = sorted(near_edges) or [0]
    spans: list[Span] = []
    start, is_in = None, asks(moments[0] - 1)
    for at in moments:
        holds = asks(at)
        if holds and not is_in:
            start = at
        elif is_in and not holds:
            spans.append(Span(start, at - 1))
        is_in = holds
    return [*spans, Span(start, None)] if is_in else spans


def spans_sql(column: str, spans: Sequence[Span]) -> Sql:
    """Whether a column of whole numbers lies in spans."""
    parts = []
    for low, high in spans:
        edges = [] if low is None else [Sql(f"p.{column} >= %s::int8", (low,))]
        if high is not None:
            edges.append(Sql(f"p.{column} <= %s::int8", (high,)))
        parts.append(all_of(edges))
    return any_of(parts)


def always(answer: bool | None) -> Answer:
    return Answer(constant(answer))


UNKNOWN = Answer(NULL)
