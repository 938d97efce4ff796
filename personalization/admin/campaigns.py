"""Campaigns: who sees what, where and when, edited without code."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.forms import Script
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import escape
from django.utils.safestring import SafeString
from django.views.decorators.http import require_GET, require_POST
from unfold.decorators import display
from unfold.views import ChangeList

from personalization import services
from personalization.admin.publishing import PublishingAdmin, mark_changed
from personalization.forms import CampaignForm, rule_names, sentence_or_empty
from personalization.frequency_form import (
    FREQUENCY_FIELDS,
    FREQUENCY_FIELDSET,
    frequency_posted,
    frequency_summary,
)
from personalization.models import Campaign, Variant
from personalization.preview import variant_preview
from personalization.reach import MAX_VISITORS, RECENT, Reach, reach_now
from personalization.readiness import Waiting, campaigns_waiting, is_ready
from personalization.rule_form import tree_errors, tree_from_posted
from personalization.rules.tree import rule_parse
from profiles.selectors import Progress

#: Instead of the reach of a rule whose features profiles do not hold.
NOT_COUNTED_YET = "Known once it is live: what it asks of past events is new."
STATUS_LABELS = {"live": "success", "paused": "warning", "draft": "info"}


class CampaignList(ChangeList):
    """Says each listed rule in words, with the names looked up once."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        names = rule_names()
        waiting = campaigns_waiting()
        for campaign in self.result_list:
            campaign.sentence = sentence_or_empty(campaign.rule, names)
            campaign.waiting = waiting.get(campaign.pk)


@admin.register(Campaign)
class CampaignAdmin(PublishingAdmin):
    form = CampaignForm
    readonly_fields = ("preview", "readiness", "frequency_summary")
    list_display = ("name_slot", "state", "readiness", "priority", "schedule", "who")
    list_filter = ("status", "slot")
    list_select_related = ("slot", "variant")
    search_fields = ("name", "slot__name", "variant__name")
    actions = ("go_live", "pause")
    fieldsets = (
        (None, {"fields": ("name", ("slot", "variant"), "preview")}),
        ("Who sees it", {"fields": ("rule",)}),
        ("When", {"fields": (("status", "priority"), ("starts_at", "ends_at"), "readiness")}),
        FREQUENCY_FIELDSET,
    )

    class Media:
        js = (Script("dist/admin-rule.js", defer=True),)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return CampaignList

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("reach/", wrap(require_POST(self.reach_view)), name="campaign_reach"),
            path("readiness/", wrap(require_GET(self.readiness_view)), name="campaign_readiness"),
            path("preview/", wrap(require_GET(self.preview_view)), name="campaign_preview"),
            path("frequency/", wrap(require_POST(self.frequency_view)), name="campaign_frequency"),
            *super().get_urls(),
        ]

    # --- The list ------------------------------------------------------------------------------

    @display(description="Campaign", ordering="name", header=True)
    def name_slot(self, campaign: Campaign) -> tuple[str, str]:
        return campaign.name, f"{campaign.slot} shows {campaign.variant}"

    @display(description="Status", ordering="status", label=STATUS_LABELS)
    def state(self, campaign: Campaign) -> tuple[str, str]:
        return campaign.status, campaign.get_status_display()

    @display(description="On pages")
    def readiness(self, campaign: Campaign) -> str:
        if campaign._state.adding:
            return "Not yet: save it first."
        return render_to_string(
            "admin/personalization/_readiness.html",
            {"campaign": campaign, "said": readiness_html(campaign, self._waiting(campaign))},
        )

    def _waiting(self, campaign: Campaign) -> Waiting | None:
        """Looked up once for a list, and for one campaign when it is asked of."""
        if not hasattr(campaign, "waiting"):
            campaign.waiting = campaigns_waiting().get(campaign.pk)  # type: ignore[attr-defined]
        waiting: Waiting | None = campaign.waiting  # type: ignore[attr-defined]
        return waiting

    @display(description="Schedule (UTC)", ordering="starts_at")
    def schedule(self, campaign: Campaign) -> str:
        return schedule_text(campaign)

    @display(description="Who sees it")
    def who(self, campaign: Campaign) -> str:
        return campaign.sentence  # type: ignore[attr-defined]

    @admin.action(description="Go live", permissions=["change"])
    def go_live(self, request: HttpRequest, campaigns: QuerySet[Campaign]) -> None:
        self._set_status(request, campaigns, Campaign.Status.LIVE, "live")

    @admin.action(description="Pause", permissions=["change"])
    def pause(self, request: HttpRequest, campaigns: QuerySet[Campaign]) -> None:
        self._set_status(request, campaigns, Campaign.Status.PAUSED, "paused")

    def _set_status(
        self, request: HttpRequest, campaigns: QuerySet[Campaign], status: str, word: str
    ) -> None:
        changed, refused = services.campaigns_status_set(campaigns=campaigns, status=status)
        for campaign in changed:
            self.log_change(request, campaign, f"Was set {word}.")
            mark_changed(request)
        for campaign in refused:
            self.message_user(
                request,
                f"“{campaign}” stays {campaign.get_status_display().lower()}: "
                "its rule needs at least one condition.",
                messages.ERROR,
            )
        if changed:
            listed = ", ".join(f"“{campaign}”" for campaign in changed)
            self.message_user(request, f"Now {word}: {listed}.")
        elif not refused:
            self.message_user(request, f"Already {word}.", messages.INFO)

    # --- Beside the form -----------------------------------------------------------------------

    def _check_allowed(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied

    def reach_view(self, request: HttpRequest) -> JsonResponse:
        """How many recent visitors the posted rule matches now, saved or not."""
        self._check_allowed(request)
        tree = tree_from_posted(request.POST)
        if not tree or tree_errors(tree):
            return JsonResponse({"text": "Complete the rule to count."})
        if not is_ready(tree):
            return JsonResponse({"text": NOT_COUNTED_YET})
        reach = reach_now(rule_parse(tree), now=timezone.now())
        return JsonResponse({**vars(reach), "text": reach_text(reach)})

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
        context = {"sentence": frequency_summary(campaign), "fields": " ".join(FREQUENCY_FIELDS)}
        return render_to_string("admin/personalization/_frequency.html", context)


def readiness_html(campaign: Campaign, waiting: Waiting | None) -> SafeString:
    """Whether pages follow the campaign, and if not yet, how far it is."""
    said = {
        "is_on": campaign.status == Campaign.Status.LIVE,
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


def reach_text(reach: Reach) -> str:
    """The count as a sentence.

    >>> reach_text(Reach(matching=31, open=0, visitors=240))
    '31 of 240 recent visitors'
    """
    if not reach.visitors:
        return f"No visitors in the last {RECENT.days} days yet."
    of = f"the latest {MAX_VISITORS:,}" if reach.visitors >= MAX_VISITORS else f"{reach.visitors:,}"
    text = f"{reach.matching:,} of {of} recent visitors"
    if reach.open:
        depend = "depends" if reach.open == 1 else "depend"
        text += f"; {reach.open:,} more {depend} on the next page view"
    return text


def schedule_text(campaign: Campaign) -> str:
    """When a campaign is on, in few words."""
    now = timezone.now()
    starts, ends = campaign.starts_at, campaign.ends_at
    if ends and ends <= now:
        return f"Ended {ends:%d %b %Y %H:%M}"
    until = f"until {ends:%d %b %Y %H:%M}" if ends else ""
    if starts and starts > now:
        return f"From {starts:%d %b %Y %H:%M} {until}".strip()
    return until.capitalize() if until else "Always"
