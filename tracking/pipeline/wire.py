"""The wire format of `POST /api/v1/events`, as types; why an event is refused, or changed."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

MAX_BODY_BYTES = 64 * 1024
MAX_EVENTS = 100

Name = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,39}\Z")]
Slug = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._:-]{1,64}\Z")]
Short = Annotated[str, Meta(max_length=200)]
Path = Annotated[str, Meta(max_length=1000, pattern=r"^/")]
Scalar = Annotated[str, Meta(max_length=500)] | bool | int | float | None
Millis = Annotated[float, Meta(ge=0, lt=8.64e15)]


class Refusal(StrEnum):
    """Why a request or an event is not used. Each has a test, a counter and a docs line."""

    INVALID_JSON = "invalid_json"
    INVALID_ENVELOPE = "invalid_envelope"
    BODY_TOO_LARGE = "body_too_large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    FOREIGN_ORIGIN = "foreign_origin"
    NO_CONSENT = "no_consent"
    NOTHING_ACCEPTED = "nothing_accepted"
    INVALID_EVENT = "invalid_event"
    UNKNOWN_EVENT_TYPE = "unknown_event_type"
    FUTURE_TIMESTAMP = "future_timestamp"
    TOO_OLD = "too_old"
    PERSONAL_DATA = "personal_data"
    UNKNOWN_PROPERTY = "unknown_property"
    INVALID_PROPERTY = "invalid_property"
    DUPLICATE = "duplicate"
    TOO_MANY_REPORTS = "too_many_reports"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    UNPROCESSABLE = "unprocessable"
    MALFORMED_LINE = "malformed_line"
    SKIPPED_BY_MAPPING = "skipped_by_mapping"


class Finding(StrEnum):
    """What cleaning changed without refusing it. Each has a test, a counter and a docs line."""

    BOT_FLAGGED = "bot_flagged"
    CLOCK_CORRECTED = "clock_corrected"
    FUTURE_CLAMPED = "future_clamped"
    VALUE_CAPPED = "value_capped"
    VISIT_SPLIT = "visit_split"
    REPEAT_FOLDED = "repeat_folded"
    OUTLIER_CAPPED = "outlier_capped"


class Element(Struct, frozen=True, omit_defaults=True, gc=False):
    """The element an active event happened on."""

    id: Short = ""
    classes: Annotated[list[Short], Meta(max_length=20)] = []
    section: Short = ""


class WireEvent(Struct, frozen=True, omit_defaults=True, gc=False):
    """One event as sent. `at` is in milliseconds since 1970 on the client's clock."""

    id: UUID
    type: Name
    at: Millis
    visit: UUID | None = None
    view: UUID | None = None
    path: Path = "/"
    referrer: Annotated[str, Meta(max_length=2000)] = ""
    item: Annotated[str, Meta(max_length=200)] = ""
    category: Slug | None = None
    content_type: Slug | None = None
    value: Annotated[float, Meta(ge=0, le=1e9)] | None = None
    element: Element | None = None
    properties: Annotated[dict[Short, Scalar], Meta(max_length=20)] = {}
    # Imports only: whose event it is, and the line it stood on. A request from a browser names
    # its visitor by the cookie; there, both are ignored (steps.event_build).
    visitor: UUID | None = None
    line: int | None = None


class AcceptedEvent(WireEvent, frozen=True, gc=False, kw_only=True):
    """The same for the worker: what was checked at the door is not checked again.

    Decoding without the limits is three times faster.
    """

    type: str
    at: float
    path: str = "/"
    referrer: str = ""
    item: str = ""
    category: str | None = None
    content_type: str | None = None
    value: float | None = None
    properties: dict[str, str | bool | int | float | None] = {}


class Envelope(Struct, frozen=True):
    """A request: when it was sent, on the client's clock, and its events, each still raw."""

    events: list[msgspec.Raw]
    sent_at: Millis | None = None
