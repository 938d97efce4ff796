"""Content: categories, items, variants and the slots they appear in."""

from typing import Any

from django.contrib import admin
from django.contrib.postgres.expressions import ArraySubquery
from django.core.exceptions import PermissionDenied
from django.db.models import Count, OuterRef, QuerySet
from django.forms import Script
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.views.decorators.http import require_POST
from unfold.decorators import display

from personalization.admin.publishing import PublishingAdmin, mark_changed
from personalization.campaigns.campaigning import content_record
from personalization.campaigns.changes import content_changes
from personalization.campaigns.content_uses import (
    Use,
    campaigns_showing,
    is_shown,
    slot_uses,
    variant_uses,
)
from personalization.campaigns.steps import MAY_PUBLISH
from personalization.campaigns.versions import variant_payload
from personalization.forms import ContentItemForm, VariantForm
from personalization.models import Category, ContentItem, Slot, Variant
from personalization.pictures import rich_show
from personalization.preview.card import variant_preview
from personalization.rich_text import rich_render


@admin.register(Category)
class CategoryAdmin(PublishingAdmin):
    list_display = ("name", "slug", "swatch", "items_count", "description")
    search_fields = ("name", "slug")
    prepopulated_fields = {"slug": ("name",)}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Category]:
        return super().get_queryset(request).annotate(items_count=Count("items"))

    def get_prepopulated_fields(
        self, request: HttpRequest, obj: Category | None = None
    ) -> dict[str, Any]:
        return {} if obj else super().get_prepopulated_fields(request, obj)

    def get_readonly_fields(
        self, request: HttpRequest, obj: Category | None = None
    ) -> tuple[str, ...]:
        # Interests are kept by slug: a renamed one would begin again from nothing.
        return ("slug",) if obj else ()

    @display(description="Items", ordering="items_count")
    def items_count(self, category: Category) -> int:
        return category.items_count  # type: ignore[attr-defined]

    @display(description="Colour", ordering="hue")
    def swatch(self, category: Category) -> str:
        return format_html(
            '<span class="at-swatch" style="--hue: {}" aria-hidden="true"></span>{}°',
            category.hue,
            category.hue,
        )


@admin.register(ContentItem)
class ContentItemAdmin(PublishingAdmin):
    form = ContentItemForm
    list_display = ("title", "category", "content_type", "is_published", "published_at")
    list_filter = ("category", "content_type", "is_published")
    list_select_related = ("category",)
    search_fields = ("title", "slug", "summary")
    date_hierarchy = "published_at"
    prepopulated_fields = {"slug": ("title",)}
    actions = ("publish", "unpublish")
    fieldsets = (
        (None, {"fields": ("title", "slug", "summary", "body")}),
        ("Where it belongs", {"fields": (("category", "content_type"), "tags")}),
        ("Details", {"fields": (("minutes", "price"), "image")}),
        ("Published", {"fields": ("is_published", "published_at")}),
    )

    def get_prepopulated_fields(
        self, request: HttpRequest, obj: ContentItem | None = None
    ) -> dict[str, Any]:
        return {} if obj else super().get_prepopulated_fields(request, obj)

    @admin.action(description="Show on the site", permissions=["change"])
    def publish(self, request: HttpRequest, items: QuerySet[ContentItem]) -> None:
        self._set_published(request, items, True)

    @admin.action(description="Take off the site", permissions=["change"])
    def unpublish(self, request: HttpRequest, items: QuerySet[ContentItem]) -> None:
        self._set_published(request, items, False)

    def _set_published(
        self, request: HttpRequest, items: QuerySet[ContentItem], wanted: bool
    ) -> None:
        done = "shown on the site" if wanted else "taken off the site"
        for item in items.exclude(is_published=wanted):
            item.is_published = wanted
            item.save(update_fields=["is_published"])
            self.log_change(request, item, f"Was {done}.")
            self.message_user(request, f"“{item}” is {done}.")
            mark_changed(request)


