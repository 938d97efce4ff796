"""Segments: a rule with a name, how many are in it, and who uses it."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.forms import Script
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.views.decorators.http import require_GET, require_POST
from unfold.decorators import display
from unfold.views import ChangeList

from personalization import services
from personalization.admin.publishing import PublishingAdmin, mark_changed
from personalization.campaigns.campaigning import segment_record
from personalization.campaigns.changes import rule_changes
from personalization.campaigns.steps import MAY_PUBLISH
from personalization.forms import rule_names, sentence_or_empty
from personalization.models import Campaign, Segment
from personalization.segments import editing
from personalization.segments.form import SegmentForm
from personalization.segments.showing import (
    PERIOD,
    Line,
    counted_at,
    counting_states,
    segment_charts,
    segment_lines,
    segment_members,
)
from personalization.segments.using import (
    campaigns_changed,
    campaigns_using,
    segments_using,
    users_by_segment,
)

STATUS_LABELS = {"Active": "success", "Archived": ""}


class SegmentList(ChangeList):
    """Says each listed segment in words, with names and sizes looked up once."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        names = rule_names()
        lines = segment_lines(self.result_list, now=timezone.now())
        users = users_by_segment()
        for segment in self.result_list:
            segment.sentence = sentence_or_empty(segment.rule, names)
            segment.line = lines[segment.pk]
            segment.users = users.get(segment.key, [])


