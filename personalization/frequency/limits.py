"""How often: caps, cool-downs, exclusion groups, the pressure budget of a visitor, and capacity.

What counts is an exposure: being given a campaign in a page or in an answer of the API. One CHECK
after another may refuse a campaign that would win; the law is here and nowhere else, so the page,
its explanation and the tests go by the same code.

Bounded: of each campaign the latest KEPT exposures are remembered, which no cap or budget may
exceed, so a changed cap is exact for what came before it. Of campaigns that are not published any
more, the ENDED latest shown are remembered.

What never gets in: clocks, storage, visitor ids.
"""

from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import chain
from typing import Protocol

import msgspec
from msgspec import Struct, field

from personalization.frequency.capacity import Capacity, capacity_words
from personalization.frequency.words import AGO, window_words
from profiles.state import State

#: The most a cap or a budget may allow, and the latest exposures remembered of each campaign.
KEPT = 50
#: The longest pause or window, in its unit: events are kept for about as many days.
LONGEST = 365
#: The length of a cap's window when none is said.
CAP_LENGTH = 7
ENDED = 100
#: A visit ends when nothing has happened for so long, as for the pipeline.
VISIT_GAP_MS = 30 * 60_000
DAY_MS = 86_400_000
UNIT_MS = {"minutes": 60_000, "hours": 3_600_000, "days": DAY_MS}
UNCOUNTED = "Not shown: how often it was shown cannot be counted at the moment."


class Shown(
    Struct,
    frozen=True,
    omit_defaults=True,
    rename={"exposures": "e", "dismissed": "d", "clicked": "c", "basis": "b"},
):
    """What a visitor was given of campaigns with limits. Times are milliseconds since 1970.

    `exposures` are ascending, by campaign. `basis` says for which limits they were counted
    (frequency.compile.basis_of): with another one, exposures may be missing, and the events are
    asked. `is_countable` False: nothing can be counted now, so nothing with limits may be shown.
    """

    exposures: dict[int, list[int]] = field(default_factory=dict)
    dismissed: dict[int, int] = field(default_factory=dict)
    clicked: dict[int, int] = field(default_factory=dict)
    basis: str = ""
    is_countable: bool = True


NOTHING_SHOWN = Shown()
UNCOUNTABLE = Shown(is_countable=False)


class Asked(Protocol):
    """What a check looks at; `now` is in seconds since 1970 (personalization.rules.context)."""

    @property
    def now(self) -> float: ...
    @property
    def state(self) -> State | None: ...
    @property
    def shown(self) -> Shown: ...

    def places_given(self, key: str) -> int | None:
        """What a capacity's counter holds (frequency.capacity); None where that is not known."""


@dataclass(frozen=True)
class Window:
    """A rolling `length` of "minutes", "hours" or "days", this "visit", or for "ever"."""

    unit: str
    length: int = 1

    def since(self, asked: Asked) -> int:
        """What happened after this moment counts: `(now − length, now]`."""
        if self.unit == "ever":
            return -1
        if self.unit == "visit":
            return visit_began(asked) - 1
        return now_ms(asked) - self.length * UNIT_MS[self.unit]


@dataclass(frozen=True)
class Cap:
    """At most `count` exposures in any `window`."""

    count: int
    window: Window


@dataclass(frozen=True)
class Group:
    """Campaigns that exclude each other: of `members`, one in any `window`."""

    name: str
    window: Window
    members: frozenset[int]


@dataclass(frozen=True)
class Budget:
    """At most `count` exposures in any `window`, of all campaigns but the `exempt` ones."""

    count: int
    window: Window
    exempt: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Frequency:
    """The limits of one campaign. Pauses are in days, 0 for none.

    `after_event` names an event type: what happens there ends the need for the campaign. `budget`
    is None where there is none, and for a campaign that is exempt.
    """

    cap: Cap | None = None
    after_dismissal: int = 0
    after_click: int = 0
    after_event: tuple[str, int] | None = None
    group: Group | None = None
    budget: Budget | None = None
    capacity: Capacity | None = None

    @property
    def counts(self) -> bool:
        """Whether an exposure has to be counted before it is given."""
        return bool(self.cap or self.group or self.budget or self.capacity)

    @property
    def remembers(self) -> bool:
        """Whether it matters what the visitor was shown, or said of it."""
        return self.counts or bool(self.after_dismissal or self.after_click)


