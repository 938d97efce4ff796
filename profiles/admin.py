"""Visitors: a list to find somebody in (the page of one visitor is personalization's). The site's
baselines and the self-checks, to look at."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse
from django.utils.html import format_html, format_html_join
from unfold.decorators import display
from unfold.views import ChangeList

from consent import selectors as consent_selectors
from consent.readonly import NightlyCheckAdmin, ReadOnlyAdmin
from profiles import rebuild_admin, selectors, selfcheck  # noqa: F401 -- registers its own
from profiles.baseline import MIN_PUBLISHED, MIN_VISITORS, Baseline
from profiles.models import Baseline as BaselineRow
from profiles.models import Profile, SelfCheck
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
        baseline = selectors.baseline_latest()
        listed = [profile.visitor_id for profile in self.result_list]
        granted = consent_selectors.visitors_granted(listed, PURPOSE, now=now)
        for profile in self.result_list:
            profile.shown = None
            if profile.visitor_id in granted:
                profile.shown = shown_of(profile.state, weights, baseline, now=now.timestamp())


@dataclass(frozen=True, slots=True)
class Shown:
    """What the list says of a visitor."""

    visits: int
    interest: Interest | None
    engagement: float


def shown_of(raw: bytes, weights: Weights, baseline: Baseline | None, *, now: float) -> Shown:
    state = state_decode(raw)
    vector = behavioral_vector(state, weights, now=now, baseline=baseline)
    first = next(iter(interest_list(state, weights, now=now)), None)
    return Shown(state.visits, first, vector.engagement_level)


@admin.register(Profile)
class ProfileAdmin(ReadOnlyAdmin):
    empty = "Nobody has agreed and read a page yet."
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
        if not interest:
            return "–"
        words = interest.category.replace("-", " ").replace("_", " ")
        return f"{words[:1].upper()}{words[1:]} ({interest.score:.1f})"

    @display(description="Visits")
    def visits(self, profile: Any) -> int | str:
        return profile.shown.visits if profile.shown else "–"

    @display(description="Engagement")
    def engagement(self, profile: Any) -> str:
        if not profile.shown:
            return "–"
        percent = round(100 * profile.shown.engagement)
        return format_html(
            '<span class="at-progress"><span class="at-bar" style="--part: {}%" aria-hidden="true">'
            "</span>{} %</span>",
            percent,
            percent,
        )


#: Whoever may change self-checks, which nobody does, may mend what they found.
REBUILD = "profiles.change_selfcheck"

#: What people call the measures of a baseline, with their units, and the quantiles they are shown.
MEASURES = {
    "engagement": "Engagement (units of weight)",
    "visits_per_week": "Visits a week",
    "scroll_velocity": "Scrolling (full pages a minute)",
}
USUAL_DAY = {"dwell_time": "Dwell time (s)", "clicks": "Clicks", "visits": "Visits"}
SHOWN_PERCENTS = (5, 10, 25, 50, 75, 90, 95)


@admin.register(BaselineRow)
class BaselineAdmin(ReadOnlyAdmin):
    explanation = (
        "What is usual on this site, worked out every hour from its visitors: engagement, "
        f"frequency and trends of one visitor are said against it, from {MIN_VISITORS} visitors on."
    )
    empty = "Worked out every hour, for the first time when visitors have agreed and read."
    list_display = ("computed_at", "n", "usual_day_short", "categories")
    list_per_page = 50
    ordering = ("-id",)
    sortable_by = ()
    fields = ("computed_at", "n", "levels", "usual_day", "category_shares")

    @display(description="A usual day")
    def usual_day_short(self, row: BaselineRow) -> str:
        said = [f"{USUAL_DAY[name]}: {value:.3g}" for name, value in row.daily_means.items()]
        return ", ".join(said) or "too few visitors"

    @display(description="Categories")
    def categories(self, row: BaselineRow) -> int:
        return len(row.shares)

    @display(description="So many visitors have at most this")
    def levels(self, row: BaselineRow) -> str:
        head = ("Measure", *(f"{percent}\u00a0%" for percent in SHOWN_PERCENTS))
        return _table(
            head,
            [
                (MEASURES[name], *(f"{values[percent]:.3g}" for percent in SHOWN_PERCENTS))
                for name, values in sorted(row.quantiles.items())
            ],
        )

    @display(description="What a visitor does on an average day")
    def usual_day(self, row: BaselineRow) -> str:
        rows = [(USUAL_DAY[name], f"{value:.3g}") for name, value in row.daily_means.items()]
        return _table(("", "per day"), rows)

    @display(description="Shares of all affinity")
    def category_shares(self, row: BaselineRow) -> str:
        ranked = sorted(row.shares.items(), key=lambda pair: (-pair[1], pair[0]))
        table = _table(
            ("Category", "Share"), [(name, f"{100 * share:.1f} %") for name, share in ranked]
        )
        note = f"Categories that fewer than {MIN_PUBLISHED} visitors care for are not published."
        return format_html('{}<p class="at-muted">{}</p>', table, note) if ranked else table


@admin.register(SelfCheck)
class SelfCheckAdmin(NightlyCheckAdmin):
    """What the nightly checks found, and a button that mends it."""

    explanation = (
        "Every night the profiles of up to 5,000 visitors are compared with what their stored "
        "events add up to. Open a check that found differences to see and mend them."
    )
    empty = "There was no check yet: the first comes tonight, at 3:23 UTC."

    list_display = ("started_at", "result", "state", "rebuilt_at")
    fields = ("started_at", "finished_at", "result", "found", "rebuilt_at", "rebuild")

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.rebuild_view)
        mine = [path("<int:pk>/rebuild/", view, name="profiles_selfcheck_rebuild")]
        return [*mine, *super().get_urls()]

    def rebuild_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Rebuild the visitors that a check names; by POST only, since it changes profiles."""
        if not request.user.has_perm(REBUILD):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        count = selfcheck.check_rebuild(check=get_object_or_404(SelfCheck, pk=pk))
        messages.success(request, f"{count} profile{'' if count == 1 else 's'} rebuilt.")
        return redirect("admin:profiles_selfcheck_change", pk)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        hidden = set() if request.user.has_perm(REBUILD) else {"rebuild"}
        return [name for name in self.fields if name not in hidden]

    @display(description="What differs")
    def found(self, check: SelfCheck) -> str:
        if not check.differences:
            return "Nothing."
        url = reverse("admin:profiles_profile_changelist")
        link = '<a class="at-link" href="{}?q={}">{}</a>'
        rows: list[tuple[str, str]] = [
            (format_html(link, url, entry["visitor"], entry["visitor"]), entry["text"])
            for entry in check.differences
        ]
        more = check.differing - len(rows)
        if more:
            rows.append((f"and {more:,} more", "too many to name: run manage.py rebuild_profiles"))
        return _table(("Visitor", "What of the profile is not what the events add up to"), rows)

    @display(description="Mend")
    def rebuild(self, check: SelfCheck) -> str:
        if not check.differences:
            return "Nothing to mend."
        url = reverse("admin:profiles_selfcheck_rebuild", args=[check.pk])
        return format_html(
            '<button class="at-button" type="submit" formaction="{}">{}</button>',
            url,
            "Rebuild these visitors",
        )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return f"Not published: fewer than {MIN_PUBLISHED} visitors."
    return format_html(
        '<div class="at-scroll" tabindex="0"><table class="at-table at-table--narrow">'
        "<thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>",
        format_html_join("", '<th scope="col">{}</th>', ((text,) for text in head)),
        format_html_join(
            "",
            '<tr><th scope="row">{}</th>{}</tr>',
            (
                (row[0], format_html_join("", "<td>{}</td>", ((v,) for v in row[1:])))
                for row in rows
            ),
        ),
    )


def _visitor_id(text: str) -> UUID | None:
    try:
        return UUID(text.strip())
    except ValueError:
        return None
