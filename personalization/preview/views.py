"""The preview of a draft: the page around it, and the frames in it. For the staff alone."""

from typing import Any

from csp.constants import NONE, SELF
from csp.utils import build_policy
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_GET

from personalization.campaigns.zones import zone_names
from personalization.decide import RuleSet
from personalization.models import Slot
from personalization.preview.addresses import address_of_link
from personalization.preview.asking import Asked, asked_from
from personalization.preview.draft import (
    Draft,
    DraftError,
    draft_get,
    owner_of,
    ruleset_with,
    slot_of,
)
from personalization.preview.handing import page_hand, page_take
from personalization.preview.links import links_keep
from personalization.preview.page import (
    PageError,
    Previewed,
    devices_differ,
    page_preview,
    scene_make,
)
from personalization.preview.subjects import (
    EVERYONE,
    Subject,
    SubjectError,
    profile_says,
    subject_check,
    subject_get,
    test_profiles,
    visitors_recent,
)
from personalization.preview.tokens import FrameAsk, TokenError, token_make, token_read
from personalization.preview.verdict import draft_verdict
from personalization.rules.tree import rule_features
from personalization.segments.resolving import rule_now
from personalization.views import PERMISSION as MAY_SEE_VISITORS
from personalization.views import admin_page
from personalization.visitor_view import decisions_explained

MAY_PREVIEW = "personalization.view_campaign"
#: Kind of device: words, width and height of its screen, in CSS pixels.
SCREENS = {"phone": ("Phone", 390, 780), "desktop": ("Desktop", 1280, 800)}
#: Nothing in the frame acts: no script, no form, and only a click leads elsewhere.
SANDBOX = ("allow-same-origin", "allow-top-navigation-by-user-activation")
INERT = {
    "script-src": [NONE],
    "connect-src": [NONE],
    "frame-src": [NONE],
    "form-action": [NONE],
    "base-uri": [NONE],
    "frame-ancestors": [SELF],
    "sandbox": SANDBOX,
}
#: What profiles hold of real visitors does not answer all that the draft asks.
NOT_KNOWN_YET = (
    "Some of what the draft asks of past events is not known yet for this visitor: profiles hold "
    "it once the campaign is published. Of a test profile it is known."
)


@require_GET
def preview_page(request: HttpRequest, reference: str) -> HttpResponse:
    """A draft on a page of the site, at two widths, with the reasons beside it."""
    _check(request)
    try:
        draft = draft_get(reference, owner=owner_of(request))
        context = _context(request, draft)
    except DraftError as error:
        return admin_page(
            request, "preview/gone.html", {"title": "Preview", "error": error}, status=404
        )
    return admin_page(request, "preview/page.html", context)


@require_GET
def preview_frame(request: HttpRequest) -> HttpResponse:
    """One frame: the page itself, with nothing in it that could act."""
    _check(request)
    token = request.GET.get("t", "")
    try:
        ask = token_read(token, owner=owner_of(request))
        given = {"as": ask.subject, "at": ask.address, "moment": ask.moment, "zone": ask.zone}
        asked = asked_from(given, address="/", zone="UTC")
        shown_at, html = _page_of_frame(request, token, ask, asked)
    except (TokenError, DraftError, SubjectError, PageError) as error:
        status = 403 if isinstance(error, TokenError) else 404
        context = {"error": error}
        page = render(request, "admin/personalization/preview/refused.html", context, status=status)
        return _inert(page)
    host = request.get_host()

    def preview_of(href: str) -> str | None:
        address = address_of_link(href, page=shown_at, host=host)
        return address and f"{reverse('preview', args=[ask.draft])}?{asked.query(address)}"

    return _inert(HttpResponse(links_keep(html, preview_of)))


def _page_of_frame(
    request: HttpRequest, token: str, ask: FrameAsk, asked: Asked
) -> tuple[str, str]:
    """(address, HTML): as the page around the frame had it made, or made anew."""
    may = request.user.has_perm(MAY_SEE_VISITORS)
    subject_check(ask.subject, may_see_visitors=may)
    if (handed := page_take(token)) is not None:
        return handed
    ruleset = ruleset_with(draft_get(ask.draft, owner=owner_of(request)))
    subject = _subject(request, ask.subject, ruleset, asked)
    scene = scene_make(ruleset, subject, now=asked.now, device=ask.device)
    previewed = page_preview(request, asked.address, scene)
    return previewed.address, previewed.html


def _check(request: HttpRequest) -> None:
    if not request.user.has_perm(MAY_PREVIEW):
        raise PermissionDenied


