"""Reading declared features from a context: the values that event conditions test.

A condition says by `features` what it asks, and its `read` makes one measured value of theirs. A
feature that the profile does not keep yet is unknown, and so is what is asked of it.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from math import inf
from typing import Any

import msgspec

from personalization.rules.context import Context
from personalization.rules.operators import NOT_SET, Params
from profiles.features.definition import Feature
from profiles.features.values import Value

Features = Callable[[Params], tuple[Feature, ...]]
#: (values in the order of the features, now in seconds, parameters) → what is measured.
Read = Callable[[Sequence[Any], float, Params], Any]
Measure = Callable[[Context, Params], Any]

DAY_MS = 86_400_000


def measure_of(features: Features, read: Read) -> Measure:
    """Reads the features and makes of their values what is measured."""

    # A rule is parsed once and read for every page, so what it asks is put together once.
    @lru_cache(maxsize=4096)
    def asked(raw: bytes) -> tuple[Feature, ...]:
        return features(msgspec.json.decode(raw))

    def measure(context: Context, params: Params) -> Any:
        values = features_values(context, asked(msgspec.json.encode(params)))
        return None if values is None else read(values, context.now, params)

    return measure


def features_values(context: Context, features: Sequence[Feature]) -> list[Value | None] | None:
    """The values at the context's moment; None when one of the features is not kept.

    Nobody's events are known without a state. A state without events is kept in full: nothing
    happened yet.
    """
    state = context.state
    if state is None:
        return None
    if state.last is not None and any(feature.key not in context.kept for feature in features):
        return None
    return [context.feature_value(feature) for feature in features]


def first(values: Sequence[Any], now: float, params: Params) -> Any:
    return values[0]


def number(values: Sequence[Any], now: float, params: Params) -> Any:
    """The value if it is a number: the latest one of a property may be anything, or not there."""
    value = values[0]
    if value is None:
        return NOT_SET
    return value if type(value) in (int, float) else None


def text(values: Sequence[Any], now: float, params: Params) -> Any:
    if values[0] is None:
        return NOT_SET
    return values[0] if isinstance(values[0], str) else None


def days_ago(values: Sequence[Any], now: float, params: Params) -> float:
    """Days since the time that was read; infinite when it never happened."""
    return inf if values[0] is None else _days_since(values[0], now)


def _days_since(when: float, now: float) -> float:
    """In whole milliseconds, so that an edge is the same edge wherever it is looked for."""
    return max(round(now * 1000) - round(when * 1000), 0) / DAY_MS


def resumed(values: Sequence[Any], now: float, params: Params) -> bool:
    """(lately, lately and in the pause, ever): did lately, not in the pause, and before it."""
    lately, with_pause, ever = values
    return bool(0 < lately == with_pause < ever)


def ratio(values: Sequence[Any], now: float, params: Params) -> Any:
    """(now, before): how many times as often; not set when neither happened."""
    this, before = values
    if not before:
        return inf if this else NOT_SET
    return float(this / before)


def ratio_of_rolling(values: Sequence[Any], now: float, params: Params) -> Any:
    """(in the last span, in twice the span)."""
    this, both = values
    return ratio((this, both - this), now, params)


def followed(values: Sequence[Any], now: float, params: Params) -> bool:
    """(first time of one, last time of the other): whether the other came after the one; or what
    was read of their order."""
    if len(values) == 1:
        return bool(values[0])
    began, then = values
    return began is not None and then is not None and began < then


def unfinished(values: Sequence[Any], now: float, params: Params) -> float:
    """(last time it began, last time it was finished): days since a beginning that is open.

    Infinite when it never began, or was finished since.
    """
    began, finished = values
    if began is None or (finished is not None and finished >= began):
        return inf
    return _days_since(began, now)