# --- May it be shown? --------------------------------------------------------------------------


def refusal(campaign: int, frequency: Frequency, asked: Asked) -> str:
    """Why a campaign that would win is not shown, as a sentence; "" when it may be."""
    if frequency.remembers and not asked.shown.is_countable:
        return UNCOUNTED
    reasons = (check(campaign, frequency, asked) for check in CHECKS)
    return next(filter(None, reasons), "")


def _dismissed(campaign: int, frequency: Frequency, asked: Asked) -> str:
    at = asked.shown.dismissed.get(campaign)
    return _paused(at, frequency.after_dismissal, asked, "dismissed")


def _clicked(campaign: int, frequency: Frequency, asked: Asked) -> str:
    return _paused(asked.shown.clicked.get(campaign), frequency.after_click, asked, "clicked")


def _happened(campaign: int, frequency: Frequency, asked: Asked) -> str:
    if frequency.after_event is None or asked.state is None:
        return ""
    name, days = frequency.after_event
    times = asked.state.recent.get(f"{name}|", ())
    return _paused(times[-1] if times else None, days, asked, f"“{name.replace('_', ' ')}” came")


def _paused(at: int | None, days: int, asked: Asked, what: str) -> str:
    if at is None or at <= now_ms(asked) - days * DAY_MS:
        return ""
    return f"Not shown again: {what} {AGO.format(window_words('days', days))}."


def _capped(campaign: int, frequency: Frequency, asked: Asked) -> str:
    cap = frequency.cap
    if cap is None or (times := asked.shown.exposures.get(campaign)) is None:
        return ""
    seen = _count(times, cap.window.since(asked))
    if seen < cap.count:
        return ""
    times_word = "time" if cap.count == 1 else "times"
    return f"Not shown again: seen {seen} of {cap.count} {times_word} {_within(cap.window)}."


def _excluded(campaign: int, frequency: Frequency, asked: Asked) -> str:
    group = frequency.group
    if group is None:
        return ""
    others = group.members - {campaign}
    latest = max((asked.shown.exposures[one][-1] for one in others & _given(asked)), default=-1)
    if latest <= group.window.since(asked):
        return ""
    return f"Not shown: another of the group “{group.name}” was seen {_within(group.window)}."


def _pressed(campaign: int, frequency: Frequency, asked: Asked) -> str:
    budget = frequency.budget
    if budget is None:
        return ""
    since = budget.window.since(asked)
    counted = _given(asked) - budget.exempt
    seen = sum(_count(asked.shown.exposures[one], since) for one in counted)
    if seen < budget.count:
        return ""
    within = _within(budget.window)
    return f"Not shown: {seen} of {budget.count} personalized messages seen {within}."


def _full(campaign: int, frequency: Frequency, asked: Asked) -> str:
    capacity = frequency.capacity
    if capacity is None or not (key := place_needed(campaign, capacity, asked)):
        return ""
    given = asked.places_given(key)
    if given is None:
        return UNCOUNTED
    return f"Full: {capacity_words(capacity, given)}." if given >= capacity.count else ""


def place_needed(campaign: int, capacity: Capacity, asked: Asked) -> str:
    """The counter of which an exposure takes a place; "" where the visitor has one already."""
    now = now_ms(asked)
    if capacity.has_place(asked.shown.exposures.get(campaign, ()), now):
        return ""
    return capacity.key(campaign, capacity.day(now))


