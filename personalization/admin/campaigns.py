"""Campaigns: who sees what, where and when, edited without code, published when it is meant."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.forms import Script
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import escape
from django.utils.safestring import SafeString
from django.views.decorators.http import require_GET, require_POST
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.views import ChangeList

from personalization.admin.campaign_backtest import BacktestViews
from personalization.admin.campaign_bulk import BulkActions
from personalization.admin.campaign_calendar import CalendarView
from personalization.admin.campaign_exchange import ExchangeViews
from personalization.admin.campaign_history import HistoryViews
from personalization.admin.campaign_preview import PreviewViews
from personalization.admin.campaign_reach import ReachView
from personalization.admin.campaign_steps import SAVE_BUTTONS, StepViews
from personalization.admin.publishing import PublishingAdmin
from personalization.campaigns import campaigning
from personalization.campaigns.form import CampaignForm
from personalization.campaigns.readiness import Waiting, campaigns_waiting
from personalization.campaigns.steps import MAY_PUBLISH
from personalization.campaigns.versions import draft_differs, draft_payload
from personalization.campaigns.zones import local_from_instant
from personalization.forms import rule_names, sentence_or_empty
from personalization.frequency.form import (
    FREQUENCY_FIELDS,
    FREQUENCY_FIELDSET,
    frequency_posted,
    frequency_summary,
)
from personalization.frequency.showing import fullness_of
from personalization.models import Campaign, Variant
from personalization.preview.card import variant_preview
from profiles.selectors import Progress

STATUS_LABELS = {
    "published": "success", "paused": "warning", "review": "primary", "draft": "info",
    "archived": "",
}  # fmt: skip


class CampaignList(ChangeList):
    """Says each listed rule in words, with the names looked up once."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        names = rule_names()
        waiting = campaigns_waiting()
        fullness = fullness_of(self.result_list, now=timezone.now())
        for campaign in self.result_list:
            campaign.sentence = sentence_or_empty(campaign.rule, names)
            campaign.waiting = waiting.get(campaign.pk)
            campaign.fullness = fullness.get(campaign.pk)


