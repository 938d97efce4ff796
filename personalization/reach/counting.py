"""How many visitors a rule touches now, over all profiles.

PostgreSQL answers what it can for all at once; the profiles that it leaves open are asked in
memory, so the count is exact. Where they are more than ASKED, as many are asked, and the rest is
estimated from them: "about".
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.core.cache import cache
from django.db import OperationalError, transaction
from psycopg.errors import QueryCanceled

from consent import selectors as consent_selectors
from personalization.decide import PURPOSE
from personalization.reach import store
from personalization.reach.asking import Allowing, Site, consenting, contexts_of, site_now
from personalization.reach.compiling import Compiled, rule_sql
from personalization.reach.projecting import profiles_project
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

_FROM = f"{store.TABLE} AS p JOIN ({{}}) AS c USING (visitor_id)"


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


def reach_now(rule: Node, *, now: datetime, among: Node | None = None) -> Reach:
    """The reach among all visitors who allow personalization, or those of them whom `among` holds.

    Whoever depends on a page view in `among` is not among them. Raises TooSlowError.
    """
    profiles_project()
    site = site_now(now)
    if among is None:
        matching, open_, is_about = _count(rule, site)
        return Reach(matching, open_, visitors_count(site), is_about)
    both, some = _count(Group("all", (among, rule)), site), _count(among, site)
    return Reach(both[0], min(both[1], some[0] - both[0]), some[0], both[2] or some[2])


def rule_count(rule: Node, site: Site) -> tuple[int, int] | None:
    """(how many a rule matches, how many depend on the page view), as SQL alone can tell; None
    where memory would have to be asked."""
    compiled = rule_sql(rule, site.asking(rule))
    counted = store.rows_count(*count_statement(compiled, site))
    is_untold = counted.maybe or _unsettled(compiled, site, limit=1)
    return None if is_untold else (counted.matching, counted.open)


def _count(rule: Node, site: Site) -> tuple[int, int, bool]:
    """(matching, open, whether they are estimates)."""
    compiled = rule_sql(rule, site.asking(rule))
    with timed():
        counted = store.rows_count(*count_statement(compiled, site))
        unsettled = _unsettled(compiled, site, limit=ASKED + 1)
        left = _left(compiled, site) if counted.maybe else []
    asked, total = [*left[:ASKED], *unsettled[:ASKED]], counted.maybe + len(unsettled)
    if len(unsettled) > ASKED:
        total = counted.maybe + _unsettled_count(compiled, site)
    timeless = rule_without_request(rule)
    answers = [timeless.test(context) for _, context in contexts_of(site, asked)]
    scale = total / len(answers) if total > len(asked) and answers else 1.0
    return (
        counted.matching + round(answers.count(True) * scale),
        counted.open + round(answers.count(None) * scale),
        scale != 1.0,
    )


# --- The statements ------------------------------------------------------------------------------


def count_statement(compiled: Compiled, site: Site) -> tuple[str, list[Any]]:
    """The statement that gives (value, whether memory is asked, how many), FALSE left out."""
    where, among = _settled(compiled, site)
    source, consent = consenting(site)
    text = (
        f"SELECT {compiled.value.text}, coalesce({compiled.maybe.text}, FALSE), count(*)"
        f" FROM {_FROM.format(source)} WHERE ({compiled.possible.text}) AND NOT {where}"
        # Before the consent of each is looked up, which costs more than asking twice.
        f" AND ({compiled.value.text}) IS NOT FALSE GROUP BY 1, 2"
    )
    params = (*compiled.value.params, *compiled.maybe.params, *consent)
    return text, [*params, *compiled.possible.params, *among, *compiled.value.params]


def _left(compiled: Compiled, site: Site) -> list[Allowing]:
    """The visitors whom SQL leaves to memory, in the order of their ids, which says nothing."""
    where, among = _settled(compiled, site)
    source, consent = consenting(site)
    text = (
        f"SELECT visitor_id, c.granted, c.decided FROM {_FROM.format(source)}"
        f" WHERE ({compiled.possible.text}) AND NOT {where}"
        f" AND ({compiled.value.text}) IS NULL AND {compiled.maybe.text}"
        " ORDER BY visitor_id LIMIT %s"
    )
    params = (*consent, *compiled.possible.params, *among)
    params = (*params, *compiled.value.params, *compiled.maybe.params)
    return store.rows_list(text, [*params, ASKED])


def _settled(compiled: Compiled, site: Site) -> tuple[str, tuple[Any, ...]]:
    """SQL for the rows that say nothing here."""
    parts = _says_nothing(compiled, site)
    text = " OR ".join(f"coalesce({text}, FALSE)" for text, _ in parts)
    return f"({text})", sum((params for _, params in parts), ())


def _says_nothing(compiled: Compiled, site: Site) -> list[tuple[str, tuple[Any, ...]]]:
    """Why a row may say nothing, each for an index: it is of events after now; where interests are
    asked, it is of another basis, or not plain."""
    parts: list[tuple[str, tuple[Any, ...]]] = [
        ("p.last_ms > %s::bigint", (int(site.now.timestamp() * 1000.0),))
    ]
    if compiled.is_of_interests:
        parts.append(("p.basis < %s::bigint", (site.basis,)))
        parts.append(("p.basis > %s::bigint", (site.basis,)))
        parts.append(("p.is_plain = FALSE", ()))
    return parts


def _unsettled(compiled: Compiled, site: Site, *, limit: int) -> list[Allowing]:
    """The visitors whose rows say nothing here."""
    text, params = _unsettled_rows(compiled, site)
    found = store.rows_list(f"SELECT * FROM ({text}) AS rows LIMIT %s", [*params, limit])
    return [(row[0], row[1], row[2]) for row in found]


def _unsettled_count(compiled: Compiled, site: Site) -> int:
    text, params = _unsettled_rows(compiled, site)
    return int(store.rows_list(f"SELECT count(*) FROM ({text}) AS rows", params)[0][0])


def _unsettled_rows(compiled: Compiled, site: Site) -> tuple[str, list[Any]]:
    parts = _says_nothing(compiled, site)
    source, consent = consenting(site)
    rows = " UNION ".join(
        f"SELECT p.visitor_id FROM {store.TABLE} AS p WHERE {text}" for text, _ in parts
    )
    text = (
        f"SELECT visitor_id, c.granted, c.decided FROM ({rows}) AS p"
        f" JOIN ({source}) AS c USING (visitor_id)"
    )
    return text, [*(each for _, params in parts for each in params), *consent]


@contextmanager
def timed() -> Iterator[None]:
    """A transaction in which no statement takes longer than TIMEOUT; raises TooSlowError."""
    try:
        with transaction.atomic():
            store.setting_local("statement_timeout", f"{int(TIMEOUT * 1000)}ms")
            store.setting_local("work_mem", WORK_MEM)
            yield
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            raise TooSlowError from error
        raise


# --- Over all visitors ---------------------------------------------------------------------------


def visitors_count(site: Site) -> int:
    """The visitors with a profile who allow personalization now."""

    def count() -> int:
        source, consent = consenting(site)
        text = f"SELECT count(*) FROM {_FROM.format(source)}"
        with timed():
            return int(store.rows_list(text, consent)[0][0])

    return _remembered("reach:visitors", count)


def lost_to_consent(rule: Node, *, now: datetime) -> int:
    """The visitors who were asked, and do not allow what the rule needs.

    Nothing is known of what they do, so nobody can say how many of them the rule would match.
    """
    purposes = sorted(rule_purposes(rule) | {PURPOSE})
    key = f"reach:without:{','.join(purposes)}"
    return _remembered(key, lambda: consent_selectors.visitors_without(purposes, now=now))


def _remembered(key: str, count: Any) -> int:
    found = cache.get(key)
    if isinstance(found, int):
        return found
    number = int(count())
    if number >= SMALL:
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
