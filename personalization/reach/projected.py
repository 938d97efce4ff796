"""A profile laid out for SQL: one narrow row, whatever the moment it is asked at.

A row holds what does not change with time alone. With one half-life a category's rank and share do
not, and neither does log2 of its decayed mass, counted from EPOCH: "score ≥ θ now" is
"x ≥ log2 θ + (now − EPOCH) / h" (profiles.decay). "At least k events within N days" is "the k-th
latest is later than now − N days". What cannot be laid out so that SQL decides it exactly is left
out, and asked in memory.

A count reads every row, so bytes are time: names are numbers of 64 bits (`key_number`), times are
whole seconds in plain arrays. A time is rounded up, so that "later than S" is the same of both for
every whole second S; for any other moment who acted in that very second is asked in memory.

What never gets in: clocks, settings, storage.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from hashlib import blake2b
from itertools import pairwise
from math import inf, log2
from typing import Any, NamedTuple

from personalization.frequency.limits import VISIT_GAP_MS
from profiles.decay import EPOCH
from profiles.features.cells import FINISH
from profiles.features.definition import STILL, Calendar, Feature, Rolling, Visit
from profiles.features.fold import feature_read
from profiles.features.state import FeatureState
from profiles.state import LONG, SHORT, State
from profiles.vector import (
    STANDARD,
    Weights,
    engagement_mass,
    half_lives_of,
    interest_list,
    preferred_content_type,
    topic_scores,
)
from profiles.visits import consistency_of, gaps_list

#: How many of the latest visits' days are laid out, and how many of a feature's latest moments.
MOST_TIMES = 64
#: Scores that are closer than this, relatively, may change places by rounding alone.
_CLOSE = 1e-9
#: A sum of which less than this part is left after negative signals is rounded too coarsely.
_CANCELLED = 1e-4
#: Before the keys of declared features.
FEATURE = "f:"
#: The key of the days of visits.
VISIT_DAYS = "visits"
#: Stands at the end of a feature's times: there were more, and nobody knows when exactly.
CROWDED = -(2**31)
_LATEST = 2**31 - 1
#: Between these times 32 bits hold the seconds since EPOCH.
_EARLY_MS, _LATE_MS = (int(EPOCH) + CROWDED + 1) * 1000, (int(EPOCH) + _LATEST) * 1000


class Projected(NamedTuple):
    """One row. Times are milliseconds since 1970, logarithms of masses to base 2 from EPOCH.

    `is_plain`: interests were kept by the usual half-lives, and no two are so close that rounding
    decides which is stronger. Otherwise what is said of them is asked in memory.

    `categories` are the numbers of those with a score, strongest first; `longs`, `shorts` and
    `evidence` are theirs, in the same order, `long_total` and `short_total` the sums of them.
    `engagement` is the weighted mass of everything. `content_type` is the preferred one, "" for
    none. `page_ms` is the latest page view. None is nothing at all, of `velocity` and `consistency`
    unknown.

    `did` has the numbers of the keys that there are times of, ascending: "event type|category", a
    declared feature's key under "f:", "visits". `times[begins[i]:begins[i + 1]]` are those of the
    i-th, latest first: whole seconds since EPOCH, rounded up, of visits the UTC days. `told` has by
    key the values of declared features over everything, of the latest visit, or by the number of
    the day, week or month.
    """

    definition: int
    is_plain: bool
    first_ms: int | None
    last_ms: int | None
    visits: int
    start_ms: int | None
    gap_days: float | None
    consistency: float | None
    engagement: float | None
    velocity: float | None
    content_type: str
    page_ms: int | None
    page_run: int
    categories: list[int]
    longs: list[float]
    shorts: list[float]
    evidence: list[int]
    long_total: float | None
    short_total: float | None
    did: list[int]
    begins: list[int]
    times: list[int]
    told: dict[str, Any]


def profile_project(
    state: State, weights: Weights, features: Mapping[str, Feature] | None = None
) -> Projected:
    """The row of a profile; `features` are those it keeps, by key."""
    # Read at the latest event, where masses are neither huge nor lost.
    now = (state.last or 0) / 1000.0
    long_age, short_age = (now - EPOCH) / LONG, (now - EPOCH) / SHORT
    interests = [
        interest for interest in interest_list(state, weights, now=now) if interest.score > 0.0
    ]
    gaps = gaps_list(state)
    pages = state.recent.get("page_view|", [])
    kept = {key: feature for key, feature in (features or {}).items() if key in state.features}
    did, begins, times = _laid_out(_times_of(state, kept))
    return Projected(
        definition=state.definition,
        is_plain=_is_plain(state, weights, now=now),
        first_ms=state.first,
        last_ms=state.last,
        visits=state.visits,
        start_ms=state.starts[-1] if state.starts else None,
        gap_days=gaps[-1] if gaps else None,
        consistency=consistency_of(gaps),
        engagement=_log(engagement_mass(state, weights, now=now), long_age, None),
        velocity=_velocity(state),
        content_type=preferred_content_type(state, weights, now=now) or "",
        page_ms=pages[-1] if pages else None,
        page_run=_page_run(pages),
        categories=[key_number(interest.category) for interest in interests],
        longs=[_log(interest.score, long_age, -inf) for interest in interests],
        shorts=[_log(interest.now, short_age, -inf) for interest in interests],
        evidence=[interest.evidence for interest in interests],
        long_total=_log(sum(interest.score for interest in interests), long_age, None),
        short_total=_log(sum(interest.now for interest in interests), short_age, None),
        did=did,
        begins=begins,
        times=times,
        told=dict(_features_told(state, kept)),
    )


# --- Keys and times ------------------------------------------------------------------------------


@lru_cache(maxsize=1 << 16)
def key_number(key: str) -> int:
    """What stands for a name in a row: 64 bits of its digest, signed.

    >>> key_number("garden") == key_number("garden") != key_number("music")
    True
    """
    digest = blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)


def second_of(at_ms: int) -> int:
    """The whole second, since EPOCH, at which a time has come, within 32 bits.

    >>> second_of(1_577_836_800_000), second_of(1_577_836_800_001)
    (0, 1)
    """
    return max(min(-(-at_ms // 1000) - int(EPOCH), _LATEST), CROWDED + 1)


def _seconds(times: list[int]) -> list[int]:
    """`second_of` each, turned round."""
    start = int(EPOCH)
    if times[0] > _EARLY_MS and times[-1] < _LATE_MS:  # as nearly always
        return [-(-at // 1000) - start for at in reversed(times)]
    return [second_of(at) for at in reversed(times)]


def _times_of(state: State, features: Mapping[str, Feature]) -> dict[int, list[int]]:
    """By key's number the times under it, latest first."""
    found = {key_number(key): _seconds(times) for key, times in state.recent.items() if times}
    for key, feature in features.items():
        kept = state.features[key]
        if is_timed(feature) and kept.times:
            found[key_number(FEATURE + key)] = _moments(kept, feature)
    if days := _visit_days(state):
        found[key_number(VISIT_DAYS)] = days
    return found


