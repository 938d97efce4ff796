"""Visitors: a list to find somebody in. The page of one visitor is personalization's."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest
from django.shortcuts import redirect
from django.utils.html import format_html
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.views import ChangeList

from consent import selectors as consent_selectors
from profiles import selectors
from profiles.models import Profile
from profiles.services import PURPOSE
from profiles.state import state_decode
from profiles.vector import Interest, Weights, behavioral_vector, interest_list


class VisitorList(ChangeList):
    """Reads each listed profile as it stands now, with the weights looked up once.

    Of a visitor who agrees no longer, and is about to be erased, nothing is read.
    """

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        weights, now = selectors.weights_current(), datetime.now(UTC)
        listed = [profile.visitor_id for profile in self.result_list]
        granted = consent_selectors.visitors_granted(listed, PURPOSE, now)
        for profile in self.result_list:
            profile.shown = None
            if profile.visitor_id in granted:
                profile.shown = shown_of(profile.state, weights, now=now.timestamp())


@dataclass(frozen=True, slots=True)
class Shown:
    """What the list says of a visitor."""

    visits: int
    interest: Interest | None
    engagement: float


def shown_of(raw: bytes, weights: Weights, *, now: float) -> Shown:
    state = state_decode(raw)
    vector = behavioral_vector(state, weights, now=now)
    first = next(iter(interest_list(state, weights, now=now)), None)
    return Shown(state.visits, first, vector.engagement_level)


@admin.register(Profile)
class ProfileAdmin(ModelAdmin):
    list_display = ("short_id", "last_seen", "top_interest", "visits", "engagement")
    list_filter = ("last_event_at",)
    list_per_page = 50
    search_fields = ("visitor_id",)
    search_help_text = "A visitor's id, or how it begins."
    sortable_by = ("last_seen",)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return VisitorList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Profile], search_term: str
    ) -> tuple[QuerySet[Profile], bool]:
        if search_term.strip():
            found = selectors.visitors_find(search_term.strip(), limit=1000)
            queryset = queryset.filter(visitor_id__in=found)
        return queryset, False

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        searched = _visitor_id(request.GET.get("q", ""))
        if searched is not None and self.has_view_permission(request):
            return redirect("visitor", searched)  # also one without a profile: it says why
        return super().changelist_view(request, extra_context)

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> Any:
        if not self.has_view_permission(request):
            raise PermissionDenied
        visitor_id = _visitor_id(object_id)
        if visitor_id is None:
            raise Http404
        return redirect("visitor", visitor_id)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @display(description="Visitor", ordering="visitor_id")
    def short_id(self, profile: Profile) -> str:
        return str(profile.visitor_id)[:8]

    @display(description="Last event", ordering="last_event_at")
    def last_seen(self, profile: Any) -> datetime | str:
        return profile.last_event_at if profile.shown else "–"

    @display(description="Top interest")
    def top_interest(self, profile: Any) -> str:
        if not profile.shown:
            return "No longer agrees"
        interest = profile.shown.interest
        return f"{interest.category} ({interest.score:.1f})" if interest else "–"

    @display(description="Visits")
    def visits(self, profile: Any) -> int | str:
        return profile.shown.visits if profile.shown else "–"

    @display(description="Engagement")
    def engagement(self, profile: Any) -> str:
        if not profile.shown:
            return "–"
        percent = round(100 * profile.shown.engagement)
        return format_html(
            '<span class="at-bar" style="--part: {}%" aria-hidden="true"></span> {} %',
            percent,
            percent,
        )


def _visitor_id(text: str) -> UUID | None:
    try:
        return UUID(text.strip())
    except ValueError:
        return None
