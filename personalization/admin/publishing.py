"""Whatever is saved here is published in the same transaction: the next page view follows."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.html import format_html
from unfold.admin import ModelAdmin

from personalization import selectors, services
from personalization.campaigns.content_uses import Use

CHANGED = "_attune_changed"


class PublishingAdmin(ModelAdmin):
    """An admin whose every change becomes a new version, by whatever way it was made."""

    compressed_fields = False
    warn_unsaved_form = True
    list_per_page = 50
    change_form_outer_before_template: str | None = "admin/personalization/_publishes.html"

    def shown_where(self, obj: Any) -> list[str] | None:
        """Where pages show what is edited here, in words; None where that cannot be named."""
        return None

    def uses(self, obj: Any) -> list[Use]:
        """What needs this, for which it cannot be deleted."""
        return []

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """With who needs it in words, in the place of the bare rows."""
        deleted, counts, lacking, protected = super().get_deleted_objects(objs, request)
        uses = [_use_said(obj, use) for obj in objs for use in self.uses(obj)]
        return deleted, counts, lacking, uses or protected

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        original = context.get("original")
        context["shown_where"] = self.shown_where(original) if original else None
        return super().render_change_form(request, context, *args, **kwargs)

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        mark_changed(request)

    def delete_model(self, request: HttpRequest, obj: Model) -> None:
        super().delete_model(request, obj)
        mark_changed(request)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        super().delete_queryset(request, queryset)
        mark_changed(request)

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return _published(
            request, lambda: super(PublishingAdmin, self).changeform_view(request, *args, **kwargs)
        )

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return _published(
            request, lambda: super(PublishingAdmin, self).changelist_view(request, *args, **kwargs)
        )

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return _published(
            request, lambda: super(PublishingAdmin, self).delete_view(request, *args, **kwargs)
        )


def _use_said(obj: Model, use: Use) -> str:
    kind = use.row._meta.verbose_name
    url = reverse(f"admin:personalization_{use.row._meta.model_name}_change", args=[use.row.pk])
    return format_html(
        '“{}” is used by the {} <a class="at-link" href="{}">{}</a>, {}: {}.',
        obj, kind, url, use.row, use.where, use.remedy,
    )  # fmt: skip


def mark_changed(request: HttpRequest) -> None:
    """Remember that this request changed something pages may show."""
    setattr(request, CHANGED, True)


def _published(request: HttpRequest, view: Callable[[], HttpResponseBase]) -> HttpResponseBase:
    if request.method != "POST":
        return view()
    with transaction.atomic():
        before = selectors.ruleset_version()
        response = view()
        if not getattr(request, CHANGED, False):
            return response
        version = services.ruleset_publish(by=request.user.get_username())
    if version != before:
        messages.success(request, f"Published as version {version}: pages follow at once.")
    else:
        messages.info(request, f"Saved. No slot shows anything else: version {version} stays.")
    return response
