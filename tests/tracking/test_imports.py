"""Logs to events: mappings with clear mistakes, records with their lines, rows with reasons."""

from __future__ import annotations

import gzip
import io
import json
from typing import Any
from uuid import UUID

import pytest

from tracking.imports.mapping import SHIPPED, Mapping, MappingError, mapping_find, mapping_parse
from tracking.imports.reader import (
    MAX_LINE_BYTES,
    MAX_RECORD_LINES,
    Record,
    file_open,
    records_read,
)
from tracking.imports.rows import Mapped, Unusable, record_mapper
from tracking.pipeline.wire import Refusal
from tracking.taxonomy import STANDARD_TYPES

NOW = 1_763_800_000_000.0
TYPES = {standard.name: standard.properties for standard in STANDARD_TYPES}
CSV = """
name = "shop"
format = "csv"
visitor = { column = "who" }
time = { column = "when", format = "epoch_s" }
[[events]]
type = { constant = "page_view" }
"""


def mapping_of(text: str = "", base: str = CSV) -> Mapping:
    """The base mapping with lines put before its events."""
    head, mark, tail = base.partition("[[events]]")
    return mapping_parse(head + text + "\n" + mark + tail)


def records(text: str | bytes, mapping: Mapping | None = None, *, after: int = 0) -> list[Record]:
    raw = text.encode() if isinstance(text, str) else text
    return list(records_read(io.BytesIO(raw), mapping or mapping_of(), after_line=after))


def mapped(row: dict[str, Any], mapping: Mapping | None = None, content: str = "") -> Any:
    record = Record(2, 2, row, content or json.dumps(row))
    return record_mapper(mapping or mapping_of(), TYPES)(record, now_ms=NOW)


def wire(row: dict[str, Any], mapping: Mapping | None = None) -> dict[str, Any]:
    result = mapped({"who": "ana", "when": "1700000000"} | row, mapping)
    assert isinstance(result, Mapped)
    return json.loads(result.events[0])


def refusal(row: dict[str, Any], mapping: Mapping | None = None) -> Unusable:
    result = mapped({"who": "ana", "when": "1700000000"} | row, mapping)
    assert isinstance(result, Unusable)
    return result


# --- Mappings -----------------------------------------------------------------------------------


@pytest.mark.parametrize("file", sorted(SHIPPED.glob("*.toml")), ids=lambda file: file.stem)
def test_a_shipped_mapping_is_valid_and_names_known_types(file: Any) -> None:
    mapping = mapping_parse(mapping_find(file.stem).read_bytes())
    assert mapping.name == file.stem
    assert mapping.event_types() <= {standard.name for standard in STANDARD_TYPES}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("nonsense", "Expected"),
        ("item = 3", "item"),
        ("colour = 'red'", "colour"),
        ("item = { colum = 'x' }", "colum"),
        ("item = { column = 'x', constant = 'y' }", "either `column` or `constant`"),
        ("item = {}", "either `column` or `constant`"),
        ("item = { constant = 'y', split = '.' }", "taken as it is"),
        ("item = { column = 'y', split = '' }", "separator"),
        ("skip = [{ column = 'y' }]", "either `in` or `empty = true`"),
        ("delimiter = ''", "delimiter"),
    ],
)
def test_a_mistake_in_a_mapping_is_named(text: str, says: str) -> None:
    with pytest.raises(MappingError, match=says):
        mapping_of(text)


def test_an_unknown_time_zone_is_named() -> None:
    with pytest.raises(MappingError, match="Mars/Olympus"):
        mapping_parse(CSV.replace('"epoch_s"', '"iso", zone = "Mars/Olympus"'))


def test_an_unknown_mapping_names_the_shipped_ones() -> None:
    with pytest.raises(MappingError, match="deskdrop, ebnerd, rees46"):
        mapping_find("nowhere")


# --- Records ------------------------------------------------------------------------------------


def test_a_record_is_named_by_its_first_line() -> None:
    text = 'who,when\nana,1\n"be\nn",2\n\n"c\r\nleo",3\nlast,4'
    found = [(record.line, record.end, record.row) for record in records(text)]
    assert found == [
        (2, 2, {"who": "ana", "when": "1"}),
        (3, 4, {"who": "be\nn", "when": "2"}),
        (6, 7, {"who": "c\r\nleo", "when": "3"}),
        (8, 8, {"who": "last", "when": "4"}),
    ]


