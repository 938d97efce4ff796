"""Stored events as arrays: what readers of many of them get.

What never gets in: clocks, settings, storage.
"""

from typing import NamedTuple
from uuid import UUID

import numpy as np
from numpy.typing import NDArray


class Kind(NamedTuple):
    """What a hash stands for: the texts of an event that decide where it counts."""

    type: str
    category: str
    content_type: str


class Asked(NamedTuple):
    """What a reader asks of events of these types besides.

    `fields` are texts of an event (as "item"), its "value", or `property.<name>`.
    """

    types: tuple[str, ...]
    fields: tuple[str, ...]


class Block(NamedTuple):
    """Events by visitor and order of storing; arrays of shape (n,).

    `visitor` holds codes (places in `visitors`), `kind` those of `kinds` and `basis` those of
    `bases`. `occurred_ms` is in milliseconds since 1970, `amount` in the signal's unit;
    `is_new` is False for a later part of a cumulative event and for one too many of its kind;
    `visit` stands for the visit, by 63 bits. Where facts of page views were asked for, `fact` holds
    places in `facts`, whose texts are in the order in which they were asked; () of other events.
    So does `field` for fields of events (Asked): places in `fields`, each a JSON array of values in
    the order in which they were asked, "" of other events.
    """

    visitor: NDArray[np.int64]
    seq: NDArray[np.int64]
    occurred_ms: NDArray[np.float64]
    amount: NDArray[np.float64]
    is_new: NDArray[np.bool_]
    visit: NDArray[np.int64]
    starts_visit: NDArray[np.bool_]
    kind: NDArray[np.int64]
    basis: NDArray[np.int64]
    visitors: list[UUID]
    kinds: list[Kind]
    bases: list[str]
    fact: NDArray[np.int64] | None = None
    facts: list[tuple[str, ...]] = []
    field: NDArray[np.int64] | None = None
    fields: list[str] = []
