"""The API in OpenAPI words: shapes, sentences and examples, beside the views that follow them."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiResponse, inline_serializer
from rest_framework import serializers

from personalization.question import MAX_BODY_BYTES, MAX_SLOTS, Refusal

DECIDE = (
    f"One to {MAX_SLOTS} slots at once, at most {MAX_BODY_BYTES // 1024} KiB. The visitor is known "
    "by the signed consent cookie alone (`credentials: include`); without consent, or with the "
    "opt-out signal, every slot shows its default. Ask `GET /api/v1/consent` first, and this only "
    "after a grant. Words in `content` are text, never markup; addresses are absolute. Report "
    "`exposure`, where there is one, as an event once the content is on the page. Slots that "
    "nobody has made are named in `unknown_slots`. Sent as `text/plain` it needs no preflight."
)
PROFILE_WORDS = (
    "One's own profile and nobody else's: there is no parameter. Empty without consent, and "
    "`summary` says why."
)

_TEXT = serializers.CharField

_PAGE = inline_serializer(
    "EmbeddingPage",
    {
        "path": _TEXT(required=False, max_length=1000, help_text="Begins with a slash."),
        "category": _TEXT(required=False, help_text="What the page is about: a category's slug."),
        "item": _TEXT(
            required=False,
            max_length=200,
            help_text="The item the page is about, as its page view names it.",
        ),
        "query": serializers.DictField(
            child=_TEXT(), required=False, help_text="Parameter: value."
        ),
        "referrer": _TEXT(
            required=False, help_text="The address the visitor came from; only its host is used."
        ),
        "language": _TEXT(
            required=False, help_text="BCP 47; the browser's first language if it is not given."
        ),
        "viewport": serializers.ChoiceField(
            choices=["", "narrow", "medium", "wide"],
            required=False,
            help_text="How wide the page is: narrow is under 600 CSS pixels, wide 1024 and more.",
        ),
    },
    required=False,
)
QUESTION = inline_serializer(
    "DecideRequest",
    {
        "slots": serializers.ListField(
            child=_TEXT(max_length=64), min_length=1, max_length=MAX_SLOTS, help_text="Slots' keys."
        ),
        "page": _PAGE,
    },
)
_ITEM = inline_serializer(
    "SlotItem",
    {
        "slug": _TEXT(),
        "url": serializers.URLField(),
        "title": _TEXT(),
        "summary": _TEXT(),
        "category": _TEXT(),
        "category_name": _TEXT(),
        "hue": serializers.IntegerField(),
        "content_type": _TEXT(),
        "minutes": serializers.IntegerField(allow_null=True),
        "price": _TEXT(allow_blank=True),
        "image": serializers.URLField(allow_null=True),
    },
    many=True,
)
_BUTTON = inline_serializer(
    "SlotButton", {"label": _TEXT(allow_blank=True), "url": serializers.URLField()}, allow_null=True
)
_CONTENT = inline_serializer(
    "SlotContent",
    {
        "eyebrow": _TEXT(allow_blank=True),
        "headline": _TEXT(),
        "text": _TEXT(allow_blank=True),
        "button": _BUTTON,
        "image": serializers.URLField(allow_null=True),
        "category": _TEXT(allow_blank=True),
        "items": _ITEM,
    },
)
_EXPOSURE = inline_serializer(
    "SlotExposure",
    {
        "type": serializers.ChoiceField(choices=["exposure"]),
        "properties": inline_serializer(
            "SlotPlacement",
            {
                "slot": _TEXT(),
                "campaign": serializers.IntegerField(),
                "variant": serializers.IntegerField(),
                "version": serializers.IntegerField(),
            },
        ),
    },
    allow_null=True,
)
_DECISION = inline_serializer(
    "SlotDecision",
    {
        "campaign": serializers.IntegerField(allow_null=True, help_text="Null: the default."),
        "variant": serializers.IntegerField(allow_null=True),
        "reasons": serializers.ListField(child=_TEXT(), help_text="Why, in plain words."),
        "content": _CONTENT,
        "exposure": _EXPOSURE,
    },
)
DECISIONS = inline_serializer(
    "Decisions",
    {
        "version": serializers.IntegerField(help_text="The published version that decided."),
        "decisions": serializers.DictField(child=_DECISION, help_text="By the slot's key."),
        "unknown_slots": serializers.ListField(child=_TEXT()),
    },
)

PROFILE = inline_serializer(
    "OwnProfile",
    {
        "known": serializers.BooleanField(help_text="Whether anything may be known at all."),
        "summary": _TEXT(),
        "consent": serializers.DictField(child=_TEXT(), help_text="Purpose: how it stands."),
        "gpc": serializers.BooleanField(),
        "visits": inline_serializer(
            "OwnVisits",
            {
                "count": serializers.IntegerField(),
                "first": serializers.DateTimeField(allow_null=True),
                "last": serializers.DateTimeField(allow_null=True),
            },
        ),
        "interests": inline_serializer(
            "OwnInterest",
            {
                "category": _TEXT(),
                "score": serializers.FloatField(help_text="What the visitor likes, decayed."),
                "now": serializers.FloatField(help_text="What they want at the moment."),
                "share": serializers.FloatField(help_text="The part of all interests, 0 to 1."),
                "lift": serializers.FloatField(
                    allow_null=True, help_text="The share against the site's; null: no baseline."
                ),
                "events": serializers.IntegerField(help_text="The events behind it."),
            },
            many=True,
        ),
        "behavior": inline_serializer(
            "OwnBehavior",
            {
                "name": _TEXT(),
                "value": serializers.FloatField(allow_null=True, help_text="0 to 1; null: none."),
                "text": _TEXT(),
            },
            many=True,
        ),
        "trends": inline_serializer(
            "OwnTrend",
            {
                "name": _TEXT(),
                "per_day": serializers.FloatField(help_text="A part of a usual day, -1 to 1."),
                "text": _TEXT(),
            },
            many=True,
        ),
        "features": inline_serializer(
            "OwnFeature",
            {
                "key": _TEXT(),
                "description": _TEXT(),
                "value": serializers.JSONField(allow_null=True, help_text="Null: nothing yet."),
            },
            many=True,
        ),
        "segments": inline_serializer(
            "OwnSegment",
            {
                "name": _TEXT(),
                "since": serializers.DateTimeField(help_text="In it since then, or longer."),
                "left": serializers.DateTimeField(allow_null=True, help_text="Null: still in it."),
            },
            many=True,
        ),
    },
)


_PROBLEM = inline_serializer(
    "DecideProblem",
    {
        "type": _TEXT(),
        "title": _TEXT(),
        "status": serializers.IntegerField(),
        "detail": _TEXT(),
        "reason": _TEXT(),
    },
)


def problems(statuses: Mapping[Refusal, int]) -> dict[tuple[int, str], OpenApiResponse]:
    """The refusals by status, each status with its reasons."""
    return {
        (status, "application/problem+json"): OpenApiResponse(
            _PROBLEM, ", ".join(reason for reason in statuses if statuses[reason] == status)
        )
        for status in sorted(set(statuses.values()))
    }


_HERO: dict[str, Any] = {
    "campaign": 3,
    "variant": 4,
    "reasons": ["Interest in gardening is at least 5."],
    "content": {
        "eyebrow": "For your beds",
        "headline": "Dig in",
        "text": "Three weekend projects.",
        "button": {"label": "Have a look", "url": "https://attune.example.com/c/gardening/"},
        "image": "https://attune.example.com/static/demo/gardening-hero.svg",
        "category": "gardening",
        "items": [],
    },
    "exposure": {
        "type": "exposure",
        "properties": {"slot": "home-hero", "campaign": 3, "variant": 4, "version": 12},
    },
}
DECIDE_EXAMPLES = [
    OpenApiExample(
        "Two slots of a page",
        request_only=True,
        value={
            "slots": ["home-hero", "home-strip"],
            "page": {
                "path": "/shop/spades",
                "category": "gardening",
                "query": {"utm_source": "newsletter"},
                "referrer": "https://news.example.org/",
                "language": "en-GB",
            },
        },
    ),
    OpenApiExample(
        "One of them personalized",
        response_only=True,
        status_codes=["200"],
        value={
            "version": 12,
            "decisions": {"home-hero": _HERO},
            "unknown_slots": ["home-strip"],
        },
    ),
]
PROFILE_EXAMPLES = [
    OpenApiExample(
        "After two visits",
        response_only=True,
        status_codes=["200"],
        value={
            "known": True,
            "summary": "With your consent, this is what this browser's visits add up to.",
            "consent": {"measurement": "granted", "personalization": "granted"},
            "gpc": False,
            "visits": {
                "count": 2,
                "first": "2026-11-20T09:12:00+00:00",
                "last": "2026-11-24T18:40:12+00:00",
            },
            "interests": [
                {
                    "category": "gardening",
                    "score": 12.5,
                    "now": 4.2,
                    "share": 0.8,
                    "lift": 2.1,
                    "events": 9,
                }
            ],
            "behavior": [{"name": "Recency", "value": 0.93, "text": "0.93"}],
            "trends": [{"name": "Clicks", "per_day": 0.0, "text": "→ steady"}],
            "features": [
                {
                    "key": "0a1b2c3d4e5f",
                    "description": "number of page_view events, in the last 7 days",
                    "value": 9,
                }
            ],
            "segments": [{"name": "Gardeners", "since": "2026-11-24T18:40:20+00:00", "left": None}],
        },
    ),
]
