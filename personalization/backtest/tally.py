"""What a replay adds up to: plain numbers as JSON, which shards' parts are added to.

Everything counts page views ("moments"), visits or visitors; a visitor is of one shard, so parts
add. No visitor is named: samples are kept apart (personalization.backtest.models).

What never gets in: clocks, settings, storage.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np

from personalization.backtest.bounds import TRUE, UNKNOWN, Answers
from personalization.backtest.competing import NOBODY, Contest, Given
from personalization.backtest.history import History
from profiles.columns import Bools, Ints
from profiles.state import DAY_MS

SAMPLES = 10
#: A visitor with more events than this is no sample: their path would be no picture.
SAMPLE_EVENTS = 2_000

Part = dict[str, Any]


class Sample(NamedTuple):
    """A visitor whom the draft matches, and the page view (its sequence number) where it first
    does; `was_given` says whether they would have been shown it there or later."""

    visitor_id: UUID
    seq: int
    was_given: bool


@dataclass(frozen=True)
class Compared:
    """The draft beside what is live: answers (m,) of the draft, and of the campaigns of both
    contests in their order."""

    draft: int
    before: Contest
    after: Contest
    draft_answers: Answers
    answers: Mapping[int, Answers]
    given_before: Given
    given_after: Given


def part_of(history: History, compared: Compared, holds: Bools, on_page: Bools) -> Part:
    """The numbers of one history; `holds` are the moments that count."""
    c, h = compared, history
    matches = holds & (c.draft_answers == TRUE)
    given = holds & (c.given_after.winner == c.after.number_of(c.draft))
    place_before = c.before.number_of(c.draft)
    was_given = holds & (c.given_before.winner == place_before) & (place_before != NOBODY)
    exposed, exposed_before = _who(h, given), _who(h, was_given)
    return {
        "views": int(holds.sum()),
        "visitors": len(_who(h, holds)),
        "visits": _visits(h, holds),
        "views_with_slot": int((holds & on_page).sum()),
        "matched_views": int(matches.sum()),
        "matched_visitors": len(_who(h, matches)),
        "matched_visits": _visits(h, matches),
        "matched_without_slot": int((matches & ~on_page).sum()),
        "untold_views": int((holds & (c.draft_answers == UNKNOWN)).sum()),
        "exposures": int(given.sum()),
        "exposed_visitors": len(exposed),
        "exposures_before": int(was_given.sum()),
        "gained": len(np.setdiff1d(exposed, exposed_before, assume_unique=True)),
        "lost": len(np.setdiff1d(exposed_before, exposed, assume_unique=True)),
        "unchanged": len(np.intersect1d(exposed, exposed_before, assume_unique=True)),
        "held_back": _held_back(c, holds),
        "lost_to": _lost_to(c, matches),
        "days": _days(h, matches=matches, given=given, was_given=was_given),
        "campaigns": {str(number): _other(c, number, matches, holds) for number in _others(c)},
    }


def _others(c: Compared) -> list[int]:
    ids = [one.id for one in (*c.before.campaigns, *c.after.campaigns) if one.id != c.draft]
    return list(dict.fromkeys(ids))


def _other(c: Compared, number: int, matches: Bools, holds: Bools) -> dict[str, int]:
    """Another campaign of the slot beside the draft."""
    own = holds & (c.answers[number] == TRUE)
    before = holds & (c.given_before.winner == c.before.number_of(number))
    after = holds & (c.given_after.winner == c.after.number_of(number))
    return {
        "matched": int(own.sum()),
        "both": int((own & matches).sum()),
        "exposures_before": int(before.sum()),
        "exposures_after": int(after.sum()),
    }


def _held_back(c: Compared, holds: Bools) -> int:
    """How often the draft's limits kept it back where it would have won."""
    place = c.after.number_of(c.draft)
    return int((holds & c.given_after.refused[place]).sum())


def _lost_to(c: Compared, matches: Bools) -> dict[str, int]:
    """How often another campaign won where the draft matched, by campaign."""
    winners = c.given_after.winner[matches]
    counts = np.bincount(winners[winners != NOBODY], minlength=len(c.after.campaigns)).tolist()
    return {
        str(one.id): count
        for one, count in zip(c.after.campaigns, counts, strict=True)
        if count and one.id != c.draft
    }


def _who(h: History, moments: Bools) -> Ints:
    return np.unique(h.moment_visitor[moments])


def _visits(h: History, moments: Bools) -> int:
    pairs = np.stack([h.moment_visitor[moments], h.visit[h.moments][moments]])
    return int(np.unique(pairs, axis=1).shape[1])


def _days(h: History, **counted: Bools) -> dict[str, dict[str, int]]:
    """By day (its number since 1970, UTC): how many of each."""
    number = h.when[h.moments] // DAY_MS
    days: dict[str, dict[str, int]] = {}
    for name, moments in counted.items():
        numbers, counts = np.unique(number[moments], return_counts=True)
        for day, count in zip(numbers.tolist(), counts.tolist(), strict=True):
            days.setdefault(str(day), {})[name] = count
    return days


def parts_add(one: Mapping[str, Any], other: Mapping[str, Any]) -> Part:
    """Both parts' numbers, added place by place.

    >>> parts_add({"views": 1, "days": {"3": {"given": 2}}}, {"views": 4, "days": {"4": {}}})
    {'views': 5, 'days': {'3': {'given': 2}, '4': {}}}
    """
    added: Part = dict(one)
    for key, value in other.items():
        if isinstance(value, Mapping):
            added[key] = parts_add(added.get(key, {}), value)
        else:
            added[key] = added.get(key, 0) + value
    return added


def samples_of(history: History, compared: Compared, holds: Bools) -> list[Sample]:
    """Up to SAMPLES visitors of a history whom the draft matches, given ones first."""
    h, c = history, compared
    matches = np.flatnonzero(holds & (c.draft_answers == TRUE))
    given = set(h.moment_visitor[holds & (c.given_after.winner == c.after.number_of(c.draft))])
    visitors, first = np.unique(h.moment_visitor[matches], return_index=True)
    sizes = np.diff(h.begins)[visitors]
    found = [
        Sample(h.visitors[code], int(h.seq[h.moments[matches[at]]]), code in given)
        for code, at, size in zip(visitors.tolist(), first.tolist(), sizes.tolist(), strict=True)
        if size <= SAMPLE_EVENTS
    ]
    return samples_best(found)


def samples_best(samples: Sequence[Sample]) -> list[Sample]:
    """Those of many to keep: given ones first, then by an order that says nothing of them."""
    return sorted(samples, key=lambda one: (not one.was_given, one.visitor_id.int))[:SAMPLES]