def _laid_out(found: Mapping[int, list[int]]) -> tuple[list[int], list[int], list[int]]:
    """(keys' numbers, where each one's times begin and where the last ends, all times).

    >>> _laid_out({7: [30, 20], -2: [10]})
    ([-2, 7], [0, 1, 3], [10, 30, 20])
    """
    keys, times, begins = sorted(found), [], [0]
    for key in keys:
        times += found[key]
        begins.append(len(times))
    return keys, begins, times


def _log(mass: float, age: float, nothing: Any) -> Any:
    return log2(mass) + age if mass > 0.0 else nothing


# --- Interests -----------------------------------------------------------------------------------


def _is_plain(state: State, weights: Weights, *, now: float) -> bool:
    """Whether scores keep their order, and their proportions, as time passes."""
    terms: dict[str, list[tuple[float, float]]] = {}
    for key, mass in state.masses.items():
        signal, _, topic = key.partition("|")
        weight = weights.get(signal)
        if weight is None:
            continue
        if half_lives_of(state, signal) != STANDARD:
            return False
        sign = -weight.weight if weight.negative else weight.weight
        terms.setdefault(topic, []).append(
            (
                sign * 2.0 ** (mass.long - (now - EPOCH) / LONG),
                sign * 2.0 ** (mass.short - (now - EPOCH) / SHORT),
            )
        )
    if any(_is_cancelled(column) for each in terms.values() for column in zip(*each, strict=True)):
        return False
    return all(_are_apart(state, weights, terms, prefix, now=now) for prefix in ("c:", "t:"))


