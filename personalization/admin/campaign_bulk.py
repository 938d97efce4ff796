"""What the list of campaigns does to many at once: each as alone, in one publication."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from personalization.admin.publishing import mark_changed
from personalization.campaigns import campaigning
from personalization.campaigns.duplicating import campaign_duplicate
from personalization.campaigns.interchange_write import campaigns_export
from personalization.models import Campaign

#: So many refusals are told one by one.
REFUSALS_SHOWN = 10

Take = Callable[..., object]


class BulkActions:
    """Actions of the list. `publish` and `change` are permissions of CampaignAdmin."""

    actions = (
        "bulk_submit", "bulk_publish", "bulk_pause", "bulk_resume", "bulk_archive",
        "bulk_restore", "bulk_duplicate", "bulk_export",
    )  # fmt: skip

    @admin.action(description="Submit for review", permissions=["change"])
    def bulk_submit(self, request: HttpRequest, campaigns: QuerySet[Campaign]) -> None:
        self._each(request, campaigns, campaigning.campaign_submit, "Now in review")

    @admin.action(description="Publish", permissions=["publish"])
    def bulk_publish(self, request: HttpRequest, campaigns: QuerySet[Campaign]) -> None:
        self._each(request, campaigns, campaigning.campaign_publish, "Now published")

    @admin.action(description="Pause", permissions=["publish"])
    def bulk_pause(self, request: HttpRequest, campaigns: QuerySet[Campaign]) -> None:
        self._each(request, campaigns, campaigning.campaign_pause, "Now paused")

    @admin.action(description="Resume", permissions=["publish"])
    def bulk_resume(self, request: HttpRequest, campaigns: QuerySet[Campaign]) -> None:
        self._each(request, campaigns, campaigning.campaign_resume, "On again")

    @admin.action(description="Archive", permissions=["publish"])
    def bulk_archive(self, request: HttpRequest, campaigns: QuerySet[Campaign]) -> None:
        self._each(request, campaigns, campaigning.campaign_archive, "Now archived")

    @admin.action(description="Restore from the archive", permissions=["change"])
    def bulk_restore(self, request: HttpRequest, campaigns: QuerySet[Campaign]) -> None:
        self._each(request, campaigns, campaigning.campaign_restore, "Drafts again")

    @admin.action(description="Duplicate", permissions=["add"])
    def bulk_duplicate(self, request: HttpRequest, campaigns: QuerySet[Campaign]) -> None:
        by = request.user.get_username()
        made = [campaign_duplicate(campaign=campaign, by=by) for campaign in _whole(campaigns)]
        messages.success(request, f"Drafts made: {_listed(made)}.")

    @admin.action(description="Export as JSON", permissions=["view"])
    def bulk_export(self, request: HttpRequest, campaigns: QuerySet[Campaign]) -> HttpResponse:
        return export_response(campaigns)

    def _each(
        self, request: HttpRequest, campaigns: QuerySet[Campaign], take: Take, done: str
    ) -> None:
        by = request.user.get_username()
        taken: list[Campaign] = []
        refused: list[str] = []
        for campaign in _whole(campaigns):
            try:
                take(campaign=campaign, by=by)
            except ValidationError as error:
                refused += error.messages
                continue
            taken.append(campaign)
            self.log_change(request, campaign, f"{done}.")  # type: ignore[attr-defined]
            mark_changed(request)
        if taken:
            messages.success(request, f"{done}: {_listed(taken)}.")
        for message in refused[:REFUSALS_SHOWN]:
            messages.error(request, message)
        if len(refused) > REFUSALS_SHOWN:
            messages.error(request, f"And {len(refused) - REFUSALS_SHOWN} more were refused.")


def export_response(campaigns: QuerySet[Campaign]) -> HttpResponse:
    """The file of campaigns, to be saved."""
    return HttpResponse(
        campaigns_export(_whole(campaigns)),
        content_type="application/json",
        headers={
            "Content-Disposition": 'attachment; filename="campaigns.json"',
            "Cache-Control": "private, no-store",
        },
    )


def _whole(campaigns: QuerySet[Campaign]) -> Any:
    return campaigns.select_related(
        "slot", "variant__category", "exclusion_group", "published", "submitted"
    )


def _listed(campaigns: list[Campaign]) -> str:
    return ", ".join(f"“{campaign}”" for campaign in campaigns)
