"""What a profile remembers, and how one event is added to it.

Everything in a State is a sum, a maximum, a minimum or a bounded "latest k", so the order of
adding does not matter and merging two states is the same operation as adding events. Many events
at once are added by profiles.batch; readings (recency, engagement, interests) are in
profiles.vector.

That holds up to the topics a profile remembers: it has room for TOPIC_KEYS keys, in `masses` and
`recent`, for each of `max_topics` topics. When they are more, the weakest topics give way until a
quarter of the room is free, and what they had is gone. Which are the weakest depends on what came
before. So events are added in the order they were stored, one by one, as soon as a topic could
give way: a profile is the same whether it grew or was rebuilt.

Size: 100 events over 8 categories make about 7 KB, most of it the latest times; a visitor who has
filled 8 categories, 4 content types and 10 signals to the brim has 50 KB. With `max_topics` 64 and
the standard event types nobody has more than 147 KB, whatever they send (docs/profiles.md has the
sum); one who sends thousands of categories once each has 30 KB.

What never gets in: clocks, settings, storage, visitor ids.
"""

from bisect import insort
from math import log2
from typing import NamedTuple

import msgspec
from msgspec import Struct, field

from profiles.decay import EPOCH, log_add, log_mass
from profiles.features.state import FeatureState

HOUR = 3600.0
DAY = 24 * HOUR
DAY_MS = 86_400_000

#: What I want now, what I like: the two half-lives every mass is kept for, in seconds.
SHORT = 1 * DAY
LONG = 30 * DAY
HALF_LIVES = SHORT, LONG

#: What a day counts as clicks, and as seconds of dwell.
CLICKS = frozenset({"click", "category_click"})
DWELL = "dwell"

#: How many of the latest event times are kept per event type and category. Rolling counts are
#: exact up to this number; rules may not ask for more.
RECENT_EVENTS = 32
#: How many of the latest visits' beginnings, and how many of the latest days, are kept.
RECENT_VISITS = 32
RECENT_DAYS = 35


#: Keys (in `masses` and `recent`) there is room for per topic: few topics with many signals are as
#: welcome as many topics with few.
TOPIC_KEYS = 4


class Mass(Struct, array_like=True, gc=False):
    """Decayed sums of one signal on one topic (profiles.decay), and how many events it has."""

    short: float
    long: float
    events: int = 0


class Day(Struct, array_like=True, gc=False):
    """What one UTC day adds up to: seconds of dwell, clicks, visits begun, events of any kind."""

    dwell: float = 0.0
    clicks: int = 0
    visits: int = 0
    events: int = 0


class Masses(Struct, omit_defaults=True):
    """The part of a State that signal weights are applied to, for who reads many profiles.

    `half_lives` holds the short and long half-life, in seconds, of the signals whose masses are
    kept for other ones than SHORT and LONG.
    """

    masses: dict[str, Mass] = field(default_factory=dict)
    half_lives: dict[str, tuple[float, float]] = field(default_factory=dict)