#: In this order; the first to refuse is the reason.
CHECKS: tuple[Callable[[int, Frequency, Asked], str], ...] = (
    _dismissed,
    _clicked,
    _happened,
    _capped,
    _excluded,
    _pressed,
    _full,
)


def _given(asked: Asked) -> frozenset[int]:
    return frozenset(one for one, times in asked.shown.exposures.items() if times)


def _count(times: Iterable[int], since: int) -> int:
    return sum(when > since for when in times)


def _within(window: Window) -> str:
    words = window_words(window.unit, window.length)
    return {"visit": "in this visit", "ever": "so far"}.get(window.unit, f"within {words}")


def now_ms(asked: Asked) -> int:
    """The moment asked about, never before the latest exposure: web servers' clocks may differ."""
    latest = max((times[-1] for times in asked.shown.exposures.values() if times), default=0)
    return max(int(asked.now * 1000), latest)


def visit_began(asked: Asked) -> int:
    """When the visit that goes on began: back from now, as far as no gap of 30 minutes opens.

    From the profile's latest visit and from the exposures themselves, since what the visitor did
    a moment ago may not be in the profile yet.
    """
    stretches = [(when, when) for when in chain.from_iterable(asked.shown.exposures.values())]
    state = asked.state
    if state is not None and state.last is not None:
        stretches.append((state.starts[-1] if state.starts else state.last, state.last))
    began = now_ms(asked)
    for start, end in sorted(stretches, key=lambda stretch: -stretch[1]):
        if end <= began - VISIT_GAP_MS:
            break
        began = min(began, start)
    return began


# --- What is remembered ------------------------------------------------------------------------


def shown_add(shown: Shown, campaign: int, asked: Asked) -> Shown:
    """The same with one more exposure, at the moment asked about."""
    times = [*shown.exposures.get(campaign, ()), now_ms(asked)][-KEPT:]
    return msgspec.structs.replace(shown, exposures={**shown.exposures, campaign: times})


def shown_bound(shown: Shown, published: AbstractSet[int]) -> Shown:
    """The same without what is too much: of campaigns not published, the ENDED latest stay."""
    last = {one: times[-1] for one, times in shown.exposures.items() if times}
    for said in (shown.dismissed, shown.clicked):
        last |= {one: max(at, last.get(one, 0)) for one, at in said.items()}
    ended = sorted(last.keys() - published, key=last.__getitem__)
    if len(ended) <= ENDED:
        return shown
    kept = last.keys() - ended[:-ENDED]
    return msgspec.structs.replace(
        shown,
        exposures={one: times for one, times in shown.exposures.items() if one in kept},
        dismissed={one: at for one, at in shown.dismissed.items() if one in kept},
        clicked={one: at for one, at in shown.clicked.items() if one in kept},
    )


def shown_complete(held: Shown, stored: Shown) -> Shown:
    """What was counted and what the events say, of the same visitor: neither alone has it all.

    Of each campaign the one that knows more, for both may hold the same exposures.
    """
    both = held.exposures | {
        one: times
        for one, times in stored.exposures.items()
        if len(times) > len(held.exposures.get(one, ()))
    }
    return Shown(both, _latest(held, stored, "dismissed"), _latest(held, stored, "clicked"))


def shown_join(one: Shown, other: Shown) -> Shown:
    """What two browsers of the same visitor were shown, each without the other."""
    both = {
        campaign: sorted([*one.exposures.get(campaign, ()), *other.exposures.get(campaign, ())])
        for campaign in one.exposures.keys() | other.exposures.keys()
    }
    kept = {campaign: times[-KEPT:] for campaign, times in both.items()}
    return Shown(kept, _latest(one, other, "dismissed"), _latest(one, other, "clicked"))


def _latest(one: Shown, other: Shown, name: str) -> dict[int, int]:
    first, second = getattr(one, name), getattr(other, name)
    return {
        campaign: max(first.get(campaign, 0), second.get(campaign, 0))
        for campaign in first.keys() | second.keys()
    }
