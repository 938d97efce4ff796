"""Every read of consent. Whatever cannot be established is denied."""

import json
import logging
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import Error as DatabaseError
from django.db import connection
from django.db.models import Q
from django.db.models.fields.json import KeyTransform
from django.http import HttpRequest

from consent import cache, catalogue, codec
from consent.cookies import COOKIE_NAME, cookie_pointer
from consent.logic import LIFETIME, ConsentState, Standing, gpc_from_header, state_at
from consent.models import EffectiveConsent, Purpose
from consent.purposes import PurposeText

log = logging.getLogger(__name__)
consent_cache_key = cache.cache_key

GRANTED_SQL = (
    "SELECT visitor_id, choices::text FROM consent_effectiveconsent"
    " WHERE visitor_id = ANY(%s::uuid[]) AND granted && %s::varchar[] AND fenced_at IS NULL"
    " AND expires_at > %s"
)
GATE_SQL = "SELECT choices, fenced_at FROM consent_effectiveconsent WHERE visitor_id = %s"
#: The same for a record that is plainly in force: every grant under the current version.
GRANT_SQL = (
    "SELECT array_to_string(granted, ',') AS basis FROM consent_effectiveconsent"
    " WHERE visitor_id = %s AND fenced_at IS NULL AND granted <> '{}' AND expires_at > %s"
    " AND NOT EXISTS (SELECT FROM unnest(granted) AS purpose WHERE (choices->purpose->2"
    "  = %s::jsonb->purpose AND (choices->purpose->3 = '1' OR NOT %s)) IS NOT TRUE)"
)
BROWSER_SQL = (
    "SELECT account.visitor_id FROM consent_accountbrowser AS browser"
    " JOIN consent_account AS account ON account.key = browser.account_id WHERE browser.id = %s"
)
#: A retired id is followed to the id that holds in its place: of a chain, to the last.
SUCCESSORS_SQL = (
    "WITH RECURSIVE step (start, id) AS ("
    "SELECT visitor_id, merged_into FROM consent_effectiveconsent"
    " WHERE merged_into IS NOT NULL AND visitor_id = ANY(%s::uuid[])"
    " UNION SELECT step.start, next.merged_into FROM step"
    " JOIN consent_effectiveconsent AS next ON next.visitor_id = step.id"
    " WHERE next.merged_into IS NOT NULL)"
    " SELECT start, id FROM step WHERE NOT EXISTS (SELECT FROM consent_effectiveconsent AS next"
    " WHERE next.visitor_id = step.id AND next.merged_into IS NOT NULL)"
)
MERGED_SQL = (
    "WITH RECURSIVE merged (id) AS ("
    "SELECT visitor_id FROM consent_effectiveconsent WHERE merged_into = %s"
    " UNION SELECT visitor_id FROM consent_effectiveconsent JOIN merged ON merged_into = merged.id)"
    " SELECT id FROM merged"
)


def gpc_from_request(request: HttpRequest) -> bool:
    """Whether the request carries a Global Privacy Control opt-out."""
    return gpc_from_header(request.headers.get("Sec-GPC"))


def visitor_id_from_cookie(request: HttpRequest, *, now: datetime) -> UUID | None:
    """The visitor id the browser stands for, whether or not a record of it exists.

    While somebody is signed in it is their account's, by one primary-key read from PostgreSQL, and
    after the sign-out None at once. Raises `django.db.Error` if it cannot tell.
    """
    return _visitor_id_behind(request.COOKIES.get(COOKIE_NAME), now)


def visitor_id_for_page(request: HttpRequest, *, now: datetime) -> UUID | None:
    """The same for a page, which never breaks over it: None if it cannot be told."""
    try:
        return visitor_id_from_cookie(request, now=now)
    except DatabaseError as error:
        log.error("a signed-in browser's visitor not readable: %s", type(error).__name__)
        return None


def _visitor_id_behind(cookie_value: str | None, now: datetime) -> UUID | None:
    pointer = cookie_pointer(cookie_value, now)
    if pointer is None or not pointer.is_browser:
        return pointer.id if pointer else None
    with connection.cursor() as cursor:
        cursor.execute(BROWSER_SQL, [pointer.id])
        row = cursor.fetchone()
    return None if row is None else row[0]


def purposes_active() -> tuple[PurposeText, ...]:
    """The purposes asked for now, in display order; at most a second old."""
    return catalogue.current().purposes


def purposes_forget() -> None:
    """Have this process ask the table again for the purposes, whatever it remembers."""
    catalogue.forget()


