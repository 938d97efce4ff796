"""Imports, refusals and what waits in quarantine are looked at here; event types are edited."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.decorators import display

from tracking import cleaning_admin, services, taxonomy_admin  # noqa: F401 -- registers its own
from tracking.models import ImportRun, Inbox, Quarantine
from tracking.readonly import ReadOnlyAdmin


@admin.register(ImportRun)
class ImportRunAdmin(ReadOnlyAdmin):
    list_display = (
        "file_name", "source", "state", "line", "queued", "quarantined", "started_at",
        "finished_at",
    )  # fmt: skip
    list_filter = ("source",)
    search_fields = ("file_name", "source")

    @display(description="State", label={"Finished": "success", "Not finished": "warning"})
    def state(self, run: ImportRun) -> str:
        return "Finished" if run.finished_at else "Not finished"


@admin.register(Quarantine)
class QuarantineAdmin(ReadOnlyAdmin):
    list_display = ("run", "line", "reason", "detail")
    list_filter = ("reason", "run")
    list_select_related = ("run",)
    search_fields = ("reason", "detail", "payload")


@admin.register(Inbox)
class InboxAdmin(ReadOnlyAdmin):
    """What waits for a worker, and what no worker could drain."""

    list_display = ("id", "source", "received_at", "shard", "set_aside")
    list_filter = (("set_aside", admin.EmptyFieldListFilter), "source")
    actions = ("try_again",)
    fields = ("source", "received_at", "shard", "set_aside", "events")
    readonly_fields = ("events",)

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser)

    @admin.action(description="Try again", permissions=["retry"])
    def try_again(self, request: HttpRequest, queryset: QuerySet[Inbox]) -> None:
        count = services.inbox_retry(ids=queryset.values_list("id", flat=True))
        messages.success(request, f"{count} requests wait for a worker again.")

    @display(description="Events")
    def events(self, row: Inbox) -> str:
        return bytes(row.payload).decode("utf-8", "replace")
