"""Events as columns: what many of them at once are folded from.

Texts are numbers here, places in a list of the distinct ones ("codes"). What never gets in:
clocks, settings, storage.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Columns:
    """n events in the order they were stored, of each visitor at least.

    Arrays have shape (n,): `visitor`, `signal`, `category`, `content_type` are codes into
    `visitors`, `signals`, `categories`, `content_types`; `occurred_ms` is in milliseconds since
    1970; `weight` is in the signal's unit; `is_new` is False for a later part of a cumulative
    event; `visit` stands for the visit. The text of code 0 of `categories` and of `content_types`
    is "".
    """

    visitor: Ints
    signal: Ints
    category: Ints
    content_type: Ints
    occurred_ms: Floats
    weight: Floats
    is_new: Bools
    starts_visit: Bools
    visit: Ints
    visitors: Sequence[UUID]
    signals: Sequence[str]
    categories: Sequence[str]
    content_types: Sequence[str]

    def take(self, which: Bools | Ints) -> "Columns":
        """The events of a mask or of places, with the same lists of texts."""
        return replace(
            self,
            visitor=self.visitor[which],
            signal=self.signal[which],
            category=self.category[which],
            content_type=self.content_type[which],
            occurred_ms=self.occurred_ms[which],
            weight=self.weight[which],
            is_new=self.is_new[which],
            starts_visit=self.starts_visit[which],
            visit=self.visit[which],
        )


class Codes:
    """Distinct values, numbered in the order they were first met.

    >>> codes = Codes(["", "a", "b", "a"])
    >>> codes.of(["a", "", "c"]).tolist(), codes.values
    ([1, 0, 3], ['', 'a', 'b', 'c'])
    """

    def __init__(self, values: Iterable[Any] = ()) -> None:
        self.values: list[Any] = []
        self._numbers: dict[Any, int] = {}
        self.of(list(values))

    def of(self, values: Sequence[Any]) -> Ints:
        """The code of each value; new ones are added."""
        numbers = self._numbers
        for value in dict.fromkeys(values):
            if value not in numbers:
                numbers[value] = len(self.values)
                self.values.append(value)
        return np.fromiter(map(numbers.__getitem__, values), np.int64, len(values))

    def __iter__(self) -> Iterator[Any]:
        return iter(self.values)
