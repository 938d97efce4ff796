"""At the door: what is accepted, what is refused and why. Pure."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracking.pipeline.parse import Parsed, RequestRefused, parse_request
from tracking.pipeline.wire import MAX_EVENTS, Refusal
from tracking.taxonomy import STANDARD_TYPES

NOW = 1_763_800_000_000.0
DAY = 86_400_000.0
KNOWN = {standard.name: standard.properties for standard in STANDARD_TYPES}


def parse(body: bytes | dict[str, Any]) -> Parsed:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return parse_request(raw, received_ms=NOW, known_types=KNOWN, max_age_ms=7 * DAY)


def event(**fields: Any) -> dict[str, Any]:
    return {"id": str(uuid4()), "type": "page_view", "at": NOW - 1000, **fields}


def test_accepted_events_are_kept_byte_for_byte() -> None:
    raw = json.dumps(event(path="/a"), separators=(", ", ": ")).encode()
    parsed = parse(b'{"events": [' + raw + b"]}")
    assert parsed == Parsed(b"[" + raw + b"]", 1, [], 0, [])


@pytest.mark.parametrize("body", [b"", b"{", b"nonsense", b"\xff\xfe", b'{"events": [1,]}'])
def test_what_is_no_json_is_invalid_json(body: bytes) -> None:
    with pytest.raises(RequestRefused) as refused:
        parse(body)
    assert refused.value.reason == Refusal.INVALID_JSON


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{}",
        b'"text"',
        b'{"events": 1}',
        b'{"events": []}',
        b'{"events": [], "sent_at": ""}',
    ],
)
def test_another_shape_is_an_invalid_envelope(body: bytes) -> None:
    with pytest.raises(RequestRefused) as refused:
        parse(body)
    assert refused.value.reason == Refusal.INVALID_ENVELOPE


def test_too_many_events_are_an_invalid_envelope() -> None:
    assert parse({"events": [event()] * MAX_EVENTS}).accepted == MAX_EVENTS
    with pytest.raises(RequestRefused) as refused:
        parse({"events": [event()] * (MAX_EVENTS + 1)})
    assert refused.value.reason == Refusal.INVALID_ENVELOPE


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"id": "1"}, Refusal.INVALID_EVENT),
        ({"id": None}, Refusal.INVALID_EVENT),
        ({"at": "now"}, Refusal.INVALID_EVENT),
        ({"at": -1}, Refusal.INVALID_EVENT),
        ({"at": 1e300}, Refusal.INVALID_EVENT),
        ({"type": "Page View"}, Refusal.INVALID_EVENT),
        ({"type": 7}, Refusal.INVALID_EVENT),
        ({"path": "no/slash"}, Refusal.INVALID_EVENT),
        ({"path": "/" + "a" * 1000}, Refusal.INVALID_EVENT),
        ({"path": "/\0"}, Refusal.INVALID_EVENT),
        ({"properties": {"a": "\0"}}, Refusal.INVALID_EVENT),
        ({"properties": {"a": {"nested": 1}}}, Refusal.INVALID_EVENT),
        ({"properties": {str(n): n for n in range(21)}}, Refusal.INVALID_EVENT),
        ({"value": -1}, Refusal.INVALID_EVENT),
        ({"value": "much"}, Refusal.INVALID_EVENT),
        ({"category": "not a slug"}, Refusal.INVALID_EVENT),
        ({"category": "line\n"}, Refusal.INVALID_EVENT),
        ({"type": "page_view\n"}, Refusal.INVALID_EVENT),
        ({"visit": "x"}, Refusal.INVALID_EVENT),
        ({"element": {"classes": ["x"] * 21}}, Refusal.INVALID_EVENT),
        ({"type": "unheard_of"}, Refusal.UNKNOWN_EVENT_TYPE),
        ({"at": NOW + 5 * 60_000 + 1}, Refusal.FUTURE_TIMESTAMP),
        ({"at": NOW - 7 * DAY - 1}, Refusal.TOO_OLD),
    ],
)
def test_an_unusable_event_is_named_and_the_others_are_kept(
    fields: dict[str, Any], reason: Refusal
) -> None:
    parsed = parse({"events": [event(), event(**fields), event()]})
    assert parsed.accepted == 2
    assert [(refused.index, refused.reason) for refused in parsed.refused] == [(1, reason)]
    assert parsed.refused[0].detail


@pytest.mark.parametrize("at", [NOW + 5 * 60_000, NOW - 7 * DAY, NOW])
def test_the_bounds_of_time_are_inside(at: float) -> None:
    assert parse({"events": [event(at=at)]}).accepted == 1


def test_times_are_judged_by_the_corrected_clock() -> None:
    """A clock ten days behind: its events happened now."""
    skew = 10 * DAY
    body = {"sent_at": NOW - skew, "events": [event(at=NOW - skew - 1000)]}
    parsed = parse(body)
    assert (parsed.accepted, parsed.skew_ms) == (1, skew)
    assert parse({"events": body["events"]}).refused[0].reason == Refusal.TOO_OLD


def test_a_small_difference_of_clocks_is_delay_not_skew() -> None:
    assert parse({"sent_at": NOW - 60_000, "events": [event()]}).skew_ms == 0
    assert parse({"sent_at": NOW + 60_001, "events": [event()]}).skew_ms == -60_001


@given(st.binary(max_size=300))
def test_any_bytes_are_parsed_or_refused(body: bytes) -> None:
    with pytest.raises(RequestRefused):
        parse(body)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)
FIELDS = (
    *("id", "type", "at", "visit", "view", "path", "item", "category", "value", "element"),
    *("properties", "referrer", "content_type", "visitor", "line", "other"),
)
FIELD = st.sampled_from(FIELDS)


@given(st.lists(st.dictionaries(FIELD, JSON, max_size=6), min_size=1, max_size=4))
def test_any_json_event_is_accepted_or_named(changes: list[dict[str, Any]]) -> None:
    parsed = parse({"events": [event() | change for change in changes]})
    assert parsed.accepted + len(parsed.refused) == len(changes)
    assert len(json.loads(parsed.payload)) == parsed.accepted
