"""What comparing the readers of the rule language found, night by night."""

from django.contrib import admin
from django.utils.html import format_html, format_html_join
from unfold.decorators import display

from consent.readonly import NightlyCheckAdmin
from personalization.models import ReaderCheck


@admin.register(ReaderCheck)
class ReaderCheckAdmin(NightlyCheckAdmin):
    """Read only: whoever counts wrongly is a defect of the code, not of data."""

    explanation = (
        "Every night the rules on pages are asked of up to 2,000 visitors again: by PostgreSQL, as "
        "counts do, and of their events, as backtests do (replay). Both have to say what pages say."
    )
    empty = "There was no check yet: the first comes tonight, at 3:53 UTC."

    list_display = ("started_at", "reader", "result", "state")
    fields = ("started_at", "finished_at", "reader", "result", "found")

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