@pytest.mark.parametrize("after", range(10))
def test_reading_on_after_any_record_gives_the_rest(after: int) -> None:
    text = 'who,when\nana,1\n"be\nn",2\n\ncleo,3\nlast,4\n'
    every = records(text)
    ends = [record.end for record in every if record.end <= after]
    assert records(text, after=max(ends, default=0)) == every[len(ends) :]


@pytest.mark.parametrize("line", ["ana", "ana,1,more"])
def test_a_wrong_number_of_values_is_malformed(line: str) -> None:
    first, second = records(f"who,when\n{line}\nben,2\n")
    assert first.row is None
    assert "values for 2 columns" in first.error
    assert second.row == {"who": "ben", "when": "2"}


def test_a_quote_that_is_never_closed_costs_one_line() -> None:
    lines = ["who,when", '"ana,1', *(f"v{n},{n}" for n in range(MAX_RECORD_LINES + 50))]
    found = records("\n".join(lines))
    assert (found[0].line, found[0].row, found[0].content) == (2, None, '"ana,1')
    assert "not closed" in found[0].error
    assert [record.line for record in found] == list(range(2, len(lines) + 1))
    assert all(record.row for record in found[1:])


def test_what_is_no_utf8_is_malformed() -> None:
    first, second = records(b"who,when\nan\xff,1\nben,2\n")
    assert (first.row, first.error) == (None, "not UTF-8 text")
    assert first.content == "an\N{REPLACEMENT CHARACTER},1"
    assert second.row


def test_missing_columns_are_named() -> None:
    with pytest.raises(MappingError, match=r"no column 'when'\. It has: who, then"):
        records("who,then\n")
    with pytest.raises(MappingError, match="empty"):
        records("")


def test_a_byte_order_mark_and_another_delimiter_are_read() -> None:
    found = records("\ufeffwho;when\nana;1\n", mapping_of('delimiter = ";"'))
    assert found[0].row == {"who": "ana", "when": "1"}


def test_gzip_is_known_by_its_first_bytes() -> None:
    packed = io.BytesIO(gzip.compress(b"who,when\nana,1\n"))
    assert len(list(records_read(file_open(packed), mapping_of()))) == 1


def test_json_lines_are_named_one_by_one() -> None:
    mapping = mapping_parse(CSV.replace('"csv"', '"json_lines"'))
    text = '{"who": "ana", "when": 1}\n\n[1]\n{"who"\n{"who": "ben", "when": 2}'
    found = records(text, mapping)
    assert [(record.line, record.row is None) for record in found] == [
        (1, False),
        (3, True),
        (4, True),
        (5, False),
    ]
    assert all(record.error for record in found if record.row is None)


@pytest.mark.parametrize("length", [MAX_LINE_BYTES, MAX_LINE_BYTES + 1, 3 * MAX_LINE_BYTES])
def test_a_line_that_is_too_long_costs_itself_alone(length: int) -> None:
    long = b"x" * length
    found = records(b"who,when\nana,1\n" + long + b"\nben,2\n")
    assert [(record.line, record.row is None) for record in found] == [
        (2, False),
        (3, True),
        (4, False),
    ]
    assert found[1].error == "line 3 is longer than 1,000,000 bytes"
    assert len(found[1].content) < 5000
    mapping = mapping_parse(CSV.replace('"csv"', '"json_lines"'))
    (in_json, after) = records(long + b'\n{"who": "ben", "when": 2}', mapping)
    assert (in_json.line, in_json.row, in_json.error[:15]) == (1, None, "line 1 is longe")
    assert (after.line, after.row) == (2, {"who": "ben", "when": 2})
    assert [record.line for record in records(b"who,when\n" + long + b"\nb,2\n", after=2)] == [3]


def test_a_long_line_behind_an_open_quote_is_named_and_so_is_the_quote() -> None:
    found = records(b'who,when\n"ana,1\n' + b"x" * (MAX_LINE_BYTES + 1) + b"\nben,2\n")
    assert [(record.line, record.row is None) for record in found] == [
        (2, True),
        (3, True),
        (4, False),
    ]