def _inert(response: HttpResponse) -> HttpResponse:
    response["Content-Security-Policy"] = build_policy(replace=INERT)
    response["X-Frame-Options"] = "SAMEORIGIN"
    response["Cache-Control"] = "private, no-store"
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex"
    return response


def _subject(request: HttpRequest, key: str, ruleset: RuleSet, asked: Asked) -> Subject:
    may = request.user.has_perm(MAY_SEE_VISITORS)
    return subject_get(key, ruleset, now=asked.now, may_see_visitors=may)


def _context(request: HttpRequest, draft: Draft) -> dict[str, Any]:
    slot = slot_of(draft)
    zone = str(draft.payload.get("zone") or "UTC")
    asked = asked_from(request.GET.dict(), address=slot.address or "/", zone=zone)
    errors = dict(asked.errors)
    ruleset = ruleset_with(draft)
    try:
        subject = _subject(request, asked.subject, ruleset, asked)
    except SubjectError as error:
        errors["as"] = str(error)
        subject = _subject(request, EVERYONE, ruleset, asked)
    pages: dict[str, Previewed] = {}
    if "at" not in errors:
        try:
            for device in SCREENS:
                scene = scene_make(ruleset, subject, now=asked.now, device=device)
                pages[device] = page_preview(request, asked.address, scene)
        except PageError as error:
            pages, errors["at"] = {}, str(error)
    return {
        "title": f"Preview: {draft.payload['name'] or 'new campaign'}",
        "draft": draft,
        "asked": asked,
        "errors": errors,
        "subject": subject,
        "slot": slot,
        "frames": _frames(request, draft, asked, subject, pages),
        "sandbox": " ".join(SANDBOX),
        "explained": _explained(ruleset, pages),
        "is_known": subject.state is not None,
        "has_slot": any(d.slot == slot.key for page in pages.values() for d in page.decisions),
        "verdict": _verdict(draft, slot.key, pages),
        "note": NOT_KNOWN_YET if _asks_more(draft, subject) else "",
        **_choices(request, asked),
    }


def _frames(
    request: HttpRequest, draft: Draft, asked: Asked, subject: Subject, pages: dict[str, Previewed]
) -> list[dict[str, Any]]:
    owner = owner_of(request)
    frames = []
    for device, page in pages.items():
        words, width, height = SCREENS[device]
        ask = FrameAsk(
            draft.reference, subject.key, asked.address, asked.moment, asked.zone, device
        )
        token = token_make(ask, owner=owner)
        page_hand(token, page)
        url = f"{reverse('preview_frame')}?{urlencode({'t': token})}"
        frames.append(
            {"device": device, "words": words, "width": width, "height": height, "url": url}
        )
    return frames


def _explained(ruleset: RuleSet, pages: dict[str, Previewed]) -> list[dict[str, Any]]:
    """One explanation, or one for each device where they differ."""
    shown = list(pages.items())
    if len(shown) == 2 and not devices_differ(shown[0][1].decisions, shown[1][1].decisions):
        del shown[0]
    return [
        {
            "device": SCREENS[device][0] if len(shown) == 2 else "",
            "decisions": decisions_explained(
                (ruleset.slots[decision.slot].name, decision) for decision in page.decisions
            ),
        }
        for device, page in shown
    ]


def _verdict(draft: Draft, slot: str, pages: dict[str, Previewed]) -> str:
    by_device = {
        f"On a {SCREENS[device][0].lower()}": next(
            (decision for decision in page.decisions if decision.slot == slot), None
        )
        for device, page in pages.items()
    }
    return draft_verdict(by_device, draft.campaign) if by_device else ""


def _asks_more(draft: Draft, subject: Subject) -> bool:
    if subject.state is None or draft.problems:
        return False
    features = rule_features(rule_now(draft.payload["rule"]))
    return any(feature.key not in subject.kept for feature in features)


def _choices(request: HttpRequest, asked: Asked) -> dict[str, Any]:
    profiles = [(f"profile:{each.pk}", each.name, profile_says(each)) for each in test_profiles()]
    may = request.user.has_perm(MAY_SEE_VISITORS)
    # Who agrees is what it is at present, wherever the preview's clock stands.
    recent = visitors_recent(now=timezone.now()) if may else []
    known = {EVERYONE, *(key for key, _, _ in profiles), *(one.key for one in recent)}
    return {
        "profiles": profiles,
        "recent": recent,
        "may_see_visitors": may,
        "may_make": request.user.has_perm("personalization.add_testprofile"),
        "is_unlisted": asked.subject not in known,
        "addresses": Slot.objects.exclude(address="").order_by("address"),
        "zones": sorted(zone_names()),
    }
