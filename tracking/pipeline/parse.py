"""At the door: bytes to accepted events, with a named reason for each one refused.

Structure, types, known event types, plausible times, properties and personal data are checked
here so that a developer sees the mistake in the answer, and so that nothing is written which may
not be. What needs history (duplicates, visits) is for the worker.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import NamedTuple

import msgspec

from tracking.pipeline.mistakes import mistake_said
from tracking.pipeline.personal import personal_kind
from tracking.pipeline.properties import Schemas
from tracking.pipeline.screen import event_screen, events_suspect
from tracking.pipeline.wire import MAX_EVENTS, Envelope, Refusal, WireEvent

#: A clock this far off is ordinary network delay, not skew, and is left alone: a retry of the
#: same event must get the same time.
SKEW_TOLERANCE_MS = 60_000
#: A corrected time this far ahead is still accepted (and taken as "now" by the worker).
FUTURE_TOLERANCE_MS = 5 * 60_000
#: The NUL character as JSON must write it.
NUL = rb"\u0000"
NOT_UTF8 = "A text is not UTF-8: encode it as that."

_decode_envelope = msgspec.json.Decoder(Envelope).decode
_decode_event = msgspec.json.Decoder(WireEvent).decode
_encode = msgspec.json.encode


class RequestRefused(Exception):
    """The request as a whole cannot be used; `reason` says why, `detail` what to do."""

    def __init__(self, reason: Refusal, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class RefusedEvent:
    """One event of an otherwise good request that cannot be used.

    `raw` is the event as it came, to be looked at; empty where it holds personal data.
    """

    index: int
    reason: Refusal
    detail: str
    raw: bytes = b""


@dataclass(frozen=True, slots=True)
class LeftOutProperty:
    """A property that was left out of an accepted event."""

    index: int
    property: str
    reason: Refusal


class Parsed(NamedTuple):
    """What a request comes to.

    `payload` is the JSON list of the accepted events: byte for byte as they came, but for those
    of which something was left out or a property's text was taken as a number.
    """

    payload: bytes
    accepted: int
    refused: list[RefusedEvent]
    skew_ms: int
    left_out: Sequence[LeftOutProperty] = ()


def skew_between(sent_at_ms: float | None, received_ms: float) -> int:
    """Milliseconds to add to the client's clock, 0 within the tolerance.

    >>> skew_between(1_000_000, 1_030_000)
    0
    >>> skew_between(1_000_000, 4_600_000)
    3600000
    """
    if sent_at_ms is None:
        return 0
    skew = int(received_ms - sent_at_ms)
    return skew if abs(skew) > SKEW_TOLERANCE_MS else 0


def event_decode(raw: bytes | msgspec.Raw) -> WireEvent:
    """One event of the wire; raises msgspec.DecodeError with the path of what is wrong."""
    event = _decode_event(raw)
    # PostgreSQL stores no NUL in text: accepted, it would stop the drain of its shard for good.
    if NUL in bytes(raw):
        raise msgspec.ValidationError("A text holds the NUL character: take it out")
    return event


def parse_request(
    body: bytes, *, received_ms: float, known_types: Schemas, max_age_ms: float
) -> Parsed:
    """Parse a request body; raises RequestRefused when no part of it can be used.

    `known_types` are the event types, each with the schema of its properties.
    """
    envelope = _envelope(body)
    skew = skew_between(envelope.sent_at, received_ms)
    oldest, newest = received_ms - max_age_ms - skew, received_ms + FUTURE_TOLERANCE_MS - skew
    accepted: list[bytes] = []
    refused: list[RefusedEvent] = []
    left_out: list[LeftOutProperty] = []
    decoded = _events_decode(envelope.events, refused, nul=NUL in body)
    suspect = events_suspect(event for _, _, event in decoded)
    for index, raw, event in decoded:
        if event.type not in known_types:
            reason, detail = Refusal.UNKNOWN_EVENT_TYPE, f"There is no event type {event.type!r}."
        elif event.at > newest:
            reason, detail = Refusal.FUTURE_TIMESTAMP, "`at` lies in the future."
        elif event.at < oldest:
            reason, detail = Refusal.TOO_OLD, f"`at` is over {max_age_ms / 86_400_000:g} days old."
        else:
            screened = event_screen(event, known_types[event.type], suspect=suspect)
            if not screened.personal:
                accepted.append(bytes(raw) if screened.event is event else _encode(screened.event))
                left_out.extend(LeftOutProperty(index, *what) for what in screened.left_out)
                continue
            reason, detail = Refusal.PERSONAL_DATA, screened.personal
        refused.append(_refused(index, reason, detail, raw))
    refused.sort(key=attrgetter("index"))
    payload = b"[" + b",".join(accepted) + b"]"
    return Parsed(payload, len(accepted), refused, skew, left_out)


def _events_decode(
    raws: list[msgspec.Raw], refused: list[RefusedEvent], *, nul: bool
) -> list[tuple[int, msgspec.Raw, WireEvent]]:
    """The events that are well formed, each with its index; the others are added to `refused`.

    `nul`: somewhere among them is a NUL character, so each is searched for it.
    """
    decode = event_decode if nul else _decode_event
    decoded = []
    for index, raw in enumerate(raws):
        try:
            decoded.append((index, raw, decode(raw)))
        except msgspec.DecodeError as error:
            detail = mistake_said(str(error))
            refused.append(_refused(index, Refusal.INVALID_EVENT, detail, raw))
        except UnicodeDecodeError:
            refused.append(_refused(index, Refusal.INVALID_EVENT, NOT_UTF8, raw))
    return decoded


def _envelope(body: bytes) -> Envelope:
    try:
        envelope = _decode_envelope(body)
    except msgspec.ValidationError as error:
        detail = mistake_said(str(error))
        raise RequestRefused(Refusal.INVALID_ENVELOPE, detail) from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise RequestRefused(Refusal.INVALID_JSON, f"The body is not JSON: {error}") from error
    if not 1 <= len(envelope.events) <= MAX_EVENTS:
        raise RequestRefused(
            Refusal.INVALID_ENVELOPE, f"Send 1 to {MAX_EVENTS} events, not {len(envelope.events)}."
        )
    return envelope


def _refused(index: int, reason: Refusal, detail: str, raw: msgspec.Raw) -> RefusedEvent:
    """With the event itself, unless what waits to be looked at would be personal data."""
    kept = bytes(raw)
    is_personal = reason is Refusal.PERSONAL_DATA or personal_kind(kept.decode(errors="replace"))
    return RefusedEvent(index, reason, detail, b"" if is_personal else kept)
