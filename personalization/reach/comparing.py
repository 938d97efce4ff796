"""Whether two readers of the rule language agree: on live data every night, and in tests.

General: a reader is a function that gives, for rules and some visitors, the answers it has. Memory
is what the others are compared with. What a reader leaves to memory is no answer of its own.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.utils import timezone

from personalization.campaigns.readiness import campaigns_wanted
from personalization.reach import store
from personalization.reach.asking import Site, consenting, contexts_of, site_now
from personalization.reach.compiling import rule_sql
from personalization.reach.counting import rule_without_request
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
#: How much of an id names a visitor.
SHORT = 8
KEPT = timedelta(days=365)

Answers = Mapping[UUID, Answer]
#: (rule, site, contexts of some visitors) → the answers that the reader has of its own.
Reader = Callable[[Node, Site, Mapping[UUID, Context]], Answers]


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


def sql_answers(rule: Node, site: Site, contexts: Mapping[UUID, Context]) -> Answers:
    """What PostgreSQL answers of projected profiles, without those that it leaves to memory."""
    return {
        visitor_id: value
        for visitor_id, value, is_possible, is_own in sql_rows(rule, site, contexts)
        if is_own
    }


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


READERS: Mapping[str, Reader] = {"sql": sql_answers}


# --- Comparing -----------------------------------------------------------------------------------


def readers_compare(
    reader: Reader, rules: Iterable[Named], site: Site, contexts: Mapping[UUID, Context]
) -> Iterator[Difference]:
    """Where a reader's own answers are not memory's."""
    for named in rules:
        expected = memory_answers(named.rule, site, contexts)
        for visitor_id, answer in reader(named.rule, site, contexts).items():
            if answer is not expected[visitor_id]:
                said, memory = words_of(answer), words_of(expected[visitor_id])
                yield Difference(visitor_id, f"{named.name}: {said}, in memory {memory}")


def words_of(answer: Answer) -> str:
    """
    >>> words_of(True), words_of(None)
    ('matches', 'unknown')
    """
    return "unknown" if answer is None else "matches" if answer else "does not match"


# --- Every night ---------------------------------------------------------------------------------


def readers_check(*, now: datetime, reader: str = "sql") -> ReaderCheck:
    """Compare a reader with memory on a sample of visitors and every published rule."""
    check = ReaderCheck.objects.create(reader=reader, started_at=now)
    profiles_project(seconds=30.0)
    found: dict[UUID, str] = {}
    for contexts, site in _samples():
        check.checked += len(contexts)
        for visitor_id, text in readers_compare(READERS[reader], rules_published(), site, contexts):
            if _is_of_now(visitor_id, contexts):
                found.setdefault(visitor_id, text)
    check.finished_at = timezone.now()
    check.differing = len(found)
    check.differences = [
        {"visitor": str(visitor_id)[:SHORT], "text": text}
        for visitor_id, text in list(found.items())[:NAMED]
    ]
    check.save(update_fields=["finished_at", "checked", "differing", "differences"])
    ReaderCheck.objects.filter(started_at__lt=now - KEPT).delete()
    if found:
        log.error("rule readers: %s, of the reader %s", check, reader)
    return check


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
    """Whether the profile is still the one that was asked: else it was read before or after."""
    state = profile_selectors.profile_get(visitor_id)
    return state is not None and state == contexts[visitor_id].state


def check_latest() -> ReaderCheck | None:
    """The latest check that has come to its end."""
    return ReaderCheck.objects.filter(finished_at__isnull=False).first()


def visitor_forget(*, visitor_id: UUID) -> None:
    """Name an erased visitor in no check any more; whose id begins alike goes along."""
    short_id = str(visitor_id)[:SHORT]
    for check in ReaderCheck.objects.filter(differences__contains=[{"visitor": short_id}]):
        left = [one for one in check.differences if one["visitor"] != short_id]
        check.differing -= len(check.differences) - len(left)
        check.differences = left
        check.save(update_fields=["differing", "differences"])
