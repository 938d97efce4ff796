"""What a visitor did, and how often."""

from bisect import bisect_right

from personalization.rules.conditions.base import (
    COUNTS,
    DAYS,
    Condition,
    count_fields,
    instead_of_none,
    instead_of_presence,
)
from personalization.rules.context import Context
from personalization.rules.fields import Field
from personalization.rules.operators import Params
from profiles.state import RECENT_EVENTS


def _events(context: Context, params: Params) -> int | None:
    """Events of a type (and category) in `(now − days, now]`, by when they happened."""
    if context.state is None:
        return None
    times = context.state.recent.get(f"{params['type']}|{params['category']}", ())
    now_ms = context.now * 1000.0
    start_ms = now_ms - params["days"] * 86_400_000.0
    return bisect_right(times, now_ms) - bisect_right(times, start_ms)


EVENTS: tuple[Condition, ...] = (
    Condition(
        "events",
        "Did something, so many times",
        "Behavior",
        (
            Field("type", "Event", "event_type", default="page_view"),
            Field("category", "In category", "category", optional=True, default=""),
            *count_fields(COUNTS, "Times", RECENT_EVENTS, default=3, said=("once", "{} times")),
            Field(
                "days", "Within", "number", low=0.01, high=365, default=7, unit="days", said=DAYS
            ),
        ),
        _events,
        "{type}{category} {test} within {days}",
        instead=(
            *instead_of_none("never {type}{category} within {days}"),
            *instead_of_presence("how often somebody {type}{category} within {days}"),
        ),
        operators=COUNTS,
    ),
)
