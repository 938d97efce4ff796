"""POST /slots/outcome/: a visitor dismissed or clicked what a slot showed.

A form without any script, and a beacon of the tracker. It takes effect on the next page; what is
learned from it goes its own way, by the tracker's event.
"""

import logging

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from redis.exceptions import RedisError

from consent.origin import request_is_same_origin
from personalization.decide import PURPOSE
from personalization.exposing import OUTCOMES, outcome_record
from personalization.frequency.limits import Frequency
from personalization.frequency.shown import ConsentChangedError
from personalization.visitor import Visitor

log = logging.getLogger(__name__)


@csrf_exempt  # safe because of the check of the origin: a token would need a cookie of its own
@require_POST
def slot_outcome(request: HttpRequest) -> HttpResponse:
    """Fields: campaign=<id>, outcome=dismiss|click, next=/path (a form's way back; else 204).

    403 for a request of another site's page, 400 for what names no outcome. A campaign without a
    pause for this outcome, and a visitor without consent, change nothing.
    """
    if not request_is_same_origin(
        request.headers, host=request.get_host(), secure=request.is_secure()
    ):
        return _refused(403, "The request does not come from one of this site's own pages.")
    outcome, campaign = request.POST.get("outcome", ""), request.POST.get("campaign", "")
    if outcome not in OUTCOMES:
        return _refused(400, f"`outcome` must be one of: {', '.join(OUTCOMES)}.")
    if not (campaign.isascii() and campaign.isdecimal() and len(campaign) <= 18):
        return _refused(400, "`campaign` must be the number of a campaign.")
    visitor: Visitor = request.visitor  # type: ignore[attr-defined]
    _record(visitor, int(campaign), outcome)
    if "next" not in request.POST:
        return HttpResponse(status=204)
    response = HttpResponseRedirect(_next_path(request))
    response.status_code = 303
    return response


def _record(visitor: Visitor, campaign: int, outcome: str) -> None:
    known = visitor.known
    frequency = known.ruleset.limited.get(campaign)
    if known.copy is None or not known.consent.allows(PURPOSE) or not _pauses(frequency, outcome):
        return
    try:
        outcome_record(
            visitor_id=known.copy.visitor_id,
            campaign=campaign,
            outcome=outcome,
            consent_raw=known.consent_raw,
            now=timezone.now(),
        )
    except ConsentChangedError:
        pass  # what the visitor has just decided goes
    except (RedisError, OSError) as error:
        log.warning("an outcome cannot be kept: %s", type(error).__name__)


def _pauses(frequency: Frequency | None, outcome: str) -> bool:
    if frequency is None:
        return False
    return bool(frequency.after_dismissal if outcome == "dismiss" else frequency.after_click)


def _next_path(request: HttpRequest) -> str:
    wanted = request.POST["next"]
    own = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if own else "/"


def _refused(status: int, detail: str) -> HttpResponse:
    return HttpResponse(detail + "\n", status=status, content_type="text/plain; charset=utf-8")
