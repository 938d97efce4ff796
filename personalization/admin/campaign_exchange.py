"""Campaigns to a file and from one: a preview first, then drafts."""

import json
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.views.decorators.http import require_POST

from personalization.admin.campaign_bulk import export_response
from personalization.campaigns.duplicating import campaign_duplicate
from personalization.campaigns.importing import (
    CHANGE,
    MAKE,
    REFUSE,
    SAME,
    ImportStaleError,
    Plan,
    import_apply,
    import_plan,
)
from personalization.campaigns.interchange import MAX_BYTES, InterchangeError
from personalization.models import Campaign


def _packed(content: bytes) -> str:
    """A file that was read already, without its white space: it goes to the browser and back."""
    text = json.dumps(json.loads(content), ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace").decode()


VERDICTS = {
    MAKE: "Will be made, as a draft",
    CHANGE: "Its draft will be changed",
    SAME: "Is there already, the same",
    REFUSE: "Refused",
}


class ImportForm(forms.Form):
    """A file, or the text of one that was previewed."""

    file = forms.FileField(required=False, label="File of campaigns (JSON)", max_length=200)
    text = forms.CharField(required=False, strip=False, max_length=MAX_BYTES)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        file = cleaned.get("file")
        if file is not None and file.size > MAX_BYTES:
            raise ValidationError(f"The file is larger than {MAX_BYTES // 1024} KB: split it.")
        if file is None and not cleaned.get("text"):
            raise ValidationError("Choose a file first.")
        cleaned["content"] = file.read() if file else cleaned["text"].encode("utf-8")
        return cleaned


class ExchangeViews:
    """Export and duplicate of one campaign, and the import."""

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view  # type: ignore[attr-defined]
        return [
            path("import/", wrap(self.import_view), name="campaign_import"),
            path("<int:pk>/export/", wrap(self.export_view), name="campaign_export"),
            path(
                "<int:pk>/duplicate/",
                wrap(require_POST(self.duplicate_view)),
                name="campaign_duplicate",
            ),
            *super().get_urls(),  # type: ignore[misc]
        ]

    def export_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The file of one campaign."""
        if not request.user.has_perm("personalization.view_campaign"):
            raise PermissionDenied
        campaigns = Campaign.objects.filter(pk=pk)
        if not campaigns.exists():
            raise Http404
        return export_response(campaigns)

    def duplicate_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """A draft like this campaign."""
        if not request.user.has_perm("personalization.add_campaign"):
            raise PermissionDenied
        campaign = get_object_or_404(Campaign.objects.select_related("slot", "variant"), pk=pk)
        copy = campaign_duplicate(campaign=campaign, by=request.user.get_username())
        self.log_addition(request, copy, f"Duplicate of “{campaign}”.")  # type: ignore[attr-defined]
        messages.success(request, f"This is a draft like “{campaign}”. Give it a name of its own.")
        return redirect("admin:personalization_campaign_change", copy.pk)

    def import_view(self, request: HttpRequest) -> HttpResponse:
        """GET asks for a file, POST shows what it would do, POST with the digest does it."""
        may = ("personalization.add_campaign", "personalization.change_campaign")
        if not request.user.has_perms(may):
            raise PermissionDenied
        if request.method != "POST":
            return self._import_page(request, ImportForm())
        form = ImportForm(request.POST, request.FILES)
        if not form.is_valid():
            return self._import_page(request, form, status=400)
        content, digest = form.cleaned_data["content"], request.POST.get("digest", "")
        try:
            plan = import_plan(content)
            if plan.makes_variants and not request.user.has_perm("personalization.add_variant"):
                raise PermissionDenied
            if not digest:
                return self._import_page(request, form, plan=plan, content=content)
            plan = import_apply(content, digest=digest, by=request.user.get_username())
        except ImportStaleError as error:
            messages.error(request, str(error))
            return self._import_page(request, form, plan=import_plan(content), content=content)
        except InterchangeError as error:
            form.add_error(None, str(error))
            return self._import_page(request, form, status=400)
        for one in plan.planned:
            if one.verdict in (MAKE, CHANGE):
                self.log_change(request, one.campaign, "Imported from a file.")  # type: ignore[attr-defined]
        messages.success(
            request,
            f"Imported: {plan.count(MAKE)} made, {plan.count(CHANGE)} changed, all as drafts; "
            f"{plan.count(REFUSE)} refused.",
        )
        return redirect("admin:personalization_campaign_changelist")

    def _import_page(
        self,
        request: HttpRequest,
        form: ImportForm,
        *,
        plan: Plan | None = None,
        content: bytes = b"",
        status: int = 200,
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),  # type: ignore[attr-defined]
            "title": "Import campaigns",
            "form": form,
            "plan": plan,
            "text": _packed(content) if plan else "",
            "verdicts": [
                (words, [one for one in plan.planned if one.verdict == verdict])
                for verdict, words in VERDICTS.items()
            ]
            if plan
            else [],
            "refused": plan.count(REFUSE) if plan else 0,
            "usable": plan.count(MAKE) + plan.count(CHANGE) if plan else 0,
        }
        return TemplateResponse(
            request, "admin/personalization/campaign/import.html", context, status=status
        )
