"""At the door: which properties of an event are kept, and what of it may be written. Pure."""

from __future__ import annotations

import doctest
import json
from typing import Any
from uuid import uuid4

import pytest

from tracking.pipeline import properties, screen
from tracking.pipeline.parse import LeftOutProperty, Parsed, parse_request
from tracking.pipeline.wire import Refusal
from tracking.taxonomy import ELEMENT

NOW = 1_763_800_000_000.0
SCHEMA = {
    **{"t": "text", "n": "number", "i": "integer", "b": "boolean", "x": "id", "l": "list"},
    **ELEMENT,
}
KNOWN = {"click": SCHEMA, "dwell": {}}


def parse(*events: dict[str, Any]) -> Parsed:
    full = [{"id": str(uuid4()), "type": "click", "at": NOW - 1000, **event} for event in events]
    body = json.dumps({"events": full}).encode()
    return parse_request(body, received_ms=NOW, known_types=KNOWN, max_age_ms=1e9)


def kept(**event: Any) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """The event as it is written, and what was left out of it."""
    parsed = parse(event)
    (written,) = json.loads(parsed.payload)
    return written, [(what.property, what.reason) for what in parsed.left_out]


@pytest.mark.parametrize(
    ("name", "given", "written"),
    [
        ("t", "two words", "two words"),
        ("t", "", ""),
        ("n", 3, 3),
        ("n", -2.5, -2.5),
        ("n", "12.50", 12.5),
        ("i", 3, 3),
        ("i", "-3", -3),
        ("i", 3.0, 3),
        ("b", False, False),
        ("b", "true", True),
        ("x", "SKU-7/b", "SKU-7/b"),
        ("x", "#1001", "#1001"),
        ("x", 17, 17),
    ],
)
def test_a_value_of_its_kind_is_kept(name: str, given: object, written: object) -> None:
    event, left_out = kept(properties={name: given})
    assert (event["properties"], left_out) == ({name: written}, [])
    assert type(event["properties"][name]) is type(written)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        *[("t", value) for value in (1, True, None)],
        *[("n", value) for value in ("dear", "12,50", "", "1e5", "NaN", True, None)],
        *[("i", value) for value in ("3.5", 3.5, "three", True, None)],
        *[("b", value) for value in (1, "yes", None)],
        *[("x", value) for value in ("two words", "", "x" * 101, "a\nb", 1.5, True, None)],
        *[("l", value) for value in ("a", 1)],
    ],
)
def test_a_value_of_another_kind_is_left_out(name: str, given: object) -> None:
    event, left_out = kept(
        properties={name: given, "t": "beside"} if name != "t" else {name: given}
    )
    assert left_out == [(name, Refusal.INVALID_PROPERTY)]
    assert event.get("properties", {}) == ({"t": "beside"} if name != "t" else {})


def test_what_a_type_does_not_declare_is_left_out() -> None:
    event, left_out = kept(properties={"other": "x", "n": 1})
    assert (event["properties"], left_out) == ({"n": 1}, [("other", Refusal.UNKNOWN_PROPERTY)])


@pytest.mark.parametrize(
    "properties",
    [
        {"t": "ana@example.org"},
        {"t": "0171 2345678"},
        {"x": "4111-1111-1111-1111"},
        {"n": 4111111111111111},
        {"x": 4111111111111111},
    ],
)
def test_a_property_with_personal_data_is_left_out(properties: dict[str, Any]) -> None:
    event, left_out = kept(properties=properties)
    assert [reason for _, reason in left_out] == [Refusal.PERSONAL_DATA]
    assert "properties" not in event


def test_an_element_is_kept_as_far_as_its_type_has_one() -> None:
    element = {"id": "buy", "classes": ["button"], "section": "hero"}
    parsed = parse({"element": element}, {"type": "dwell", "element": element})
    with_one, without = json.loads(parsed.payload)
    assert with_one["element"] == element
    assert "element" not in without
    assert parsed.left_out == [
        LeftOutProperty(1, name, Refusal.UNKNOWN_PROPERTY) for name in ELEMENT
    ]


def test_a_part_of_an_element_with_personal_data_is_left_out() -> None:
    event, left_out = kept(element={"id": "buy", "classes": ["a", "ana@example.org"]})
    assert event["element"] == {"id": "buy"}
    assert left_out == [("element_classes", Refusal.PERSONAL_DATA)]


@pytest.mark.parametrize(
    "fields",
    [
        {"path": "/u/ana@example.org/"},
        {"path": "/reset?token=abc"},
        {"item": "+49 171 2345678"},
        {"category": "555-234-1234"},
        {"content_type": "4111111111111111"},
        {"element": {"id": "row-ana@example.org"}},
    ],
)
def test_an_event_about_a_person_is_refused_whole(fields: dict[str, Any]) -> None:
    parsed = parse(fields, {})
    assert parsed.accepted == 1
    (refused,) = parsed.refused
    assert (refused.index, refused.reason) == (0, Refusal.PERSONAL_DATA)
    assert "looks like" in refused.detail
    assert refused.raw == b""


def test_a_refused_event_can_be_looked_at_unless_it_holds_personal_data() -> None:
    parsed = parse({"at": 0, "item": "beds"}, {"at": 0, "other": "ana@example.org"})
    first, second = parsed.refused
    assert json.loads(first.raw)["item"] == "beds"
    assert second.raw == b""


def test_a_referrer_with_personal_data_is_cut_to_its_host() -> None:
    event, left_out = kept(referrer="https://mail.example/read?to=ana@example.org")
    assert (event["referrer"], left_out) == ("//mail.example/", [])
    untouched = "https://search.example/results?q=beds"
    assert kept(referrer=untouched)[0]["referrer"] == untouched
    assert kept(referrer="http://[ana@example.org")[0].get("referrer", "") == ""


def test_only_events_that_changed_are_written_anew() -> None:
    first = (
        b'{"id": "%s",  "type": "click", "at": 1763799999000, "other": 1}' % str(uuid4()).encode()
    )
    second = first.replace(b'"other": 1', b'"properties": {"other": 1}')
    body = b'{"events": [' + first + b"," + second + b"]}"
    parsed = parse_request(body, received_ms=NOW, known_types=KNOWN, max_age_ms=1e9)
    assert parsed.payload.startswith(b"[" + first + b",")
    assert b"other" not in parsed.payload.removeprefix(b"[" + first)


def test_the_examples_of_the_docstrings_run() -> None:
    results = [doctest.testmod(module) for module in (properties, screen)]
    assert results[0].attempted
    assert not any(result.failed for result in results)