class State(Masses, omit_defaults=True):
    """The stored part of a profile. Keys: "signal|topic" and "event type|category".

    `definition` is the version of profiles.definition.Definition it was folded by.

    A topic is "" (everything), "c:<category>" or "t:<content type>". Times are milliseconds
    since 1970, in `recent` the latest last. `starts` are the times the latest RECENT_VISITS visits
    began, the latest last. `days` has the latest RECENT_DAYS days with events, by their number
    since 1970 (UTC), none older than RECENT_DAYS before the latest. `visit` is the visit of the
    latest event (63 bits of it), and `features` holds what is kept of each declared feature, by
    its key.
    """

    definition: int = 0
    recent: dict[str, list[int]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    visits: int = 0
    first: int | None = None
    last: int | None = None
    starts: list[int] = field(default_factory=list)
    days: dict[int, Day] = field(default_factory=dict)
    visit: int = 0
    features: dict[str, FeatureState] = field(default_factory=dict)


class Increment(NamedTuple):
    """One event, as profiles see it. `weight` is in the signal's unit; `is_new` is False for a
    later part of a cumulative event, which adds weight but is no event of its own."""

    signal: str
    category: str
    content_type: str
    weight: float
    occurred_ms: float
    is_new: bool
    starts_visit: bool
    visit: int = 0


def state_add(state: State, event: Increment, *, max_topics: int) -> None:
    """Add one event to a state, in place."""
    _times_add(state, event)
    if event.weight > 0.0:  # else no mass to keep: a page left at once has a dwell of 0 seconds
        half_lives = state.half_lives.get(event.signal, HALF_LIVES)
        _masses_add(state.masses, event, *half_lives)
    if len(state.masses) + len(state.recent) > TOPIC_KEYS * max_topics:
        _topics_bound(state, TOPIC_KEYS * max_topics * 3 // 4)


def _masses_add(masses: dict[str, Mass], event: Increment, short: float, long: float) -> None:
    at = event.occurred_ms / 1000.0
    short_mass = log_mass(event.weight, at, short)
    long_mass = log_mass(event.weight, at, long)
    count = 1 if event.is_new else 0
    for topic in _topics(event):
        key = f"{event.signal}|{topic}"
        mass = masses.get(key)
        if mass is None:
            masses[key] = Mass(short_mass, long_mass, count)
        else:
            mass.short = log_add(mass.short, short_mass)
            mass.long = log_add(mass.long, long_mass)
            mass.events += count


def _topics(event: Increment) -> list[str]:
    topics = [""]
    if event.category:
        topics.append("c:" + event.category)
    if event.content_type:
        topics.append("t:" + event.content_type)
    return topics


def _times_add(state: State, event: Increment) -> None:
    when = int(event.occurred_ms)
    if state.first is None or when < state.first:
        state.first = when
    if state.last is None or (when, event.visit) > (state.last, state.visit):
        state.last, state.visit = when, event.visit
    if event.starts_visit:
        state.visits += 1
        latest_add(state.starts, when, keep=RECENT_VISITS)
    if day := _day_of(state.days, when // DAY_MS):
        _day_add(day, event)
    if event.is_new:
        state.counts[event.signal] = state.counts.get(event.signal, 0) + 1
        _recent_add(state.recent, event.signal + "|", when)
        if event.category:
            _recent_add(state.recent, f"{event.signal}|{event.category}", when)


def _recent_add(recent: dict[str, list[int]], key: str, when: int) -> None:
    latest_add(recent.setdefault(key, []), when, keep=RECENT_EVENTS)


def latest_add(times: list[int], when: int, *, keep: int) -> None:
    """Add a time to the `keep` latest ones, which are in ascending order."""
    if not times or when >= times[-1]:
        times.append(when)
    elif len(times) < keep or when > times[0]:
        insort(times, when)
    if len(times) > keep:
        del times[0]


def _day_of(days: dict[int, Day], number: int) -> Day | None:
    """The entry of a day, made if need be; None for one that is too long ago to be kept."""
    day = days.get(number)
    if day is None:
        latest = max(days, default=number)
        if number <= latest - RECENT_DAYS:
            return None
        day = days[number] = Day()
        if number > latest:
            days_bound(days)
    return day


def days_bound(days: dict[int, Day]) -> None:
    """Let the days go that are RECENT_DAYS or more before the latest, in place."""
    oldest = max(days, default=0) - RECENT_DAYS + 1
    for number in [number for number in days if number < oldest]:
        del days[number]


def _day_add(day: Day, event: Increment) -> None:
    if event.signal == DWELL:
        day.dwell += event.weight
    if event.starts_visit:
        day.visits += 1
    if event.is_new:
        day.events += 1
        if event.signal in CLICKS:
            day.clicks += 1


def topics_exceed(state: State, other: State, *, max_topics: int) -> bool:
    """Whether both states together remember more than they may, so that topics give way."""
    keys = len(state.masses.keys() | other.masses.keys())
    return keys + len(state.recent.keys() | other.recent.keys()) > TOPIC_KEYS * max_topics


def _topics_bound(state: State, room: int) -> None:
    """Let the weakest topics give way until no more than `room` keys are left; ties by name.

    A topic is as strong as its long mass over all signals at the latest event; one that is known
    by its times only, as of events without weight, is weaker than any other.
    """
    now = (state.last or 0) / 1000.0 - EPOCH
    ages = {signal: now / long for signal, (_, long) in state.half_lives.items()}
    usual = now / LONG
    strengths: dict[str, float] = {}
    masses: dict[str, list[str]] = {}
    for key, mass in state.masses.items():
        signal, _, topic = key.partition("|")
        strength = 2.0 ** (mass.long - ages.get(signal, usual))
        if topic in masses:
            strengths[topic] += strength
            masses[topic].append(key)
        elif topic:  # else everything, which is no topic
            strengths[topic], masses[topic] = strength, [key]
    recent: dict[str, list[str]] = {}
    for key in state.recent:
        if topic := _recent_topic(key):
            recent.setdefault(topic, []).append(key)
    ranks = {topic: _rank(strength) for topic, strength in strengths.items()}
    ranks |= dict.fromkeys(recent.keys() - ranks.keys(), _rank(0.0))
    for _, topic in sorted(zip(ranks.values(), ranks, strict=True)):
        if len(state.masses) + len(state.recent) <= room:
            break
        for key in masses.get(topic, ()):
            del state.masses[key]
        for key in recent.get(topic, ()):
            del state.recent[key]


def _rank(strength: float) -> int:
    """Whole millionths of a half-life: topics that are as strong as each other have the same rank,
    in whatever order they were added up, which rounds the sums differently."""
    return int(log2(strength) * 1e6 + 0.5) if strength else -(10**12)


def _recent_topic(key: str) -> str:
    category = key.partition("|")[2]
    return "c:" + category if category else ""


def state_merge(state: State, other: State) -> None:
    """Add everything `other` remembers, in place: as if its events had been added here.

    Both are of one definition. Bounds nothing: see `topics_exceed`.
    """
    for key, mass in other.masses.items():
        mine = state.masses.get(key)
        if mine is None:
            state.masses[key] = Mass(mass.short, mass.long, mass.events)
        else:
            mine.short = log_add(mine.short, mass.short)
            mine.long = log_add(mine.long, mass.long)
            mine.events += mass.events
    for key, times in other.recent.items():
        state.recent[key] = latest_merge(state.recent.get(key, []), times, keep=RECENT_EVENTS)
    for signal, count in other.counts.items():
        state.counts[signal] = state.counts.get(signal, 0) + count
    state.visits += other.visits
    state.starts = latest_merge(state.starts, other.starts, keep=RECENT_VISITS)
    if other.last is not None and (
        state.last is None or (other.last, other.visit) > (state.last, state.visit)
    ):
        state.last, state.visit = other.last, other.visit
    firsts = [first for first in (state.first, other.first) if first is not None]
    state.first = min(firsts, default=None)
    for number, theirs in other.days.items():
        day = state.days.setdefault(number, Day())
        day.dwell += theirs.dwell
        day.clicks += theirs.clicks
        day.visits += theirs.visits
        day.events += theirs.events
    days_bound(state.days)


def latest_merge(one: list[int], other: list[int], *, keep: int) -> list[int]:
    """The `keep` latest of two ascending lists, ascending; a new list."""
    if not one or not other or one[-1] <= other[0]:
        return (one + other)[-keep:]
    return sorted(one + other)[-keep:]


_decode = msgspec.json.Decoder(State).decode
_decode_masses = msgspec.json.Decoder(Masses).decode
_encode = msgspec.json.Encoder().encode


def state_decode(raw: bytes | memoryview | str) -> State:
    """A state from its JSON; raises msgspec.DecodeError."""
    return _decode(raw)


def masses_decode(raw: bytes | memoryview | str) -> Masses:
    """A state's masses from its JSON, without making the rest; raises msgspec.DecodeError."""
    return _decode_masses(raw)


def state_encode(state: State) -> bytes:
    """The state as JSON, exact: floats are written with as many digits as they need."""
    return _encode(state)
