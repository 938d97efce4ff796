"""What conditions measure: one value of the context each, None where it is unknown."""

from bisect import bisect_right
from collections.abc import Callable, Mapping
from math import inf
from typing import Any

from personalization.rules.context import Context

Params = Mapping[str, Any]
Measure = Callable[[Context, Params], Any]


def affinity(context: Context, params: Params) -> float | None:
    if context.state is None:
        return None
    interest = context.interest_by_category.get(params["category"])
    if params["horizon"] == "short":
        return interest.now if interest else 0.0
    return interest.score if interest else 0.0


def share(context: Context, params: Params) -> float | None:
    """The share of all interests in percent; unknown below the evidence asked for."""
    if context.state is None:
        return None
    interest = context.interest_by_category.get(params["category"])
    if (interest.evidence if interest else 0) < params["evidence"]:
        return None
    return 100.0 * interest.share if interest else 0.0


def rank(context: Context, params: Params) -> float | None:
    if context.state is None:
        return None
    for rank, interest in enumerate(context.interests, start=1):
        if interest.category == params["category"]:
            return rank
    return inf


def strongest(context: Context, params: Params) -> float | None:
    if context.state is None:
        return None
    return context.interests[0].score if context.interests else 0.0


def events(context: Context, params: Params) -> int | None:
    """Events of a type (and category) in `(now − days, now]`, by when they happened."""
    if context.state is None:
        return None
    times = context.state.recent.get(f"{params['type']}|{params['category']}", ())
    now_ms = context.now * 1000.0
    start_ms = now_ms - params["days"] * 86_400_000.0
    return bisect_right(times, now_ms) - bisect_right(times, start_ms)


def visits(context: Context, params: Params) -> int | None:
    return context.state.visits if context.state is not None else None


def days_since_last(context: Context, params: Params) -> float | None:
    if context.state is None or context.state.last is None:
        return None
    return max(context.now - context.state.last / 1000.0, 0.0) / 86_400.0


def vector_of(name: str) -> Measure:
    def measure(context: Context, params: Params) -> Any:
        return getattr(context.vector, name) if context.vector is not None else None

    return measure


def preferred_type(context: Context, params: Params) -> str | None:
    return (context.vector.preferred_content_type or "") if context.vector is not None else None


def known(value: str) -> str | None:
    return value or None