def _is_cancelled(values: tuple[float, ...]) -> bool:
    """Whether positive and negative signals leave too little to be sure of."""
    size = sum(map(abs, values))
    return min(values) < 0.0 < max(values) and abs(sum(values)) < _CANCELLED * size


def _are_apart(
    state: State,
    weights: Weights,
    terms: Mapping[str, list[tuple[float, float]]],
    prefix: str,
    *,
    now: float,
) -> bool:
    scores = topic_scores(state, weights, now=now, prefix=prefix)
    ordered = sorted(
        ((long, name) for name, (long, _, _) in scores.items() if long > 0.0), reverse=True
    )
    return all(
        (stronger - weaker) > _CLOSE * stronger
        or terms[prefix + name] == terms[prefix + other]  # made of the same, they stay the same
        for (stronger, name), (weaker, other) in pairwise(ordered)
    )


# --- Behavior ------------------------------------------------------------------------------------


def _velocity(state: State) -> float | None:
    """Pages a minute: both paces have the same half-life, which falls out of their ratio."""
    scroll, dwell = state.masses.get("scroll|"), state.masses.get("dwell|")
    if dwell is None:
        return None
    return 60.0 * 2.0 ** (scroll.long - dwell.long) if scroll is not None else 0.0


def _page_run(times: list[int]) -> int:
    """Page views without a gap of half an hour, back from the latest."""
    if not times:
        return 0
    run = 1
    for later, earlier in pairwise(reversed(times)):
        if later - earlier > VISIT_GAP_MS:
            break
        run += 1
    return run


def _visit_days(state: State) -> list[int]:
    """The days of the latest visits, a day as often as it had visits, latest first."""
    days: list[int] = []
    for number in sorted(state.days, reverse=True):
        days += [number] * min(state.days[number].visits, MOST_TIMES - len(days))
    return days


# --- Declared features ---------------------------------------------------------------------------


def _features_told(state: State, features: Mapping[str, Feature]) -> Iterator[tuple[str, Any]]:
    """What stands under `told`: of a calendar's period by its number, of a visit the latest's."""
    for key, feature in features.items():
        kept = state.features[key]
        if isinstance(feature.window, Calendar):
            finish = FINISH[feature.aggregation]
            yield FEATURE + key, {str(number): finish(cell) for number, cell in kept.cells.items()}
        elif isinstance(feature.window, (Visit, *STILL)):
            value = feature_read(kept, feature, 0.0, visit=state.visit)
            if value is not None:
                yield FEATURE + key, value


def is_timed(feature: Feature) -> bool:
    """Whether times are laid out for it: how often, or how many different, within the last so
    long."""
    return isinstance(feature.window, Rolling) and feature.aggregation in ("count", "distinct")


def _moments(state: FeatureState, feature: Feature) -> list[int]:
    """The latest moments, one as often as it happened then; CROWDED at the end where events are
    kept in buckets only. Of different values, when each was there last."""
    if feature.aggregation == "distinct":
        return _seconds(state.times)
    moments: list[int] = []
    for when, count in zip(reversed(state.times), reversed(state.held), strict=True):
        moments += [second_of(when)] * min(count, MOST_TIMES + 1 - len(moments))
        if len(moments) > MOST_TIMES:
            return [*moments[:MOST_TIMES], CROWDED]
    return [*moments, CROWDED] if state.cells else moments