def consent_for_cookie(cookie_value: str | None, gpc: bool, now: datetime) -> ConsentState:
    """The state behind a cookie's value, from the cache or PostgreSQL."""
    try:
        visitor_id = _visitor_id_behind(cookie_value, now)
    except DatabaseError as error:
        log.error("a signed-in browser's consent not readable: %s", type(error).__name__)
        visitor_id = None
    return (
        ConsentState(gpc=gpc) if visitor_id is None else consent_for_visitor(visitor_id, gpc, now)
    )


def consent_for_visitor(visitor_id: UUID, gpc: bool, now: datetime) -> ConsentState:
    """The state of one id, from the cache or PostgreSQL; denied if neither can be read."""
    try:
        standing = cache.cache_read(visitor_id)
        if standing is None:
            standing = _standing_from_database(visitor_id)
            if standing is not None:
                cache.cache_fill(visitor_id, standing)
        return _state(standing, visitor_id, gpc, now)
    except DatabaseError as error:
        log.error("consent not readable, denied: %s", type(error).__name__)
        return ConsentState(gpc=gpc)


def consent_from_cache(
    raw: object, *, visitor_id: UUID, gpc: bool, now: datetime
) -> ConsentState | None:
    """The state in a value fetched under `consent_cache_key(visitor_id)`, e.g. by one `get_many`.

    None means that the value says nothing: call `consent_for_visitor`.
    """
    standing = cache.standing_from_cache(raw)
    return None if standing is None else _state(standing, visitor_id, gpc, now)


def consent_granted(visitor_id: UUID, now: datetime, *, gpc: bool = False) -> frozenset[str]:
    """The purposes granted to an id, straight from PostgreSQL by one primary-key read.

    For the collection API: true at the moment it is called, whatever any cache says. `gpc` is
    whether the request carries the opt-out signal. Raises `django.db.Error` if it cannot tell.
    """
    return _state(_standing_from_database(visitor_id), visitor_id, gpc, now).granted


def grant_select(
    visitor_id: UUID, now: datetime, *, gpc: bool
) -> tuple[str, tuple[UUID, datetime, str, bool]]:
    """SQL and its parameters for the purposes granted to an id at the moment it runs.

    For a statement of another app that must do nothing without consent, and so asks itself. It
    gives one row: `basis`, the purposes in order, joined by commas. No row is no consent, or a
    record that takes more than a statement to judge: `consent_granted` has the last word.
    """
    return GRANT_SQL, (visitor_id, now, catalogue.current().versions_json, gpc)


def visitors_granted(visitor_ids: Iterable[UUID], *purposes: str, now: datetime) -> set[UUID]:
    """Those of many ids that grant any of these purposes now, from PostgreSQL, for the workers."""
    with connection.cursor() as cursor:
        ids = "{" + ",".join(map(str, visitor_ids)) + "}"
        cursor.execute(GRANTED_SQL, [ids, list(purposes), now])
        rows = cursor.fetchall()
    # The visitors of an import chose the same at the same moment: each record is judged once.
    granted = {
        choices: _state(Standing(codec.choices_load(json.loads(choices)), None), None, False, now)
        for choices in {choices for _, choices in rows}
    }
    return {
        visitor_id
        for visitor_id, choices in rows
        if not granted[choices].granted.isdisjoint(purposes)
    }


def granted_select(purpose: str, *, now: datetime) -> tuple[str, tuple[Any, ...]]:
    """SQL and its parameters for everybody who grants a purpose now, for statements over all.

    It gives `visitor_id`, `granted` (the purposes), `expires_at` (when that lapses), and `decided`:
    whether there is a choice in force on every active purpose. Judges as `visitors_granted` does.
    Until `expires_at`, who is in it changes only with the visitor's record or an active purpose.
    """
    versions = catalogue.current().versions
    cutoff = (now - LIFETIME - codec.EPOCH) // codec.MICROSECOND
    decided = " AND ".join(
        "coalesce((choices -> %s::text ->> 1)::bigint > %s::bigint, FALSE)" for _ in versions
    )
    sql = (
        f"SELECT visitor_id, granted, expires_at, ({decided or 'TRUE'}) AS decided"
        " FROM consent_effectiveconsent WHERE fenced_at IS NULL AND expires_at > %s"
        " AND granted @> ARRAY[%s::varchar] AND granted <@ %s::varchar[]"
    )
    params: list[Any] = [part for key in versions for part in (key, cutoff)]
    params += [now, purpose, list(versions)]
    # A grant outlives no change of its purpose's words; where nothing changed since the oldest
    # grant in force, there is nothing to compare.
    if Purpose.objects.filter(changed_at__gt=now - LIFETIME).exists():
        sql += (
            " AND NOT EXISTS (SELECT FROM unnest(granted) AS purpose"
            " WHERE (choices -> purpose -> 2 = %s::jsonb -> purpose) IS NOT TRUE)"
        )
        params.append(catalogue.current().versions_json)
    return sql, tuple(params)


