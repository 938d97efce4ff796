"""What profiles hold, besides what all of them hold: a numbered, immutable value.

A profile says by which definition it was folded (`State.definition`), and goes on with that one
until it is rebuilt; so a change can be made while events keep coming. What never gets in: clocks,
settings, storage.
"""

from collections.abc import Mapping
from functools import cached_property

from msgspec import Struct

from profiles.features.definition import Feature
from profiles.state import DAY, HALF_LIVES, State

HalfLives = tuple[float, float]


class Definition(Struct, frozen=True, dict=True):
    """Version 0 has nothing of its own.

    `half_lives` maps a signal to its short and long half-life, in seconds, where they are other
    ones than SHORT and LONG. `features` are those declared, each once.
    """

    version: int = 0
    half_lives: dict[str, HalfLives] = {}
    features: tuple[Feature, ...] = ()

    @cached_property
    def keys(self) -> frozenset[str]:
        """The keys of the declared features."""
        return frozenset(feature.key for feature in self.features)

    @cached_property
    def by_key(self) -> dict[str, Feature]:
        """The declared features by key."""
        return {feature.key: feature for feature in self.features}

    def new_state(self) -> State:
        """The state of a visitor without events."""
        return State(definition=self.version, half_lives=dict(self.half_lives))


def half_lives_of(days: Mapping[str, tuple[float, float]]) -> dict[str, HalfLives]:
    """The half-lives that are not the usual ones, in seconds, of all signals' in days.

    >>> half_lives_of({"click": (1.0, 30.0), "purchase": (1.0, 90.0)})
    {'purchase': (86400.0, 7776000.0)}
    """
    seconds = {name: (short * DAY, long * DAY) for name, (short, long) in days.items()}
    return {name: pair for name, pair in seconds.items() if pair != HALF_LIVES}
