"""“Preview” in the campaign form: what stands in the form, saved or not, in the real page."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.views.decorators.http import require_POST

from personalization.campaigns.versions import draft_payload
from personalization.models import Campaign
from personalization.preview.draft import draft_keep, owner_of

UNNAMED = "Campaign without a name"


class PreviewViews:
    """For a ModelAdmin of campaigns: takes the posted form and leads to its preview."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_POST(self.preview_form_view))  # type: ignore[attr-defined]
        return [
            path("preview/form/<int:pk>/", view, name="campaign_preview_form"),
            *super().get_urls(),  # type: ignore[misc]
        ]

    def preview_form_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Saves nothing. `pk` is 0 for a campaign that was never saved."""
        saved = get_object_or_404(Campaign, pk=pk) if pk else None
        may = (
            self.has_change_permission(request, saved)  # type: ignore[attr-defined]
            if saved
            else self.has_add_permission(request)  # type: ignore[attr-defined]
        )
        if not may:
            raise PermissionDenied
        before = draft_payload(saved) if saved else None
        posted = request.POST.copy()
        posted["seen"] = str(saved.revision if saved else 0)
        posted["name"] = posted.get("name", "").strip() or UNNAMED
        form_class = self.get_form(request, saved, change=bool(saved))  # type: ignore[attr-defined]
        form = form_class(posted, instance=saved)
        if not form.is_valid():
            return self._refused(request, form)
        if draft_payload(form.instance) == before:
            return redirect("preview", str(pk))
        return redirect("preview", draft_keep(form.instance, owner=owner_of(request)))

    def _refused(self, request: HttpRequest, form: Any) -> HttpResponse:
        wrong = [
            (form.fields[name].label or name if name in form.fields else "", error)
            for name, errors in form.errors.items()
            for error in errors
        ]
        wrong += [("Rule", error) for error in form.fields["rule"].widget.errors.values()]
        context = {
            **self.admin_site.each_context(request),  # type: ignore[attr-defined]
            "title": "Preview",
            "wrong": wrong,
        }
        template = "admin/personalization/preview/incomplete.html"
        return TemplateResponse(request, template, context, status=422)
