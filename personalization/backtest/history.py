"""Whole visitors' events in order of time, as arrays: what rules are replayed over.

A moment is a page view: there a page asks what to show. What a rule may know then is the visitor's
events before it, by when they happened and, of those at the same millisecond, by when they were
stored. What never gets in: clocks, settings, storage.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any
from uuid import UUID

import msgspec
import numpy as np

from profiles.columns import Bools, Codes, Floats, Ints
from profiles.state import Increment
from tracking.pipeline.blocks import Asked, Block, Kind

PAGE_VIEW = "page_view"


@dataclass(frozen=True)
class History:
    """n events of v visitors, sorted by visitor and time; arrays have shape (n,).

    `visitor`, `kind`, `basis`, `fact` are places in `visitors`, `kinds`, `bases` and `facts`, the
    last of which are texts in the order of `fact_names`, () of other events than page views.
    `field` are places in `fields`, the values that were `asked` of events of some types; else ().
    """

    visitor: Ints
    seq: Ints
    occurred_ms: Floats
    amount: Floats
    is_new: Bools
    starts_visit: Bools
    visit: Ints
    kind: Ints
    basis: Ints
    fact: Ints
    field: Ints
    visitors: Sequence[UUID]
    kinds: Sequence[Kind]
    bases: Sequence[str]
    facts: Sequence[tuple[str, ...]]
    fields: Sequence[tuple[Any, ...]] = ((),)
    fact_names: Sequence[str] = ()
    asked: Asked | None = None

    def __len__(self) -> int:
        return len(self.visitor)

    @cached_property
    def when(self) -> Ints:
        """Whole milliseconds since 1970, as profiles keep times."""
        return self.occurred_ms.astype(np.int64)

    @cached_property
    def begins(self) -> Ints:
        """Where each visitor's events begin (v + 1,): the last entry is n."""
        return np.searchsorted(self.visitor, np.arange(len(self.visitors) + 1))

    @cached_property
    def moments(self) -> Ints:
        """The places of page views, in order (m,)."""
        is_page = np.array([kind.type == PAGE_VIEW for kind in self.kinds], bool)
        return np.flatnonzero(is_page[self.kind] & self.is_new)

    @cached_property
    def nows(self) -> Floats:
        """The moments in seconds since 1970 (m,)."""
        return self.occurred_ms[self.moments] / 1000.0

    @cached_property
    def moment_visitor(self) -> Ints:
        """Whose moments they are (m,)."""
        return self.visitor[self.moments]

    @cached_property
    def moment_begins(self) -> Ints:
        """Where each moment's visitor's events begin (m,)."""
        return self.begins[self.moment_visitor]

    @cached_property
    def types(self) -> Codes:
        return Codes([kind.type for kind in self.kinds])

    @cached_property
    def type(self) -> Ints:
        """Codes of the event types."""
        return self.types.of([kind.type for kind in self.kinds])[self.kind]

    @cached_property
    def categories(self) -> Codes:
        """The categories' codes, "" is 0."""
        return Codes(["", *(kind.category for kind in self.kinds)])

    @cached_property
    def category(self) -> Ints:
        return self.categories.of([kind.category for kind in self.kinds])[self.kind]

    def increments(self, begin: int, end: int) -> Iterable[Increment]:
        """The events [begin, end) one by one, as profiles add them."""
        kinds = self.kinds
        part = slice(begin, end)
        arrays = (
            *(self.kind, self.amount, self.occurred_ms),
            *(self.is_new, self.starts_visit, self.visit),
        )
        rows = zip(*(array[part].tolist() for array in arrays), strict=True)
        for kind, amount, occurred_ms, is_new, starts_visit, visit in rows:
            # A Kind is type, category and content type.
            type_, category, content_type = kinds[kind]
            yield Increment(
                *(type_, category, content_type, amount),
                *(occurred_ms, is_new, starts_visit, visit),
            )


ARRAYS = (
    "visitor", "seq", "occurred_ms", "amount", "is_new", "starts_visit", "visit", "kind", "basis",
    "fact", "field",
)  # fmt: skip
#: Of these a block may have none.
MORE = ("fact", "field")


