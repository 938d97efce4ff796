"""A campaign's backtests: asked for, followed, cancelled, read."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from personalization import selectors
from personalization.backtest import running
from personalization.backtest.conflicts import conflicts_of, rule_contradictions, rules_identical
from personalization.backtest.models import Backtest
from personalization.backtest.past import conditions_untold
from personalization.backtest.planning import plan_of
from personalization.backtest.report import duration_words, report_of
from personalization.backtest.samples import sample_paths
from personalization.campaigns.steps import MAY_CHANGE
from personalization.campaigns.versions import campaigns_in_force, draft_payload
from personalization.models import Campaign
from personalization.rules.tree import Node, RuleError
from personalization.segments.resolving import rule_now, rule_resolve
from personalization.visitor_view import ANSWERS, measured_text
from profiles.selectors import percent_of
from tracking import selectors as tracking_selectors

MAY_SEE_VISITORS = "profiles.view_profile"
RUNS_LISTED = 8


class BacktestViews:
    """The pages under a campaign's backtest/."""

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view  # type: ignore[attr-defined]
        run = "<int:pk>/backtest/<int:run>/"
        return [
            path("<int:pk>/backtest/", wrap(self.backtests_view), name="campaign_backtest"),
            path(run, wrap(require_GET(self.backtest_view)), name="campaign_backtest_run"),
            path(
                f"{run}progress/",
                wrap(require_GET(self.backtest_progress_view)),
                name="campaign_backtest_progress",
            ),
            path(
                f"{run}cancel/",
                wrap(require_POST(self.backtest_cancel_view)),
                name="campaign_backtest_cancel",
            ),
            *super().get_urls(),  # type: ignore[misc]
        ]

    def backtests_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """GET asks for how long and lists earlier runs, POST begins one."""
        campaign = self._campaign(request, pk)
        if request.method == "POST":
            return self._begin(request, campaign)
        total, pace = running.events_total(1), running.events_a_second()
        return self._page(
            request,
            "admin/personalization/backtest/start.html",
            {
                "title": f"Backtest: {campaign}",
                "campaign": campaign,
                "may_start": request.user.has_perm(MAY_CHANGE),
                "days": running.days_possible(),
                "events_total": total,
                "whole": duration_words(total / pace),
                "tenth": duration_words(total / pace / 10),
                "runs": campaign.backtests.defer("result", "draft")[:RUNS_LISTED],
                "warnings": static_findings(campaign),
            },
        )

    def _begin(self, request: HttpRequest, campaign: Campaign) -> HttpResponse:
        if not request.user.has_perm(MAY_CHANGE):
            raise PermissionDenied
        try:
            run = running.backtest_start(
                campaign=campaign,
                days=_number(request.POST.get("days")),
                one_of=_number(request.POST.get("one_of")),
                by=request.user.get_username(),
                now=timezone.now(),
            )
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
            return redirect("admin:campaign_backtest", campaign.pk)
        return redirect("admin:campaign_backtest_run", campaign.pk, run.pk)

    def backtest_view(self, request: HttpRequest, pk: int, run: int) -> HttpResponse:
        """How far a run is, or what came of it."""
        campaign = self._campaign(request, pk)
        found = get_object_or_404(Backtest, pk=run, campaign=campaign)
        context = {"title": f"Backtest: {campaign}", "campaign": campaign, "run": found}
        context |= {"may_cancel": request.user.has_perm(MAY_CHANGE)}
        if found.result is not None:
            context |= result_context(found, campaign)
            if request.user.has_perm(MAY_SEE_VISITORS):
                context["samples"] = samples_context(found)
                context["may_see"] = True
        else:
            context |= progress_context(found)
        return self._page(request, "admin/personalization/backtest/run.html", context)

    def backtest_progress_view(self, request: HttpRequest, pk: int, run: int) -> HttpResponse:
        """What stands in the place of the progress, and whether it is over."""
        campaign = self._campaign(request, pk)
        found = get_object_or_404(Backtest, pk=run, campaign=campaign)
        context = {"campaign": campaign, "run": found, **progress_context(found)}
        html = render_to_string("admin/personalization/backtest/_progress.html", context)
        return JsonResponse({"html": html, "done": not found.is_open})

    def backtest_cancel_view(self, request: HttpRequest, pk: int, run: int) -> HttpResponse:
        campaign = self._campaign(request, pk)
        if not request.user.has_perm(MAY_CHANGE):
            raise PermissionDenied
        found = get_object_or_404(Backtest, pk=run, campaign=campaign)
        if not running.backtest_cancel(run=found, now=timezone.now()):
            messages.info(request, "It was over already.")
        return redirect("admin:campaign_backtest_run", campaign.pk, found.pk)

    def _campaign(self, request: HttpRequest, pk: int) -> Campaign:
        if not self.has_view_permission(request):  # type: ignore[attr-defined]
            raise PermissionDenied
        rows = Campaign.objects.select_related("slot", "variant__category", "exclusion_group")
        return get_object_or_404(rows, pk=pk)

    def _page(self, request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
        common = self.admin_site.each_context(request)  # type: ignore[attr-defined]
        return TemplateResponse(request, template, {**common, **context})


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 4 else 0


def progress_context(run: Backtest) -> dict[str, Any]:
    read, total = running.events_read(run), run.events_total
    return {"read": min(read, total), "total": total, "percent": percent_of(read, total)}


def result_context(run: Backtest, campaign: Campaign) -> dict[str, Any]:
    """What the page of a finished run says."""
    plan, names = plan_of(run), dict(selectors.campaign_names())
    order = [one.id for one in plan.after.campaigns]
    place = plan.after.number_of(plan.draft)
    mine = plan.after.campaigns[place].rule
    identical = [
        one.id
        for one in plan.after.campaigns
        if one.id != plan.draft and rules_identical(one.rule, mine)
    ]
    assert run.result is not None
    result = {"matched_views": 0, "campaigns": {}, **run.result}
    conflicts = conflicts_of(result, order, draft=plan.draft, identical=identical)
    report = report_of(
        run.result,
        conflicts,
        days=run.days,
        one_of=run.one_of,
        until=run.started_at,
        names=names,
        untold=[leaf.sentence for leaf in conditions_untold(mine)],
        pages=run.pages or (),
        is_published=any(one.id == plan.draft for one in plan.before.campaigns),
        complete_since=tracking_selectors.events_complete_since(),
        capacities=[
            one.name for one in plan.after.campaigns if one.frequency and one.frequency.capacity
        ],
    )
    period = {"words": f"last {run.days} days"}
    return {"report": report, "period": period, "is_old": _is_old(run, campaign)}


def _is_old(run: Backtest, campaign: Campaign) -> bool:
    """Whether what decides about the draft was edited since, be it in a segment."""
    entry, now = run.draft["entry"], draft_payload(campaign)
    try:
        now["rule"] = rule_resolve(now["rule"])  # a run's has its segments put in
    except RuleError:
        return True
    return run.draft["slot"] != campaign.slot.key or any(
        (now[name] or None) != (entry.get(name) or None)
        for name in ("rule", "priority", "frequency")
    )


def samples_context(run: Backtest) -> list[dict[str, Any]]:
    return [
        {
            "path": sample,
            "trace": [
                {
                    "sentence": line.sentence,
                    "depth": line.depth,
                    "answer": ANSWERS[line.answer],
                    "measured": measured_text(line.measured),
                }
                for line in sample.trace
            ],
        }
        for sample in sample_paths(run)
    ]


def static_findings(campaign: Campaign) -> list[str]:
    """What the rules alone say against a draft, without a look at any event."""
    try:
        rule = rule_now(campaign.rule)
    except RuleError:
        return []
    found = [
        f"It can never match: “{one}” and “{other}” exclude each other."
        for one, other in rule_contradictions(rule)
    ]
    found += [
        f"“{said['name']}”, published in the same slot, has the same rule: only the one that comes "
        "first is shown."
        for other, said in campaigns_in_force()
        if other.pk != campaign.pk
        and said["slot"] == campaign.slot_id
        and _asks(said["rule"], rule)
    ]
    return found


def _asks(document: Any, rule: Node) -> bool:
    """Whether a stored rule asks the same."""
    try:
        return rules_identical(rule_now(document), rule)
    except RuleError:
        return False
