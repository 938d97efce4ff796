"""What retention did last, and what it is at."""

from datetime import timedelta

from django.contrib import admin
from django.utils import timezone
from unfold.decorators import display

from consent.readonly import ReadOnlyAdmin
from tracking.models import RetentionRun

#: A run under way for so long has something in its way, or no worker.
LATE = timedelta(hours=2)


@admin.register(RetentionRun)
class RetentionRunAdmin(ReadOnlyAdmin):
    explanation = (
        "Once a day a run deletes what is older than it may be kept: whole months of events, "
        "events of types with a time of their own, visits and what is in quarantine. A run that "
        "is late says what is in its way."
    )
    empty = "There was no run yet: the first comes within a day."
    list_display = (
        "started_at", "state", "finished_at", "partitions_dropped", "deleted", "note",
    )  # fmt: skip
    list_display_links = None

    @display(
        description="State",
        label={"Finished": "success", "Under way": "info", "Late": "warning"},
    )
    def state(self, run: RetentionRun) -> str:
        if run.finished_at:
            return "Finished"
        return "Late" if timezone.now() - run.started_at > LATE else "Under way"

    @display(description="Rows deleted")
    def deleted(self, run: RetentionRun) -> str:
        counts = (
            (run.events_deleted, "events"),
            (run.visits_deleted, "visits"),
            (run.visitors_deleted, "visitors without events"),
            (run.quarantine_deleted, "quarantined"),
        )
        return ", ".join(f"{count:,} {what}" for count, what in counts if count) or "–"
