"""A campaign's history: who did what and why, any two versions compared, and the way back."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from personalization import services
from personalization.admin.campaign_steps import note_of
from personalization.campaigns import campaigning
from personalization.campaigns.changes import campaign_changes, campaign_lines, content_changes
from personalization.campaigns.readiness import publish_problems
from personalization.campaigns.steps import MAY_CHANGE, MAY_PUBLISH
from personalization.campaigns.versions import (
    draft_differs,
    draft_payload,
    pages_change,
    with_content_now,
)
from personalization.models import Campaign, CampaignVersion

STEPS_LISTED = 30
DRAFT = "draft"


class HistoryViews:
    """Takes the place of Django's history, which knows no versions."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.rollback_view)  # type: ignore[attr-defined]
        return [
            path("<int:pk>/rollback/<int:number>/", view, name="campaign_rollback"),
            *super().get_urls(),  # type: ignore[misc]
        ]

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        campaign = self.get_object(request, object_id)  # type: ignore[attr-defined]
        if campaign is None:
            raise Http404
        if not self.has_view_permission(request, campaign):  # type: ignore[attr-defined]
            raise PermissionDenied
        versions = list(campaign.versions.defer("payload"))
        page = Paginator(campaign.steps.select_related("version"), STEPS_LISTED).get_page(
            request.GET.get("p")
        )
        context = {
            "title": f"History: {campaign}",
            "campaign": campaign,
            "page": page,
            "versions": versions,
            "may_roll_back": request.user.has_perm(MAY_CHANGE),
            **_comparison(campaign, request.GET.get("from", ""), request.GET.get("to", "")),
        }
        return self._campaign_page(request, "history.html", context)

    def rollback_view(self, request: HttpRequest, pk: int, number: int) -> HttpResponse:
        """GET says what going back to a version would change, POST does it."""
        if not request.user.has_perm(MAY_CHANGE):
            raise PermissionDenied
        campaign = get_object_or_404(
            Campaign.objects.select_related("slot", "variant__category", "published"), pk=pk
        )
        version = get_object_or_404(campaign.versions, number=number)
        if request.method == "POST":
            return self._roll_back(request, campaign, version)
        then = with_content_now(version.payload)
        context = {
            "title": f"Back to version {number}: {campaign}",
            "campaign": campaign,
            "version": version,
            "changes": pages_change(campaign, version.payload),
            "is_published": campaign.published is not None,
            "draft_changes": campaign_changes(draft_payload(campaign), then),
            "content": content_changes(version.payload["content"], then["content"]),
            "whole": campaign_lines(then),
            "problems": publish_problems(campaign, version.payload),
            "keeps_draft": draft_differs(campaign),
            "may_publish": request.user.has_perm(MAY_PUBLISH),
        }
        return self._campaign_page(request, "rollback.html", context)

    def _roll_back(
        self, request: HttpRequest, campaign: Campaign, version: CampaignVersion
    ) -> HttpResponse:
        publish = "_publish" in request.POST
        if publish and not request.user.has_perm(MAY_PUBLISH):
            raise PermissionDenied
        revision = request.POST.get("revision", "")
        campaign.revision = int(revision) if revision.isdecimal() and len(revision) < 10 else -1
        by = request.user.get_username()
        note = note_of(request)
        try:
            with transaction.atomic():
                campaigning.campaign_rollback(
                    campaign=campaign, version=version, by=by, note=note, publish=publish
                )
                services.ruleset_publish(by=by)
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
            return redirect("admin:campaign_rollback", campaign.pk, version.number)
        where = "published again" if publish else "in the draft"
        self.log_change(request, campaign, f"Version {version.number} is {where}.")  # type: ignore[attr-defined]
        messages.success(request, f"What version {version.number} says is {where}.")
        return redirect("admin:personalization_campaign_change", campaign.pk)

    def _campaign_page(
        self, request: HttpRequest, template: str, context: dict[str, Any]
    ) -> HttpResponse:
        return TemplateResponse(
            request,
            f"admin/personalization/campaign/{template}",
            {**self.admin_site.each_context(request), **context},  # type: ignore[attr-defined]
        )


def _comparison(campaign: Campaign, older: str, newer: str) -> dict[str, Any]:
    """Two versions (or the draft) in words; the latest two when none are named."""
    numbers = list(campaign.versions.values_list("number", flat=True)[:2])
    newer = newer or DRAFT
    older = older or (str(numbers[0]) if numbers else DRAFT)
    before, after = _payload(campaign, older), _payload(campaign, newer)
    context: dict[str, Any] = {"older": older, "newer": newer, "compared": False}
    if before is None or after is None:
        return context
    return {**context, "compared": True, "changes": campaign_changes(before, after)}


def _payload(campaign: Campaign, which: str) -> dict[str, Any] | None:
    if which == DRAFT:
        return draft_payload(campaign)
    if not (which.isdecimal() and len(which) < 10):
        return None
    found = campaign.versions.filter(number=which).first()
    return found.payload if found else None
