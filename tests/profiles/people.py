"""Profiles built by hand, with the days and visits that a fold remembers."""

from __future__ import annotations

from profiles.state import (
    DAY,
    RECENT_DAYS,
    RECENT_VISITS,
    Day,
    Increment,
    State,
    state_add,
)
from profiles.vector import Weight

#: A Friday noon, UTC.
NOW = 20_000 * DAY + DAY / 2
WEIGHTS = {
    "page_view": Weight(1.0),
    "click": Weight(3.0),
    "dwell": Weight(0.05),
    "scroll": Weight(1.0),
    "dismiss": Weight(3.0, negative=True),
}


def state_of(*events: tuple[str, str, str, float, float]) -> State:
    """From (signal, category, content type, weight, age in days); no visits."""
    state = State()
    for signal, category, content_type, weight, days in events:
        at = (NOW - days * DAY) * 1000
        event = Increment(signal, category, content_type, weight, at, True, False)
        state_add(state, event, max_topics=100)
    return state


def visited(*ages: float, state: State | None = None) -> State:
    """A state (or a new one) whose visits began so many days ago, in any order."""
    state = state or State()
    starts = sorted(int((NOW - age * DAY) * 1000) for age in ages)
    state.visits = len(starts)
    state.starts = starts[-RECENT_VISITS:]
    state.first = min(starts[:1] + ([state.first] if state.first is not None else []))
    state.last = max(starts[-1:] + ([state.last] if state.last is not None else []))
    for start in starts:
        day = state.days.setdefault(int(start / 1000 // DAY), Day())
        day.visits += 1
    return state


def daily(*values: float, name: str = "dwell") -> State:
    """A state first seen the day before so many complete days as there are values, oldest first."""
    today = int(NOW // DAY)
    start = today - len(values)
    state = State(first=int((start * DAY - 60) * 1000), last=int((NOW - 3600) * 1000))
    for number, value in enumerate(values, start=start):
        if value and number > today - RECENT_DAYS:
            day = state.days[number] = Day()
            setattr(day, name, value)
    return state
