"""What comparing the readers of the rule language found, night by night."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from unfold.decorators import display

from consent.readonly import ReadOnlyAdmin
from personalization.models import ReaderCheck


@admin.register(ReaderCheck)
class ReaderCheckAdmin(ReadOnlyAdmin):
    """Read only: whoever counts wrongly is a defect of the code, not of data."""

    explanation = (
        "Every night the rules on pages are asked of up to 2,000 visitors twice: by PostgreSQL, as "
        "counts do, and in memory, as pages do. Both have to say the same."
    )
    empty = "There was no check yet: the first comes tonight, at 3:53 UTC."

    list_display = ("started_at", "reader", "result", "state")
    list_per_page = 50
    ordering = ("-id",)
    sortable_by = ()
    fields = ("started_at", "finished_at", "reader", "result", "found")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields

    @display(description="Result")
    def result(self, check: ReaderCheck) -> str:
        return str(check)

    @display(
        description="State",
        label={"Finished": "success", "Differences": "danger", "Not finished": "warning"},
    )
    def state(self, check: ReaderCheck) -> str:
        if check.finished_at is None:
            return "Not finished"
        return "Differences" if check.differing else "Finished"

    @display(description="What differs")
    def found(self, check: ReaderCheck) -> str:
        if not check.differences:
            return "Nothing."
        rows = ((each["visitor"], each["text"]) for each in check.differences)
        return format_html(
            '<div class="at-scroll" tabindex="0"><table class="at-table at-table--narrow"><thead>'
            '<tr><th scope="col">Visitor</th><th scope="col">What the readers say</th></tr></thead>'
            "<tbody>{}</tbody></table></div>",
            format_html_join("", '<tr><th scope="row">{}</th><td>{}</td></tr>', rows),
        )
