"""At the door: what of an event may be written, by the schema of its type and by privacy.

A property that its type does not declare, of another kind than declared, or with personal data
in it, is left out, with the reason; the event is kept. Where personal data stands in what an
event is about (its path, item, category, content type or element), the event is refused.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.structs import replace

from tracking.pipeline.personal import WORDS, is_suspect, personal_kind
from tracking.pipeline.properties import KINDS, Schema, Value
from tracking.pipeline.wire import Element, Refusal, WireEvent

Properties = dict[str, str | bool | int | float | None]
#: The parts of an element, each with the property it becomes.
ELEMENT_PARTS = (
    ("id", "element_id"),
    ("classes", "element_classes"),
    ("section", "element_section"),
)
#: Numbers from here on may be a card's.
LONG_NUMBER = 10**12


class LeftOut(NamedTuple):
    """A property that is not kept, and why."""

    property: str
    reason: Refusal


class Screened(Struct, frozen=True, gc=False):
    """What may be written of an event.

    `event` is the very same when nothing had to change. `personal` says what is personal in what
    the event is about, which refuses it; else it is "".
    """

    event: WireEvent
    left_out: Sequence[LeftOut] = ()
    personal: str = ""


def events_suspect(events: Iterable[WireEvent]) -> bool:
    """Whether any of these events is worth a search for personal data: one look at all their text.

    Their referrers are not looked at.
    """
    return is_suspect("\n".join(map(_text_of, events)))


def event_screen(event: WireEvent, schema: Schema, *, suspect: bool = True) -> Screened:
    """Look at an event before it is written; `schema` is that of its type.

    `suspect` False says that `events_suspect` found nothing in its text.
    """
    # One look at all its text: hardly any event is worth a second.
    suspect = suspect and is_suspect(_text_of(event))
    if suspect and (personal := _subject_personal(event)):
        return Screened(event, personal=personal)
    kept = event
    left_out: list[LeftOut] = []
    if event.properties:
        properties = _properties_screen(event.properties, schema, suspect, left_out)
        if properties is not event.properties:
            kept = replace(kept, properties=properties)
    if event.element is not None:
        element = _element_screen(event.element, schema, suspect, left_out)
        if element is not event.element:
            kept = replace(kept, element=element)
    if event.referrer and personal_kind(event.referrer):
        # Nothing beyond its host would be kept anyway.
        kept = replace(kept, referrer=_origin(event.referrer))
    return Screened(kept, left_out)


def property_screen(value: object, kind: str | None, suspect: bool) -> Value | Refusal:
    """A property's value as it may be kept, or why it may not.

    `kind` None: not declared. `suspect`: its text may hold personal data.
    """
    if kind is None:
        return Refusal.UNKNOWN_PROPERTY
    read = KINDS.get(kind)
    kept = read(value) if read is not None else None
    if kept is None:
        return Refusal.INVALID_PROPERTY
    return Refusal.PERSONAL_DATA if _is_personal(kept, kind, suspect) else kept


def _is_personal(value: Value, kind: str, suspect: bool) -> bool:
    if isinstance(value, int | float):
        return value >= LONG_NUMBER and personal_kind(f"{value:.0f}") != ""
    if not suspect:
        return False
    text = value if isinstance(value, str) else "\n".join(value)
    return personal_kind(text, typed=kind == "text") != ""


def _text_of(event: WireEvent) -> str:
    """All text of an event that would be kept."""
    text = f"{event.path}\n{event.item}\n{event.category}\n{event.content_type}"
    if (element := event.element) is not None:
        text = "\n".join((text, element.id, element.section, *element.classes))
    if event.properties:
        values = (value for value in event.properties.values() if isinstance(value, str))
        text = "\n".join((text, *values))
    return text


def _subject_personal(event: WireEvent) -> str:
    """What is personal in what the event is about, as a sentence; "" for nothing."""
    for name, text in (
        ("path", event.path),
        ("item", event.item),
        ("category", event.category or ""),
        ("content_type", event.content_type or ""),
        ("element.id", event.element.id if event.element is not None else ""),
    ):
        if kind := personal_kind(text):
            return f"`{name}` holds what looks like {WORDS[kind]}."
    return ""


def _properties_screen(
    given: Properties, schema: Schema, suspect: bool, left_out: list[LeftOut]
) -> Properties:
    """The properties that are kept: the same dict when all are, each as it came."""
    kept: Properties = {}
    same = True
    for name, value in given.items():
        screened = property_screen(value, schema.get(name), suspect)
        if isinstance(screened, Refusal):
            left_out.append(LeftOut(name, screened))
        elif not isinstance(screened, list):  # which only an element can send
            kept[name] = screened
        same = same and screened is value
    return given if same else kept


def _element_screen(
    given: Element, schema: Schema, suspect: bool, left_out: list[LeftOut]
) -> Element | None:
    """The element with the parts that are kept: the same when all are, None for none."""
    before = len(left_out)
    kept = {}
    for part, name in ELEMENT_PARTS:
        if not (value := getattr(given, part)):
            continue
        screened = property_screen(value, schema.get(name), suspect)
        if isinstance(screened, Refusal):
            left_out.append(LeftOut(name, screened))
        else:
            kept[part] = value
    if len(left_out) == before:
        return given
    return Element(**kept) if kept else None


def _origin(referrer: str) -> str:
    """`//host/` of an address that is not kept as it is; "" when that is personal, too."""
    try:
        host = urlsplit(referrer).hostname or ""
    except ValueError:
        return ""
    return f"//{host}/" if host and not personal_kind(host) else ""
