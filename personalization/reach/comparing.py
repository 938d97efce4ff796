"""Whether the readers of the rule language agree: on live data every night, and in tests.

General: a reader is a function that gives, for rules and some visitors, the answers it has. Memory
is what the others are compared with. What a reader leaves to memory, or cannot know, is no answer
of its own.
"""

import logging
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from consent import selectors as consent_selectors
from consent.nightly import check_finish, check_forget, checks_expire
from personalization.backtest.past import World
from personalization.backtest.present import present_answers
from personalization.campaigns.readiness import campaigns_wanted
from personalization.decide import PURPOSE
from personalization.reach import store
from personalization.reach.asking import Site, consenting, contexts_of, site_now
from personalization.reach.compiling import rule_sql
from personalization.reach.counting import TooSlowError, rule_without_request, timed
from personalization.reach.models import ReaderCheck
from personalization.reach.projecting import profiles_project
from personalization.rules.context import Context
from personalization.rules.nodes import Node
from personalization.rules.operators import Answer
from personalization.rules.tree import rule_parse
from profiles import selectors as profile_selectors

log = logging.getLogger(__name__)

#: Visitors of one check, how many are asked at a time, and how many that differ are named.
SAMPLE, CHUNK, NAMED = 2000, 250, 50
#: Seconds after which no more visitors are asked.
SECONDS = 240.0

Answers = Mapping[UUID, Answer]
#: (rules, site, contexts of some visitors) → of each rule the answers the reader has of its own.
Reader = Callable[[Sequence[Node], Site, Mapping[UUID, Context]], Sequence[Answers]]


class Named(NamedTuple):
    """A rule and what it is called."""

    name: str
    rule: Node


class Difference(NamedTuple):
    visitor_id: UUID
    text: str


# --- Readers -------------------------------------------------------------------------------------


def memory_answers(rule: Node, site: Site, contexts: Mapping[UUID, Context]) -> Answers:
    """What a page would answer, without the page."""
    timeless = rule_without_request(rule)
    return {visitor_id: timeless.test(context) for visitor_id, context in contexts.items()}


def sql_answers(
    rules: Sequence[Node], site: Site, contexts: Mapping[UUID, Context]
) -> list[Answers]:
    """What PostgreSQL answers of projected profiles, without those that it leaves to memory."""
    with timed():
        return [
            {
                visitor_id: value
                for visitor_id, value, is_possible, is_own in sql_rows(rule, site, contexts)
                if is_own
            }
            for rule in rules
        ]


def sql_rows(
    rule: Node, site: Site, visitor_ids: Collection[UUID]
) -> list[tuple[UUID, Answer, bool, bool]]:
    """(visitor, value, whether an index would find the row, whether the value is SQL's own)."""
    compiled = rule_sql(rule, site.asking(rule))
    source, consent = consenting(site)
    not_plain = "(NOT p.is_plain OR p.basis <> %s::bigint)" if compiled.is_of_interests else "FALSE"
    basis = (site.basis,) if compiled.is_of_interests else ()
    value, maybe, possible = compiled.value, compiled.maybe, compiled.possible
    text = (
        f"SELECT visitor_id, {value.text}, {possible.text},"
        f" (p.last_ms > %s::float8) IS NOT TRUE AND NOT {not_plain}"
        f" AND (({value.text}) IS NOT NULL OR ({maybe.text}) IS NOT TRUE)"
        f" FROM {store.TABLE} AS p JOIN ({source}) AS c USING (visitor_id)"
        " WHERE visitor_id = ANY(%s::uuid[])"
    )
    now_ms = site.now.timestamp() * 1000.0
    params = [*value.params, *possible.params, now_ms, *basis, *value.params, *maybe.params]
    return store.rows_list(text, [*params, *consent, list(visitor_ids)])


def replay_answers(
    rules: Sequence[Node], site: Site, contexts: Mapping[UUID, Context]
) -> Sequence[Answers]:
    """What a replay of the stored events answers now, without what the past cannot tell."""

    def world(version: int) -> World:
        definition = profile_selectors.definition_get(version)
        return World(
            *(site.weights, site.baseline, definition, site.purposes),
            max_topics=settings.PROFILE_MAX_TOPICS,
        )

    return present_answers([rule_without_request(rule) for rule in rules], contexts, world)


READERS: Mapping[str, Reader] = {"sql": sql_answers, "replay": replay_answers}


# --- Comparing -----------------------------------------------------------------------------------


