"""Signal weights are edited here; refusals and what waits for a worker are looked at."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextInputWidget

from tracking import counters, quarantine_admin, retention_admin  # noqa: F401
from tracking.admin_read_only import ReadOnlyAdmin
from tracking.models import DropCount, EventType, Inbox
from tracking.signals import taxonomy_changed

MAX_WEIGHT = 1000.0
CHANGED = "_taxonomy_changed"


class ShortNumberInput(UnfoldAdminTextInputWidget):
    """Shows 10 for 10.0."""

    def format_value(self, value: Any) -> str | None:
        return f"{value:.15g}" if isinstance(value, float) else super().format_value(value)


class WeightForm(forms.ModelForm):
    """What one signal counts. A cap means something only where a value is reported."""

    weight = forms.FloatField(min_value=0, max_value=MAX_WEIGHT)
    value_cap = forms.FloatField(min_value=0.01, max_value=1_000_000, required=False)

    class Meta:
        model = EventType
        fields = ("weight", "value_cap")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, label in (("weight", "Weight"), ("value_cap", "Largest value")):
            if name in self.fields:
                of = f" of {self.instance.label.lower()}" if self.instance.pk else ""
                self.fields[name].widget = ShortNumberInput(
                    {"inputmode": "decimal", "aria-label": f"{label}{of}"}
                )
        if self.instance.pk and self.instance.unit == EventType.Unit.EVENT:
            self.fields["value_cap"].disabled = True
            self.fields["value_cap"].widget.attrs["placeholder"] = "each counts once"


@admin.register(EventType)
class EventTypeAdmin(ModelAdmin):
    """The marketers' "Signal weights". Saving tells the right neighbours, who publish."""

    form = WeightForm
    list_display = ("label", "weight", "per", "value_cap", "kind_word", "name")
    list_display_links = None
    list_editable = ("weight", "value_cap")
    list_before_template = "admin/tracking/_weights_hint.html"
    list_per_page = 100
    search_fields = ("name", "label")
    fields = ("label", "name", "kind", "unit", "weight", "value_cap")
    compressed_fields = False

    def get_readonly_fields(
        self, request: HttpRequest, obj: EventType | None = None
    ) -> tuple[str, ...]:
        # What an event type is decides what stored events mean; only its weight may change.
        return ("label", "name", "kind", "unit")

    # A removed type would mean something else in the next rebuild than in the last.
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_changelist_form(self, request: HttpRequest, **kwargs: Any) -> Any:
        return super().get_changelist_form(request, form=WeightForm, **kwargs)

    @display(description="Unit", ordering="unit")
    def per(self, signal: EventType) -> str:
        return signal.get_unit_display()

    @display(
        description="Kind",
        ordering="kind",
        label={"active": "success", "passive": "info", "negative": "danger"},
    )
    def kind_word(self, signal: EventType) -> tuple[str, str]:
        return signal.kind, signal.get_kind_display().partition(":")[0]

    def save_model(self, request: HttpRequest, obj: EventType, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        setattr(request, CHANGED, True)

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        with transaction.atomic():
            response = super().changelist_view(request, *args, **kwargs)
            _announce(request)
        return response

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        with transaction.atomic():
            response = super().changeform_view(request, *args, **kwargs)
            _announce(request)
        return response


def _announce(request: HttpRequest) -> None:
    """Tell receivers once per request, and pass on what they have to say."""
    if not getattr(request, CHANGED, False):
        return
    for _, said in taxonomy_changed.send(sender=EventType, by=request.user.get_username()):
        if said:
            messages.success(request, said)


@admin.register(Inbox)
class InboxAdmin(ReadOnlyAdmin):
    """What waits for a worker."""

    list_display = ("id", "source", "received_at", "shard")
    list_filter = ("source",)
    fields = ("source", "received_at", "shard", "events")
    readonly_fields = ("events",)

    @display(description="Events")
    def events(self, row: Inbox) -> str:
        return bytes(row.payload).decode("utf-8", "replace")


@admin.register(DropCount)
class DropCountAdmin(ReadOnlyAdmin):
    list_display = ("day", "reason", "source", "count")
    list_filter = ("reason", "source")
    date_hierarchy = "day"

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        counters.drops_merge()  # the list shows what has happened up to now
        return super().changelist_view(request, *args, **kwargs)
