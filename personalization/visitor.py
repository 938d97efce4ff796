"""Who a page is made for: consent, profile and rule set in one round trip to Redis.

Made lazily, once per request. A visitor without consent costs no profile read and leaves no trace.
"""

import logging
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from urllib.parse import urlsplit
from uuid import UUID

from django.core.cache import cache
from django.http import HttpRequest
from django.utils import timezone

from consent import selectors as consent_selectors
from consent.logic import ConsentState
from personalization.decide import PURPOSE, Decision, RuleSet, decide
from personalization.rules.context import Context, PageRequest
from personalization.selectors import RULESET_VERSION_KEY, consent_words, ruleset_current
from profiles import selectors as profile_selectors
from profiles.state import State
from tracking.useragent import agent_of

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Known:
    """What one round trip brought."""

    consent: ConsentState
    state: State | None
    ruleset: RuleSet


class Visitor:
    """The visitor of one request; `page_category` is set by views that know it."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request
        self.page_category = ""

    @cached_property
    def known(self) -> Known:
        """Consent, profile and rule set; defaults for everything that cannot be read."""
        now = timezone.now()
        gpc = consent_selectors.gpc_from_request(self._request)
        visitor_id = consent_selectors.visitor_id_from_cookie(self._request, now=now)
        try:
            return _known_read(visitor_id, gpc=gpc, now=now)
        except Exception:  # a page never breaks because personalization did
            log.exception("personalization is not available, showing defaults")
            return Known(ConsentState(gpc=gpc), None, ruleset_current(None))

    @cached_property
    def context(self) -> Context:
        request, known = self._request, self.known
        return Context(
            now=timezone.now().timestamp(),
            state=known.state,
            weights=known.ruleset.weights,
            request=PageRequest(
                path=request.path,
                page_category=self.page_category,
                query=request.GET.dict(),
                referrer_host=_host_of(request.headers.get("Referer", "")),
                language=request.headers.get("Accept-Language", "").partition(",")[0],
                device=agent_of(request.headers.get("User-Agent", "")).device,
            ),
            consent=consent_words(known.consent),
            gpc=known.consent.gpc,
        )

    def decide(self, slot: str) -> Decision | None:
        """The decision for a slot; None for a slot nobody has made."""
        ruleset = self.known.ruleset
        return decide(ruleset, slot, self.context) if slot in ruleset.slots else None


def _known_read(visitor_id: UUID | None, *, gpc: bool, now: datetime) -> Known:
    if visitor_id is None:
        version = cache.get(RULESET_VERSION_KEY)
        return Known(ConsentState(gpc=gpc), None, ruleset_current(version))
    consent_key = consent_selectors.consent_cache_key(visitor_id)
    profile_key = profile_selectors.profile_cache_key(visitor_id)
    found = cache.get_many((RULESET_VERSION_KEY, consent_key, profile_key))
    consent = consent_selectors.consent_from_cache(
        found.get(consent_key), visitor_id=visitor_id, gpc=gpc, now=now
    ) or consent_selectors.consent_for_visitor(visitor_id, gpc, now)
    state = None
    if consent.allows(PURPOSE):
        raw = found.get(profile_key)
        state = profile_selectors.profile_from_cache(visitor_id, raw) or State()
    return Known(consent, state, ruleset_current(found.get(RULESET_VERSION_KEY)))


def _host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
