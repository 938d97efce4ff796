"""Beside the rule in the campaign's form: whom it reaches now, live as it is edited."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, JsonResponse
from django.template.loader import render_to_string
from django.urls import URLPattern, path
from django.views.decorators.http import require_POST

from personalization.forms import rule_names
from personalization.reach.asking import site_now
from personalization.reach.counting import (
    TooSlowError,
    features_missing,
    lost_to_consent,
    moment_now,
    reach_now,
    reach_soon,
)
from personalization.reach.hints import hint_text, hint_values, hints_of
from personalization.reach.projecting import projection_progress
from personalization.reach.words import Told, lost_text, notes_of, reach_bars, reach_text
from personalization.rule_form.posted import tree_errors, tree_from_posted
from personalization.rules.tree import Node, RuleError
from personalization.segments.resolving import rule_now, segment_errors, segment_names

UNFINISHED = "Complete the rule to count."
TOO_SLOW = "Counting takes too long with this rule. Saving and publishing it work all the same."


class ReachView:
    """`reach/`: the posted rule counted, saved or not."""

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view  # type: ignore[attr-defined]
        view = wrap(require_POST(self.reach_view))
        return [
            path("reach/", view, name="campaign_reach"),
            *super().get_urls(),  # type: ignore[misc]
        ]

    def reach_view(self, request: HttpRequest) -> JsonResponse:
        """The count in words and numbers, and what stands in the panel; with `soon` a first figure
        within about a second, which may be an estimate."""
        if not self.has_view_permission(request):  # type: ignore[attr-defined]
            raise PermissionDenied
        tree = tree_from_posted(request.POST)
        if not tree or tree_errors(tree) or segment_errors(tree):
            return _answer(Told(UNFINISHED))
        among, said = _among(request.POST.get("among", ""))
        is_soon = bool(request.POST.get("soon"))
        try:
            return _answer(reach_told(rule_now(tree), among, said, is_soon=is_soon))
        except TooSlowError:
            return _answer(Told(TOO_SLOW))


def _answer(told: Told) -> JsonResponse:
    html = render_to_string("admin/personalization/_reach.html", {"told": told})
    return JsonResponse({**told.numbers, "text": told.text, "html": html})


def _among(key: str) -> tuple[Node | None, str]:
    """The rule of the segment among which to count, and how that is said.

    (None, "") for everyone, and for a segment that is not in use any more.
    """
    if not key:
        return None, ""
    try:
        among = rule_now({"condition": "segment", "segment": key})
    except RuleError:
        return None, ""
    return among, f", all in “{segment_names()[key]}”"


def reach_told(
    rule: Node, among: Node | None = None, said: str = "", *, is_soon: bool = False
) -> Told:
    """Everything the editor says of a rule's reach, `said` that it is among a segment's visitors;
    `is_soon` a first figure without near misses.

    Raises TooSlowError.
    """
    now, count = moment_now(), reach_soon if is_soon else reach_now
    reach, missing = count(rule, now=now, among=among), features_missing(rule)
    site, categories = site_now(now), rule_names().categories
    hints: list[dict[str, Any]] = []
    is_hinted = among is None and not missing and not is_soon
    if is_hinted and not reach.is_about and reach.visitors:
        reached = reach.matching + reach.open
        found = hints_of(rule, site, reached=reached, categories=categories)
        hints = [{**hint_values(hint), "text": hint_text(hint)} for hint in found]
    return Told(
        reach_text(reach, is_bound=bool(missing)) + said,
        reach_bars(reach, is_bound=bool(missing)),
        lost_text(lost_to_consent(rule, now=now)),
        tuple(hints),
        notes_of(
            rule, site, missing=missing, progress=projection_progress(), categories=categories
        ),
        {"matching": reach.matching, "open": reach.open, "visitors": reach.visitors},
    )