def visitors_without(purposes: Iterable[str], *, now: datetime) -> int:
    """How many visitors have chosen, within the last LIFETIME, and do not grant all of these.

    Who withdraws chooses anew under another id, so a fenced record is nobody's any more.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM consent_effectiveconsent WHERE decided_at > %s"
            " AND fenced_at IS NULL AND NOT granted @> %s::varchar[]",
            (now - LIFETIME, list(purposes)),
        )
        return int(cursor.fetchone()[0])


def grants_by_period(*, since: datetime, unit: str) -> dict[datetime, int]:
    """Visitors who agreed to something in the `unit` ("hour" or "day", UTC) that begins then.

    Those alone whose consent still holds. A grant ends LIFETIME after it was given, so the index by
    its end finds those of a time: the cost is that of so many entries, whatever there is else.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT date_trunc(%s, expires_at - %s::interval, 'UTC') AS at, count(*)"
            " FROM consent_effectiveconsent WHERE expires_at >= %s"
            " AND fenced_at IS NULL AND granted <> '{}' GROUP BY 1",
            (unit, f"{LIFETIME.days} days", since + LIFETIME),
        )
        return dict(cursor.fetchall())


def visitors_to_erase(*, since: datetime, until: datetime) -> Iterator[UUID]:
    """Ids whose consent ended (fenced or lapsed) after `since`, up to `until`; an id may repeat.

    The signal `consent_changed` only nudges; a sweep over this finds what a lost nudge left. Of a
    lapse there is no nudge: a grant expired, or its purpose was changed or switched off.
    """
    ended = Q(fenced_at__gt=since, fenced_at__lte=until) | Q(
        expires_at__gt=since, expires_at__lte=until
    )
    rows = EffectiveConsent.objects.filter(ended, merged_into__isnull=True)
    yield from rows.values_list("visitor_id", flat=True).iterator()
    changed = Purpose.objects.filter(changed_at__gt=since, changed_at__lte=until)
    for key, version in changed.values_list("key", "version"):
        agreed = KeyTransform("2", KeyTransform(key, "choices"))
        lapsed = EffectiveConsent.objects.alias(agreed=agreed).filter(
            granted__contains=[key], agreed__lt=version
        )
        yield from lapsed.values_list("visitor_id", flat=True).iterator()


def visitors_merged(*, since: datetime, until: datetime) -> list[tuple[UUID, UUID]]:
    """(retired id, the id that continues it) of the sign-ins after `since`, up to `until`.

    The signal `visitors_merged` only nudges; a sweep over this finds what a lost nudge left.
    """
    retired = EffectiveConsent.objects.filter(fenced_at__gt=since, fenced_at__lte=until)
    pairs = retired.exclude(merged_into=None).values_list("visitor_id", "merged_into")
    return [(from_id, into_id) for from_id, into_id in pairs if into_id is not None]


def visitors_successors(visitor_ids: Iterable[UUID]) -> dict[UUID, UUID]:
    """For those of many ids that a sign-in retired: the id that holds in their place."""
    with connection.cursor() as cursor:
        cursor.execute(SUCCESSORS_SQL, ["{" + ",".join(map(str, visitor_ids)) + "}"])
        return dict(cursor.fetchall())


def visitors_merged_into(visitor_id: UUID) -> list[UUID]:
    """The retired ids that this one continues, directly or through others."""
    with connection.cursor() as cursor:
        cursor.execute(MERGED_SQL, [visitor_id])
        return [row[0] for row in cursor.fetchall()]


def _state(
    standing: Standing | None, visitor_id: UUID | None, gpc: bool, now: datetime
) -> ConsentState:
    versions = catalogue.current().versions
    return state_at(standing, visitor_id=visitor_id, now=now, gpc=gpc, versions=versions)


def _standing_from_database(visitor_id: UUID) -> Standing | None:
    with connection.cursor() as cursor:
        cursor.execute(GATE_SQL, [visitor_id])
        row = cursor.fetchone()
    return None if row is None else Standing(codec.choices_load(json.loads(row[0])), row[1])
