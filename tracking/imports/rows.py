"""One record to the events it tells, as JSON of the wire, or the reason it tells none."""

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from math import isfinite
from typing import Any, NamedTuple
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

import msgspec

from tracking.imports.mapping import EventSpec, Field, Mapping, Skip, Time
from tracking.imports.reader import Record, Row
from tracking.pipeline.mistakes import mistake_said
from tracking.pipeline.parse import FUTURE_TOLERANCE_MS, event_decode
from tracking.pipeline.properties import Schemas
from tracking.pipeline.screen import event_screen
from tracking.pipeline.wire import Refusal, WireEvent

#: The namespace of every id an import makes: the same row has the same id on every machine.
NAMESPACE = UUID("6f0d3a4e-5c1b-5b0e-9d57-0a2f4f9f6c11")
#: There was no web to log before; a time of 0 is a defect, not a date.
EARLIEST_MS = 631_152_000_000  # 1990-01-01

_encode = msgspec.json.encode


class Mapped(NamedTuple):
    """What a record tells: its visitor and events, each JSON of the wire.

    `left_out` has the reason for each property that the type of an event does not have.
    """

    visitor_id: UUID
    events: list[bytes]
    left_out: list[Refusal]


class Unusable(NamedTuple):
    """Why a record tells nothing, and whose it is where that can be told."""

    reason: Refusal
    detail: str
    visitor_id: UUID | None = None


#: `map_record(record, now_ms=…)`
RecordMapper = Callable[..., Mapped | Unusable]


class _BadValue(Exception):
    """A value of a record cannot be used: (reason, detail)."""


def record_mapper(mapping: Mapping, types: Schemas) -> RecordMapper:
    """The function that maps the records of one log: a Mapped, or why not.

    `types` are the known event types, each with the schema of its properties.
    """
    # Bounded: visitors and visits repeat in runs, but a long log has millions of them.
    visitor_uuid = lru_cache(100_000)(lambda person: _uuid(mapping.name, "visitor", person))

    def map_record(record: Record, *, now_ms: float) -> Mapped | Unusable:
        if record.row is None:
            return Unusable(Refusal.MALFORMED_LINE, record.error)
        row = record.row
        if any(_skips(rule, row) for rule in mapping.skip):
            return Unusable(Refusal.SKIPPED_BY_MAPPING, "")
        visitor_id = None
        try:
            person = _text(mapping.visitor, row)
            if not person:
                raise _BadValue(Refusal.MALFORMED_LINE, "the visitor is missing")
            visitor_id = visitor_uuid(person)
            at = _time(mapping.time, row, now_ms)
            shared = _shared(mapping, record, row, person) | {"visitor": visitor_id, "at": at}
            events = [
                event
                for spec in mapping.events
                if (event := _event(mapping, spec, row, record, shared)) is not None
            ]
            left_out: list[Refusal] = []
            raw = [_event_raw(event, types, left_out) for event in events]
        except _BadValue as problem:
            reason, detail = problem.args
            return Unusable(reason, detail, visitor_id)
        if not events:
            return Unusable(Refusal.MALFORMED_LINE, "no event has a value", visitor_id)
        return Mapped(visitor_id, raw, left_out)

    return map_record


def _uuid(*parts: str) -> UUID:
    return uuid5(NAMESPACE, _encode(parts).decode())


def _shared(mapping: Mapping, record: Record, row: Row, person: str) -> dict[str, Any]:
    """What all events of a record have in common."""
    visit = _text(mapping.visit, row)
    shared: dict[str, Any] = {
        "line": record.line,
        "visit": _uuid(mapping.name, "visit", person, visit) if visit else None,
        "item": _text(mapping.item, row),
        "category": _text(mapping.category, row) or None,
        "content_type": _text(mapping.content_type, row) or None,
        "path": _text(mapping.path, row) or "/",
        "properties": {
            name: value
            for name, part in mapping.properties.items()
            if (value := _value(part, row)) not in (None, "")
        },
    }
    if len(mapping.events) > 1:
        shared["view"] = _uuid(mapping.name, "view", record.content)
    return shared


