"""The wire format of `POST /api/v1/decide`: which slots are asked for, on what page.

What never gets in: the visitor, who is known by the cookie alone; requests, clocks, storage.
"""

from enum import StrEnum
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from tracking.pipeline.mistakes import mistake_said

MAX_BODY_BYTES = 16 * 1024
MAX_SLOTS = 20
MAX_PARAMETERS = 50

SlotKey = Annotated[str, Meta(max_length=64, pattern=r"^[a-z0-9][a-z0-9-]*\Z")]


class Refusal(StrEnum):
    """Why a request is refused as a whole. Each has a test, a counter and a docs line."""

    INVALID_JSON = "invalid_json"
    INVALID_REQUEST = "invalid_request"
    BODY_TOO_LARGE = "body_too_large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    FOREIGN_ORIGIN = "foreign_origin"


class QuestionRefused(Exception):
    """The request cannot be used; `reason` says why, `detail` which field and what to do."""

    def __init__(self, reason: Refusal, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class Page(Struct, frozen=True, forbid_unknown_fields=True):
    """What the embedding page says of itself; "" is unknown. `referrer` is an address."""

    path: Annotated[str, Meta(max_length=1000, pattern=r"^(/|\Z)")] = ""
    category: Annotated[str, Meta(pattern=r"^[A-Za-z0-9._:-]{0,64}\Z")] = ""
    item: Annotated[str, Meta(max_length=200)] = ""
    query: Annotated[
        dict[Annotated[str, Meta(max_length=100)], Annotated[str, Meta(max_length=500)]],
        Meta(max_length=MAX_PARAMETERS),
    ] = {}
    referrer: Annotated[str, Meta(max_length=2000)] = ""
    language: Annotated[str, Meta(pattern=r"^[A-Za-z0-9-]{0,35}\Z")] = ""
    viewport: Literal["", "narrow", "medium", "wide"] = ""


class Question(Struct, frozen=True, forbid_unknown_fields=True):
    """The slots that are asked for, each once however often named."""

    slots: Annotated[list[SlotKey], Meta(min_length=1, max_length=MAX_SLOTS)]
    page: Page = Page()


_decode = msgspec.json.Decoder(Question).decode


def question_parse(body: bytes) -> Question:
    """The question in a request's body. Raises QuestionRefused, which names the field.

    >>> question_parse(b'{"slots": ["hero"], "page": {"path": "/cart"}}').page.path
    '/cart'
    >>> question_parse(b'{"slots": [], "page": {}}')
    Traceback (most recent call last):
    personalization.question.QuestionRefused: `slots` has too few entries: send at least 1.
    """
    try:
        return _decode(body)
    except msgspec.ValidationError as error:
        raise QuestionRefused(Refusal.INVALID_REQUEST, mistake_said(str(error))) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise QuestionRefused(Refusal.INVALID_JSON, f"Send JSON in UTF-8: {error}") from error
