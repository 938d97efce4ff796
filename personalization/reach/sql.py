"""Fragments of SQL with their parameters, and where a test of a number is true.

Parameters are always bound, never written into the text. SQL's three values are the rule
language's: NULL is unknown.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf
from typing import Any, NamedTuple


@dataclass(frozen=True)
class Sql:
    """A piece of text with as many %s as there are parameters."""

    text: str
    params: tuple[Any, ...] = ()


TRUE, FALSE, NULL = Sql("TRUE"), Sql("FALSE"), Sql("NULL::boolean")


def constant(answer: bool | None) -> Sql:
    return NULL if answer is None else TRUE if answer else FALSE


def joined(parts: Sequence[Sql], word: str, *, nothing: Sql) -> Sql:
    """Parts with AND or OR between them."""
    if len(parts) <= 1:
        return parts[0] if parts else nothing
    text = f" {word} ".join(f"({part.text})" for part in parts)
    return Sql(text, sum((part.params for part in parts), ()))


def any_of(parts: Iterable[Sql]) -> Sql:
    kept = [part for part in parts if part != FALSE]
    return TRUE if TRUE in kept else joined(kept, "OR", nothing=FALSE)


def all_of(parts: Iterable[Sql]) -> Sql:
    kept = [part for part in parts if part != TRUE]
    return FALSE if FALSE in kept else joined(kept, "AND", nothing=TRUE)


class Run(NamedTuple):
    """An interval in which a test is true; `low_in` and `high_in` say whether the edge is."""

    low: float
    low_in: bool
    high: float
    high_in: bool

    def moved(self, move: Callable[[float], float]) -> "Run":
        """The same of another measure, which grows as this one does."""
        return Run(_moved(self.low, move), self.low_in, _moved(self.high, move), self.high_in)

    def turned(self, turn: Callable[[float], float]) -> "Run":
        """The same of another measure, which falls as this one grows."""
        return Run(
            _moved(self.high, turn, -1), self.high_in, _moved(self.low, turn, -1), self.low_in
        )


def _moved(edge: float, move: Callable[[float], float], sign: int = 1) -> float:
    return sign * edge if abs(edge) == inf else move(edge)


def runs_of(test: Callable[[Any], Any], cuts: Iterable[float]) -> list[Run]:
    """Where a test of a number is true; it changes at `cuts` only.

    >>> runs_of(lambda n: 2 <= n < 5, [2, 5])
    [Run(low=2.0, low_in=True, high=5.0, high_in=False)]
    >>> [run[::2] for run in runs_of(lambda n: n != 3, [3])]
    [(-inf, 3.0), (3.0, inf)]
    """
    edges = sorted({float(cut) for cut in cuts})
    pieces: list[tuple[Run, bool]] = []
    bounds = [-inf, *edges, inf]
    for low, high in pairwise(bounds):
        pieces.append((Run(low, False, high, False), bool(test(_between(low, high)))))
        if high < inf:
            pieces.append((Run(high, True, high, True), bool(test(high))))
    runs: list[Run] = []
    was = False
    for piece, holds in pieces:
        if holds:
            if was:
                runs[-1] = runs[-1]._replace(high=piece.high, high_in=piece.high_in)
            else:
                runs.append(piece)
        was = holds
    return runs


def _between(low: float, high: float) -> float:
    if low == -inf:
        return high - abs(high) - 1.0 if high < inf else 0.0
    return low + abs(low) + 1.0 if high == inf else low + (high - low) / 2.0


def runs_sql(value: Sql, runs: Sequence[Run], *, cast: str = "float8") -> Sql:
    """Whether a value lies in one of the runs; NULL where it is NULL."""
    if not runs or (runs[0].low == -inf and runs[0].high == inf):
        return bound(f"CASE WHEN {{}} IS NOT NULL THEN {bool(runs)} END", value)
    return any_of([_run_sql(value, run, cast) for run in runs])


def _run_sql(value: Sql, run: Run, cast: str) -> Sql:
    if run.low == run.high:
        return bound(f"{{}} = %s::{cast}", value, run.low)
    parts = []
    for edge, sign, edge_in in ((run.low, ">", run.low_in), (run.high, "<", run.high_in)):
        if abs(edge) != inf:
            parts.append(bound(f"{{}} {sign}{'=' if edge_in else ''} %s::{cast}", value, edge))
    return all_of(parts)


def bound(text: str, value: Sql, *params: Any) -> Sql:
    """A comparison of a value (the {} of the text, before every %s) with parameters."""
    return Sql(text.format(value.text), value.params + params)


def near(value: Sql, edges: Iterable[float], margin: float, *, relative: bool = False) -> Sql:
    """Whether a value is so close to an edge that rounding decides on which side it is."""
    return any_of(
        bound(
            "{} BETWEEN %s::float8 AND %s::float8",
            value,
            edge - margin * (max(abs(edge), 1.0) if relative else 1.0),
            edge + margin * (max(abs(edge), 1.0) if relative else 1.0),
        )
        for edge in sorted(set(edges))
        if abs(edge) != inf
    )


def filled(text: str, *parts: Sql) -> Sql:
    """The text with each {} replaced by a part; the text itself has no parameters."""
    params = sum((part.params for part in parts), ())
    return Sql(text.format(*(part.text for part in parts)), params)
