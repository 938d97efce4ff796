"""Exclusion groups, and the one pressure budget of the site."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from unfold.decorators import display

from personalization.admin.publishing import PublishingAdmin
from personalization.campaigns.content_uses import Use, group_uses
from personalization.campaigns.versions import campaigns_in_force
from personalization.frequency.models import ExclusionGroup, PressureBudget, Unit
from personalization.frequency.words import budget_sentence, group_sentence
from personalization.models import Campaign

THE_ONE = "1"


@admin.register(ExclusionGroup)
class ExclusionGroupAdmin(PublishingAdmin):
    empty = "Campaigns of a group exclude each other: whoever saw one sees no other for a while."
    list_display = ("name", "says", "campaigns_count")
    search_fields = ("name", "campaigns__name")
    readonly_fields = ("campaigns",)
    fieldsets = ((None, {"fields": ("name", ("window_length", "window_unit"), "campaigns")}),)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ExclusionGroup]:
        return super().get_queryset(request).annotate(campaigns_count=Count("campaigns"))

    @display(description="What it does")
    def says(self, group: ExclusionGroup) -> str:
        once = group.window_unit in (Unit.VISIT, Unit.EVER)
        length = 1 if once else group.window_length
        return group_sentence({"unit": group.window_unit, "length": length})

    def uses(self, obj: ExclusionGroup) -> list[Use]:
        return group_uses(obj)

    @display(description="Campaigns", ordering="campaigns_count")
    def campaigns_count(self, group: ExclusionGroup) -> int:
        return group.campaigns_count  # type: ignore[attr-defined]

    @display(description="Its campaigns")
    def campaigns(self, group: ExclusionGroup) -> str:
        rows = group.campaigns.select_related("slot") if group.pk else ()
        lines = [(_url(row), row.name, row.get_status_display().lower(), row.slot) for row in rows]
        if not lines:
            return "None yet: choose the group in a campaign, under “How often”."
        listed = format_html_join(
            "", '<li><a class="at-link" href="{}">{}</a>, {}, in {}</li>', lines
        )
        return format_html('<ul class="at-lines">{}</ul>', listed)


def _url(campaign: Campaign) -> str:
    return reverse("admin:personalization_campaign_change", args=[campaign.pk])


@admin.register(PressureBudget)
class PressureBudgetAdmin(PublishingAdmin):
    """One form in the place of a list: there is nothing to list."""

    readonly_fields = ("says", "exempt")
    fieldsets = ((None, {"fields": (("count", "days"), "says", "exempt")}),)

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self.changeform_view(request, THE_ONE)

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> PressureBudget | None:
        found = super().get_object(request, object_id, from_field)
        return PressureBudget(pk=1) if found is None and object_id == THE_ONE else found

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @display(description="As saved")
    def says(self, budget: PressureBudget) -> str:
        if budget.count is None:
            return "No budget: every campaign is shown as often as its own limits say."
        words = budget_sentence({"count": budget.count, "unit": "days", "length": budget.days})
        return f"A visitor is given personalized messages {words}, in all tabs and slots together."

    @display(description="Outside the budget")
    def exempt(self, budget: PressureBudget) -> str:
        rows = [
            (row, said.get("frequency", {}).get("exempt")) for row, said in campaigns_in_force()
        ]
        rows.sort(key=lambda pair: pair[0].name)
        lines = [(_url(row), row.name, reason) for row, reason in rows if reason]
        if not lines:
            return "None: every published campaign counts."
        listed = format_html_join("", '<li><a class="at-link" href="{}">{}</a>: {}</li>', lines)
        return format_html('<ul class="at-lines">{}</ul>', listed)
