"""An invented visitor's events, and the profile that the same fold makes of them as of anybody's.

Events lie in visits of 20 minutes, the latest of which ended a minute before now; so windows,
decay, visits and declared features are what they would be of a visitor who did just that. What
never gets in: clocks, settings, storage.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from profiles.definition import Definition
from profiles.features.events import FeatureEvent
from profiles.features.fold import feature_compile, features_add
from profiles.state import DAY, Increment, State, state_add

MINUTE = 60.0
VISIT_SECONDS = 20 * MINUTE
#: How long before now the latest event of a visit of age 0 lies.
JUST_NOW = MINUTE
#: What dwell of a page counts, in seconds.
READING_SECONDS = 40.0


class Doing(NamedTuple):
    """`times` events of a type within the last `days`; `amount` is in the type's unit, each."""

    type: str
    category: str = ""
    times: int = 1
    days: int = 1
    content_type: str = ""
    amount: float = 1.0


def reading(category: str, articles: int) -> list[Doing]:
    """So many articles of a category, each read for a while, whenever the visitor was here."""
    read = Doing("page_view", category, articles, 400, "article")
    return [read, read._replace(type="dwell", amount=READING_SECONDS)]


def events_invent(
    doings: Iterable[Doing],
    *,
    visits: int,
    first_days: float,
    last_days: float,
    now: float,
    device: str = "",
) -> list[FeatureEvent]:
    """The events of an invented visitor, oldest first; `now` in seconds since 1970 UTC.

    Doings are dealt to the visits within their days, to the latest first; to the latest visit if
    there is none. A visit in which nothing was done is one page view.

    >>> invented = events_invent(
    ...     [Doing("click", times=3, days=2)], visits=3, first_days=4, last_days=0, now=1e9)
    >>> [(event.type, event.visit) for event in invented]
    [('page_view', 1), ('page_view', 2), ('click', 3), ('click', 3), ('click', 3)]
    """
    ages = _visit_ages(visits, first_days, last_days)
    dealt: list[list[Doing]] = [[] for _ in ages]
    for doing in doings:
        within = [n for n, age in enumerate(ages) if age + 2 * VISIT_SECONDS / DAY < doing.days]
        usable = within or [len(ages) - 1]
        for number in range(doing.times):
            dealt[usable[-1 - number % len(usable)]].append(doing)
    events = []
    for visit, (age, dealings) in enumerate(zip(ages, dealt, strict=True), start=1):
        done = dealings or [Doing("page_view")]
        begun = now - age * DAY - JUST_NOW - VISIT_SECONDS
        step = VISIT_SECONDS / max(len(done) - 1, 1)
        for number, doing in enumerate(done):
            at = begun + number * step if len(done) > 1 else begun + VISIT_SECONDS
            events.append(_event(doing, at, visit, f"invented-{visit}-{number}", device))
    return events


def _visit_ages(visits: int, first_days: float, last_days: float) -> list[float]:
    """In days, the oldest first."""
    if visits == 1:
        return [last_days]
    step = (first_days - last_days) / (visits - 1)
    return [first_days - number * step for number in range(visits)]


def _event(doing: Doing, at: float, visit: int, item: str, device: str) -> FeatureEvent:
    return FeatureEvent(
        type=doing.type,
        occurred_ms=float(int(at * 1000)),
        amount=doing.amount,
        value=doing.amount,
        item=item,
        category=doing.category,
        content_type=doing.content_type,
        path=f"/{item}/",
        device=device,
        medium="direct",
        source="invented",
        visit=visit,
    )


def state_of(events: Sequence[FeatureEvent], definition: Definition, *, max_topics: int) -> State:
    """The profile of these events, by what the definition says profiles hold."""
    state = definition.new_state()
    compiled = feature_compile(definition.features)
    begun: set[int | None] = set()
    for event in events:
        increment = Increment(
            signal=event.type,
            category=event.category,
            content_type=event.content_type,
            weight=event.amount,
            occurred_ms=event.occurred_ms,
            is_new=True,
            starts_visit=event.visit not in begun,
            visit=event.visit or 0,
        )
        begun.add(event.visit)
        state_add(state, increment, max_topics=max_topics)
        features_add(state.features, compiled, event)
    return state
