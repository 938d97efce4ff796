"""Who would have been given what in one slot: the campaigns that match, in the order of winning,
with their schedules and their limits.

Where no limits are concerned the first that matches and is on wins, for all moments at once. Of
visitors whom a campaign with limits matches, moments follow one another: what is given counts for
what comes (personalization.frequency.limits, the same law as on pages). What other slots gave, what
was given before the first moment, and what was clicked or dismissed, is as it was logged.
Capacities are not replayed: visitors follow one another here, and none knows what the others were
given.

What never gets in: clocks, settings, storage.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

import msgspec
import numpy as np

from personalization.backtest.bounds import TRUE, Answers
from personalization.backtest.history import History
from personalization.backtest.moments import kinds_where, rows_where
from personalization.decide import Campaign
from personalization.frequency.limits import KEPT, NOTHING_SHOWN, Shown, refusal, shown_add
from profiles.columns import Bools, Ints
from profiles.state import State

#: In `Given.winner`: nobody won.
NOBODY = -1


class Placement(NamedTuple):
    """A logged exposure, click or dismissal of a campaign; time in milliseconds."""

    type: str
    campaign: int
    slot: str
    at_ms: int


PlacementsOf = Callable[[Sequence[UUID]], Mapping[UUID, Sequence[Placement]]]


@dataclass(frozen=True)
class Contest:
    """One slot's campaigns, in the order in which they win."""

    slot: str
    campaigns: Sequence[Campaign]

    def number_of(self, campaign: int) -> int:
        """The place of a campaign, NOBODY for one that does not take part."""
        places = [place for place, one in enumerate(self.campaigns) if one.id == campaign]
        return places[0] if places else NOBODY


class Given(NamedTuple):
    """The place of the winner at each moment (m,), and where a campaign's own limits or a budget
    kept it back (campaigns, m)."""

    winner: Ints
    refused: Bools


def campaigns_compete(
    contest: Contest,
    answers: Answers,
    history: History,
    on_page: Bools,
    placements_of: PlacementsOf,
    *,
    since: float,
) -> Given:
    """The winners at the moments that `on_page` names; `answers` are in the contest's order."""
    nows = history.nows
    size = len(nows)
    eligible = np.zeros((len(contest.campaigns), size), bool)
    for number, campaign in enumerate(contest.campaigns):
        eligible[number] = (answers[number] == TRUE) & on_page & _on(campaign, nows)
    winner = np.full(size, NOBODY)
    if len(contest.campaigns):
        winner = np.where(eligible.any(axis=0), eligible.argmax(axis=0), NOBODY)
    refused = np.zeros_like(eligible)
    limited = np.array([one.frequency is not None for one in contest.campaigns], bool)
    concerned = np.unique(history.moment_visitor[eligible[limited].any(axis=0)])
    if len(concerned):
        placed = placements_of([history.visitors[code] for code in concerned.tolist()])
        limits = _Limits(contest, history, eligible, refused)
        for code in concerned.tolist():
            begin, end = np.searchsorted(history.moment_visitor, (code, code + 1)).tolist()
            mine = np.flatnonzero(eligible[:, begin:end].any(axis=0)) + begin
            remembered = _Remembered(placed.get(history.visitors[code], ()), contest.slot, since)
            for moment in mine.tolist():
                winner[moment] = limits.winner_at(moment, remembered)
    return Given(winner, refused)


def _on(campaign: Campaign, nows: "np.typing.NDArray[np.float64]") -> Bools:
    starts = -np.inf if campaign.starts is None else campaign.starts
    ends = np.inf if campaign.ends is None else campaign.ends
    return (starts <= nows) & (nows < ends)


@dataclass
class _Asked:
    """A moment as limits look at it (personalization.frequency.limits.Asked)."""

    now: float
    state: State | None
    shown: Shown

    def places_given(self, key: str) -> int:
        """Always room: visitors are replayed one after another, and not side by side."""
        return 0


class _Limits:
    """The winners at moments, one after another, and the part of past profiles that limits ask."""

    def __init__(self, contest: Contest, history: History, eligible: Bools, refused: Bools) -> None:
        self.contest, self.history = contest, history
        self.eligible, self.refused = eligible, refused
        visits = rows_where(history, history.starts_visit)
        self._starts = history.when[visits.places]
        self._visits, self._own = visits.before(), visits.own()
        names = {
            one.frequency.after_event[0]
            for one in contest.campaigns
            if one.frequency and one.frequency.after_event
        }
        self._ends = {}
        for name in names:
            rows = rows_where(history, kinds_where(history, [name]) & history.is_new)
            self._ends[name] = history.when[rows.places], rows.before(), rows.own()

    def winner_at(self, moment: int, remembered: "_Remembered") -> int:
        """The place of the winner; what it is given is remembered."""
        now = float(self.history.nows[moment])
        asked = _Asked(now, self._state_at(moment), remembered.until(int(now * 1000)))
        for number in np.flatnonzero(self.eligible[:, moment]).tolist():
            campaign = self.contest.campaigns[number]
            frequency = campaign.frequency
            if frequency is not None and refusal(campaign.id, frequency, asked):
                self.refused[number, moment] = True
                continue
            if frequency is not None and frequency.counts:
                remembered.shown = shown_add(asked.shown, campaign.id, asked)
            return number
        return NOBODY

    def _state_at(self, moment: int) -> State:
        h, state = self.history, State()
        place = int(h.moments[moment])
        if place > h.moment_begins[moment]:
            state.last = int(h.when[place - 1])
        if self._visits[moment] > self._own[moment]:
            state.starts = [int(self._starts[self._visits[moment] - 1])]
        for name, (times, before, own) in self._ends.items():
            if before[moment] > own[moment]:
                state.recent[f"{name}|"] = [int(times[before[moment] - 1])]
        return state


class _Remembered:
    """What one visitor was shown up to a moment: as logged, and as given here since."""

    def __init__(self, placed: Iterable[Placement], slot: str, since: float) -> None:
        since_ms = since * 1000.0
        # In this slot, what was given since is decided here.
        kept = [
            one
            for one in placed
            if one.type != "exposure" or one.slot != slot or one.at_ms < since_ms
        ]
        self._coming = sorted(kept, key=lambda one: -one.at_ms)
        self.shown = NOTHING_SHOWN

    def until(self, now_ms: int) -> Shown:
        """What is known at a moment; moments are asked in order."""
        while self._coming and self._coming[-1].at_ms <= now_ms:
            self._add(self._coming.pop())
        return self.shown

    def _add(self, one: Placement) -> None:
        shown = self.shown
        if one.type == "exposure":
            times = sorted([*shown.exposures.get(one.campaign, ()), one.at_ms])[-KEPT:]
            given = {**shown.exposures, one.campaign: times}
            self.shown = msgspec.structs.replace(shown, exposures=given)
        elif one.type == "dismiss":
            said = {**shown.dismissed, one.campaign: one.at_ms}
            self.shown = msgspec.structs.replace(shown, dismissed=said)
        else:
            said = {**shown.clicked, one.campaign: one.at_ms}
            self.shown = msgspec.structs.replace(shown, clicked=said)
