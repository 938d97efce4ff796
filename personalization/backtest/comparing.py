"""The published rules replayed over a period, against the exposures that were logged in it.

Every exposure is reproduced, or listed with its cause (personalization.backtest.causes). Nothing is
kept.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
from django.conf import settings

from consent import selectors as consent_selectors
from personalization.backtest.bounds import UNKNOWN, Answers
from personalization.backtest.causes import Case, cause_of
from personalization.backtest.competing import NOBODY, Given
from personalization.backtest.history import History, histories_of, history_allowed
from personalization.backtest.history_backtest import published_given
from personalization.backtest.plan import Plan, contest_of
from personalization.backtest.planning import plan_make, slot_pages_now, sources_of
from personalization.decide import PURPOSE, Campaign
from personalization.models import RuleSet
from personalization.rules.nodes import rule_conditions
from personalization.selectors import ruleset_latest
from profiles import selectors as profile_selectors
from tracking import selectors as tracking_selectors
from tracking.selectors import Placed

#: So long after it was received an event is surely in its profile.
FOLD_MS = 3_000
#: Kinds of conditions that look at the site's baseline.
OF_BASELINE = frozenset(
    {
        "interest_lift", "percentile", "engagement_level", "frequency", "trend",
        "visits_per_week", "momentum",
    }
)  # fmt: skip


class Difference(NamedTuple):
    """A page view of which the replay says something else; campaigns by id, 0 for the default."""

    visitor_id: UUID
    at: datetime
    path: str
    logged: int
    replayed: int
    cause: str


@dataclass
class Comparison:
    """One slot over a period. `differences` are the first ones, `causes` counts all of them."""

    slot: str
    logged: int = 0
    reproduced: int = 0
    differences: list[Difference] = field(default_factory=list)
    causes: Counter[str] = field(default_factory=Counter)


def exposures_compare(*, slot: str, days: int, now: datetime, listed: int = 100) -> Comparison:
    """Compare one slot's replayed exposures with its logged ones, of visitors who agree now.

    Raises KeyError for a slot that was never published.
    """
    ruleset = ruleset_latest()
    if slot not in ruleset.slots:
        raise KeyError(slot)
    contest, since = contest_of(ruleset, slot), now - timedelta(days=days)
    pages = slot_pages_now(slot, since=since)
    plan = plan_make(draft=0, contests=(contest, contest), pages=pages, since=since, until=now)
    comparison, rules = Comparison(slot), _Rules(slot)
    for shard in range(settings.SHARDS):
        for difference in _shard_compare(shard, plan, rules, comparison):
            comparison.causes[difference.cause] += 1
            if len(comparison.differences) < listed:
                comparison.differences.append(difference)
    return comparison


def _shard_compare(
    shard: int, plan: Plan, rules: "_Rules", comparison: Comparison
) -> Iterator[Difference]:
    through_seq, sources = sources_of(plan, shard=shard)
    asked = plan.world.asked
    blocks = tracking_selectors.events_blocks(
        shard, through_seq=through_seq, facts=plan.facts, asked=asked
    )
    with closing(blocks):
        for whole in histories_of(blocks, plan.facts, asked):
            granted = consent_selectors.visitors_granted(
                whole.visitors, PURPOSE, now=datetime.now(UTC)
            )
            history = history_allowed(whole, purpose=PURPOSE, granted=granted)
            logged = _logged(history, plan, through_seq)
            comparison.logged += len(logged)
            if not plan.rules:
                continue
            given, replayed = published_given(history, plan, sources)
            compared = _Compared(plan, rules, history, given, replayed.answers, replayed.holds)
            differences, reproduced = compared.differences(logged)
            comparison.reproduced += reproduced
            yield from differences


def _logged(history: History, plan: Plan, through_seq: int) -> list[Placed]:
    placed = tracking_selectors.placements_list(
        history.visitors, types=("exposure",), through_seq=through_seq
    )
    since, until = plan.since * 1000.0, plan.until * 1000.0
    slot = plan.before.slot
    return [one for one in placed if one.slot == slot and since <= one.occurred_ms <= until]


@dataclass(frozen=True)
class _Compared:
    plan: Plan
    rules: "_Rules"
    history: History
    given: Given
    answers: Answers
    holds: Any

    def differences(self, logged: Sequence[Placed]) -> tuple[list[Difference], int]:
        """(what differs, how many logged exposures the replay gives as well)."""
        h = self.history
        by_seq = {(int(h.visitor[p]), int(h.seq[p])): n for n, p in enumerate(h.moments.tolist())}
        codes = {visitor: code for code, visitor in enumerate(h.visitors)}
        found: list[Difference] = []
        reproduced, reported = 0, set()
        for one in logged:
            moment = by_seq.get((codes[one.visitor_id], one.page_seq or 0))
            if moment is None or not self.holds[moment]:
                found.append(self._without_page(one))
                continue
            reported.add(moment)
            if self._winner(moment) == one.campaign:
                reproduced += 1
            else:
                found.append(self._difference(moment, one.campaign, one.version, one.path))
        given = np.flatnonzero((self.given.winner != NOBODY) & self.holds).tolist()
        found += [self._difference(moment, 0, 0, "") for moment in given if moment not in reported]
        return found, reproduced

    def _without_page(self, one: Placed) -> Difference:
        at = datetime.fromtimestamp(one.occurred_ms / 1000, UTC)
        cause = cause_of(Case(one.campaign, 0, has_page=False))
        return Difference(one.visitor_id, at, one.path, one.campaign, 0, cause)

    def _winner(self, moment: int) -> int:
        place = int(self.given.winner[moment])
        return 0 if place == NOBODY else self.plan.before.campaigns[place].id

    def _difference(self, moment: int, logged: int, version: int, path: str) -> Difference:
        h, now = self.history, float(self.history.nows[moment])
        at, replayed = datetime.fromtimestamp(now, UTC), self._winner(moment)
        visitor_id = h.visitors[int(h.moment_visitor[moment])]
        concerned = [one for one in self.plan.before.campaigns if one.id in {logged, replayed}]
        case = Case(
            logged,
            replayed,
            other_rules=self.rules.are_others(version or version_at(at)),
            untold=bool((self.answers[: self._first(concerned), moment] == UNKNOWN).any()),
            late=tracking_selectors.events_late(visitor_id, at, margin_ms=FOLD_MS),
            limited=any(one.frequency is not None for one in concerned),
            other_baseline=_asks_baseline(concerned) and _baseline_after(at),
        )
        return Difference(
            visitor_id, at, path or self._path(moment), logged, replayed, cause_of(case)
        )

    def _first(self, concerned: Sequence[Campaign]) -> int:
        """Up to and with the last of these campaigns: who of them could have won."""
        places = [self.plan.before.number_of(one.id) for one in concerned]
        return max(places, default=len(self.answers) - 1) + 1

    def _path(self, moment: int) -> str:
        h = self.history
        fact = h.facts[int(h.fact[h.moments[moment]])]
        return dict(zip(h.fact_names, fact, strict=False)).get("path", "")


def _asks_baseline(campaigns: Sequence[Campaign]) -> bool:
    kinds = {leaf.condition.kind for one in campaigns for leaf in rule_conditions(one.rule)}
    return bool(kinds & OF_BASELINE)


def _baseline_after(at: datetime) -> bool:
    computed = profile_selectors.baseline_computed_at()
    return computed is not None and computed > at


def version_at(at: datetime) -> int:
    """The version of the rules that was in force at a moment; 0 before the first."""
    row = RuleSet.objects.filter(published_at__lte=at).values_list("version", flat=True).first()
    return row or 0


class _Rules:
    """What decides one slot in each version of the rules; each is read once."""

    def __init__(self, slot: str) -> None:
        self._slot = slot
        self._known: dict[int, Any] = {}
        self._now = self._decisive(RuleSet.objects.values_list("version", flat=True).first() or 0)

    def are_others(self, version: int) -> bool:
        """Whether a version has other campaigns, limits or weights than the latest."""
        return bool(self._decisive(version) != self._now)

    def _decisive(self, version: int) -> Any:
        if version not in self._known:
            row = RuleSet.objects.filter(version=version).first()
            self._known[version] = self._read(row.payload) if row else None
        return self._known[version]

    def _read(self, payload: Mapping[str, Any]) -> Any:
        """A payload without what it only shows."""
        slots = [each for each in payload["slots"] if each["key"] == self._slot]
        campaigns = [one for each in slots for one in each["campaigns"]]
        shared = {name: payload.get(name) for name in ("exclusion_groups", "pressure_budget")}
        return campaigns, payload["weights"], shared