class Compared(NamedTuple):
    """Who was answered by the other reader itself, and where that is not what memory says."""

    answered: set[UUID]
    differences: list[Difference]


def readers_compare(
    reader: Reader, rules: Sequence[Named], site: Site, contexts: Mapping[UUID, Context]
) -> Compared:
    """Ask a reader and memory the same of these visitors."""
    compared = Compared(set(), [])
    told = reader([named.rule for named in rules], site, contexts)
    for named, answers in zip(rules, told, strict=True):
        expected = memory_answers(named.rule, site, contexts)
        compared.answered.update(answers)
        for visitor_id, answer in answers.items():
            if answer is not expected[visitor_id]:
                said, memory = words_of(answer), words_of(expected[visitor_id])
                text = f"{named.name}: {said}, in memory {memory}"
                compared.differences.append(Difference(visitor_id, text))
    return compared


def words_of(answer: Answer) -> str:
    """
    >>> words_of(True), words_of(None)
    ('matches', 'unknown')
    """
    return "unknown" if answer is None else "matches" if answer else "does not match"


# --- Every night ---------------------------------------------------------------------------------


def readers_check(*, now: datetime, reader: str = "sql", seconds: float = SECONDS) -> ReaderCheck:
    """Compare a reader with memory on a sample of visitors and every published rule.

    It ends after so many seconds, with those who were asked until then.
    """
    check = ReaderCheck.objects.create(reader=reader, started_at=now)
    until = time.monotonic() + seconds
    profiles_project(seconds=min(seconds, 30.0))
    rules, checked, found = rules_published(), 0, dict[UUID, str]()
    try:
        for contexts, site in _samples():
            compared = readers_compare(READERS[reader], rules, site, contexts)
            for visitor_id, text in compared.differences:
                if _is_of_now(visitor_id, contexts):
                    found.setdefault(visitor_id, text)
            checked += len(compared.answered)
            if time.monotonic() > until:
                break
    except TooSlowError:
        log.warning("rule readers: given up, the database is too slow")
    named = dict(list(found.items())[:NAMED])
    check_finish(check, checked=checked, differing=len(found), named=named, purpose=PURPOSE)
    checks_expire(ReaderCheck, now=now)
    if check.differing:
        log.error("rule readers: %s, of the reader %s", check, reader)
    return check


def all_readers_check(*, now: datetime) -> list[ReaderCheck]:
    """Compare every reader with memory, one after the other."""
    return [readers_check(now=now, reader=reader) for reader in READERS]


def rules_published() -> list[Named]:
    """The rules that pages follow, or are to follow."""
    return [
        Named(f"campaign “{each.name}”", rule_parse(each.rule, is_inlined=True))
        for each in campaigns_wanted()
    ]


def _samples() -> Iterator[tuple[dict[UUID, Context], Site]]:
    """Some visitors who agree, a few hundred at a time, with the moment they are asked at."""
    visitor_ids = profile_selectors.visitors_sample(limit=SAMPLE)
    for start in range(0, len(visitor_ids), CHUNK):
        chunk = visitor_ids[start : start + CHUNK]
        profiles_project()
        site = site_now(timezone.now())
        yield dict(contexts_of(site, _allowing(site, chunk))), site


def _allowing(site: Site, visitor_ids: Collection[UUID]) -> list[Any]:
    source, consent = consenting(site)
    text = f"SELECT visitor_id, c.granted, c.decided FROM ({source}) AS c"
    return store.rows_list(
        f"{text} WHERE visitor_id = ANY(%s::uuid[])", [*consent, list(visitor_ids)]
    )


def _is_of_now(visitor_id: UUID, contexts: Mapping[UUID, Context]) -> bool:
    """Whether the profile is still the one that was asked: else it was read before or after what
    the other reader read. Who does not agree any more is being erased, piece by piece."""
    state = profile_selectors.profile_get(visitor_id)
    if state is None or state != contexts[visitor_id].state:
        return False
    return bool(consent_selectors.visitors_granted([visitor_id], PURPOSE, now=timezone.now()))


def checks_latest() -> list[ReaderCheck]:
    """The latest check of each reader that has come to its end."""
    done = ReaderCheck.objects.filter(reader__in=READERS, finished_at__isnull=False)
    return list(done.order_by("reader", "-id").distinct("reader"))


def visitor_forget(*, visitor_id: UUID) -> None:
    """Name an erased visitor in no check any more."""
    check_forget(ReaderCheck, visitor_id=visitor_id)
