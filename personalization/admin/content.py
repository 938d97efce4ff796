"""Content: categories, items, variants and the slots they appear in."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.html import format_html
from unfold.decorators import display

from personalization.admin.publishing import PublishingAdmin, mark_changed
from personalization.forms import ContentItemForm, VariantForm
from personalization.models import Category, ContentItem, Slot, Variant
from personalization.preview import variant_preview


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
    list_display = ("name", "headline", "shows_items", "used_by")
    list_filter = ("items", "category")
    search_fields = ("name", "headline", "text")
    readonly_fields = ("preview",)
    fieldsets = (
        (None, {"fields": ("name",)}),
        ("Words", {"fields": ("eyebrow", "headline", "text", ("button_label", "button_url"))}),
        ("Picture and items", {"fields": ("image", ("items", "category"))}),
        ("As saved", {"fields": ("preview",)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Variant]:
        variants = super().get_queryset(request).select_related("category")
        return variants.annotate(campaign_count=Count("campaigns"))

    def get_fieldsets(self, request: HttpRequest, obj: Variant | None = None) -> Any:
        return super().get_fieldsets(request, obj)[: None if obj else -1]

    @display(description="Items", ordering="items")
    def shows_items(self, variant: Variant) -> str:
        words = variant.get_items_display()
        return f"{words}: {variant.category}" if variant.category else words

    @display(description="Campaigns", ordering="campaign_count")
    def used_by(self, variant: Variant) -> int:
        return variant.campaign_count  # type: ignore[attr-defined]

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
