"""What cleaning counts, and what it thinks unusual: for people to look at, and to overrule."""

from math import inf
from typing import Any, NamedTuple

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.decorators import display

from consent.readonly import ReadOnlyAdmin
from tracking import counters, distributions, selectors, services
from tracking.fence_chart import Picture, picture_of
from tracking.models import DropCount, Fence, Outlier
from tracking.pipeline.duplicates import STEP
from tracking.pipeline.outliers import ACCEPTED
from tracking.pipeline.wire import Refusal

#: Reasons that leave a property out of an event; the event is stored.
LEFT_OUT = frozenset({Refusal.UNKNOWN_PROPERTY, Refusal.INVALID_PROPERTY})
#: Kinds shown with a picture, those seen most often first.
PICTURES = 12


@admin.register(DropCount)
class DropCountAdmin(ReadOnlyAdmin):
    explanation = (
        "How often each reason refused a request or an event, left a property out of an event that "
        "was stored, or changed an event, by day. What can be mended also waits in Quarantine; "
        "docs/errors.md says what each reason means and what to do."
    )
    empty = "Nothing was refused, left out or changed."
    list_display = ("day", "reason", "effect", "source", "count")
    list_filter = ("reason", "source")
    date_hierarchy = "day"

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        counters.drops_merge()  # the list shows what has happened up to now
        return super().changelist_view(request, *args, **kwargs)

    @display(
        description="Effect",
        label={"refused": "warning", "left out": "warning", "changed": "info"},
    )
    def effect(self, counted: DropCount) -> str:
        if counted.reason in LEFT_OUT:
            return "left out"
        return "changed" if counted.reason in selectors.FINDINGS else "refused"


class Usual(NamedTuple):
    """What is usual of a kind, in words and as a picture."""

    name: str
    median: str
    limit: str
    observations: float
    picture: Picture


class TypeFilter(admin.SimpleListFilter):
    """Event types by the names people know."""

    title = "event type"
    parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(selectors.event_type_labels().items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Outlier]) -> QuerySet[Outlier]:
        return queryset.filter(type=self.value()) if self.value() else queryset


@admin.register(Outlier)
class OutlierAdmin(ReadOnlyAdmin):
    """Flagged events, newest first, under what is usual."""

    empty = "Nothing unusual was reported: every event counts in full."

    list_display = (
        "type_label", "content_type", "item", "reported_shown", "counted_shown", "why_word",
        "occurred_at",
    )  # fmt: skip
    list_display_links = None
    list_filter = (TypeFilter, "why")
    list_before_template = "admin/tracking/_fences.html"
    actions = ("count_in_full",)

    def has_review_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("tracking.change_outlier"))

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        shown, more = usual_list()
        context = {"usual": shown, "more": more} | (extra_context or {})
        return super().changelist_view(request, context)

    @admin.action(description="Count in full", permissions=["review"])
    def count_in_full(self, request: HttpRequest, queryset: QuerySet[Outlier]) -> None:
        keys = set(queryset.exclude(why=ACCEPTED).values_list("visitor_id", "event_id"))
        for visitor_id, event_id in keys:
            services.outlier_accept(visitor_id=visitor_id, event_id=event_id)
        messages.success(request, f"{len(keys)} events count in full from now on.")

    @display(description="Event type", ordering="type")
    def type_label(self, outlier: Outlier) -> str:
        return selectors.event_type_labels().get(outlier.type, outlier.type)

    @display(description="Reported")
    def reported_shown(self, outlier: Outlier) -> str:
        if outlier.unit in STEP:
            return amount_words(outlier.reported or 0.0, outlier.unit)
        return f"one of {outlier.reported or 1:,.0f} in the visit"

    @display(description="Counts")
    def counted_shown(self, outlier: Outlier) -> str:
        if outlier.unit in STEP:
            return amount_words(outlier.counted, outlier.unit)
        return "in full" if outlier.counted else "not at all"

    @display(description="Why", ordering="why", label={"accepted": "success", "both": "warning"})
    def why_word(self, outlier: Outlier) -> tuple[str, str]:
        return outlier.why, {"iqr": "IQR", "both": "z-score and IQR"}.get(
            outlier.why, outlier.get_why_display()
        )


def usual_list() -> tuple[list[Usual], int]:
    """The kinds seen most often, and how many more have fences."""
    labels, signals = selectors.event_type_labels(), selectors.signal_list()
    histograms = distributions.bins_read()
    fences = list(Fence.objects.order_by("-observations"))
    shown = [
        _usual(fence, labels.get(fence.type, fence.type), signals[fence.type], bins)
        for fence in fences[:PICTURES]
        if fence.type in signals and (bins := histograms.get((fence.type, fence.content_type)))
    ]
    return shown, max(len(fences) - PICTURES, 0)


def _usual(fence: Fence, label: str, signal: selectors.Signal, bins: dict[int, float]) -> Usual:
    grows = signal.unit in STEP
    cap = signal.value_cap if grows and signal.value_cap is not None else inf
    return Usual(
        name=f"{label} · {fence.content_type or 'any content'}",
        # A bin's value is within 2 % of what was counted, which was whole.
        median=amount_words(fence.median if grows else round(fence.median), signal.unit),
        limit=amount_words(min(fence.z_score, fence.iqr, cap), signal.unit),
        observations=fence.observations,
        picture=picture_of(bins, fences=(fence.z_score, fence.iqr)),
    )


def amount_words(amount: float, unit: str) -> str:
    """
    >>> amount_words(1234.4, "second"), amount_words(0.75, "depth"), amount_words(7.9, "event")
    ('1,234 s', '75 %', '7 in a visit')
    """
    if unit == "second":
        return f"{amount:,.0f} s"
    if unit == "depth":
        return f"{amount * 100:.0f} %"
    return f"{int(amount):,} in a visit"
