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


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"id": "1"}, "`id` is no UUID: send one, as "),
        ({"at": None}, "`at` is null: send a number."),
        ({"at": 1e300}, "`at` is out of range: send less than 8,640,000,000,000,000."),
        ({"path": 5}, "`path` is a number: send text."),
        ({"path": "no/slash"}, "`path` is not written as it has to be: begin it with /."),
        ({"path": "/" * 1001}, "`path` has more than 1000 characters: shorten it."),
        ({"path": "/\0"}, "A text holds the NUL character: take it out."),
        ({"type": "Page View"}, "`type` is not written as it has to be: use 1 to 40 of a-z 0-9 _"),
        ({"category": "a b"}, "`category` is not written as it has to be: use 1 to 64 of A-Z a-z"),
        ({"value": -1}, "`value` is out of range: send at least 0."),
        ({"element": 5}, "`element` is a number: send an object or null."),
        ({"element": {"classes": ["x"] * 21}}, "`element.classes` has more than 20 entries"),
        ({"properties": {"a": []}}, "A value in `properties` is a list: send text, a number, true"),
        ({"properties": {"a" * 201: 1}}, "A name in `properties` has more than 200 characters"),
    ],
)
def test_a_mistake_is_said_with_the_field_and_the_remedy(fields: dict[str, Any], said: str) -> None:
    (refused,) = parse({"events": [event(**fields)]}).refused
    assert refused.detail.startswith(said)


def test_a_text_that_is_not_utf8_refuses_its_event_alone() -> None:
    body = json.dumps({"events": [event(), event(path="/?")]}).encode().replace(b"/?", b"/\xff")
    parsed = parse_request(body, received_ms=NOW, known_types=KNOWN, max_age_ms=7 * DAY)
    assert parsed.accepted == 1
    assert [(each.index, each.detail) for each in parsed.refused] == [
        (1, "A text is not UTF-8: encode it as that.")
    ]


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