@admin.register(Variant)
class VariantAdmin(PublishingAdmin):
    form = VariantForm
    empty = "A variant is what a slot shows: words, a picture, and items beside them."
    list_display = ("name", "headline", "shows_items", "used_by")
    list_filter = ("items", "category")
    search_fields = ("name", "headline", "text")
    readonly_fields = ("preview",)
    fieldsets = (
        (None, {"fields": ("name",)}),
        (
            "Words",
            {"fields": ("eyebrow", "headline", "text", "body", ("button_label", "button_url"))},
        ),
        ("Picture and items", {"fields": ("image", ("items", "category"))}),
        ("As saved", {"fields": ("preview",)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Variant]:
        variants = super().get_queryset(request).select_related("category")
        slots = Slot.objects.filter(default=OuterRef("pk")).order_by("name").values("name")
        return variants.annotate(default_of=ArraySubquery(slots)).prefetch_related("campaigns")

    def get_fieldsets(self, request: HttpRequest, obj: Variant | None = None) -> Any:
        return super().get_fieldsets(request, obj)[: None if obj else -1]

    class Media:
        js = (Script("dist/admin-variant.js", defer=True),)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_POST(self.body_view))
        return [path("body/", view, name="variant_body"), *super().get_urls()]

    def body_view(self, request: HttpRequest) -> HttpResponse:
        """The posted Markdown as pages show it."""
        if not (self.has_add_permission(request) or self.has_change_permission(request)):
            raise PermissionDenied
        source = request.POST.get("body", "")[:5000]
        return HttpResponse(rich_show(rich_render(source)) or "Nothing yet.")

    def has_change_permission(self, request: HttpRequest, obj: Variant | None = None) -> bool:
        """What a page shows is changed by those who may publish; drafts by those who may edit."""
        if not super().has_change_permission(request, obj):
            return False
        return obj is None or request.user.has_perm(MAY_PUBLISH) or not is_shown(obj)

    def shown_where(self, obj: Variant) -> list[str]:
        slots = Slot.objects.filter(default=obj)
        return [
            *(f"the campaign “{campaign}”" for campaign in campaigns_showing(obj)),
            *(f"the slot “{slot}”, by default" for slot in slots),
        ]

    def uses(self, obj: Variant) -> list[Use]:
        return variant_uses(obj)

    def save_model(self, request: HttpRequest, obj: Variant, form: Any, change: bool) -> None:  # type: ignore[override]
        stored = Variant.objects.select_related("category").get(pk=obj.pk) if change else None
        before = variant_payload(stored) if stored else None
        super().save_model(request, obj, form, change)
        if before is not None:
            changes = content_changes(before, variant_payload(obj))
            by = request.user.get_username()
            content_record(variant=obj, changes=changes, by=by)

    @display(description="Items", ordering="items")
    def shows_items(self, variant: Variant) -> str:
        words = variant.get_items_display()
        return f"{words}: {variant.category}" if variant.category else words

    @display(description="Used by")
    def used_by(self, variant: Any) -> str:
        users = [str(campaign) for campaign in variant.campaigns.all()]
        users += [f"{slot} (default)" for slot in variant.default_of]
        return ", ".join(users) or "Nobody"

    @display(description="Preview")
    def preview(self, variant: Variant) -> str:
        return render_to_string(
            "admin/personalization/_preview.html", {"preview": variant_preview(variant)}
        )


@admin.register(Slot)
class SlotAdmin(PublishingAdmin):
    list_display = ("name", "key", "default", "description")
    list_select_related = ("default",)
    search_fields = ("name", "key")

    def get_readonly_fields(self, request: HttpRequest, obj: Slot | None = None) -> tuple[str, ...]:
        # Templates name a slot by its key.
        return ("key",) if obj else ()

    def uses(self, obj: Slot) -> list[Use]:
        return slot_uses(obj)

    def shown_where(self, obj: Slot) -> list[str]:
        return [f"every page with the slot “{obj.key}”"]
