"""How many visitors a rule touches now, over all profiles.

PostgreSQL answers what it can for all at once; the profiles that it leaves open are asked in
memory, so the count is exact. Where they are more than ASKED, as many are asked, and the rest is
estimated from them: "about".
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.core.cache import cache
from django.db import OperationalError, transaction
from django.utils import timezone
from psycopg.errors import QueryCanceled

from consent import selectors as consent_selectors
from personalization.decide import PURPOSE
from personalization.reach import store
from personalization.reach.asking import Site, contexts_of, site_now
from personalization.reach.compiling import rule_sql
from personalization.reach.projecting import profiles_project
from personalization.reach.sql import TRUE, Sql
from personalization.reach.statements import (
    consent_now,
    count_statement,
    everybody_statement,
    left_list,
    narrowed,
    unsettled_count,
    unsettled_list,
)
from personalization.rules.nodes import Group, Leaf, Node, rule_conditions, rule_purposes
from profiles import selectors as profile_selectors

#: So many profiles are asked in memory at most: about half a second's work.
ASKED = 4000
#: Seconds that one statement may take.
TIMEOUT = 15.0
#: With less, the bitmap of a condition that many rows meet names whole pages, and each row of those
#: is looked at.
WORK_MEM = "64MB"
#: How long a count over all visitors, which no edit of a rule changes, is remembered; one that is
#: smaller than this is counted each time.
REMEMBERED, SMALL = 60, 20_000

#: Seconds within which a person sees a first figure, about; of how many slices of all visitors one
#: is counted where that takes longer.
SOON, SLICES = 0.7, 64


class TooSlowError(Exception):
    """A count took longer than TIMEOUT."""


@dataclass(frozen=True)
class Reach:
    """`matching` of `visitors` match now; `open` depend on what only a page view tells, or on what
    profiles do not keep yet. `is_about`: `matching` and `open` are estimated."""

    matching: int
    open: int
    visitors: int
    is_about: bool = False


def moment_now() -> datetime:
    """The moment to count at: the next whole second, at which rows are exact."""
    now = timezone.now()
    return now.replace(microsecond=0) + timedelta(seconds=bool(now.microsecond))


class Effort(NamedTuple):
    """What a count may take: seconds for a statement, profiles to ask in memory, and one of how
    many slices of all visitors is counted for the rest of them."""

    seconds: float
    asked: int
    slices: int = 1

    @property
    def within(self) -> Sql:
        """The rows of the slice. Ids are random, so it is a random sample."""
        if self.slices == 1:
            return TRUE
        return Sql("p.visitor_id < %s::uuid", (UUID(int=2**128 // self.slices),))


def reach_now(rule: Node, *, now: datetime, among: Node | None = None) -> Reach:
    """The reach among all visitors who allow personalization, or those of them whom `among` holds.

    Whoever depends on a page view in `among` is not among them. Raises TooSlowError.
    """
    profiles_project()
    return _reach(rule, site_now(now), among, Effort(TIMEOUT, ASKED))


def reach_soon(rule: Node, *, now: datetime, among: Node | None = None) -> Reach:
    """The same within about a second: exactly where that is possible, else an estimate from a
    sample. Raises TooSlowError when that takes too long, too."""
    profiles_project(seconds=SOON / 4)
    site, asked = site_now(now), ASKED // 8
    try:
        return _reach(rule, site, among, Effort(SOON, asked))
    except TooSlowError:
        return _reach(rule, site, among, Effort(TIMEOUT, asked, SLICES))


def _reach(rule: Node, site: Site, among: Node | None, effort: Effort) -> Reach:
    if among is None:
        matching, open_, is_about = _count(rule, site, effort)
        return Reach(matching, open_, visitors_count(site, effort), is_about)
    both = _count(Group("all", (among, rule)), site, effort)
    some = _count(among, site, effort)
    return Reach(both[0], min(both[1], some[0] - both[0]), some[0], both[2] or some[2])


def rule_count(rule: Node, site: Site) -> tuple[int, int] | None:
    """(how many a rule matches, how many depend on the page view), as SQL alone can tell; None
    where memory would have to be asked."""
    compiled = rule_sql(rule, site.asking(rule))
    counted = store.rows_count(*count_statement(compiled, site, consent_now(site)))
    is_untold = counted.maybe or unsettled_list(compiled, site, limit=1)
    return None if is_untold else (counted.matching, counted.open)


def _count(rule: Node, site: Site, effort: Effort) -> tuple[int, int, bool]:
    """(matching, open, whether they are estimates)."""
    within, most = effort.within, effort.asked
    compiled = narrowed(rule_sql(rule, site.asking(rule)), within)
    with timed(effort.seconds):
        counted = store.rows_count(*count_statement(compiled, site, consent_now(site)))
        unsettled = unsettled_list(compiled, site, limit=most + 1, within=within)
        total = counted.maybe + len(unsettled)
        if len(unsettled) > most:
            total = counted.maybe + unsettled_count(compiled, site, within=within)
        left = left_list(compiled, site, limit=most) if counted.maybe else []
    asked = [*left, *unsettled[:most]]
    timeless = rule_without_request(rule)
    answers = [timeless.test(context) for _, context in contexts_of(site, asked)]
    scale = total / len(answers) if total > len(asked) and answers else 1.0
    return (
        round((counted.matching + answers.count(True) * scale) * effort.slices),
        round((counted.open + answers.count(None) * scale) * effort.slices),
        scale != 1.0 or effort.slices > 1,
    )


@contextmanager
def timed(seconds: float | None = None) -> Iterator[None]:
    """A transaction in which no statement takes longer than so, or TIMEOUT; raises TooSlowError."""
    limit = TIMEOUT if seconds is None else seconds
    try:
        with transaction.atomic():
            store.setting_local("statement_timeout", f"{int(limit * 1000)}ms")
            store.setting_local("work_mem", WORK_MEM)
            yield
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            raise TooSlowError from error
        raise


# --- Over all visitors ---------------------------------------------------------------------------


def visitors_count(site: Site, effort: Effort | None = None) -> int:
    """The visitors with a profile who allow personalization now; as an estimate where so little
    effort is to be made and nobody counted them lately."""
    effort = effort or Effort(TIMEOUT, ASKED)

    def count() -> int:
        with timed(effort.seconds):
            statement = everybody_statement(site, consent_now(site), effort.within)
            return sum(int(row[0]) for row in store.rows_list(*statement)) * effort.slices

    return _remembered("reach:visitors", count, is_kept=effort.slices == 1)


def lost_to_consent(rule: Node, *, now: datetime) -> int:
    """The visitors who were asked, and do not allow what the rule needs.

    Nothing is known of what they do, so nobody can say how many of them the rule would match.
    """
    purposes = sorted(rule_purposes(rule) | {PURPOSE})
    key = f"reach:without:{','.join(purposes)}"
    return _remembered(key, lambda: consent_selectors.visitors_without(purposes, now=now))


def _remembered(key: str, count: Callable[[], int], *, is_kept: bool = True) -> int:
    found = cache.get(key)
    if isinstance(found, int):
        return found
    number = count()
    if number >= SMALL and is_kept:
        cache.set(key, number, timeout=REMEMBERED)
    return number


# --- The rule ------------------------------------------------------------------------------------


def rule_without_request(node: Node) -> Node:
    """The rule with every condition on the request answering "unknown"."""
    if isinstance(node, Group):
        return replace(node, members=tuple(map(rule_without_request, node.members)))
    return replace(node, is_open=True) if node.condition.of_page else node


def features_missing(rule: Node) -> list[Leaf]:
    """The conditions on what profiles do not keep yet; those on a page no count tells."""
    live = profile_selectors.features_live()
    return [
        leaf
        for leaf in rule_conditions(rule)
        if leaf.condition.features is not None
        and not leaf.condition.of_page
        and any(feature.key not in live for feature in leaf.condition.features(leaf.params))
    ]
