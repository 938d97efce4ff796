"""The API for other sites and single-page apps: what a slot shows, and one's own profile.

The visitor is known by the signed consent cookie alone, read with everything else in the one
round trip that a page makes (personalization.visitor). Without consent: defaults, nothing read,
nothing kept, no cookie.
"""

from typing import Any

import msgspec
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import APIException
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from consent.origin import request_is_welcome
from personalization import api_schema as schema
from personalization.answers import ContentAnswers, decision_answer, profile_answer
from personalization.decide import RuleSet
from personalization.page import ToldPage
from personalization.pictures import picture_address
from personalization.question import (
    MAX_BODY_BYTES,
    QuestionRefused,
    Refusal,
    question_parse,
)
from personalization.segments.showing import visitor_memberships
from personalization.selectors import EMPTY_RULESET
from personalization.visitor import Visitor
from profiles import selectors as profile_selectors
from tracking import services as tracking_services

#: text/plain needs no preflight: one request fewer before anything is shown.
MEDIA_TYPES = {"application/json", "text/plain"}

STATUS = {
    Refusal.INVALID_JSON: 400,
    Refusal.INVALID_REQUEST: 400,
    Refusal.FOREIGN_ORIGIN: 403,
    Refusal.BODY_TOO_LARGE: 413,
    Refusal.UNSUPPORTED_MEDIA_TYPE: 415,
}


class VisitorRefused(APIException):
    """A refusal of the whole request, as a problem (config.errors)."""

    def __init__(self, refused: QuestionRefused) -> None:
        super().__init__(refused.detail, code=refused.reason)
        self.status_code = STATUS[refused.reason]


class VisitorView(APIView):
    """A view for pages of this site and of EMBED_ORIGINS; `source` counts what it refuses."""

    source: str

    def perform_content_negotiation(
        self, request: Request, force: bool = False
    ) -> tuple[BaseRenderer, str]:
        """Answers are JSON, whatever `Accept` says."""
        return JSONRenderer(), "application/json"

    def origin_check(self, http: HttpRequest) -> None:
        """Raise QuestionRefused for a request of a page that is nobody's we know."""
        if not request_is_welcome(
            http.headers,
            host=http.get_host(),
            secure=http.is_secure(),
            origins=settings.EMBED_ORIGINS,
        ):
            said = "Ask from a page of this site, or name the page's origin in EMBED_ORIGINS."
            raise QuestionRefused(Refusal.FOREIGN_ORIGIN, said)

    def handle_exception(self, exc: Exception) -> Any:
        if isinstance(exc, QuestionRefused):
            tracking_services.drops_count({str(exc.reason): 1}, source=self.source)
            exc = VisitorRefused(exc)
        return super().handle_exception(exc)


class DecideView(VisitorView):
    """What each of some slots shows this visitor, and why."""

    source = "decide"

    @extend_schema(
        operation_id="decide",
        summary="Decide what slots show this visitor",
        description=schema.DECIDE,
        request={"application/json": schema.QUESTION, "text/plain": schema.QUESTION},
        responses={200: schema.DECISIONS, **schema.problems(STATUS)},
        examples=schema.DECIDE_EXAMPLES,
    )
    def post(self, request: Request) -> HttpResponse:
        http = request._request
        self.origin_check(http)
        question = question_parse(_body(http))
        visitor: Visitor = http.visitor  # type: ignore[attr-defined]
        visitor.page = ToldPage(http, question.page)
        site = f"{http.scheme}://{http.get_host()}"
        visitor.decide_all(question.slots)
        decided = {slot: visitor.decide(slot) for slot in question.slots}
        contents = contents_of(visitor.known.ruleset)
        answer = {
            "version": visitor.known.ruleset.version,
            "decisions": {
                slot: decision_answer(
                    decision, contents.get(decision, site=site, pictures=picture_address)
                )
                for slot, decision in decided.items()
                if decision is not None
            },
            "unknown_slots": [slot for slot, decision in decided.items() if decision is None],
        }
        return _json(answer)


class ProfileView(VisitorView):
    """What is known of whoever asks."""

    source = "profile"

    @extend_schema(
        operation_id="profile",
        summary="What is known of the visitor who asks",
        description=schema.PROFILE_WORDS,
        responses={200: schema.PROFILE, **schema.problems({Refusal.FOREIGN_ORIGIN: 403})},
        examples=schema.PROFILE_EXAMPLES,
    )
    def get(self, request: Request) -> HttpResponse:
        http = request._request
        self.origin_check(http)
        context = http.visitor.context  # type: ignore[attr-defined]
        features, segments = [], []
        visitor_id = http.visitor.known.consent.visitor_id  # type: ignore[attr-defined]
        if context.state is not None:
            segments = [
                (row.segment.name, row.entered_at, row.left_at)
                for row in visitor_memberships(visitor_id)
            ]
            features = [
                (feature.key, feature.describe(), value)
                for feature, value in profile_selectors.features_read(
                    context.state, now=context.now
                )
            ]
        return _json(profile_answer(context, features, segments))


def contents_of(ruleset: RuleSet) -> ContentAnswers:
    """The contents of the version in force; those of the one before go."""
    kept = _contents[0]
    if kept.ruleset is not ruleset:
        kept = _contents[0] = ContentAnswers(ruleset)
    return kept


_contents = [ContentAnswers(EMPTY_RULESET)]


def _body(http: HttpRequest) -> bytes:
    """The request's body, if it may be read at all."""
    if http.content_type not in MEDIA_TYPES:
        said = "Send application/json or text/plain."
        raise QuestionRefused(Refusal.UNSUPPORTED_MEDIA_TYPE, said)
    if _content_length(http) > MAX_BODY_BYTES:
        raise QuestionRefused(Refusal.BODY_TOO_LARGE, f"Send at most {MAX_BODY_BYTES} bytes.")
    return http.body


def _content_length(http: HttpRequest) -> int:
    """The announced length; what is no number is read as nothing, by Django too."""
    try:
        return int(http.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0


def _json(answer: dict[str, Any]) -> HttpResponse:
    return HttpResponse(msgspec.json.encode(answer), content_type="application/json")