@admin.register(Segment)
class SegmentAdmin(PublishingAdmin):
    form = SegmentForm
    change_form_template = "admin/personalization/segment/change_form.html"
    change_form_outer_before_template = "admin/personalization/segment/_publishes.html"
    empty = (
        "A segment is a rule with a name, such as “Gardeners”. Make one and use it in campaigns: "
        "whoever the rule fits is in it, and you see how many that are day by day."
    )
    list_display = ("name_note", "size", "over_time", "who", "used_by", "state", "saved")
    list_filter = ("status",)
    search_fields = ("name", "key", "note")
    prepopulated_fields = {"key": ("name",)}
    fieldsets = ((None, {"fields": (("name", "key"), "note", "rule")}),)

    class Media:
        js = (Script("dist/admin-rule.js", defer=True),)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return SegmentList

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<int:pk>/members/", wrap(require_GET(self.members_view)), name="segment_members"),
            path("<int:pk>/archive/", wrap(require_POST(self.archive)), name="segment_archive"),
            path("<int:pk>/restore/", wrap(require_POST(self.restore)), name="segment_restore"),
            *super().get_urls(),
        ]

    def get_prepopulated_fields(
        self, request: HttpRequest, obj: Segment | None = None
    ) -> dict[str, Any]:
        return {} if obj else super().get_prepopulated_fields(request, obj)

    def get_readonly_fields(
        self, request: HttpRequest, obj: Segment | None = None
    ) -> tuple[str, ...]:
        # Rules and files refer to it by its key.
        return ("key",) if obj else ()

    # --- What may be done ------------------------------------------------------------------------

    def has_change_permission(self, request: HttpRequest, obj: Segment | None = None) -> bool:
        """What pages show is changed by who may publish; an archived one is restored first."""
        if not super().has_change_permission(request, obj):
            return False
        if obj is None:
            return True
        is_decided = request.user.has_perm(MAY_PUBLISH) or not campaigns_changed(obj.key)
        return is_decided and obj.status == Segment.Status.ACTIVE

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Each is deleted by itself: whether it may be depends on who uses it."""
        actions: dict[str, Any] = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def delete_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> Any:
        segment = self.get_object(request, object_id)
        if segment is not None and (message := editing.unused_error(segment, "deleted")):
            messages.error(request, message)
            return redirect("admin:personalization_segment_change", segment.pk)
        return super().delete_view(request, object_id, *args, **kwargs)

    def delete_model(self, request: HttpRequest, obj: Segment) -> None:  # type: ignore[override]
        editing.segment_delete(segment=obj)
        mark_changed(request)

    def save_model(self, request: HttpRequest, obj: Segment, form: Any, change: bool) -> None:  # type: ignore[override]
        by = request.user.get_username()
        before = Segment.objects.get(pk=obj.pk) if change else None
        editing.segment_save(segment=obj, by=by)
        mark_changed(request)
        changes = rule_changes(before.rule, obj.rule) if before else []
        if changes:
            self._changed(request, obj, changes, by)

    def _changed(self, request: HttpRequest, segment: Segment, changes: list[str], by: str) -> None:
        """Say which campaigns it changes, and write it into their histories."""
        campaigns = campaigns_changed(segment.key)
        segment_record(segment=segment, campaigns=campaigns, changes=changes, by=by)
        if campaigns:
            named = ", ".join(f"“{campaign}”" for campaign in campaigns)
            messages.info(request, f"It decides about {named}: who sees that follows.")

    def archive(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self._step(request, pk, "archived", editing.segment_archive)

    def restore(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self._step(request, pk, "in use again", editing.segment_restore)

    def _step(self, request: HttpRequest, pk: int, done: str, take: Any) -> HttpResponse:
        segment = get_object_or_404(Segment, pk=pk)
        if not request.user.has_perm("personalization.change_segment"):
            raise PermissionDenied
        by = request.user.get_username()
        try:
            with transaction.atomic():
                take(segment=segment, by=by)
                services.ruleset_publish(by=by)
        except editing.SegmentError as error:
            messages.error(request, " ".join(error.messages))
        else:
            messages.success(request, f"“{segment}” is {done}.")
        return redirect("admin:personalization_segment_change", pk)

    # --- What it shows ---------------------------------------------------------------------------

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        segment = context.get("original")
        if segment is not None:
            context["panel"] = panel_of(request, segment)
        return super().render_change_form(request, context, *args, **kwargs)

    def shown_where(self, obj: Segment) -> list[str]:
        return [f"the campaign “{campaign}”" for campaign in campaigns_changed(obj.key)]

    def members_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Who is in it now; each is a visitor, so who may see visitors may see them."""
        may_look = request.user.has_perm("profiles.view_profile")
        if not (may_look and self.has_view_permission(request)):
            raise PermissionDenied
        segment = get_object_or_404(Segment, pk=pk)
        page = _page(request.GET.get("page", "1"))
        shown, has_more = segment_members(segment, page=page, now=timezone.now())
        context = {
            **self.admin_site.each_context(request),
            "title": f"In “{segment}”",
            "segment": segment,
            "members": shown,
            "page": page,
            "has_more": has_more,
            "state": counting_states(now=timezone.now()).get(segment.pk, ""),
        }
        return TemplateResponse(
            request,
            "admin/personalization/segment/members.html",
            context,
            headers={"Cache-Control": "private, no-store"},
        )

    @display(description="Segment", ordering="name", header=True)
    def name_note(self, segment: Segment) -> tuple[str, str]:
        return segment.name, segment.note[:80]

    @display(description="Visitors")
    def size(self, segment: Any) -> str:
        line: Line = segment.line
        if line.size is None:
            return line.state or "–"
        return f"{line.size:,}"

    @display(description="Last 30 days")
    def over_time(self, segment: Any) -> str:
        line: Line = segment.line
        if not line.spark:
            return "–"
        return format_html(
            '<svg class="at-spark" viewBox="0 0 112 24" width="112" height="24"'
            ' aria-hidden="true"><polyline points="{}"/></svg>',
            line.spark,
        )

    @display(description="Who is in it")
    def who(self, segment: Any) -> str:
        return str(segment.sentence)

    @display(description="Used by")
    def used_by(self, segment: Any) -> str:
        return ", ".join(segment.users) or "Nobody yet"

    @display(description="Status", ordering="status", label=STATUS_LABELS)
    def state(self, segment: Segment) -> str:
        return segment.get_status_display()

    @display(description="Saved", ordering="updated_at")
    def saved(self, segment: Segment) -> str:
        by = f" by {segment.updated_by}" if segment.updated_by else ""
        return f"{segment.updated_at:%-d %b %Y}{by}"


def panel_of(request: HttpRequest, segment: Segment) -> dict[str, Any]:
    """What stands over the form."""
    now = timezone.now()
    campaigns: list[Campaign] = campaigns_using(segment.key, with_drafts=True)
    return {
        "segment": segment,
        "is_active": segment.status == Segment.Status.ACTIVE,
        "state": counting_states(now=now).get(segment.pk, ""),
        "counted_at": counted_at(segment),
        "period": PERIOD,
        "charts": segment_charts(segment, now=now) if segment.counted_rule else [],
        "users": [
            *((f"Campaign “{row}”", _url("campaign", row.pk)) for row in campaigns),
            *((f"Segment “{row}”", _url("segment", row.pk)) for row in segments_using(segment.key)),
        ],
        "may_look": request.user.has_perm("profiles.view_profile"),
        "may_change": request.user.has_perm("personalization.change_segment"),
    }


def _url(model: str, pk: int) -> str:
    return reverse(f"admin:personalization_{model}_change", args=[pk])


def _page(text: str) -> int:
    is_number = text.isascii() and text.isdigit() and len(text) < 6
    return max(int(text), 1) if is_number else 1
