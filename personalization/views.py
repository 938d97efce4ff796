"""One visitor in the admin: what is known, and why each slot shows what it shows."""

from collections.abc import Mapping
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone

from personalization.chart import chart_of, spark_points
from personalization.visitor_view import (
    CURVE_DAYS,
    CURVES,
    EVENTS,
    THRESHOLD,
    VisitorReport,
    decisions_explained,
    visitor_report,
)
from profiles import selectors as profile_selectors
from tracking import selectors as tracking_selectors

PERMISSION = "profiles.view_profile"


def visitor_page(request: HttpRequest, visitor: str) -> HttpResponse:
    """The page of a visitor by id, or by a unique beginning of one."""
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied
    visitor_id = _uuid(visitor)
    if visitor_id is None:
        found = profile_selectors.visitors_find(visitor)
        if len(found) == 1:
            return redirect("visitor", found[0])
        context = {"title": "Visitors", "searched": visitor, "found": found}
        return admin_page(request, "visitor_search.html", context, status=200 if found else 404)
    report = visitor_report(visitor_id, now=timezone.now())
    return admin_page(request, "visitor.html", _context(report))


def _context(report: VisitorReport) -> dict[str, object]:
    labels = tracking_selectors.event_type_labels()
    curves = [(line.name, line.curve) for line in report.interests[:CURVES]]
    return {
        "title": f"Visitor {report.short_id}",
        "report": report,
        "chart": chart_of(curves, threshold=THRESHOLD) if curves else None,
        "trends": [(line, spark_points(line.values)) for line in report.trends],
        "curve_days": CURVE_DAYS,
        "threshold": THRESHOLD,
        "events_shown": EVENTS,
        "events": [
            {**event, "label": labels.get(event["type"], event["type"])} for event in report.events
        ],
        "decisions": decisions_explained(report.decisions),
    }


def admin_page(
    request: HttpRequest, template: str, context: Mapping[str, object], *, status: int = 200
) -> HttpResponse:
    """A page of the admin that is kept by nobody."""
    request.current_app = admin.site.name
    context = {**admin.site.each_context(request), **context}
    return TemplateResponse(
        request,
        f"admin/personalization/{template}",
        context,
        status=status,
        headers={"Cache-Control": "private, no-store"},
    )


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
