"""A month of campaigns, slot by slot: what runs when, and what runs at the same time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone

from personalization.campaigns.month import (
    Bar,
    Span,
    month_after,
    month_bars,
    month_before,
    month_days,
    month_read,
)
from personalization.campaigns.versions import draft_payload
from personalization.campaigns.zones import instant_text
from personalization.frequency.showing import Fullness, fullness_of
from personalization.models import Campaign, Slot

#: More than a page can show is said to be more.
MOST = 300


@dataclass(frozen=True)
class Line:
    """A bar with what it says and where it leads."""

    bar: Bar
    campaign: Campaign
    when: str
    beside: str
    of_draft: bool
    places: str = ""


class CalendarView:
    """The calendar, reached from the list."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.calendar_view)  # type: ignore[attr-defined]
        return [path("calendar/", view, name="campaign_calendar"), *super().get_urls()]  # type: ignore[misc]

    def calendar_view(self, request: HttpRequest) -> HttpResponse:
        """The month of ?month=2026-03, this one without."""
        if not request.user.has_perm("personalization.view_campaign"):
            raise PermissionDenied
        zone = settings.CAMPAIGN_ZONE
        today = timezone.now().astimezone(ZoneInfo(zone)).date()
        first = month_read(request.GET.get("month", ""), today)
        slots, is_cut = slot_lines(first, zone)
        days = [date(first.year, first.month, day + 1) for day in range(month_days(first))]
        context = {
            **self.admin_site.each_context(request),  # type: ignore[attr-defined]
            "title": f"Campaigns in {first:%B %Y}",
            "month": first,
            "before": f"{month_before(first):%Y-%m}",
            "after": f"{month_after(first):%Y-%m}",
            "this": f"{today:%Y-%m}",
            "days": [(day, day == today, day.weekday() > 4) for day in days],
            "slots": slots,
            "is_empty": not any(lines for _, lines in slots),
            "is_cut": is_cut,
            "zone": zone,
            "most": MOST,
        }
        return TemplateResponse(request, "admin/personalization/campaign/calendar.html", context)


def slot_lines(first: date, zone: str) -> tuple[list[tuple[Slot, list[Line]]], bool]:
    """Each slot with the bars of a month, and whether some campaigns were left out."""
    spans: dict[int, list[Span]] = {}
    campaigns = list(
        Campaign.objects.exclude(status=Campaign.Status.ARCHIVED)
        .select_related("slot", "variant__category", "exclusion_group", "published")
        .order_by("-priority", "name")[: MOST + 1]
    )
    for campaign in campaigns[:MOST]:
        said = _said(campaign)
        span = Span(
            name=campaign.name,
            priority=said["priority"],
            starts=_instant(said["starts"]),
            ends=_instant(said["ends"]),
            is_on=campaign.status == Campaign.Status.PUBLISHED,
            subject=(campaign, said),
        )
        spans.setdefault(said["slot"], []).append(span)
    fullness = fullness_of(campaigns[:MOST], now=timezone.now())
    slots = [
        (slot, [_line(bar, fullness) for bar in month_bars(spans.get(slot.pk, []), first, zone)])
        for slot in Slot.objects.order_by("name")
    ]
    return slots, len(campaigns) > MOST


def _said(campaign: Campaign) -> dict[str, Any]:
    """What pages follow; of a campaign that is on none, its draft."""
    return campaign.published.payload if campaign.published else draft_payload(campaign)


def _line(bar: Bar, fullness: Mapping[int, Fullness]) -> Line:
    campaign, said = bar.span.subject
    places = fullness[campaign.pk].words if campaign.pk in fullness else ""
    return Line(bar, campaign, when_text(said), _beside(bar), campaign.published is None, places)


def when_text(said: dict[str, Any]) -> str:
    """A schedule in words: "always", "from …", "until …", "… to …"."""
    zone = said.get("zone") or "UTC"
    starts, ends = (instant_text(said[k], zone) if said[k] else "" for k in ("starts", "ends"))
    if starts and ends:
        return f"{starts.removesuffix(' ' + zone)} to {ends}"
    if starts:
        return f"from {starts}"
    return f"until {ends}" if ends else "always"


def _beside(bar: Bar) -> str:
    """Which others want the slot at the same time, and whether one of them goes first."""
    if not bar.beside:
        return ""
    first = max(bar.beside, key=lambda span: span.priority)
    count = len(bar.beside)
    others = f"“{bar.beside[0].name}”" if count == 1 else f"{count} others"
    if first.priority > bar.span.priority:
        return (
            f"at the same time as {others}; “{first.name}” goes first (priority {first.priority})"
        )
    if first.priority == bar.span.priority:
        return (
            f"at the same time as {others}, with the same priority: the one published first "
            "goes first"
        )
    return f"at the same time as {others}; this one goes first (priority {bar.span.priority})"


def _instant(seconds: float | None) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds is not None else None
