"""Who a page is made for: consent, profile, rule set and baseline in one round trip to Redis.

Made lazily, once per request. The profile of a visitor without consent is not used; without a
cookie nothing of a visitor is asked for.
"""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from uuid import UUID

from django.core.cache import cache
from django.http import HttpRequest
from django.utils import timezone

from consent import selectors as consent_selectors
from consent.logic import ConsentState
from personalization.decide import PURPOSE, Decision, RuleSet
from personalization.exposing import decide_and_reserve
from personalization.frequency.given import NO_COUNTERS, given_keys, given_of, given_read
from personalization.frequency.limits import NOTHING_SHOWN
from personalization.frequency.shown import ShownCopy, shown_cache_key
from personalization.page import HttpPage
from personalization.rules.context import Context, PageRequest
from personalization.segments.kept import memberships_cache_key, memberships_from_cache
from personalization.segments.membership import Memberships
from personalization.selectors import (
    EMPTY_RULESET,
    RULESET_VERSION_KEY,
    consent_words,
    ruleset_current,
    ruleset_known,
)
from profiles import selectors as profile_selectors
from profiles.baseline import Baseline
from profiles.selectors import BASELINE_VERSION_KEY
from profiles.state import State

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Known:
    """What one round trip brought. `consent_raw` is the consent as the cache held it, if it did;
    `copy` is None for a visitor of whom nothing may be known."""

    consent: ConsentState
    state: State | None
    ruleset: RuleSet
    baseline: Baseline | None = None
    consent_raw: object = None
    copy: ShownCopy | None = None
    kept: frozenset[str] = frozenset()
    memberships: Memberships | None = None


class Visitor:
    """The visitor of one request. What the page is about is set by views that know it.

    `page` is the page of the request unless it is set before anything is decided: by the API, which
    is told of a page elsewhere.
    """

    def __init__(self, request: HttpRequest) -> None:
        self._request = request
        self._decisions: dict[str, Decision] = {}
        self.page_category = ""
        self.page_type = ""
        self.page_tags: Collection[str] | None = None
        self.page_item = ""

    @cached_property
    def known(self) -> Known:
        """Consent, profile and rule set; whatever cannot be read is denied, unknown or empty."""
        now = timezone.now()
        gpc = consent_selectors.gpc_from_request(self._request)
        visitor_id = consent_selectors.visitor_id_for_page(self._request, now=now)
        return _known_read(visitor_id, gpc=gpc, now=now)

    @cached_property
    def page(self) -> PageRequest:
        """What rules may ask of the page."""
        return HttpPage(
            self._request,
            page_category=self.page_category,
            page_type=self.page_type,
            page_tags=self.page_tags,
            page_item=self.page_item,
        )

    @cached_property
    def context(self) -> Context:
        known = self.known
        return Context(
            now=timezone.now().timestamp(),
            state=known.state,
            weights=known.ruleset.weights,
            baseline=known.baseline,
            request=self.page,
            consent=consent_words(known.consent),
            gpc=known.consent.gpc,
            shown=known.copy.shown if known.copy else NOTHING_SHOWN,
            given=known.copy.given if known.copy else NO_COUNTERS,
            kept=known.kept,
            memberships=known.memberships,
        )

    def decide(self, slot: str) -> Decision | None:
        """The decision for a slot, the same however often a page asks; None for one not made."""
        self.decide_all((slot,))
        return self._decisions.get(slot)

    def decide_all(self, slots: Sequence[str]) -> None:
        """Decide the slots of a page together: what has limits is counted in one round trip.

        It counts as given to the visitor, so name only what the page will show.
        """
        ruleset, copy = self.known.ruleset, self.known.copy
        known = [slot for slot in dict.fromkeys(slots) if slot in ruleset.slots]
        new = [slot for slot in known if slot not in self._decisions]
        if new:
            decisions = decide_and_reserve(ruleset, new, self.context, copy)
            self._decisions |= zip(new, decisions, strict=True)


def _known_read(visitor_id: UUID | None, *, gpc: bool, now: datetime) -> Known:
    if visitor_id is None:
        return Known(ConsentState(gpc=gpc), None, _ruleset_read(cache.get(RULESET_VERSION_KEY)))
    consent_key = consent_selectors.consent_cache_key(visitor_id)
    profile_key = profile_selectors.profile_cache_key(visitor_id)
    shown_key = shown_cache_key(visitor_id)
    segments_key = memberships_cache_key(visitor_id)
    before = ruleset_known()
    counters = given_keys(before.capacities, now=now)
    found = cache.get_many(
        (
            *(RULESET_VERSION_KEY, BASELINE_VERSION_KEY),
            *(consent_key, profile_key, shown_key, segments_key),
            *counters,
        )
    )
    consent = consent_selectors.consent_from_cache(
        found.get(consent_key), visitor_id=visitor_id, gpc=gpc, now=now
    ) or consent_selectors.consent_for_visitor(visitor_id, gpc, now)
    ruleset = _ruleset_read(found.get(RULESET_VERSION_KEY))
    if not consent.allows(PURPOSE):
        return Known(consent, None, ruleset)
    state = _state_read(visitor_id, found.get(profile_key))
    if ruleset is before:
        given = given_of(found, counters)
    else:  # a new version, whose counters were not asked for
        given = given_read(given_keys(ruleset.capacities, now=now))
    memberships = None
    if ruleset.asks_memberships:
        memberships = _memberships_read(visitor_id, found.get(segments_key))
    return Known(
        consent,
        state,
        ruleset,
        _baseline_read(found.get(BASELINE_VERSION_KEY)),
        found.get(consent_key),
        ShownCopy(visitor_id, found.get(shown_key), found.get(consent_key), given),
        _kept_read(state),
        memberships,
    )


def _state_read(visitor_id: UUID, raw: bytes | None) -> State | None:
    """The profile; None, so that behavior is unknown, when it cannot be read."""
    try:
        return profile_selectors.profile_from_cache(visitor_id, raw) or State()
    except Exception:  # a page never breaks because personalization did
        log.exception("a profile cannot be read, showing what needs none")
        return None


def _kept_read(state: State | None) -> frozenset[str]:
    """The declared features that the profile keeps; none, so that they are unknown, when that
    cannot be read."""
    if state is None:
        return frozenset()
    try:
        return profile_selectors.features_kept(state)
    except Exception:  # a page never breaks because personalization did
        log.exception("what profiles keep cannot be read, leaving it unknown")
        return frozenset()


def _memberships_read(visitor_id: UUID, raw: object) -> Memberships | None:
    """When the visitor came into segments and left them; None, so that it is unknown, when that
    cannot be read."""
    try:
        return memberships_from_cache(visitor_id, raw)
    except Exception:  # a page never breaks because personalization did
        log.exception("memberships cannot be read, leaving them unknown")
        return None


def _baseline_read(version: object) -> Baseline | None:
    """The site's baseline; None, so that readings do without, when it cannot be read."""
    try:
        return profile_selectors.baseline_current(version)
    except Exception:  # a page never breaks because personalization did
        log.exception("the site's baseline cannot be read, reading profiles without")
        return None


def _ruleset_read(version: object) -> RuleSet:
    """The published rule set; an empty one when it cannot be read."""
    try:
        return ruleset_current(version)
    except Exception:  # a page never breaks because personalization did
        log.exception("the published rules cannot be read, leaving slots empty")
        return EMPTY_RULESET
