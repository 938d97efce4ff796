"""In the worker: each step's one job, and each reason it can give. Pure."""

from __future__ import annotations

import random
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracking.pipeline.duplicates import MAX_PARTS, STEP, Growing, Stored
from tracking.pipeline.steps import (
    HISTORY,
    STEPS,
    Batch,
    Event,
    Receipt,
    event_build,
    events_clean,
)
from tracking.pipeline.wire import Refusal, WireEvent

NOW = 1_763_800_000_000.0
ANA, CLEO = uuid4(), uuid4()
CAPS = {
    "dwell": Growing(1800.0, STEP["second"]),
    "scroll": Growing(1.0, STEP["depth"]),
    "watch": Growing(None, STEP["second"]),
}


def receipt_of(visitor_id: UUID | None = ANA, **changes: Any) -> Receipt:
    receipt = Receipt(visitor_id, "tracker", "measurement", "desktop", False, 0, NOW)
    return receipt._replace(**changes)


def wire_of(type: str = "page_view", **fields: Any) -> WireEvent:
    values = {"id": uuid4(), "type": type, "at": NOW - 1000, **fields}
    return msgspec.convert(values, WireEvent)


def build(wire: WireEvent, receipt: Receipt) -> Event:
    event = event_build(wire, receipt)
    assert event is not None
    return event


def clean(*pairs: tuple[WireEvent, Receipt]) -> tuple[list[Event], list[Refusal]]:
    """Through all steps, with an empty store."""
    batch = Batch(consented=frozenset({ANA.int}), cumulative=CAPS)
    arrived = [(build(wire, receipt), receipt) for wire, receipt in pairs]
    usable, dropped = events_clean(arrived, batch, steps=STEPS)
    kept, repeated = events_clean(usable, batch, steps=HISTORY)
    return [event for event, _ in kept], [reason for _, reason in dropped + repeated]


def clean_one(wire: WireEvent, **receipt: Any) -> Event:
    kept, refused = clean((wire, receipt_of(**receipt)))
    assert not refused
    return kept[0]


def test_a_visitor_who_withdrew_since_is_dropped() -> None:
    kept, refused = clean((wire_of(), receipt_of(CLEO)), (wire_of(), receipt_of(ANA)))
    assert [event.visitor_id for event in kept] == [ANA]
    assert refused == [Refusal.CONSENT_WITHDRAWN]


def test_the_clients_clock_is_corrected() -> None:
    assert clean_one(wire_of(at=NOW - 3_601_000), skew_ms=3_600_000).occurred_ms == NOW - 1000


def test_nothing_happens_after_it_was_received() -> None:
    assert clean_one(wire_of(at=NOW + 200_000)).occurred_ms == NOW


@pytest.mark.parametrize(
    ("path", "kept"),
    [("/a?token=1", "/a"), ("/a#part", "/a"), ("/a#x?y", "/a"), ("/a/b/", "/a/b/")],
)
def test_query_and_fragment_are_cut_off(path: str, kept: str) -> None:
    assert clean_one(wire_of(path=path)).path == kept


@pytest.mark.parametrize(
    ("referrer", "host"),
    [
        ("https://user:secret@Search.Example:8443/q?name=me", "search.example"),
        ("", ""),
        ("no address", ""),
        ("http://[broken", ""),
    ],
)
def test_of_a_referrer_the_host_is_kept(referrer: str, host: str) -> None:
    assert clean_one(wire_of(referrer=referrer)).referrer_host == host


def test_the_value_of_one_page_view_is_capped() -> None:
    assert clean_one(wire_of("dwell", value=86_400.0)).value == 1800.0
    assert clean_one(wire_of("purchase", value=86_400.0)).value == 86_400.0


def test_an_element_becomes_properties() -> None:
    element = {"id": "buy", "classes": ["button"], "section": ""}
    event = clean_one(wire_of("click", element=element, properties={"price": 3}))
    assert event.properties == {"price": 3, "element_id": "buy", "element_classes": ["button"]}


def test_an_event_without_a_visitor_is_none() -> None:
    assert event_build(wire_of(), receipt_of(None)) is None


def test_an_imported_event_names_its_visitor_and_line_a_browsers_cannot() -> None:
    wire = wire_of(visitor=str(CLEO), line=7)
    imported, reported = build(wire, receipt_of(None)), build(wire, receipt_of(ANA))
    assert (imported.visitor_id, imported.line) == (CLEO, 7)
    assert (reported.visitor_id, reported.line) == (ANA, None)


def test_one_id_is_one_event() -> None:
    wire = wire_of()
    kept, refused = clean((wire, receipt_of()), (wire, receipt_of(received_ms=NOW + 500)))
    assert len(kept) == 1
    assert refused == [Refusal.DUPLICATE]


def test_what_is_stored_is_a_duplicate() -> None:
    event = build(wire_of(), receipt_of())
    batch = Batch(consented=frozenset(), cumulative=CAPS)
    batch.stored = {(ANA.int, event.id.int): Stored(1, 0.0, NOW)}
    assert events_clean([(event, receipt_of())], batch, steps=HISTORY)[1] == [
        (event, Refusal.DUPLICATE)
    ]


def test_one_id_of_two_visitors_is_two_events() -> None:
    wire = wire_of()
    batch = Batch(consented=frozenset({ANA.int, CLEO.int}), cumulative=CAPS)
    arrived = [(build(wire, receipt), receipt) for receipt in (receipt_of(), receipt_of(CLEO))]
    assert len(events_clean(arrived, batch, steps=HISTORY)[0]) == 2


@given(
    kind=st.sampled_from([("dwell", 0.5, 1800.0), ("scroll", 0.01, 1.0)]),
    shares=st.lists(st.floats(0.0, 2.0), min_size=1, max_size=8),
    seed=st.integers(),
)
def test_of_a_growing_value_the_largest_report_counts_in_any_order(
    kind: tuple[str, float, float], shares: list[float], seed: int
) -> None:
    type_, step, cap = kind
    values = [share * cap for share in shares]
    random.Random(seed).shuffle(values)
    wire = wire_of(type_, value=0.5)
    reports = [msgspec.structs.replace(wire, value=value) for value in values]
    kept, _ = clean(*((report, receipt_of()) for report in reports))
    largest = min(round(max(values) / step) * step, cap)
    assert sum(event.value or 0.0 for event in kept) == pytest.approx(largest, abs=1e-9)
    assert [event.part for event in kept] == list(range(len(kept)))
    assert len({event.occurred_ms for event in kept}) == 1


@pytest.mark.parametrize(("type_", "least"), [("dwell", 0.002), ("scroll", 0.0001)])
def test_a_growth_below_a_step_is_a_repeat(type_: str, least: float) -> None:
    wire = wire_of(type_)
    reports = [msgspec.structs.replace(wire, value=0.5 + n * least) for n in range(40)]
    kept, refused = clean(*((report, receipt_of()) for report in reports))
    assert len(kept) == 1
    assert set(refused) == {Refusal.DUPLICATE}


def test_one_id_is_reported_anew_only_so_often() -> None:
    wire = wire_of("watch")
    reports = [msgspec.structs.replace(wire, value=float(n)) for n in range(MAX_PARTS + 3)]
    kept, refused = clean(*((report, receipt_of()) for report in reports))
    assert kept[-1].part == MAX_PARTS - 1
    assert sum(event.value or 0.0 for event in kept) == MAX_PARTS - 1
    assert refused == [Refusal.TOO_MANY_REPORTS] * 3
