"""What a `seen` feature says of one value: when it was seen, and from when on all of it is known.

The latest SEEN_EVENTS events are kept, by the hash of their value. So what is found was seen (two
values are taken for one with a probability below 10⁻¹²), and what is not found was not, since the
earliest event that is kept. Before that it is not known.
"""

from profiles.features.definition import SEEN_EVENTS
from profiles.features.state import FeatureState
from profiles.features.values import Value, value_hash


def seen_times(state: FeatureState | None, value: Value) -> list[int]:
    """When a value was seen, in milliseconds since 1970, ascending, as far as it is kept."""
    if state is None:
        return []
    hashed = value_hash(value)
    if hashed not in state.held:  # most of the time, and ten times as fast
        return []
    return [when for when, held in zip(state.times, state.held, strict=True) if held == hashed]


def seen_edge(state: FeatureState | None) -> int | None:
    """After this moment (milliseconds) everything seen is kept; None: all there ever was is."""
    return state.times[0] if state is not None and len(state.times) >= SEEN_EVENTS else None