def test_a_header_that_is_too_long_is_no_header() -> None:
    with pytest.raises(MappingError, match="no column names: line 1 is longer"):
        records(b"x" * (MAX_LINE_BYTES + 1))


# --- Rows ---------------------------------------------------------------------------------------


def test_the_same_row_has_the_same_ids_and_another_has_others() -> None:
    row = {"who": "ana", "when": "1700000000"}
    one, again, other = (mapped(row), mapped(row), mapped(row | {"x": "1"}))
    assert one == again
    assert one.visitor_id == other.visitor_id
    assert json.loads(one.events[0])["id"] != json.loads(other.events[0])["id"]
    elsewhere = mapped(row, mapping_parse(CSV.replace('"shop"', '"other"')))
    assert elsewhere.visitor_id != one.visitor_id


def test_a_mapped_id_makes_the_events_id() -> None:
    mapping = mapping_of('id = { column = "number" }')
    assert wire({"number": "7", "x": "1"}, mapping)["id"] == wire({"number": "7"}, mapping)["id"]
    assert wire({"number": "7"}, mapping)["id"] != wire({"number": "8"}, mapping)["id"]


def test_a_visit_belongs_to_its_person() -> None:
    mapping = mapping_of('visit = { column = "session" }')
    visits = {wire({"who": who, "session": "1"}, mapping)["visit"] for who in ("ana", "ben")}
    assert len(visits) == 2
    assert "visit" not in wire({"session": ""}, mapping)


@pytest.mark.parametrize(
    ("format", "value", "at"),
    [
        ("epoch_s", "1700000000", 1_700_000_000_000),
        ("epoch_s", 1700000000.25, 1_700_000_000_250),
        ("epoch_ms", "1700000000123", 1_700_000_000_123),
        ("iso", "2023-11-14T22:13:20Z", 1_700_000_000_000),
        ("iso", "2023-11-14 22:13:20 UTC", 1_700_000_000_000),
        ("iso", "2023-11-14 23:13:20", 1_700_000_000_000),
        ("iso", "2023-11-14T17:13:20.5-05:00", 1_700_000_000_500),
    ],
)
def test_times_are_read_in_their_format_and_zone(format: str, value: Any, at: int) -> None:
    zone = ', zone = "Europe/Paris"' if format == "iso" else ""
    mapping = mapping_parse(CSV.replace('"epoch_s"', f'"{format}"{zone}'))
    assert wire({"when": value}, mapping)["at"] == at


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"who": ""}, Refusal.MALFORMED_LINE),
        ({"who": None}, Refusal.MALFORMED_LINE),
        ({"who": {"id": 1}}, Refusal.MALFORMED_LINE),
        ({"when": ""}, Refusal.MALFORMED_LINE),
        ({"when": "soon"}, Refusal.MALFORMED_LINE),
        ({"when": "inf"}, Refusal.MALFORMED_LINE),
        ({"when": "nan"}, Refusal.MALFORMED_LINE),
        ({"when": "1e300"}, Refusal.FUTURE_TIMESTAMP),
        ({"when": str(NOW / 1000 + 301)}, Refusal.FUTURE_TIMESTAMP),
        ({"when": "0"}, Refusal.TOO_OLD),
    ],
)
def test_an_unusable_row_says_why(row: dict[str, Any], reason: Refusal) -> None:
    assert refusal(row).reason == reason
    assert refusal(row).detail


@pytest.mark.parametrize("item", ["x" * 201, "a\0b"])
def test_what_the_wire_refuses_is_malformed(item: str) -> None:
    found = refusal({"item": item}, mapping_of('item = { column = "item" }'))
    assert found.reason == Refusal.MALFORMED_LINE


def test_a_type_is_translated_or_refused() -> None:
    mapping = mapping_parse(
        CSV.replace('{ constant = "page_view" }', '{ column = "do", map = { buy = "purchase" } }')
    )
    assert wire({"do": "buy"}, mapping)["type"] == "purchase"
    assert refusal({"do": "sell"}, mapping).reason == Refusal.UNKNOWN_EVENT_TYPE
    assert "'sell'" in refusal({"do": "sell"}, mapping).detail
    assert refusal({"do": ""}, mapping).reason == Refusal.MALFORMED_LINE


