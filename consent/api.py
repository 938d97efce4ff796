"""What this browser's visitor has decided: asked by pages of other sites before anything else.

It needs no consent itself, for it tells whether there is any: it stores nothing and sets nothing.
"""

import msgspec
from django.conf import settings
from django.http import HttpResponse
from django.templatetags.static import static
from django.urls import reverse
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.views import APIView

from consent.logic import ConsentState
from consent.origin import request_is_welcome
from consent.signals import request_refused
from consent.views import TRACKER

_STATE = inline_serializer(
    "ConsentState",
    {
        "decided": serializers.BooleanField(help_text="Whether this visitor has chosen at all."),
        "granted": serializers.ListField(
            child=serializers.CharField(), help_text="The purposes that are granted now."
        ),
        "gpc": serializers.BooleanField(help_text="The browser sends the opt-out signal."),
        "tracker": serializers.URLField(
            allow_null=True, help_text="The tracker's script; null without a purpose for it."
        ),
        "preferences": serializers.URLField(help_text="Where the visitor chooses."),
    },
)
_PROBLEM = inline_serializer(
    "ConsentProblem",
    {
        "type": serializers.CharField(),
        "title": serializers.CharField(),
        "status": serializers.IntegerField(),
        "detail": serializers.CharField(),
        "reason": serializers.ChoiceField(choices=["foreign_origin"]),
    },
)


class ConsentView(APIView):
    """For pages of this site and of EMBED_ORIGINS."""

    @extend_schema(
        operation_id="consent",
        summary="What the visitor has decided",
        description="Ask this before anything else: without a grant, ask and report nothing.",
        responses={
            200: _STATE,
            (403, "application/problem+json"): OpenApiResponse(_PROBLEM, "foreign_origin"),
        },
        examples=[
            OpenApiExample(
                "Agreed",
                response_only=True,
                status_codes=["200"],
                value={
                    "decided": True,
                    "granted": ["measurement", "personalization"],
                    "gpc": False,
                    "tracker": "https://attune.example.com/static/dist/tracker.js",
                    "preferences": "https://attune.example.com/preferences/",
                },
            )
        ],
    )
    def get(self, request: Request) -> HttpResponse:
        http = request._request
        if not request_is_welcome(
            http.headers,
            host=http.get_host(),
            secure=http.is_secure(),
            origins=settings.EMBED_ORIGINS,
        ):
            said = "Ask from a page of this site, or name the page's origin in EMBED_ORIGINS."
            request_refused.send_robust(sender=None, reason="foreign_origin", source="consent")
            raise PermissionDenied(said, code="foreign_origin")
        state: ConsentState = http.consent  # type: ignore[attr-defined]
        site = http.build_absolute_uri
        answer = {
            "decided": state.decided,
            "granted": sorted(state.granted),
            "gpc": state.gpc,
            "tracker": site(static(TRACKER)) if state.tracker_allowed else None,
            "preferences": site(reverse("preferences")),
        }
        return HttpResponse(msgspec.json.encode(answer), content_type="application/json")
