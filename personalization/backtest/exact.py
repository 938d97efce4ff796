"""One visitor's moments, one after another: the fold of the events before each, and the same
`Node.test` as on a page. Slow, and the law that the columns are held against.

What never gets in: clocks, settings, storage.
"""

from collections.abc import Callable, Iterator, Sequence
from uuid import UUID

import numpy as np

from personalization.backtest.history import History
from personalization.backtest.past import World, request_of
from personalization.rules.context import Context
from profiles.features.fold import features_add
from profiles.state import State, state_add
from tracking.pipeline.details import Detail

#: A visitor's events in full, in the order of storing; nothing is asked where no rule needs them.
DetailsOf = Callable[[UUID], Sequence[Detail]]


class VisitorGoneError(Exception):
    """The events in full are not those that were read before: some were erased meanwhile."""


def contexts_of(
    history: History, world: World, visitor: int, wanted: Sequence[int], details_of: DetailsOf
) -> Iterator[tuple[int, Context]]:
    """(place, context) of these moments of one visitor, given as places of events, ascending.

    A context holds until the next one is asked for: its state goes on.
    """
    if not wanted:
        return
    begin, end = int(history.begins[visitor]), wanted[-1] + 1
    full = _details(history, world, visitor, details_of) if world.features else {}
    state = world.definition.new_state()
    remaining = iter(wanted)
    place = next(remaining)
    for index, increment in enumerate(history.increments(begin, end), start=begin):
        if index == place:
            yield index, _context(history, world, state, index)
            if (later := next(remaining, None)) is None:
                return
            place = later
        state_add(state, increment, max_topics=world.max_topics)
        if (detail := full.get(index)) is not None:
            features_add(state.features, world.compiled, detail)  # type: ignore[arg-type]


def _context(history: History, world: World, state: State, index: int) -> Context:
    fact, kind = int(history.fact[index]), int(history.kind[index])
    return Context(
        now=float(history.occurred_ms[index]) / 1000.0,
        state=state,
        weights=world.weights,
        baseline=world.baseline,
        request=request_of(history, fact=fact, kind=kind),
        consent=world.consent_of(history.bases[int(history.basis[index])]),
        kept=world.kept,
    )


def _details(
    history: History, world: World, visitor: int, details_of: DetailsOf
) -> dict[int, Detail]:
    """The visitor's events that features look at, by their places."""
    begin, end = history.begins[visitor : visitor + 2].tolist()
    named = world.compiled.by_type
    places = [
        place
        for place, kind in enumerate(history.kind[begin:end].tolist(), start=begin)
        if history.kinds[kind].type in named
    ]
    if not places:
        return {}
    places.sort(key=history.seq.__getitem__)
    agreed = {history.bases[basis] for basis in np.unique(history.basis[begin:end]).tolist()}
    details = [detail for detail in details_of(history.visitors[visitor]) if detail.basis in agreed]
    if len(details) != len(places):
        raise VisitorGoneError
    return dict(zip(places, details, strict=True))
