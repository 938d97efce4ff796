"""The statements of a count: who allows personalization, what a rule's SQL says of them, and whom
it leaves to memory."""

from typing import Any, NamedTuple
from uuid import UUID

from personalization.reach import store
from personalization.reach.asking import Allowing, Site, consenting
from personalization.reach.compiling import Compiled
from personalization.reach.sql import FALSE, TRUE, Sql, all_of

#: So many visitors whose consent changed lately are left out of the rows one by one.
CHANGED = 5000
_FROM = f"{store.TABLE} AS p JOIN ({{}}) AS c USING (visitor_id)"
_EVERYBODY = Compiled(TRUE, FALSE, TRUE, is_of_interests=False, is_of_consent=False)


class Consent(NamedTuple):
    """Whose consent the rows themselves tell: of all but `changed`, as far as they are of the
    current basis; `others` says that some are not. `changed` is None when they are too many."""

    changed: list[UUID] | None
    others: bool


def consent_now(site: Site) -> Consent:
    """Read before the count it is for: who withdraws in between did so after the count began."""
    changed = store.changes_list(limit=CHANGED + 1)
    return Consent(changed if len(changed) <= CHANGED else None, store.others_exist(site.basis))


def count_statement(compiled: Compiled, site: Site, consent: Consent) -> tuple[str, list[Any]]:
    """The statement that gives sums of what a rule's SQL says (store.tally_sql)."""
    value, maybe, possible = compiled.value, compiled.maybe, compiled.possible
    settled, settled_params = _settled(compiled, site)
    parts: list[str] = []
    given: list[Any] = []
    for source, where, source_params, where_params in _sources(compiled, site, consent):
        parts.append(
            f"SELECT {store.tally_sql(value.text, maybe.text)} FROM {source}"
            f" WHERE {where} AND ({possible.text}) AND {settled}"
        )
        given += [*value.params, *maybe.params, *source_params, *where_params]
        given += [*possible.params, *settled_params]
    return " UNION ALL ".join(parts), given


def everybody_statement(site: Site, consent: Consent, within: Sql) -> tuple[str, list[Any]]:
    """The statement that counts whoever allows personalization and has a row; from an index alone
    where the rows tell."""
    parts: list[str] = []
    given: list[Any] = []
    for source, where, source_params, where_params in _sources(_EVERYBODY, site, consent):
        parts.append(f"SELECT count(*) FROM {source} WHERE {where} AND {within.text}")
        given += [*source_params, *where_params, *within.params]
    return " UNION ALL ".join(parts), given


class Source(NamedTuple):
    """Rows of visitors who allow personalization: FROM, WHERE, and the parameters of each."""

    text: str
    where: str
    text_params: list[Any]
    where_params: list[Any]


def _sources(compiled: Compiled, site: Site, consent: Consent) -> list[Source]:
    """Those whose row says so, and those whose consent record has to be asked, which takes several
    times as long."""
    select, select_params = consenting(site)
    joined = _FROM.format(select)
    if compiled.is_of_consent or consent.changed is None:
        return [Source(joined, "TRUE", [*select_params], [])]
    basis, changed = site.basis, consent.changed
    where = "p.basis = %s::int8 AND p.allowed_until > %s::timestamptz"
    params: list[Any] = [basis, site.now]
    asked: list[str] = []
    asked_params: list[Any] = []
    if changed:
        where, params = f"{where} AND p.visitor_id <> ALL(%s::uuid[])", [*params, changed]
        asked, asked_params = ["p.visitor_id = ANY(%s::uuid[])"], [changed]
    if consent.others:
        asked += ["p.basis < %s::int8", "p.basis > %s::int8"]
        asked_params += [basis, basis]
    found = [Source(f"{store.TABLE} AS p", where, [], params)]
    if asked:
        found.append(Source(joined, f"({' OR '.join(asked)})", [*select_params], asked_params))
    return found


def left_list(compiled: Compiled, site: Site, *, limit: int) -> list[Allowing]:
    """The visitors whom SQL leaves to memory, in the order of their ids, which says nothing."""
    where, among = _settled(compiled, site)
    source, consent = consenting(site)
    text = (
        f"SELECT visitor_id, c.granted, c.decided FROM {_FROM.format(source)}"
        f" WHERE ({compiled.possible.text}) AND {where}"
        f" AND ({compiled.value.text}) IS NULL AND ({compiled.maybe.text})"
        " ORDER BY visitor_id LIMIT %s"
    )
    params = (*consent, *compiled.possible.params, *among)
    params = (*params, *compiled.value.params, *compiled.maybe.params)
    return store.rows_list(text, [*params, limit])


def _settled(compiled: Compiled, site: Site) -> tuple[str, tuple[Any, ...]]:
    """SQL for the rows that say something here."""
    parts = _says_nothing(compiled, site)
    text = " AND ".join(f"({text}) IS NOT TRUE" for text, _ in parts)
    return text, sum((params for _, params in parts), ())


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


def unsettled_list(
    compiled: Compiled, site: Site, *, limit: int, within: Sql = TRUE
) -> list[Allowing]:
    """The visitors whose rows say nothing here."""
    text, params = _unsettled_rows(compiled, site, within)
    found = store.rows_list(f"SELECT * FROM ({text}) AS rows LIMIT %s", [*params, limit])
    return [(row[0], row[1], row[2]) for row in found]


def unsettled_count(compiled: Compiled, site: Site, *, within: Sql = TRUE) -> int:
    text, params = _unsettled_rows(compiled, site, within)
    return int(store.rows_list(f"SELECT count(*) FROM ({text}) AS rows", params)[0][0])


def _unsettled_rows(compiled: Compiled, site: Site, within: Sql) -> tuple[str, list[Any]]:
    parts = _says_nothing(compiled, site)
    source, consent = consenting(site)
    rows = " UNION ".join(
        f"SELECT p.visitor_id FROM {store.TABLE} AS p WHERE {text} AND {within.text}"
        for text, _ in parts
    )
    text = (
        f"SELECT visitor_id, c.granted, c.decided FROM ({rows}) AS p"
        f" JOIN ({source}) AS c USING (visitor_id)"
    )
    return text, [*(each for _, params in parts for each in (*params, *within.params)), *consent]


def narrowed(compiled: Compiled, within: Sql) -> Compiled:
    """The same of the rows that `within` holds of."""
    return compiled._replace(possible=all_of((within, compiled.possible)))
