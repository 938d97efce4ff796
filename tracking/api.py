"""The collection API: parse, refuse, append, answer. The work is done by a worker, later."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import msgspec
from django.conf import settings
from django.http import HttpResponse
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.exceptions import APIException
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from consent import selectors as consent_selectors
from consent.origin import request_is_welcome
from tracking import accepting, services
from tracking.pipeline.parse import Parsed, RefusedEvent, RequestRefused
from tracking.pipeline.wire import MAX_BODY_BYTES, MAX_EVENTS, Refusal
from tracking.useragent import agent_of

#: sendBeacon can send text/plain without a preflight; fetch sends application/json.
MEDIA_TYPES = {"application/json", "text/plain"}

STATUS = {
    Refusal.INVALID_JSON: 400,
    Refusal.INVALID_ENVELOPE: 400,
    Refusal.NO_CONSENT: 403,
    Refusal.FOREIGN_ORIGIN: 403,
    Refusal.BODY_TOO_LARGE: 413,
    Refusal.UNSUPPORTED_MEDIA_TYPE: 415,
    Refusal.NOTHING_ACCEPTED: 422,
}


class EventsRefused(APIException):
    """A refusal of the whole request, as a problem (config.errors)."""

    def __init__(self, refusal: RequestRefused, **extra: Any) -> None:
        super().__init__(refusal.detail, code=refusal.reason)
        self.status_code = STATUS[refusal.reason]
        self.extra = extra


_ELEMENT = inline_serializer(
    "Element",
    {
        "id": serializers.CharField(required=False),
        "classes": serializers.ListField(child=serializers.CharField(), required=False),
        "section": serializers.CharField(required=False),
    },
    required=False,
)
_EVENT = inline_serializer(
    "Event",
    {
        "id": serializers.UUIDField(help_text="UUIDv7; the same for a retry."),
        "type": serializers.CharField(help_text="A known event type."),
        "at": serializers.IntegerField(help_text="Client's clock, epoch milliseconds."),
        "visit": serializers.UUIDField(required=False),
        "view": serializers.UUIDField(required=False, help_text="The page view it belongs to."),
        "path": serializers.CharField(required=False),
        "referrer": serializers.CharField(required=False),
        "item": serializers.CharField(required=False),
        "category": serializers.CharField(required=False),
        "content_type": serializers.CharField(required=False),
        "value": serializers.FloatField(
            required=False, help_text="Cumulative: dwell in seconds, scroll depth 0 to 1."
        ),
        "element": _ELEMENT,
        "properties": serializers.DictField(
            required=False, help_text="At most 20, by the type's schema."
        ),
    },
    many=True,
)
_REQUEST = inline_serializer(
    "EventBatch", {"sent_at": serializers.IntegerField(required=False), "events": _EVENT}
)
_REFUSED = inline_serializer(
    "RefusedEvent",
    {
        "index": serializers.IntegerField(),
        "reason": serializers.CharField(),
        "detail": serializers.CharField(),
    },
    many=True,
)
_LEFT_OUT = inline_serializer(
    "LeftOutProperty",
    {
        "index": serializers.IntegerField(),
        "property": serializers.CharField(),
        "reason": serializers.CharField(),
    },
    many=True,
)
_ACCEPTED = inline_serializer(
    "Accepted",
    {"accepted": serializers.IntegerField(), "refused": _REFUSED, "left_out": _LEFT_OUT},
)
_PROBLEM = inline_serializer(
    "Problem",
    {
        "type": serializers.CharField(),
        "title": serializers.CharField(),
        "status": serializers.IntegerField(),
        "detail": serializers.CharField(),
        "reason": serializers.ChoiceField(choices=[str(reason) for reason in STATUS]),
    },
)


class JsonAlways(BaseContentNegotiation):
    """Answers are JSON, whatever a beacon's `Accept` says."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser:
        return next(iter(parsers))

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        renderer = next(iter(renderers))
        return renderer, renderer.media_type


