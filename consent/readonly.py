"""The base of admin lists whose rows nobody makes by hand: every app's, so it stands leftmost."""

from typing import Any

from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.decorators import display

from consent.nightly import NightlyCheck


class ReadOnlyAdmin(ModelAdmin):
    """Rows that only visitors' choices, the pipeline and workers make, change and end."""

    compressed_fields = False
    list_before_template = "admin/_explanation.html"
    #: What the rows are, and what they are good for: above the list.
    explanation = ""
    #: What it means that there are none: in place of the list.
    empty = ""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class NightlyCheckAdmin(ReadOnlyAdmin):
    """The list of a kind of check; each says in `found` what differs."""

    list_per_page = 50
    ordering = ("-id",)
    sortable_by = ()

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields

    @display(description="Result")
    def result(self, check: NightlyCheck) -> str:
        return str(check)

    @display(
        description="State",
        label={"Finished": "success", "Differences": "danger", "Not finished": "warning"},
    )
    def state(self, check: NightlyCheck) -> str:
        if check.finished_at is None:
            return "Not finished"
        return "Differences" if check.is_open else "Finished"
