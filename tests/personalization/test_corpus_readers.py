"""The corpus under SQL and under a replay: they answer as memory and the browser do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import msgspec
import pytest
from django.db import transaction

from consent import codec
from consent.models import EffectiveConsent
from personalization.backtest.bounds import CODES, rule_bounds
from personalization.backtest.columnwise import Columnwise
from personalization.backtest.exact import contexts_of
from personalization.backtest.past import rule_in_past
from personalization.backtest.replay import crowded_visitors, rules_replay
from personalization.models import Segment, SegmentMember
from personalization.reach.asking import Site, site_now
from personalization.reach.comparing import memory_answers, sql_rows
from personalization.reach.counting import reach_now, rule_count
from personalization.reach.projecting import profiles_project
from personalization.rules.context import Context
from personalization.rules.nodes import Group
from personalization.rules.tree import rule_parse
from profiles import store as profile_store
from profiles.models import Baseline
from profiles.state import State
from tests.personalization.corpus import (
    Case,
    baseline_of,
    corpus_read,
    events_of,
    memberships_of,
    state_of,
)
from tests.personalization.corpus_readers import (
    features_in,
    granted_in,
    past_made,
    world_of,
)
from tests.personalization.reaching import definition_make
from tracking import selectors as tracking_selectors

Facts = Mapping[str, Any]


def grouped(cases: list[Case], *, told: Callable[[Facts], Any]) -> list[list[Case]]:
    """Cases that can be asked together: of whose facts the same is told."""
    groups: dict[bytes, list[Case]] = {}
    for case in cases:
        key = msgspec.json.encode(told(case.facts), order="deterministic")
        groups.setdefault(key, []).append(case)
    return list(groups.values())


def moment_and_baseline(facts: Facts) -> Any:
    return now_of(facts), facts.get("baseline")


def now_of(facts: Facts) -> float:
    return float(facts.get("now", 0.0))


# --- SQL -----------------------------------------------------------------------------------------


class Stored(NamedTuple):
    """A visitor with profile and consent in PostgreSQL."""

    case: Case
    state: State
    granted: tuple[str, ...]
    decided: bool

    def context(self, site: Site) -> Context:
        words = site.consent_words(self.granted, decided=self.decided)
        return site.context(self.state, words, memberships_of(self.case.facts) or {})


@contextmanager
def undone() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def visitors_store(cases: list[Case]) -> dict[UUID, Stored]:
    """Store who the cases are about, with profiles that keep what all of their rules ask."""
    features = features_in(cases)
    version = definition_make(features)
    stored: dict[UUID, Stored] = {}
    until = max(now_of(case.facts) for case in cases)
    for case in cases:
        state = state_of(events_of(case.facts.get("events", ()), now_of(case.facts)), features)
        state.definition = version
        granted = granted_in(case.facts)
        stored[uuid4()] = Stored(case, state, granted, decided=len(granted) > 1)
    for shard, ids in by_shard(stored).items():
        profile_store.states_write({each: stored[each].state for each in ids}, shard=shard)
    EffectiveConsent.objects.bulk_create(
        consent_made(visitor_id, each.granted, until=until) for visitor_id, each in stored.items()
    )
    for visitor_id, each in stored.items():
        members_store(visitor_id, each.case.facts)
    profiles_project(seconds=60.0)
    return stored


def by_shard(visitor_ids: Iterable[UUID]) -> dict[int, list[UUID]]:
    shards: dict[int, list[UUID]] = {}
    for visitor_id in visitor_ids:
        shards.setdefault(tracking_selectors.shard_of(visitor_id), []).append(visitor_id)
    return shards


def consent_made(visitor_id: UUID, granted: tuple[str, ...], *, until: float) -> EffectiveConsent:
    now = datetime.fromtimestamp(until, UTC)
    at = (now - codec.EPOCH) // codec.MICROSECOND
    return EffectiveConsent(
        visitor_id=visitor_id,
        choices={key: [1, at, 1, 0] for key in granted},
        granted=list(granted),
        decided_at=now,
        expires_at=now + timedelta(days=1),
    )


def members_store(visitor_id: UUID, facts: Facts) -> None:
    for key, kept in (memberships_of(facts) or {}).items():
        segment, _ = Segment.objects.get_or_create(key=key, defaults={"name": key})
        SegmentMember.objects.create(
            segment=segment,
            visitor_id=visitor_id,
            entered_at=datetime.fromtimestamp(kept.entered, UTC),
            left_at=None if kept.left is None else datetime.fromtimestamp(kept.left, UTC),
            was_there=kept.was_there,
        )


def baseline_store(facts: Facts) -> None:
    if told := baseline_of(facts):
        values = {name: getattr(told, name) for name in ("n", "quantiles", "daily_means", "shares")}
        Baseline.objects.create(computed_at=datetime.now(UTC), **values)


@pytest.mark.django_db
def test_sql_agrees_with_the_corpus() -> None:
    """Each visitor's own answer, and the count of everybody's, of the rule and of its opposite."""
    cases = corpus_read("sql")
    wrong: list[Any] = []
    own = 0
    # Who did nothing is the same at every moment, and stored once for all of them.
    for stride in grouped(
        cases, told=lambda facts: facts.get("events") and moment_and_baseline(facts)
    ):
        with undone():
            baseline_store(stride[0].facts)
            stored = visitors_store(stride)
            for mine in grouped(stride, told=now_of):
                site = site_now(datetime.fromtimestamp(now_of(mine[0].facts), UTC))
                contexts = {key: each.context(site) for key, each in stored.items()}
                for visitor_id, each in stored.items():
                    if each.case in mine:
                        failures, is_own = asked_of(each.case, visitor_id, site, contexts)
                        wrong, own = wrong + failures, own + is_own
    assert not wrong
    assert len(cases) >= 220
    assert own >= 170, "of the rest memory is asked"


def asked_of(
    case: Case, visitor_id: UUID, site: Site, contexts: Mapping[UUID, Context]
) -> tuple[list[Any], bool]:
    """(what is wrong, whether SQL answered by itself). Who is unknown is counted by neither a rule
    nor its opposite."""
    rule = rule_parse(case.rule)
    memory = memory_answers(rule, site, contexts)
    [(_, value, _, is_own)] = sql_rows(rule, site, [visitor_id])
    said = list(memory.values())
    wanted = said.count(True), said.count(None)
    counted = rule_count(rule, site)
    if counted is None:  # memory is asked some of them
        reach = reach_now(rule, now=site.now)
        counted = reach.matching, reach.open
    opposite = rule_count(Group("not", (rule,)), site) or (said.count(False), wanted[1])
    checks = [
        (value if is_own else memory[visitor_id], case.answer),
        (counted, wanted),
        (opposite, (said.count(False), wanted[1])),
    ]
    return [(case.name, *check) for check in checks if check[0] != check[1]], is_own


# --- Replay --------------------------------------------------------------------------------------


def test_a_replay_agrees_with_the_corpus() -> None:
    """In columns as far as they go, by rules_replay, and visitor by visitor."""
    cases = corpus_read("replay")
    wrong: list[Any] = []
    in_columns = 0
    for mine in grouped(cases, told=moment_and_baseline):
        facts = mine[0].facts
        rules = [rule_in_past(rule_parse(case.rule)) for case in mine]
        past, world = past_made([case.facts for case in mine]), world_of(rules, facts)
        history = past.history

        def details_of(visitor_id: UUID, past: Any = past, world: Any = world) -> Any:
            return past.details_of(visitor_id, list(world.compiled.by_type))

        replayed = rules_replay(rules, history, world, details_of, since=-1e9)
        columns = Columnwise(history, world, crowded_visitors(history, world))
        for place, (case, rule) in enumerate(zip(mine, rules, strict=True)):
            bounds = rule_bounds(rule, columns.leaf_bounds)
            moment = int((history.moment_visitor == place).nonzero()[0][-1])
            wanted = CODES[case.answer]
            said = [int(replayed.answers[place, moment])]
            if not bounds.is_open[moment]:
                in_columns += 1
                said.append(int(bounds.low[moment]))
            last = [int(history.moments[moment])]
            for _, context in contexts_of(history, world, place, last, details_of):
                said.append(CODES[rule.test(context)])
            wrong += [(case.name, said)] if set(said) != {wanted} else []
    assert not wrong
    assert len(cases) >= 220
    assert in_columns >= 120, "the rest is answered one by one"
