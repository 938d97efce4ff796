"""What features make of an event's values: texts, numbers and booleans, never one for another.

Missing is None, an empty text, and a number that is not within ±MAX_NUMBER. What never gets in:
definitions, events.
"""

from collections.abc import Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Literal
from unicodedata import normalize

#: Numbers count within ± this, and in units of a millionth: whole units add up exactly, in any
#: order.
MAX_NUMBER = 1e12
UNITS = 1_000_000
#: Characters of a text that `latest` keeps.
MAX_TEXT = 200

Value = str | int | float | bool
Kind = Literal["text", "number", "boolean"]


@lru_cache(maxsize=16_384)
def text_fold(text: str) -> str:
    """The text as it is compared: composed (NFC), without regard to case, composed again.

    >>> text_fold("STRASSE") == text_fold("straße"), text_fold("e\\u0301") == text_fold("É")
    (True, True)
    """
    return normalize("NFC", normalize("NFC", text).casefold())


#: By the very type: a bool is an int to isinstance.
_KINDS: Mapping[type, Kind] = {str: "text", int: "number", float: "number", bool: "boolean"}


def kind_of(value: object) -> Kind | None:
    """Which kind of value this is; None when it is missing.

    >>> kind_of("1"), kind_of(1), kind_of(True), kind_of(""), kind_of(float("nan"))
    ('text', 'number', 'boolean', None, None)
    """
    kind = _KINDS.get(type(value))
    if kind == "number":
        return kind if -MAX_NUMBER <= value <= MAX_NUMBER else None  # type: ignore[operator]
    return kind if value != "" else None


def number_units(value: object) -> int | None:
    """A number in whole millionths, half to even; None for anything else.

    >>> number_units(2.5), number_units(0.1 + 0.2), number_units("2.5"), number_units(True)
    (2500000, 300000, None, None)
    """
    if (type(value) is float or type(value) is int) and -MAX_NUMBER <= value <= MAX_NUMBER:
        return round(value * UNITS)
    return None


@lru_cache(maxsize=16_384, typed=True)  # typed: 1, 1.0 and True are one key otherwise
def value_kept(value: object) -> Value | None:
    """The value as `latest` keeps it: texts composed and cut, numbers to a millionth.

    >>> value_kept(3.0), value_kept(0.1234567), value_kept("")
    (3, 0.123457, None)
    """
    kind = kind_of(value)
    if kind == "text":
        return normalize("NFC", str(value))[:MAX_TEXT]
    if kind == "boolean":
        return bool(value)
    units = number_units(value)
    if units is None:
        return None
    return units // UNITS if units % UNITS == 0 else units / UNITS


#: Values of one moment in their order: booleans, then numbers, then texts.
_RANK = {bool: 0, int: 1, float: 1, str: 2}


def value_rank(value: Value) -> tuple[int, Value]:
    """Sorts values of all kinds, each kind by itself."""
    return _RANK[type(value)], value


@lru_cache(maxsize=16_384, typed=True)
def value_hash(value: object) -> int | None:
    """48 bits that stand for a value wherever values are only told apart; None when missing.

    Among 64 values, two are taken for one with a probability below 10⁻¹¹. Texts that are equal
    but for case, and numbers that are equal to a millionth, are one value.

    >>> value_hash("Blue") == value_hash("blue"), value_hash(1) == value_hash(1.0)
    (True, True)
    >>> value_hash(1) == value_hash(True), value_hash(1) == value_hash("1"), value_hash("")
    (False, False, None)
    """
    kind = kind_of(value)
    if kind is None:
        return None
    same = text_fold(str(value)) if kind == "text" else str(number_units(value))
    if kind == "boolean":
        same = str(value)
    return int.from_bytes(blake2b(f"{kind} {same}".encode(), digest_size=6).digest())
