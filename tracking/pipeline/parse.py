"""At the door: bytes to accepted events, with a named reason for each one refused.

Structure, types, known event types and plausible times are checked here so that a developer
sees the mistake in the answer. What needs history (duplicates, visits) is for the worker.
"""

from collections.abc import Container
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from tracking.pipeline.wire import MAX_EVENTS, Envelope, Refusal, WireEvent

#: A clock this far off is ordinary network delay, not skew, and is left alone: a retry of the
#: same event must get the same time.
SKEW_TOLERANCE_MS = 60_000
#: A corrected time this far ahead is still accepted (and taken as "now" by the worker).
FUTURE_TOLERANCE_MS = 5 * 60_000
#: The NUL character as JSON must write it.
NUL = rb"\u0000"

_decode_envelope = msgspec.json.Decoder(Envelope).decode
_decode_event = msgspec.json.Decoder(WireEvent).decode


class RequestRefused(Exception):
    """The request as a whole cannot be used; `reason` says why, `detail` what to do."""

    def __init__(self, reason: Refusal, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class RefusedEvent:
    """One event of an otherwise good request that cannot be used, with its bytes as they came."""

    index: int
    reason: Refusal
    detail: str
    raw: bytes = b""


class Parsed(NamedTuple):
    """`payload` is the JSON list of the accepted events, byte for byte as they came."""

    payload: bytes
    accepted: int
    refused: list[RefusedEvent]
    skew_ms: int


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
        raise msgspec.ValidationError("Text must not contain the NUL character")
    return event


def parse_request(
    body: bytes, *, received_ms: float, known_types: Container[str], max_age_ms: float
) -> Parsed:
    """Parse a request body; raises RequestRefused when no part of it can be used."""
    try:
        envelope = _decode_envelope(body)
    except msgspec.ValidationError as error:
        raise RequestRefused(Refusal.INVALID_ENVELOPE, str(error)) from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise RequestRefused(Refusal.INVALID_JSON, f"The body is not JSON: {error}") from error
    if not 1 <= len(envelope.events) <= MAX_EVENTS:
        raise RequestRefused(
            Refusal.INVALID_ENVELOPE, f"Send 1 to {MAX_EVENTS} events, not {len(envelope.events)}."
        )
    skew = skew_between(envelope.sent_at, received_ms)
    oldest, newest = received_ms - max_age_ms - skew, received_ms + FUTURE_TOLERANCE_MS - skew
    accepted: list[bytes] = []
    refused: list[RefusedEvent] = []
    for index, raw in enumerate(envelope.events):
        try:
            event = event_decode(raw)
        except msgspec.DecodeError as error:
            refused.append(RefusedEvent(index, Refusal.INVALID_EVENT, str(error), bytes(raw)))
            continue
        if event.type not in known_types:
            reason, detail = Refusal.UNKNOWN_EVENT_TYPE, f"There is no event type {event.type!r}."
        elif event.at > newest:
            reason, detail = Refusal.FUTURE_TIMESTAMP, "`at` lies in the future."
        elif event.at < oldest:
            reason, detail = Refusal.TOO_OLD, f"`at` is over {max_age_ms / 86_400_000:g} days old."
        else:
            accepted.append(bytes(raw))
            continue
        refused.append(RefusedEvent(index, reason, detail, bytes(raw)))
    return Parsed(b"[" + b",".join(accepted) + b"]", len(accepted), refused, skew)
