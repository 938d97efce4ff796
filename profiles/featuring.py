"""Declared features into profiles: the events they look at, read in full beside the others.

Only events of the types that some feature names are read so; without features nothing is.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import chain
from uuid import UUID

from profiles import selectors
from profiles.features.fold import Compiled, feature_compile, features_add
from profiles.state import State
from tracking.pipeline.details import Detail


@lru_cache(maxsize=64)
def compiled_of(version: int) -> Compiled:
    """A definition's features, made ready."""
    return feature_compile(selectors.definition_get(version).features)


def types_of(versions: Iterable[int]) -> frozenset[str]:
    """The event types that the features of these definitions look at."""
    return frozenset(chain.from_iterable(compiled_of(version).by_type for version in versions))


def details_add(states: Mapping[UUID, State], details: Iterable[Detail], *, purpose: str) -> None:
    """Add events to what these states keep of features, in place, each by its own definition.

    In the order given. Events of other visitors, and of a time when `purpose` was not agreed to,
    are left out.
    """
    agreed: dict[str, bool] = {}
    for detail in details:
        state = states.get(detail.visitor_id)
        if state is None:
            continue
        if detail.basis not in agreed:
            agreed[detail.basis] = purpose in detail.basis.split(",")
        if agreed[detail.basis]:
            # A Detail has a FeatureEvent's attributes.
            features_add(state.features, compiled_of(state.definition), detail)  # type: ignore[arg-type]


class Feed:
    """Events by visitor, taken as far as a visitor at a time."""

    def __init__(self, details: Iterator[Detail]) -> None:
        self._details = details
        self._next: Detail | None = next(details, None)

    def through(self, visitor_id: UUID) -> Iterator[Detail]:
        """The next events, of visitors up to and with this one."""
        while self._next is not None and self._next.visitor_id <= visitor_id:
            yield self._next
            self._next = next(self._details, None)
