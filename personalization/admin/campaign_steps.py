"""A campaign's next steps: what each would change, a comment, and the button that does it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from personalization import selectors, services
from personalization.admin.campaign_backtest import static_findings
from personalization.campaigns import campaigning
from personalization.campaigns.changes import campaign_lines
from personalization.campaigns.readiness import campaigns_waiting, publish_problems
from personalization.campaigns.steps import (
    BY_NAME,
    MAY_CHANGE,
    MAY_PUBLISH,
    CampaignStepError,
    Step,
    steps_possible,
)
from personalization.campaigns.versions import (
    content_digest,
    draft_differs,
    draft_payload,
    pages_change,
)
from personalization.frequency.showing import fullness_of
from personalization.models import Campaign, CampaignVersion, Variant
from personalization.preview.card import variant_preview

STEPS_SHOWN = 4
#: Steps that put what a variant shows on pages: it must be what was seen.
OF_CONTENT = ("publish", "approve")
#: Steps that are taken from the form, which saves first.
OF_THE_FORM = ("publish", "submit")


@dataclass(frozen=True)
class SaveButton:
    """A button beside "Save" that goes on to a step; unfold reads these names."""

    step: str
    description: str
    permission: str
    icon: str
    attrs: dict[str, str] = field(default_factory=dict)

    @property
    def action_name(self) -> str:
        return f"_{self.step}"

    def method(self, request: HttpRequest, obj: Campaign) -> None:
        """Nothing on saving: the step has a page of its own."""


SAVE_BUTTONS = (
    SaveButton("publish", "Save and publish …", MAY_PUBLISH, "publish"),
    SaveButton("submit", "Save and submit for review …", MAY_CHANGE, "rate_review"),
)

Take = Callable[[Campaign, "CampaignVersion | None", str, str], object]
#: What each step calls; `approve` and `return` decide on the version the page showed.
TAKE: dict[str, Take] = {
    "publish": lambda c, v, by, note: campaigning.campaign_publish(campaign=c, by=by, note=note),
    "submit": lambda c, v, by, note: campaigning.campaign_submit(campaign=c, by=by, note=note),
    "approve": lambda c, v, by, note: campaigning.campaign_approve(
        campaign=c, version=_shown(v), by=by, note=note
    ),
    "return": lambda c, v, by, note: campaigning.campaign_return(
        campaign=c, version=_shown(v), by=by, note=note
    ),
    "withdraw": lambda c, v, by, note: campaigning.campaign_withdraw(campaign=c, by=by, note=note),
    "pause": lambda c, v, by, note: campaigning.campaign_pause(campaign=c, by=by, note=note),
    "resume": lambda c, v, by, note: campaigning.campaign_resume(campaign=c, by=by, note=note),
    "archive": lambda c, v, by, note: campaigning.campaign_archive(campaign=c, by=by, note=note),
    "restore": lambda c, v, by, note: campaigning.campaign_restore(campaign=c, by=by, note=note),
}
DONE = {
    "publish": "is published",
    "submit": "waits for review",
    "approve": "is approved and published",
    "return": "was sent back",
    "withdraw": "was taken back from review",
    "pause": "is paused",
    "resume": "is on again",
    "archive": "is archived",
    "restore": "is a draft again",
}


class StepViews:
    """The page of each step, and the panel over the form."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.step_view)  # type: ignore[attr-defined]
        return [
            path("<int:pk>/step/<slug:name>/", view, name="campaign_step"),
            *super().get_urls(),  # type: ignore[misc]
        ]

    def get_actions_submit_line(self, request: HttpRequest, object_id: Any) -> list[SaveButton]:
        return [button for button in SAVE_BUTTONS if request.user.has_perm(button.permission)]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        campaign = context.get("original")
        context["show_save_and_add_another"] = False
        context["actions_submit_line"] = [
            button
            for button in self.get_actions_submit_line(request, None)
            if campaign is None or _goes_with(campaign, button.step)
        ]
        if campaign is not None:
            context["panel"] = panel_of(request, campaign)
        context["conflict"] = getattr(context["adminform"].form, "conflict", [])
        return super().render_change_form(request, context, *args, **kwargs)  # type: ignore[misc]

    def step_view(self, request: HttpRequest, pk: int, name: str) -> HttpResponse:
        """GET says what the step would change, POST takes it."""
        step = BY_NAME.get(name)
        if step is None:
            raise Http404
        if not request.user.has_perm(step.permission):
            raise PermissionDenied
        campaign = get_object_or_404(_campaigns(), pk=pk)
        if request.method == "POST":
            return self._take(request, campaign, step)
        return TemplateResponse(
            request,
            "admin/personalization/campaign/step.html",
            {
                **self.admin_site.each_context(request),  # type: ignore[attr-defined]
                "title": f"{step.label}: {campaign}",
                **step_context(campaign, step),
            },
        )

    def _take(self, request: HttpRequest, campaign: Campaign, step: Step) -> HttpResponse:
        campaign.revision = _number(request.POST.get("revision"))
        number = _number(request.POST.get("version"))
        version = campaign.versions.filter(pk=number).first()
        by, note = request.user.get_username(), note_of(request)
        try:
            with transaction.atomic():
                shown = _after(campaign, step)
                before = selectors.ruleset_version()
                TAKE[step.name](campaign, version, by, note)
                if step.name in OF_CONTENT:
                    _check_content(request, shown)
                after = services.ruleset_publish(by=by)
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
            return redirect("admin:campaign_step", campaign.pk, step.name)
        self.log_change(request, campaign, f"{step.label}. {note}".strip())  # type: ignore[attr-defined]
        text = f"“{campaign}” {DONE[step.name]}."
        if after != before:
            text += f" Pages follow at once (version {after} of the rules)."
        elif campaign.pk in campaigns_waiting():
            text += " It is getting ready, and goes on the pages by itself."
        messages.success(request, text)
        return redirect("admin:personalization_campaign_change", campaign.pk)


