"""Rebuilds, with how far they are, and the features that profiles keep: for people to look at."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, Q, QuerySet, Sum
from django.http import HttpRequest
from django.utils.html import format_html
from unfold.decorators import display

from consent.readonly import ReadOnlyAdmin
from profiles import selectors
from profiles.features.checks import feature_parse
from profiles.models import DeclaredFeature, Rebuild
from tracking import selectors as tracking_selectors


@admin.register(Rebuild)
class RebuildAdmin(ReadOnlyAdmin):
    """All profiles made anew; what is under way shows how far it is."""

    explanation = (
        "Profiles made anew from the stored events: after a changed half-life, for a new feature, "
        "or by manage.py rebuild_profiles. Events keep being accepted meanwhile, and pages read a "
        "profile as it was until the new one is there."
    )
    empty = "Nothing had to be made anew yet."

    list_display = (
        "reason",
        "state",
        "progress",
        "events",
        "profiles",
        "started_at",
        "finished_at",
    )
    list_display_links = None
    list_per_page = 50
    sortable_by = ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Rebuild]:
        rows = super().get_queryset(request)
        return rows.annotate(
            events_read=Sum("shards__events"),
            profiles_written=Sum("shards__profiles"),
            left=Count("shards", filter=Q(shards__finished_at=None)),
        )

    @display(
        description="State",
        label={"Finished": "success", "Under way": "info", "Replaced": "warning"},
    )
    def state(self, run: Any) -> str:
        """Replaced is one whose place another definition's took before it was done."""
        if run.finished_at is None:
            return "Under way"
        return "Replaced" if run.left else "Finished"

    @display(description="Done")
    def progress(self, run: Any) -> str:
        total = sum(tracking_selectors.shard_seqs().values())
        percent = selectors.percent_of(run.events_read or 0, total) if run.left else 100
        return format_html(
            '<span class="at-progress"><span class="at-bar" style="--part: {}%" aria-hidden="true">'
            "</span>{} %</span>",
            percent,
            percent,
        )

    @display(description="Events read")
    def events(self, run: Any) -> str:
        return f"{run.events_read or 0:,}"

    @display(description="Profiles written")
    def profiles(self, run: Any) -> str:
        return f"{run.profiles_written or 0:,}"


@admin.register(DeclaredFeature)
class DeclaredFeatureAdmin(ReadOnlyAdmin):
    """What profiles keep of events, in words, for whom, and since when it is whole."""

    explanation = (
        "What profiles keep of events beside interests and visits, and what needs it. A new one is "
        "live when it is computed from the stored events as well; see docs/features.md."
    )
    empty = "Nothing needs more of events than interests and visits."

    list_display = ("words", "needed_by", "state", "declared_at")
    list_display_links = None
    list_filter = ("needed_by",)
    list_per_page = 100
    sortable_by = ()

    @display(description="Feature")
    def words(self, declared: DeclaredFeature) -> str:
        return feature_parse(declared.document).describe()

    @display(description="State", label={"Live": "success", "Being backfilled": "info"})
    def state(self, declared: DeclaredFeature) -> str:
        return "Live" if declared.key in selectors.features_live() else "Being backfilled"
