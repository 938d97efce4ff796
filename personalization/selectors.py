"""Reading content, the published rule set, and what a visitor sees."""

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.core.cache import cache
from django.db.models import Max, Q, QuerySet

from consent import selectors as consent_selectors
from consent.logic import ConsentState
from personalization.decide import PURPOSE, Decision, RuleSet, decide, ruleset_compile
from personalization.frequency.given import NO_COUNTERS, given_keys, given_read
from personalization.frequency.limits import NOTHING_SHOWN
from personalization.frequency.shown import shown_read
from personalization.models import Campaign, Category, ContentItem
from personalization.models import RuleSet as RuleSetRow
from personalization.rules.context import Context
from personalization.segments.kept import memberships_get
from profiles import selectors as profile_selectors
from profiles.state import State

RULESET_VERSION_KEY = "ruleset:version"
#: Seconds after which a page asks PostgreSQL again: a publication whose write to the cache failed
#: is late by so much, and not for ever.
RULESET_VERSION_TTL = 10

EMPTY_RULESET = RuleSet(version=0, weights={}, slots={}, cards={})


def category_list() -> QuerySet[Category]:
    return Category.objects.all()


def category_get(slug: str) -> Category | None:
    return Category.objects.filter(slug=slug).first()


def item_list(
    *, category: str | None = None, content_type: str | None = None, limit: int | None = None
) -> QuerySet[ContentItem]:
    """Published items, newest first, without their bodies: lists show cards."""
    items = _items_published().defer("body")
    if category:
        items = items.filter(category__slug=category)
    if content_type:
        items = items.filter(content_type=content_type)
    return items[:limit] if limit is not None else items


def item_get(slug: str) -> ContentItem | None:
    return _items_published().filter(slug=slug).first()


def _items_published() -> QuerySet[ContentItem]:
    return ContentItem.objects.filter(is_published=True).select_related("category")


def item_search(query: str, limit: int = 24) -> list[ContentItem]:
    """Published items that hold every word of the query; title matches first."""
    words = query.split()[:8]
    if not words:
        return []
    items = item_list()
    for word in words:
        items = items.filter(
            Q(title__icontains=word)
            | Q(summary__icontains=word)
            | Q(tags__icontains=word)
            | Q(category__name__icontains=word)
            | Q(body__icontains=word)
        )
    first = words[0].casefold()
    found = list(items[: 4 * limit])
    return sorted(found, key=lambda item: first not in item.title.casefold())[:limit]


def ruleset_current(version: object = None) -> RuleSet:
    """The published rule set; `version` is what the cache said, None when it did not know."""
    if not isinstance(version, int):
        version = ruleset_version()
        cache.add(RULESET_VERSION_KEY, version, timeout=RULESET_VERSION_TTL)
    ruleset = _latest[0] = _ruleset_compiled(version) if version else EMPTY_RULESET
    return ruleset


def ruleset_known() -> RuleSet:
    """The rule set that this process decided by last: what to read before the version is known."""
    return _latest[0]


_latest = [EMPTY_RULESET]


@lru_cache(maxsize=2)
def _ruleset_compiled(version: int) -> RuleSet:
    """A version never changes, so a process compiles it once."""
    row = RuleSetRow.objects.get(version=version)
    return ruleset_compile(row.version, row.payload)


def campaign_counts() -> tuple[int, int, int]:
    """(published, waiting for review, all others that are not archived)."""
    statuses = Campaign.Status
    published = Campaign.objects.filter(status=statuses.PUBLISHED).count()
    waiting = Campaign.objects.filter(submitted__isnull=False).count()
    others = Campaign.objects.exclude(status__in=(statuses.PUBLISHED, statuses.ARCHIVED))
    return published, waiting, others.filter(submitted__isnull=True).count()


def campaign_names() -> list[tuple[int, str]]:
    """Every campaign by id and name, in the order of names."""
    return list(Campaign.objects.order_by("name").values_list("pk", "name"))


def ruleset_version() -> int:
    """The version in force, from PostgreSQL; 0 before the first."""
    return RuleSetRow.objects.aggregate(latest=Max("version"))["latest"] or 0


def rulesets_recent(*, limit: int) -> list[Any]:
    """The latest versions, newest first; `before` is the payload each one followed, or None."""
    return befores_attach(RuleSetRow.objects.all()[:limit])


def befores_attach(rows: Iterable[Any]) -> list[Any]:
    """Versions that follow each other, each with its `before`; reads one payload more.

    Numbers may have gaps, so the one before the oldest is looked for.
    """
    listed = list(rows)
    newest_first = sorted(listed, key=lambda row: -row.version)
    if listed:
        oldest = RuleSetRow.objects.filter(version__lt=newest_first[-1].version).first()
        for row, before in zip(newest_first, [*newest_first[1:], oldest], strict=True):
            row.before = before.payload if before else None
    return listed


def ruleset_latest() -> RuleSet:
    """The published rule set, from PostgreSQL: for the command line and the admin."""
    row = RuleSetRow.objects.first()
    return ruleset_compile(row.version, row.payload) if row else EMPTY_RULESET


def decisions_explain(context: Context) -> list[Decision]:
    """What every slot would show in this context, each campaign with its trace."""
    ruleset = ruleset_latest()
    return [decide(ruleset, slot, context, explain=True) for slot in ruleset.slots]


def visitor_context(visitor_id: UUID, *, now: datetime) -> Context:
    """The context of a visitor without a request: for the visitor view and the command line."""
    consent = consent_selectors.consent_for_visitor(visitor_id, False, now)
    state, shown, memberships, given = None, NOTHING_SHOWN, None, NO_COUNTERS
    if consent.allows(PURPOSE):
        ruleset = ruleset_latest()
        state = profile_selectors.profile_get(visitor_id) or State()
        shown = shown_read(visitor_id, ruleset)
        given = given_read(given_keys(ruleset.capacities, now=now))
        memberships = memberships_get(visitor_id)
    return Context(
        now=now.timestamp(),
        state=state,
        weights=profile_selectors.weights_current(),
        baseline=profile_selectors.baseline_latest(),
        consent=consent_words(consent),
        shown=shown,
        given=given,
        kept=profile_selectors.features_kept(state) if state is not None else frozenset(),
        memberships=memberships,
    )


def consent_words(consent: ConsentState) -> dict[str, str]:
    """Each active purpose's state as conditions name it."""
    undecided = "refused" if consent.decided else "not_asked"
    return {
        purpose.key: "granted" if consent.allows(purpose.key) else undecided
        for purpose in consent_selectors.purposes_active()
    }