def note_of(request: HttpRequest) -> str:
    """The comment, as PostgreSQL and the history can hold it."""
    return request.POST.get("note", "").replace("\x00", "").strip()[:500]


def _goes_with(campaign: Campaign, step: str) -> bool:
    """Whether a step could follow once the draft is saved."""
    return campaign.status in BY_NAME[step].allowed and campaign.submitted_id is None


def _campaigns() -> Any:
    return Campaign.objects.select_related(
        "slot", "variant__category", "exclusion_group", "published", "submitted"
    )


def _shown(version: CampaignVersion | None) -> CampaignVersion:
    if version is None:
        raise ValidationError("What you saw is not there any more: look at it again.")
    return version


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 10 else -1


def _after(campaign: Campaign, step: Step) -> dict[str, Any]:
    """What a step would put on pages, or before a reviewer."""
    if step.waits and campaign.submitted is not None:
        return dict(campaign.submitted.payload)
    return draft_payload(campaign)


def _check_content(request: HttpRequest, after: dict[str, Any]) -> None:
    """Undo what was not seen: variants are edited beside campaigns."""
    Variant.objects.select_for_update().filter(pk=after["variant"]).first()
    if request.POST.get("content") != content_digest(after):
        raise CampaignStepError(
            f"The variant “{after['variant_name']}” was edited since you opened this page. "
            "Nothing was done: look at it again."
        )


def step_context(campaign: Campaign, step: Step) -> dict[str, Any]:
    """What the page of a step says."""
    after = _after(campaign, step)
    variant = Variant.objects.select_related("category").filter(pk=after["variant"]).first()
    shows_changes = step.name in (*OF_THE_FORM, "approve", "return")
    return {
        "campaign": campaign,
        "step": step,
        "possible": step in steps_possible(campaign),
        "others": [other for other in steps_possible(campaign) if other != step],
        "shows_changes": shows_changes,
        "changes": pages_change(campaign, after) if shows_changes else [],
        "whole": campaign_lines(after) if shows_changes else [],
        "problems": publish_problems(campaign, after) if shows_changes else [],
        "warnings": static_findings(campaign) if step.name in OF_THE_FORM else [],
        "preview": variant_preview(variant) if variant and shows_changes else None,
        "content_seen": content_digest(after),
        "is_first": campaign.published is None,
        "needs_comment": step.name == "return",
        "version": campaign.submitted,
        "draft_is_newer": bool(
            step.waits and campaign.submitted and draft_differs(campaign, campaign.submitted)
        ),
    }


def panel_of(request: HttpRequest, campaign: Campaign) -> dict[str, Any]:
    """Where a campaign stands, what its draft would change, and what this person may do."""
    possible = [step for step in steps_possible(campaign) if request.user.has_perm(step.permission)]
    published = campaign.published
    is_on = campaign.status == Campaign.Status.PUBLISHED
    return {
        "campaign": campaign,
        "status": campaign.get_status_display(),
        "is_on": is_on,
        "is_waiting": is_on and campaign.pk in campaigns_waiting(),
        "published": published,
        "fullness": fullness_of([campaign], now=timezone.now()).get(campaign.pk) if is_on else None,
        "submitted": campaign.submitted,
        "differs": published is not None and draft_differs(campaign),
        "changes": pages_change(campaign, draft_payload(campaign)) if published else [],
        "steps": [
            (step, reverse("admin:campaign_step", args=[campaign.pk, step.name]))
            for step in possible
            if step.name not in OF_THE_FORM
        ],
        "form_steps": [step for step in possible if step.name in OF_THE_FORM],
        "history": campaign.steps.select_related("version")[:STEPS_SHOWN],
        "may_add": request.user.has_perm("personalization.add_campaign"),
    }