class EventsView(APIView):
    """Where the tracker reports. The visitor is known by the signed consent cookie alone."""

    content_negotiation_class = JsonAlways

    @extend_schema(
        summary="Report up to 100 events of one visitor",
        description=(
            f"At most {MAX_EVENTS} events and {MAX_BODY_BYTES // 1024} KiB. Answers 202 once the "
            "accepted events are committed; each refused event is named by its index, and each "
            "property that was left out of an accepted one. A client does not retry a 4xx answer "
            "other than 429."
        ),
        request={"application/json": _REQUEST, "text/plain": _REQUEST},
        responses={
            202: _ACCEPTED,
            **{
                (status, "application/problem+json"): OpenApiResponse(
                    _PROBLEM, ", ".join(reason for reason in STATUS if STATUS[reason] == status)
                )
                for status in sorted(set(STATUS.values()))
            },
        },
        examples=[
            OpenApiExample(
                "A page view",
                request_only=True,
                value={
                    "sent_at": 1763800000123,
                    "events": [
                        {
                            "id": "019a8a3e-5f00-7000-8000-000000000001",
                            "type": "page_view",
                            "at": 1763800000000,
                            "path": "/items/raised-beds/",
                            "category": "gardening",
                            "content_type": "guide",
                        }
                    ],
                },
            )
        ],
    )
    def post(self, request: Request) -> HttpResponse:
        body = self._body(request)
        http, now = request._request, datetime.now(UTC)
        agent = agent_of(http.headers.get("User-Agent", ""))
        try:
            parsed = accepting.request_accept(
                body=body,
                visitor_id=consent_selectors.visitor_id_from_cookie(http, now=now),
                gpc=consent_selectors.gpc_from_request(http),
                device=agent.device,
                is_bot=agent.is_bot,
                now=now.timestamp(),
            )
        except RequestRefused as refused:
            raise EventsRefused(refused) from refused
        if not parsed.accepted:
            services.drops_count({Refusal.NOTHING_ACCEPTED: 1}, source="tracker")
            refusal = RequestRefused(Refusal.NOTHING_ACCEPTED, "No event could be used.")
            raise EventsRefused(refusal, refused=_refused(parsed.refused))
        return HttpResponse(
            msgspec.json.encode(_answer(parsed)), status=202, content_type="application/json"
        )

    def _body(self, request: Request) -> bytes:
        """The request's body, if it may be read at all; what may not is counted."""
        http = request._request
        if not request_is_welcome(
            http.headers,
            host=http.get_host(),
            secure=http.is_secure(),
            origins=settings.EMBED_ORIGINS,
        ):
            said = "Send events from the site's own pages, or name the origin in EMBED_ORIGINS."
            refusal = Refusal.FOREIGN_ORIGIN, said
        elif http.content_type not in MEDIA_TYPES:
            refusal = Refusal.UNSUPPORTED_MEDIA_TYPE, "Send application/json or text/plain."
        elif _content_length(http.META) > MAX_BODY_BYTES:
            refusal = Refusal.BODY_TOO_LARGE, f"Send at most {MAX_BODY_BYTES} bytes at a time."
        else:
            return http.body
        services.drops_count({refusal[0]: 1}, source="tracker")
        raise EventsRefused(RequestRefused(*refusal))


def _content_length(meta: Mapping[str, Any]) -> int:
    """The announced length; what is no number is read as nothing, by Django too."""
    try:
        return int(meta.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0


def _answer(parsed: Parsed) -> dict[str, object]:
    return {
        "accepted": parsed.accepted,
        "refused": _refused(parsed.refused),
        "left_out": [asdict(what) for what in parsed.left_out],
    }


def _refused(refused: list[RefusedEvent]) -> list[dict[str, object]]:
    return [
        {"index": event.index, "reason": event.reason, "detail": event.detail} for event in refused
    ]
