"""Published versions: who changed what, when. Only looked at; publishing makes them."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.views import ChangeList

from personalization import selectors
from personalization.campaigns.changes import ruleset_changes
from personalization.models import RuleSet
from personalization.rule_form.words import rule_sentence
from personalization.rules.tree import RuleError, rule_parse

LISTED = 4


class VersionList(ChangeList):
    """Reads, for the versions of one page, what each followed."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows: Any = self.result_list  # type: ignore[has-type]
        self.result_list = selectors.befores_attach(rows)


@admin.register(RuleSet)
class RuleSetAdmin(ModelAdmin):
    list_display = ("version", "published_at", "by", "changes_short")
    list_display_links = ("version",)
    list_per_page = 20
    fields = ("version", "published_at", "by", "changes", "campaigns")
    readonly_fields = fields
    ordering = ("-version",)
    sortable_by = ()
    compressed_fields = False

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return VersionList

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> RuleSet | None:
        found = super().get_object(request, object_id, from_field)
        if found is not None:
            selectors.befores_attach([found])
        return found

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @display(description="By")
    def by(self, ruleset: RuleSet) -> str:
        return ruleset.published_by or "–"

    @display(description="What changed")
    def changes_short(self, ruleset: RuleSet) -> str:
        return _listed(_changes_of(ruleset), limit=LISTED)

    @display(description="What changed")
    def changes(self, ruleset: RuleSet) -> str:
        return _listed(_changes_of(ruleset))

    @display(description="Live campaigns in this version")
    def campaigns(self, ruleset: RuleSet) -> str:
        lines = [
            f"{slot['name']}: “{campaign['name']}” (priority {campaign['priority']})"
            f" when {_sentence(campaign['rule'])}"
            for slot in ruleset.payload["slots"]
            for campaign in slot["campaigns"]
        ]
        return _listed(lines) if lines else "None: every slot shows its default."


def _changes_of(ruleset: RuleSet) -> list[str]:
    return ruleset_changes(ruleset.before, ruleset.payload) or ["Nothing."]  # type: ignore[attr-defined]


def _sentence(tree: Any) -> str:
    try:
        return rule_sentence(rule_parse(tree, is_inlined=True))
    except RuleError:
        return "its rule, of an older form, matched"


def _listed(lines: list[str], *, limit: int | None = None) -> str:
    shown = lines[:limit]
    more = len(lines) - len(shown)
    if more:
        shown.append(f"and {more} more")
    return format_html(
        '<ul class="at-lines">{}</ul>', format_html_join("", "<li>{}</li>", ((x,) for x in shown))
    )