def history_of(
    blocks: Sequence[Block], fact_names: Sequence[str] = (), asked: Asked | None = None
) -> History:
    """The events of blocks that follow each other in one reading, in order of time."""
    known = {"visitor": Codes(), "kind": Codes(), "basis": Codes()}
    known |= {"fact": Codes(), "field": Codes()}
    parts: list[dict[str, Any]] = []
    for block in blocks:
        codes = {name: known[name].of(_values(block, name)) for name in known}
        part = {name: _array(block, name) for name in ARRAYS}
        parts.append(part | {name: codes[name][part[name]] for name in codes})
    arrays = {name: np.concatenate([part[name] for part in parts]) for name in ARRAYS}
    order = np.lexsort((arrays["seq"], arrays["occurred_ms"], arrays["visitor"]))
    return History(
        **{name: array[order] for name, array in arrays.items()},
        visitors=known["visitor"].values,
        kinds=known["kind"].values,
        bases=known["basis"].values,
        facts=known["fact"].values,
        fields=[tuple(msgspec.json.decode(text)) if text else () for text in known["field"]],
        fact_names=fact_names,
        asked=asked,
    )


#: What a block without these has of every event.
_NOTHING: Mapping[str, list[Any]] = {"facts": [()], "fields": [""]}


def _values(block: Block, name: str) -> list[Any]:
    """What the places of one of its arrays stand for."""
    several = "bases" if name == "basis" else f"{name}s"
    found: list[Any] = getattr(block, several)
    return found or _NOTHING.get(several, [])


def _array(block: Block, name: str) -> Any:
    array = getattr(block, name)
    return np.zeros_like(block.kind) if array is None else array


def history_allowed(history: History, *, purpose: str, granted: Collection[UUID]) -> History:
    """Without the events that were not agreed to then, and without who does not agree now."""
    agreed = np.array([purpose in basis.split(",") for basis in history.bases], bool)
    may = np.array([visitor in granted for visitor in history.visitors], bool)
    if agreed.all() and may.all():
        return history
    return history_take(history, agreed[history.basis] & may[history.visitor])


def history_take(history: History, which: Bools) -> History:
    """The events of a mask, with the visitors who have one."""
    arrays = {name: getattr(history, name)[which] for name in ARRAYS}
    present, arrays["visitor"] = np.unique(arrays["visitor"], return_inverse=True)
    visitors = [history.visitors[code] for code in present.tolist()]
    return replace(history, **arrays, visitors=visitors)


def history_asked(history: History, at_ms: float, bases: Sequence[str]) -> History:
    """With a page view of each visitor at this moment, after all events that are not later.

    `bases` say for each visitor what is granted then.
    """
    count, codes = len(history.visitors), Codes(history.bases)
    added = {
        "visitor": np.arange(count),
        "seq": np.full(count, np.iinfo(np.int64).max),
        "occurred_ms": np.full(count, at_ms),
        "amount": np.zeros(count),
        "is_new": np.ones(count, bool),
        "starts_visit": np.zeros(count, bool),
        "visit": np.zeros(count, np.int64),
        "kind": np.full(count, len(history.kinds)),
        "basis": codes.of(bases),
        "fact": np.full(count, len(history.facts)),
        "field": np.full(count, len(history.fields)),
    }
    arrays = {name: np.concatenate([getattr(history, name), added[name]]) for name in ARRAYS}
    order = np.lexsort((arrays["seq"], arrays["occurred_ms"], arrays["visitor"]))
    sorted_arrays: dict[str, Any] = {name: array[order] for name, array in arrays.items()}
    return replace(
        history,
        **sorted_arrays,
        kinds=[*history.kinds, Kind(PAGE_VIEW, "", "")],
        bases=codes.values,
        facts=[*history.facts, ()],
        fields=[*history.fields, ()],
    )


def block_split(block: Block) -> tuple[Block, Block]:
    """(all but the last visitor's events, the last visitor's)."""
    is_last = block.visitor == len(block.visitors) - 1
    return _block_take(block, ~is_last), _block_take(block, is_last)


def _block_take(block: Block, which: Bools) -> Block:
    arrays = {name: getattr(block, name)[which] for name in ARRAYS if name not in MORE}
    more = {name: getattr(block, name) for name in MORE}
    arrays |= {name: array[which] for name, array in more.items() if array is not None}
    present, arrays["visitor"] = np.unique(arrays["visitor"], return_inverse=True)
    visitors = [block.visitors[code] for code in present.tolist()]
    return block._replace(**arrays, visitors=visitors)


def histories_of(
    blocks: Iterable[Block], fact_names: Sequence[str], asked: Asked | None = None
) -> Iterator[History]:
    """Some whole visitors at a time, from blocks of a reading by visitor."""
    waiting: list[Block] = []
    for block in blocks:
        if waiting and block.visitors == waiting[-1].visitors:
            waiting.append(block)  # one visitor's events go on and on
            continue
        done, last = block_split(block)
        whole = [*waiting, done] if len(done.visitor) else waiting
        if whole and (len(done.visitor) or last.visitors != waiting[-1].visitors):
            yield history_of(whole, fact_names, asked)
            waiting = []
        waiting.append(last)
    if waiting:
        yield history_of(waiting, fact_names, asked)
