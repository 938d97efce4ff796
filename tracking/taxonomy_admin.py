"""Event types in the admin: what each counts, how it fades, and what a change would do."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Case, F, Value, When
from django.forms import Script
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html_join
from django.views.decorators.http import require_POST
from unfold.admin import ModelAdmin
from unfold.decorators import display

from tracking import selectors
from tracking.decay_picture import decay_picture
from tracking.models import EventType
from tracking.signals import taxonomy_changed
from tracking.taxonomy import STANDARD_TYPES
from tracking.taxonomy_forms import HALF_LIVES, PROPERTY_KINDS, EventTypeForm, WeightForm
from tracking.taxonomy_preview import (
    WeightsPosted,
    consequences_render,
    fading_render,
    weights_posted,
)

STANDARD_NAMES = frozenset(standard.name for standard in STANDARD_TYPES)
CHANGED = "_taxonomy_changed"
LOOKING = "You may look at this; whoever is in the group Marketer may change the rest."

KIND_ORDER = Case(
    When(kind="active", then=Value(0)), When(kind="passive", then=Value(1)), default=2
)


@admin.register(EventType)
class EventTypeAdmin(ModelAdmin):
    """Saving tells the right neighbours, who publish and make profiles anew."""

    form = EventTypeForm
    list_display = ("label", "weight")
    list_editable = ("weight",)
    list_per_page = 500
    ordering = (KIND_ORDER, F("weight").desc(), "label")
    sortable_by = ()
    actions = None
    compressed_fields = False
    warn_unsaved_form = True

    class Media:
        js = (Script("dist/admin-taxonomy.js", defer=True),)

    # --- What is shown -------------------------------------------------------------------------

    def get_fieldsets(self, request: HttpRequest, obj: EventType | None = None) -> Any:
        may_change = self.has_change_permission(request, obj) if obj else True
        counts = ["weight"] if obj and obj.unit == EventType.Unit.EVENT else ["weight", "value_cap"]
        if obj and may_change:
            counts.append("consequences")
        fades = [HALF_LIVES, "fading"]
        carries = "properties" if may_change else "properties_said"
        words = _fixed_words(obj) if may_change else f"{_fixed_words(obj)} {LOOKING}"
        what = {"fields": (("label", "name"), ("kind", "unit")), "description": words}
        return (
            ("What it is", what),
            ("How it counts", {"fields": counts}),
            ("How fast it fades", {"fields": fades}),
            ("What it may carry", {"fields": (carries,)}),
            (
                "Rapid repeats, and how long it is kept",
                {"fields": (("repeat_ms", "retention_days"),)},
            ),
        )

    def get_readonly_fields(
        self, request: HttpRequest, obj: EventType | None = None
    ) -> tuple[str, ...]:
        # What an event type is decides what stored events mean.
        shown = ("consequences", "fading", "properties_said")
        if obj is None:
            return shown
        fixed = ("name", "kind", "unit")
        return (*shown, *fixed, "label") if obj.pk in STANDARD_NAMES else (*shown, *fixed)

    def get_changelist_form(self, request: HttpRequest, **kwargs: Any) -> Any:
        return super().get_changelist_form(request, form=WeightForm, **kwargs)

    @display(description="If you save this")
    def consequences(self, row: EventType) -> str:
        return render_to_string("admin/tracking/_panel.html", {"type": row.pk})

    @display(description="Over the coming days")
    def fading(self, row: EventType) -> str:
        picture = decay_picture(row.half_life_short, row.half_life_long)
        context = {"picture": picture, "type": row.pk}
        return render_to_string("admin/tracking/_fading_live.html", context)

    @display(description="Properties")
    def properties_said(self, row: EventType) -> str:
        words = ((name, PROPERTY_KINDS.get(kind, kind)) for name, kind in row.properties.items())
        return format_html_join(", ", "{} ({})", words) or "None."

    # --- Before saving -------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("preview/", wrap(require_POST(self.preview_view)), name="weights_preview"),
            path("fading/", wrap(require_POST(self.fading_view)), name="half_lives_fading"),
            *super().get_urls(),
        ]

    def preview_view(self, request: HttpRequest) -> HttpResponse:
        """What the posted weights would change: for a part of a page, or as a page of its own."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        only = request.GET.get("type", "")
        found = weights_posted(request.POST, only=only)
        part = consequences_render(request, found)
        if "part" in request.GET:
            return HttpResponse(part, headers={"Cache-Control": "private, no-store"})
        return self._preview_page(request, part, found, only)

    def _preview_page(
        self, request: HttpRequest, part: str, found: WeightsPosted, only: str
    ) -> HttpResponse:
        changelist = reverse("admin:tracking_eventtype_changelist")
        context = {
            **self.admin_site.each_context(request),
            "title": "Who gains, who loses",
            "part": part,
            "found": found,
            "back": reverse("admin:tracking_eventtype_change", args=[only]) if only else changelist,
            "posted": [
                (name, value)
                for name, values in request.POST.lists()
                for value in values
                if name != "csrfmiddlewaretoken"
            ],
        }
        template = "admin/tracking/weights_preview.html"
        return TemplateResponse(
            request, template, context, headers={"Cache-Control": "private, no-store"}
        )

    def fading_view(self, request: HttpRequest) -> HttpResponse:
        """The picture of the posted half-lives, and who would gain and lose by them."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        only = request.GET.get("type", "")
        previews = self.has_change_permission(request)
        part = fading_render(request, only=only, previews=previews)
        return HttpResponse(part, headers={"Cache-Control": "private, no-store"})

    # --- Who may do what -----------------------------------------------------------------------

    def has_delete_permission(self, request: HttpRequest, obj: EventType | None = None) -> bool:
        allowed = super().has_delete_permission(request, obj)
        return allowed and not (obj and obj.pk in STANDARD_NAMES)

    def delete_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> Any:
        row = self.get_object(request, object_id)
        if row and self.has_delete_permission(request, row) and selectors.event_type_used(row.pk):
            messages.error(
                request,
                f"“{row.label}” cannot be deleted by anybody: events of it are stored, and must "
                "keep meaning what they meant. Set its weight to 0 to count them no more.",
            )
            return redirect("admin:tracking_eventtype_change", object_id)
        return self._announced(request, super().delete_view, object_id, *args, **kwargs)

    # --- Saving --------------------------------------------------------------------------------

    def save_model(self, request: HttpRequest, obj: EventType, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        _mark(request, obj, form.changed_data)
        if change and not set(form.changed_data).isdisjoint(HALF_LIVES):
            messages.info(
                request,
                f"“{obj.label}” fades differently now. Profiles hold sums for the half-lives from "
                "before, so they are made anew in the background; until then they read as before.",
            )

    def delete_model(self, request: HttpRequest, obj: EventType) -> None:
        _mark(request, obj, ["name"])
        super().delete_model(request, obj)

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return self._announced(request, super().changelist_view, *args, **kwargs)

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return self._announced(request, super().changeform_view, *args, **kwargs)

    def _announced(self, request: HttpRequest, view: Any, *args: Any, **kwargs: Any) -> Any:
        with transaction.atomic():
            response = view(request, *args, **kwargs)
            _announce(request)
        return response


def _fixed_words(row: EventType | None) -> str:
    """Why what an event type is cannot be changed, and by whom what can."""
    if row is None:
        return "Given once: after the first save nobody can change name, kind and unit."
    if row.pk in STANDARD_NAMES:
        return (
            "A standard event type: nobody can change what it is or delete it. Weight 0 counts it "
            "no more."
        )
    return (
        "Stored events mean what they meant when they came, so nobody can change name, kind and "
        "unit. Add another event type instead."
    )


def _mark(request: HttpRequest, row: EventType, fields: Iterable[str]) -> None:
    """Remember what this request changed of an event type."""
    changed: dict[str, set[str]] = getattr(request, CHANGED, {})
    changed.setdefault(row.pk, set()).update(fields)
    setattr(request, CHANGED, changed)


def _announce(request: HttpRequest) -> None:
    """Tell receivers once per request, and pass on what they have to say."""
    changed = getattr(request, CHANGED, None)
    if not changed:
        return
    by = request.user.get_username()
    for _, said in taxonomy_changed.send(sender=EventType, by=by, changed=changed):
        if said:
            messages.success(request, said)
