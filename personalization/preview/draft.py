"""The draft that is previewed: as saved, or as it stands in somebody's form; among the live rules.

A form's state is kept for half an hour in Redis, for the person and the session that posted it,
and nowhere else. Nothing is published.
"""

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.cache import cache
from django.http import HttpRequest

from personalization import services
from personalization.campaigns.readiness import Shown, shown_now
from personalization.campaigns.versions import draft_payload, page_payload, problems_of
from personalization.decide import RuleSet, ruleset_compile
from personalization.models import Campaign, Slot
from personalization.segments.resolving import rule_resolve

KEPT_SECONDS = 30 * 60
KEY = "preview:draft:"


class DraftError(ValueError):
    """There is nothing of this reference to preview; says what to do."""


@dataclass(frozen=True)
class Draft:
    """What a campaign would say (campaigns.versions). `reference` is what addresses carry.

    `campaign` is 0 for one that was never saved.
    """

    reference: str
    campaign: int
    payload: Mapping[str, Any]
    is_saved: bool

    @property
    def problems(self) -> list[str]:
        """Why it cannot be on a page."""
        return problems_of(self.payload)


def owner_of(request: HttpRequest) -> str:
    """A person and their session, in short: what a preview belongs to."""
    session = request.session.session_key or ""
    return hashlib.sha256(f"{request.user.pk} {session}".encode()).hexdigest()[:32]


def draft_keep(campaign: Campaign, *, owner: str) -> str:
    """Keep a form's state for its owner; returns its reference."""
    reference = f"form-{secrets.token_hex(16)}"
    kept = {"owner": owner, "campaign": campaign.pk or 0, "payload": draft_payload(campaign)}
    cache.set(KEY + reference, json.dumps(kept).encode(), timeout=KEPT_SECONDS)
    return reference


def draft_get(reference: str, *, owner: str) -> Draft:
    """The draft of a reference: a campaign's id, or what `draft_keep` gave. Raises DraftError."""
    if reference.isdecimal() and len(reference) < 10:
        rows = Campaign.objects.select_related("slot", "variant__category", "exclusion_group")
        campaign = rows.filter(pk=reference).first()
        if campaign is None:
            raise DraftError("There is no such campaign any more.")
        return Draft(reference, campaign.pk, draft_payload(campaign), is_saved=True)
    raw = cache.get(KEY + reference[:40]) if reference.startswith("form-") else None
    kept = json.loads(raw) if isinstance(raw, bytes) else {}
    if kept.get("owner") != owner:
        raise DraftError(
            "What you typed is kept for half an hour, for you alone. Go back to the form and press "
            "“Preview” again."
        )
    return Draft(reference, kept["campaign"], kept["payload"], is_saved=False)


def ruleset_with(draft: Draft) -> RuleSet:
    """The rules as they would be if this draft were published now, and ready.

    Without the draft where it cannot be on a page. Raises DraftError.
    """
    shown = [each for number, each in shown_now().items() if number != draft.campaign]
    if not draft.problems:
        said = {**draft.payload, "rule": rule_resolve(draft.payload["rule"])}
        shown.append(Shown(slot_of(draft).key, page_payload(draft.campaign, said)))
    try:
        payload = services.payload_of(shown)
        return ruleset_compile(0, payload)
    except KeyError:
        raise DraftError("Its variant is not there any more: choose another.") from None


def slot_of(draft: Draft) -> Slot:
    """Where the draft is shown. Raises DraftError."""
    slot = Slot.objects.filter(pk=draft.payload["slot"]).first()
    if slot is None:
        raise DraftError("Its slot is not there any more: choose another.")
    return slot
