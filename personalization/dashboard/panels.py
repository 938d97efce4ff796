"""The first page of the admin: figures, each for those who may see what is behind it.

Nothing here reads events: charts and campaigns read counts by the hour (tracking.activity), the
rest one bounded read each, so the page costs the same with a thousand times the data.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from consent import selectors as consent_selectors
from personalization import selectors
from personalization.campaigns.changes import ruleset_changes
from personalization.dashboard.bars import PERIODS, BarChart, Period, bar_chart
from personalization.dashboard.health import CHECK_OVERDUE, LINES, Health
from profiles import selectors as profile_selectors
from tracking import selectors as tracking_selectors
from tracking.pipeline.wire import Refusal

VERSIONS_SHOWN = 5
CHANGES_SHOWN = 3
CAMPAIGNS_SHOWN = 20
#: What the table of campaigns counts, over so many days.
CAMPAIGN_DAYS = 30
CLICKS = ("click", "category_click", "add_to_cart")
INTERESTS_SHOWN = 8
VISITORS = "profiles.view_profile"


@dataclass(frozen=True)
class Card:
    """A figure with what it means, and the page behind it."""

    label: str
    figure: str
    text: str
    url: str = ""


@dataclass(frozen=True)
class CampaignLine:
    """What a live campaign brought about in CAMPAIGN_DAYS days; `rate` in percent, None of none."""

    id: int
    name: str
    slot: str
    exposures: int
    clicks: int

    @property
    def rate(self) -> float | None:
        return 100.0 * self.clicks / self.exposures if self.exposures else None


@dataclass(frozen=True)
class InterestLine:
    """A category's part of the whole site's affinity, in percent."""

    name: str
    percent: float


def dashboard_context(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Unfold's DASHBOARD_CALLBACK: everything this person may see, and nothing else."""
    now = timezone.now()
    may = request.user.has_perm
    wanted = request.GET.get("period")
    period = next((period for period in PERIODS if period.key == wanted), PERIODS[0])
    return {
        **context,
        "title": "Overview",
        "cards": [make() for permission, make in CARDS if may(permission)],
        "periods": PERIODS,
        "period": period,
        "charts": charts_make(period, now=now) if may(VISITORS) else [],
        "shows_campaigns": may("personalization.view_campaign"),
        "campaigns": campaign_lines(now=now) if may("personalization.view_campaign") else [],
        "campaign_days": CAMPAIGN_DAYS,
        "shows_interests": may(VISITORS),
        "interests": interest_lines() if may(VISITORS) else [],
        "health": health_lines(request, now=now),
        "published": _published(request),
        "failed_check": _failed_check(request),
    }


def charts_make(period: Period, *, now: datetime) -> list[BarChart]:
    """Events, visitors who agreed, and exposures over a period."""
    since = period.times(now)[0]
    events: dict[datetime, int] = {}
    exposures: dict[datetime, int] = {}
    for line in tracking_selectors.activity_list(since=since, unit=period.unit):
        events[line.at] = events.get(line.at, 0) + line.events
        if line.type == "exposure":
            exposures[line.at] = line.events
    agreed = consent_selectors.grants_by_period(since=since, unit=period.unit)
    return [
        bar_chart("Events", "of any kind", events, period=period, now=now),
        bar_chart(
            "Consented visitors",
            f"who agreed in that {period.unit}, and still do",
            agreed,
            period=period,
            now=now,
        ),
        bar_chart(
            "Exposures",
            "times a campaign showed",
            exposures,
            period=period,
            now=now,
        ),
    ]


def campaign_lines(*, now: datetime) -> list[CampaignLine]:
    """The campaigns that pages are decided by now, most exposures first."""
    since = now - timedelta(days=CAMPAIGN_DAYS)
    counts = tracking_selectors.campaign_activity(since=since)
    lines = [
        CampaignLine(
            id=campaign.id,
            name=campaign.name,
            slot=slot.name,
            exposures=counts.get((campaign.id, "exposure"), 0),
            clicks=sum(counts.get((campaign.id, kind), 0) for kind in CLICKS),
        )
        for slot in selectors.ruleset_current().slots.values()
        for campaign in slot.campaigns
        if campaign.is_on(now.timestamp())
    ]
    return sorted(lines, key=lambda line: (-line.exposures, line.name))[:CAMPAIGNS_SHOWN]


def interest_lines() -> list[InterestLine]:
    """What the site's visitors like most, from the baseline of the last hour."""
    baseline = profile_selectors.baseline_latest()
    shares = baseline.shares if baseline else {}
    names = dict(selectors.category_list().values_list("slug", "name"))
    ranked = sorted(shares.items(), key=lambda pair: (-pair[1], pair[0]))[:INTERESTS_SHOWN]
    return [InterestLine(names.get(slug, slug), 100.0 * share) for slug, share in ranked]


def health_lines(request: HttpRequest, *, now: datetime) -> list[Health]:
    return [make(now) for permission, make in LINES if request.user.has_perm(permission)]


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
    count, is_exact = profile_selectors.profile_count()
    text = "have a profile" if count else "Nobody has agreed and read a page yet."
    figure = f"{count:,}" if is_exact else f"about {count:,}"
    return Card("Visitors", figure, text, reverse("admin:profiles_profile_changelist"))


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
    since = PERIODS[0].times(timezone.now())[0]  # as the chart below
    listed = tracking_selectors.activity_list(since=since, unit="day")
    return Card("Events", f"{sum(line.events for line in listed):,}", "in the last 24 hours")


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
