"""The base of admin lists whose rows nobody makes by hand: every app's, so it stands leftmost."""

from typing import Any

from django.http import HttpRequest
from unfold.admin import ModelAdmin


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
