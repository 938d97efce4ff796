"""The first page of the admin: a few figures, each for those who may see what is behind it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from personalization import selectors
from personalization.changes import ruleset_changes
from profiles import selectors as profile_selectors
from tracking import selectors as tracking_selectors
from tracking.pipeline.wire import Refusal

VERSIONS_SHOWN = 5
#: A nightly check that has not come for so long is worth a word.
CHECK_OVERDUE = timedelta(hours=36)
CHANGES_SHOWN = 3


@dataclass(frozen=True)
class Card:
    """A figure with what it means, and the page behind it."""

    label: str
    figure: str
    text: str
    url: str = ""


def dashboard_context(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Unfold's DASHBOARD_CALLBACK: adds `cards`, the latest versions and what is wrong."""
    cards = [make() for permission, make in CARDS if request.user.has_perm(permission)]
    return {
        **context,
        "cards": cards,
        "title": "Overview",
        "published": _published(request),
        "failed_check": _failed_check(request),
    }


def _failed_check(request: HttpRequest) -> profile_selectors.CheckResult | None:
    """The latest self-check if it found profiles that differ and nobody has rebuilt them."""
    if not request.user.has_perm("profiles.view_profile"):
        return None
    check = profile_selectors.self_check_latest()
    return check if check is not None and check.is_open else None


def _published(request: HttpRequest) -> list[dict[str, Any]]:
    """The latest versions with what changed, for those who may see them."""
    if not request.user.has_perm("personalization.view_ruleset"):
        return []
    return [
        {
            "ruleset": ruleset,
            "changes": ruleset_changes(ruleset.before, ruleset.payload)[:CHANGES_SHOWN],
        }
        for ruleset in selectors.rulesets_recent(limit=VERSIONS_SHOWN)
    ]


def _visitors() -> Card:
    count = profile_selectors.profile_count()
    text = "have a profile" if count else "Nobody has agreed and read a page yet."
    return Card("Visitors", f"{count:,}", text, reverse("admin:profiles_profile_changelist"))


def _campaigns() -> Card:
    published, waiting, others = selectors.campaign_counts()
    parts = ["published"]
    parts += [f"{waiting} in review"] if waiting else []
    parts += [f"{others} not"] if others else []
    text = ", ".join(parts) if published or waiting or others else "Make the first one."
    url = reverse("admin:personalization_campaign_changelist")
    return Card("Campaigns", f"{published:,}", text, url)


def _version() -> Card:
    version = selectors.ruleset_version()
    url = reverse("admin:personalization_ruleset_changelist")
    return Card("Version", f"{version}", "of the rules is in force", url)


def _events() -> Card:
    count = tracking_selectors.event_count_since(timezone.now() - timedelta(hours=24))
    return Card("Events", f"{count:,}", "in the last 24 hours")


def _inbox() -> Card:
    size = tracking_selectors.inbox_size()
    return Card("Inbox", f"{size:,}", "requests wait for a worker" if size else "All worked off.")


def _refusals() -> Card:
    counts = tracking_selectors.drop_counts()
    counts.pop(Refusal.NOTHING_ACCEPTED, None)  # its events are counted themselves
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:3]
    text = ", ".join(f"{reason.replace('_', ' ')} {count:,}" for reason, count in ranked)
    url = reverse("admin:tracking_dropcount_changelist")
    return Card("Refusals", f"{sum(counts.values()):,}", text or "Nothing was refused.", url)


def _self_check() -> Card:
    check = profile_selectors.self_check_latest()
    url = reverse("admin:profiles_selfcheck_changelist")
    if check is None:
        return Card("Self-check", "–", "Profiles are checked against events every night.", url)
    verb = "differs" if check.differing == 1 else "differ"
    text = f"{check.checked:,} checked, {check.differing:,} {verb}"
    text += f" ({check.finished_at:%-d %b %Y, %H:%M} UTC)"
    if check.differing and not check.is_open:
        text += ", rebuilt since"
    if timezone.now() - check.finished_at > CHECK_OVERDUE:
        text += ". Overdue: is the schedule running?"
    return Card("Self-check", f"{check.differing:,}", text, url)


CARDS: tuple[tuple[str, Callable[[], Card]], ...] = (
    ("profiles.view_profile", _visitors),
    ("personalization.view_campaign", _campaigns),
    ("personalization.view_ruleset", _version),
    ("profiles.view_profile", _events),
    ("profiles.view_profile", _inbox),
    ("tracking.view_dropcount", _refusals),
    ("profiles.view_selfcheck", _self_check),
)