def _event(
    mapping: Mapping, spec: EventSpec, row: Row, record: Record, shared: dict[str, Any]
) -> WireEvent | None:
    type_ = _text(spec.type, row, unmapped=Refusal.UNKNOWN_EVENT_TYPE)
    if not type_:
        raise _BadValue(Refusal.MALFORMED_LINE, f"{spec.type.column}: the event type is missing")
    value = None
    if spec.value is not None and (value := _number(spec.value, row)) is None:
        return None
    identity = _text(mapping.id, row) or record.content
    wire = shared | {"id": _uuid(mapping.name, type_, identity), "type": type_, "value": value}
    try:
        return event_decode(_encode(msgspec.convert(wire, WireEvent)))
    except msgspec.ValidationError as error:
        raise _BadValue(Refusal.MALFORMED_LINE, mistake_said(str(error))) from error
    except UnicodeEncodeError as error:
        raise _BadValue(Refusal.MALFORMED_LINE, str(error)) from error


def _event_raw(event: WireEvent, types: Schemas, left_out: list[Refusal]) -> bytes:
    """JSON of what may be written of an event: a line with personal data is not used at all."""
    schema = types.get(event.type)
    if schema is None:
        detail = f"there is no event type {event.type!r}"
        raise _BadValue(Refusal.UNKNOWN_EVENT_TYPE, detail)
    screened = event_screen(event, schema)
    if screened.personal:
        raise _BadValue(Refusal.PERSONAL_DATA, screened.personal)
    for name, reason in screened.left_out:
        if reason is Refusal.PERSONAL_DATA:
            raise _BadValue(reason, f"`{name}` holds personal data.")
        left_out.append(reason)
    return _encode(screened.event)


def _skips(rule: Skip, row: Row) -> bool:
    value = _text(Field(column=rule.column), row)
    return not value if rule.empty else value in rule.in_


def _text(part: Field | None, row: Row, *, unmapped: Refusal = Refusal.MALFORMED_LINE) -> str:
    if part is None:
        return ""
    value = _value(part, row, unmapped=unmapped)
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def _number(part: Field, row: Row) -> float | None:
    value = _value(part, row)
    if value is None or value == "":
        return None
    return _as_number(part, value)


def _value(
    part: Field, row: Row, *, unmapped: Refusal = Refusal.MALFORMED_LINE
) -> str | float | bool | None:
    if part.column is None:
        return part.constant
    value = _cell(row, part.column)
    if value is None or value == "":
        return None
    if part.split is not None:
        value = str(value).partition(part.split)[0]
    if part.map is not None:
        key = str(value)
        if key not in part.map:
            raise _BadValue(unmapped, f"{part.column}: {key!r} is not mapped")
        value = part.map[key]
    if part.number or part.scale is not None:
        value = _as_number(part, value) * (1.0 if part.scale is None else part.scale)
    return value


def _as_number(part: Field, value: object) -> float:
    try:
        number = float(str(value))
    except ValueError:
        number = float("nan")
    if not isfinite(number):
        raise _BadValue(Refusal.MALFORMED_LINE, f"{part.column}: {value!r} is no number")
    return number


def _cell(row: Row, column: str) -> str | float | bool | None:
    """A cell; in JSON also of an object inside, as "outer.inner"."""
    value: Any = row.get(column)
    if value is None and "." in column:
        value = row
        for name in column.split("."):
            value = value.get(name) if isinstance(value, dict) else None
    if isinstance(value, dict | list):
        raise _BadValue(Refusal.MALFORMED_LINE, f"{column}: a plain value is wanted")
    return value


def _time(part: Time, row: Row, now_ms: float) -> float:
    value = _cell(row, part.column)
    try:
        at = round(_TIMES[part.format](str(value), part.zone))
    except (ValueError, OverflowError) as error:
        problem = f"{part.column}: {value!r} is no time ({part.format})"
        raise _BadValue(Refusal.MALFORMED_LINE, problem) from error
    if at > now_ms + FUTURE_TOLERANCE_MS:
        raise _BadValue(Refusal.FUTURE_TIMESTAMP, f"{part.column}: {value!r} lies in the future")
    if at < EARLIEST_MS:
        raise _BadValue(Refusal.TOO_OLD, f"{part.column}: {value!r} is before 1990")
    return at


def _iso_ms(text: str, zone: str) -> float:
    moment = datetime.fromisoformat(text.strip().removesuffix(" UTC"))
    if text.strip().endswith(" UTC"):
        zone = "UTC"
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(zone))
    return moment.timestamp() * 1000


_TIMES: dict[str, Callable[[str, str], float]] = {
    "epoch_s": lambda text, zone: float(text) * 1000,
    "epoch_ms": lambda text, zone: float(text),
    "iso": _iso_ms,
}