@admin.register(Campaign)
class CampaignAdmin(
    BulkActions,
    StepViews,
    BacktestViews,
    HistoryViews,
    ExchangeViews,
    CalendarView,
    ReachView,
    PreviewViews,
    PublishingAdmin,
):
    form = CampaignForm
    readonly_fields = ("preview", "readiness", "frequency_summary")
    change_form_outer_before_template = None  # saving changes a draft, and no page
    change_form_template = "admin/personalization/campaign/change_form.html"
    change_list_template = "admin/personalization/campaign/change_list.html"
    list_display = ("name_slot", "state", "readiness", "priority", "schedule", "who")
    list_filter = ("status", "slot")
    list_select_related = ("slot", "variant", "published")
    search_fields = ("name", "slot__name", "variant__name")
    fieldsets = (
        (None, {"fields": ("name", ("slot", "variant"), "preview")}),
        ("Who sees it", {"fields": ("rule",)}),
        ("When", {"fields": ("priority", "zone", ("starts_at", "ends_at"), "readiness")}),
        FREQUENCY_FIELDSET,
    )

    class Media:
        js = (Script("dist/admin-rule.js", defer=True),)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return CampaignList

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("readiness/", wrap(require_GET(self.readiness_view)), name="campaign_readiness"),
            path("preview/", wrap(require_GET(self.preview_view)), name="campaign_preview"),
            path("frequency/", wrap(require_POST(self.frequency_view)), name="campaign_frequency"),
            *super().get_urls(),
        ]

    def has_publish_permission(self, request: HttpRequest) -> bool:
        """Whether this person may change what pages show by campaigns."""
        return request.user.has_perm(MAY_PUBLISH)

    # --- The form saves the draft --------------------------------------------------------------

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Campaign | None:
        if request.method == "POST" and object_id.isdecimal() and len(object_id) < 19:
            # Held until the form has compared and saved: nobody comes in between.
            Campaign.objects.select_for_update().filter(pk=object_id).first()
        return super().get_object(request, object_id, from_field)

    def save_model(self, request: HttpRequest, obj: Campaign, form: Any, change: bool) -> None:  # type: ignore[override]
        # Not as PublishingAdmin does: a draft is on no page.
        before = draft_payload(Campaign.objects.get(pk=obj.pk)) if change else None
        obj.revision += 1
        ModelAdmin.save_model(self, request, obj, form, change)
        by = request.user.get_username()
        campaigning.draft_record(campaign=obj, before=before, by=by)

    def response_add(self, request: HttpRequest, obj: Campaign, *args: Any, **kwargs: Any) -> Any:
        return self._to_step(request, obj) or super().response_add(request, obj, *args, **kwargs)

    def response_change(self, request: HttpRequest, obj: Campaign) -> Any:
        return self._to_step(request, obj) or super().response_change(request, obj)

    def _to_step(self, request: HttpRequest, obj: Campaign) -> HttpResponse | None:
        for button in SAVE_BUTTONS:
            if button.action_name in request.POST:
                return redirect("admin:campaign_step", obj.pk, button.step)
        is_pending = obj.status in (Campaign.Status.PUBLISHED, Campaign.Status.PAUSED)
        text = "Pages still follow the published version." if is_pending else "It is a draft."
        self.message_user(request, f"{text} Publish it, or submit it for review.", messages.INFO)
        return None

    # --- The list ------------------------------------------------------------------------------

    @display(description="Campaign", ordering="name", header=True)
    def name_slot(self, campaign: Campaign) -> tuple[str, str]:
        return campaign.name, f"{campaign.slot} shows {campaign.variant}"

    @display(description="Status", ordering="status", label=STATUS_LABELS)
    def state(self, campaign: Campaign) -> tuple[str, str]:
        word = campaign.get_status_display()
        if campaign.submitted_id and campaign.status != Campaign.Status.REVIEW:
            word += ", changes in review"
        elif campaign.published is not None and draft_differs(campaign):
            word += ", draft differs"
        return campaign.status, word

    @display(description="On pages")
    def readiness(self, campaign: Campaign) -> str:
        if campaign._state.adding:
            return "Not yet: publish it first."
        return render_to_string(
            "admin/personalization/_readiness.html",
            {
                "campaign": campaign,
                "said": readiness_html(campaign, self._waiting(campaign)),
                "fullness": getattr(campaign, "fullness", None),  # in the list
            },
        )

    def _waiting(self, campaign: Campaign) -> Waiting | None:
        """Looked up once for a list, and for one campaign when it is asked of."""
        if not hasattr(campaign, "waiting"):
            campaign.waiting = campaigns_waiting().get(campaign.pk)  # type: ignore[attr-defined]
        waiting: Waiting | None = campaign.waiting  # type: ignore[attr-defined]
        return waiting

    @display(description="Schedule", ordering="starts_at")
    def schedule(self, campaign: Campaign) -> str:
        return schedule_text(campaign)

    @display(description="Who sees it")
    def who(self, campaign: Campaign) -> str:
        return campaign.sentence  # type: ignore[attr-defined]

    # --- Beside the form -----------------------------------------------------------------------

    def _check_allowed(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied

    def readiness_view(self, request: HttpRequest) -> JsonResponse:
        """How far the campaigns of these ids are: what stands in their place, by id."""
        self._check_allowed(request)
        ids = [int(each) for each in request.GET.getlist("id")[:100] if each.isdecimal()]
        waiting = campaigns_waiting()
        campaigns = Campaign.objects.filter(pk__in=ids)
        return JsonResponse(
            {str(each.pk): readiness_html(each, waiting.get(each.pk)) for each in campaigns}
        )

    def preview_view(self, request: HttpRequest) -> HttpResponse:
        """The card of one variant."""
        self._check_allowed(request)
        chosen = request.GET.get("variant", "")
        variant = Variant.objects.filter(pk=chosen).first() if chosen.isdecimal() else None
        if variant is None:
            raise Http404
        context = {"preview": variant_preview(variant)}
        return render(request, "admin/personalization/_preview.html", context)

    @display(description="Preview")
    def preview(self, campaign: Campaign) -> str:
        saved = campaign.variant_id is not None
        return render_to_string(
            "admin/personalization/_preview_live.html",
            {"preview": variant_preview(campaign.variant) if saved else None},
        )

    def frequency_view(self, request: HttpRequest) -> HttpResponse:
        """The posted limits, saved or not, in one sentence."""
        self._check_allowed(request)
        return HttpResponse(escape(frequency_posted(request.POST)))

    @display(description="In words")
    def frequency_summary(self, campaign: Campaign) -> str:
        saved = [] if campaign._state.adding else [campaign]
        context = {
            "sentence": frequency_summary(campaign),
            "fields": " ".join(FREQUENCY_FIELDS),
            "fullness": fullness_of(saved, now=timezone.now()).get(campaign.pk),
        }
        return render_to_string("admin/personalization/_frequency.html", context)


def readiness_html(campaign: Campaign, waiting: Waiting | None) -> SafeString:
    """Whether pages follow the campaign, and if not yet, how far it is."""
    said = {
        "is_on": campaign.status == Campaign.Status.PUBLISHED,
        "waiting": waiting,
        "counted": progress_text(waiting.progress) if waiting and waiting.progress else "",
    }
    return render_to_string("admin/personalization/_readiness_said.html", said)


def progress_text(progress: Progress) -> str:
    """
    >>> progress_text(Progress(41, 1230, 3000, 1))
    '1,230 of 3,000 past events read, 1 visitor done.'
    """
    visitors = "visitor" if progress.profiles == 1 else "visitors"
    return (
        f"{progress.events:,} of {progress.events_total:,} past events read, "
        f"{progress.profiles:,} {visitors} done."
    )


def schedule_text(campaign: Campaign) -> str:
    """When a campaign is on, in few words, on the clocks of its zone."""
    now = timezone.now()
    starts, ends = campaign.starts_at, campaign.ends_at
    clocks = {
        moment: f"{local_from_instant(moment, campaign.zone):%-d %b %Y, %H:%M}"
        for moment in (starts, ends)
        if moment
    }
    if not clocks:
        return "Always"
    if ends and ends <= now:
        text = f"Ended {clocks[ends]}"
    else:
        until = f"until {clocks[ends]}" if ends else ""
        begun = starts is None or starts <= now
        text = f"from {clocks[starts]} {until}".strip() if starts and not begun else until
    return f"{text[:1].upper()}{text[1:]} {campaign.zone}" if text else "Always"