def test_rows_are_skipped_on_purpose() -> None:
    mapping = mapping_of(
        'skip = [{ column = "kind", in = ["test"] }, { column = "x", empty = true }]'
    )
    assert refusal({"kind": "test", "x": "1"}, mapping).reason == Refusal.SKIPPED_BY_MAPPING
    assert refusal({"kind": "real", "x": ""}, mapping).reason == Refusal.SKIPPED_BY_MAPPING
    assert wire({"kind": "real", "x": "1"}, mapping)


def test_properties_are_texts_or_numbers_and_left_out_where_empty() -> None:
    mapping = mapping_of(
        "[properties]\nprice = { column = 'price', number = true }\n"
        "brand = { column = 'brand' }\ncurrency = { constant = 'EUR' }\n"
    )
    found = wire({"price": "3.50", "brand": ""}, mapping)["properties"]
    assert found == {"price": 3.5, "currency": "EUR"}


def test_a_property_that_a_type_does_not_have_is_left_out_of_its_events() -> None:
    mapping = mapping_of(
        "[properties]\nprice = { column = 'price' }\nquantity = { column = 'count' }\n",
        base=CSV.replace(
            'type = { constant = "page_view" }',
            "type = { column = 'do', map = { see = 'page_view', buy = 'purchase' } }",
        ),
    )
    row = {"who": "ana", "when": "1700000000", "price": "dear", "count": "2"}
    seen, bought = mapped(row | {"do": "see"}, mapping), mapped(row | {"do": "buy"}, mapping)
    assert [json.loads(raw).get("properties") for raw in seen.events] == [None]
    assert sorted(seen.left_out) == [Refusal.INVALID_PROPERTY, Refusal.UNKNOWN_PROPERTY]
    assert json.loads(bought.events[0])["properties"] == {"quantity": 2}
    assert bought.left_out == [Refusal.INVALID_PROPERTY]


@pytest.mark.parametrize(
    ("row", "names"),
    [({"sku": "ana@example.org"}, "`item`"), ({"brand": "+49 171 2345678"}, "`brand`")],
)
def test_a_row_about_a_person_is_not_used(row: dict[str, Any], names: str) -> None:
    text = "item = { column = 'sku' }\n[properties]\nbrand = { column = 'brand' }\n"
    found = refusal({"sku": "a", "brand": "b"} | row, mapping_of(text))
    assert found.reason == Refusal.PERSONAL_DATA
    assert names in found.detail
    assert not any(value in found.detail for value in row.values())


def test_a_type_that_nobody_has_is_named() -> None:
    mapping = mapping_of(
        base=CSV.replace('type = { constant = "page_view" }', "type = { column = 'do' }")
    )
    assert refusal({"do": "sell"}, mapping).reason == Refusal.UNKNOWN_EVENT_TYPE
    assert refusal({"price": "dear"}, mapping).reason == Refusal.MALFORMED_LINE


def test_a_row_can_be_several_events_of_one_page_view() -> None:
    mapping = mapping_parse(
        CSV
        + '[[events]]\ntype = { constant = "scroll" }\nvalue = { column = "deep", scale = 0.01 }\n'
    )
    row = {"who": "ana", "when": "1700000000", "deep": "50"}
    view, scroll = map(json.loads, mapped(row, mapping).events)
    assert (view["type"], scroll["type"], scroll["value"]) == ("page_view", "scroll", 0.5)
    assert view["id"] != scroll["id"]
    assert view["view"] == scroll["view"]
    assert len(mapped(row | {"deep": ""}, mapping).events) == 1


def test_json_objects_inside_are_reached_by_a_path() -> None:
    mapping = mapping_parse(CSV.replace('column = "who"', 'column = "user.id"'))
    result = mapped({"user": {"id": 7}, "when": 1_700_000_000}, mapping)
    assert isinstance(result, Mapped)
    assert isinstance(result.visitor_id, UUID)
