"""The banner's and the preference page's endpoints, and the statement of GPC support."""

from collections.abc import Callable, Collection
from functools import wraps

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import get_language
from django.views.decorators.cache import cache_control
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from consent import services
from consent.logic import ConsentState, Control
from consent.notices import notice_hash, notice_text
from consent.origin import request_is_same_origin
from consent.purposes import INTRODUCTION
from consent.selectors import purposes_active
from consent.services import ConsentOutcome
from consent.throttle import seconds_to_wait

View = Callable[[HttpRequest], HttpResponse]
TRACKER = "dist/tracker.js"
GPC_SUPPORT = {"gpc": True, "lastUpdate": "2026-11-22"}
CONTROLS = {
    "accept": Control.BANNER_ACCEPT,
    "reject": Control.BANNER_REJECT,
    "save": Control.PREFERENCES,
    "withdraw": Control.WITHDRAW,
}
REFUSALS = {
    "foreign_origin": "The request does not come from one of this site's own pages.",
    "unknown_choice": "`choice` must be one of: accept, reject, save, withdraw.",
    "too_many_choices": "Too many choices came from this network. Try again in a minute.",
}


def same_origin_required(view: View) -> View:
    """Refuse a POST that does not prove to come from our own pages.

    `csrf_exempt` is safe *because* of this check: a token would need a cookie before any choice.
    """

    @csrf_exempt
    @wraps(view)
    def checked(request: HttpRequest) -> HttpResponse:
        ours = request.method != "POST" or request_is_same_origin(
            request.headers, host=request.get_host(), secure=request.is_secure()
        )
        return view(request) if ours else _refusal(request, 403, "foreign_origin")

    return checked


@same_origin_required
@require_POST
def consent_choose(request: HttpRequest) -> HttpResponse:
    """POST /consent/: choice=accept|reject|save|withdraw, purpose=<key>…, next=/path."""
    return _choose(request, fallback="/")


@same_origin_required
@require_http_methods(["GET", "HEAD", "POST"])
def preferences(request: HttpRequest) -> HttpResponse:
    """GET shows, POST changes what is granted."""
    if request.method == "POST":
        return _choose(request, fallback=f"{request.path}?saved=1")
    language = get_language() or ""
    return render(
        request,
        "consent/preferences.html",
        {
            "introduction": INTRODUCTION,
            "notice_key": notice_hash(notice_text(), language)[:12],
            "saved": request.GET.get("saved") == "1",
            "hide_consent_banner": True,
        },
    )


@require_GET
@cache_control(public=True, max_age=24 * 3600)
def gpc_support(request: HttpRequest) -> HttpResponse:
    """GET /.well-known/gpc.json: this site honours Global Privacy Control."""
    return JsonResponse(GPC_SUPPORT)


def _choose(request: HttpRequest, *, fallback: str) -> HttpResponse:
    """Record the choice and answer. The client names the choice, and nothing else about it."""
    choice = request.POST.get("choice", "")
    if choice not in CONTROLS:
        return _refusal(request, 400, "unknown_choice")
    wanted = _wanted(choice, request.POST.getlist("purpose"))
    wait = 0 if _only_takes_back(request, wanted) else seconds_to_wait(request)
    if wait:
        refusal = _refusal(request, 429, "too_many_choices")
        refusal["Retry-After"] = str(wait)
        return refusal
    outcome = services.browser_decide(
        request, purposes=wanted, control=CONTROLS[choice], now=timezone.now()
    )
    return _answer(request, outcome, fallback)


def _only_takes_back(request: HttpRequest, wanted: Collection[str]) -> bool:
    """Whether a visitor on record rejects, withdraws or narrows, which nothing may hold up."""
    state: ConsentState = request.consent  # type: ignore[attr-defined]
    return state.visitor_id is not None and (not wanted or set(wanted) < state.granted)


def _wanted(choice: str, ticked: Collection[str]) -> Collection[str]:
    if choice == "accept":
        return [purpose.key for purpose in purposes_active()]
    return ticked if choice == "save" else ()


def _answer(request: HttpRequest, outcome: ConsentOutcome, fallback: str) -> HttpResponse:
    state = outcome.state
    if not _wants_json(request):
        response = HttpResponseRedirect(_next_path(request, fallback))
        response.status_code = 303
        return response
    return JsonResponse(
        {
            "granted": sorted(state.granted),
            "withdrawn": sorted(outcome.withdrawn),
            "decided": state.decided,
            "tracker": static(TRACKER) if state.tracker_allowed else None,
        }
    )


def _next_path(request: HttpRequest, fallback: str) -> str:
    wanted = request.POST.get("next", "")
    own = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if own else fallback


def _wants_json(request: HttpRequest) -> bool:
    return request.get_preferred_type(["text/html", "application/json"]) == "application/json"


def _refusal(request: HttpRequest, status: int, reason: str) -> HttpResponse:
    if not _wants_json(request):
        return render(request, "consent/refused.html", {"reason": reason}, status=status)
    title = reason.replace("_", " ").capitalize()
    problem = {"type": f"/docs/errors#{reason}", "title": title, "status": status}
    problem |= {"detail": REFUSALS[reason], "reason": reason}
    return JsonResponse(problem, status=status, content_type="application/problem+json")
