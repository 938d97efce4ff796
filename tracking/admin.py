"""What waits for a worker is looked at here; the other lists have modules of their own."""

from django.contrib import admin
from unfold.decorators import display

from consent.readonly import ReadOnlyAdmin
from tracking import (  # noqa: F401 -- each registers its own
    cleaning_admin,
    quarantine_admin,
    retention_admin,
    taxonomy_admin,
)
from tracking.models import Inbox


@admin.register(Inbox)
class InboxAdmin(ReadOnlyAdmin):
    """What waits for a worker."""

    explanation = (
        "Requests that were accepted and not worked on yet. A row stays for about a second; rows "
        "that stay longer wait for a worker that is not running."
    )
    empty = "All worked off: nothing waits for a worker."
    list_display = ("id", "source", "received_at", "shard")
    list_filter = ("source",)
    fields = ("source", "received_at", "shard", "events")
    readonly_fields = ("events",)

    @display(description="Events")
    def events(self, row: Inbox) -> str:
        return bytes(row.payload).decode("utf-8", "replace")
