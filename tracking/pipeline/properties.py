"""Kinds of values: what a property of an event may hold, by the schema of its type.

A schema names the properties an event of a type may carry, each with its kind. Text that reads
as a number, where a number is wanted, is taken as one: attributes of a page are always text.
"""

import re
from collections.abc import Callable, Mapping

Value = str | bool | int | float | list[str]
#: Names of properties, each with its kind of value.
Schema = Mapping[str, str]
#: The known event types, each with its schema.
Schemas = Mapping[str, Schema]

#: No float loses a digit of these.
_NUMBER = re.compile(r"-?\d{1,15}(?:\.\d{1,15})?")
_INTEGER = re.compile(r"-?\d{1,15}")
_ID = re.compile(r"[A-Za-z0-9._:#/+-]{1,100}")
_BOOLEANS = {"true": True, "false": False}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: object) -> float | int | None:
    """
    >>> _number(3), _number("12.50"), _number("12,50"), _number(True)
    (3, 12.5, None, None)
    """
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return float(value)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _integer(value: object) -> int | None:
    """
    >>> _integer(3), _integer("3"), _integer(3.5), _integer(False)
    (3, 3, None, None)
    """
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _boolean(value: object) -> bool | None:
    """
    >>> _boolean(True), _boolean("false"), _boolean(1), _boolean("yes")
    (True, False, None, None)
    """
    if isinstance(value, str):
        return _BOOLEANS.get(value)
    return value if isinstance(value, bool) else None


def _id(value: object) -> str | int | None:
    """
    >>> _id("SKU-7/b"), _id(17), _id("two words"), _id(1.5)
    ('SKU-7/b', 17, None, None)
    """
    if isinstance(value, str):
        return value if _ID.fullmatch(value) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _list(value: object) -> list[str] | None:
    return value if isinstance(value, list) else None


#: Each kind of value: the value as it is kept, or None when it is of another kind.
KINDS: Mapping[str, Callable[[object], Value | None]] = {
    "text": _text,
    "number": _number,
    "integer": _integer,
    "boolean": _boolean,
    "id": _id,
    "list": _list,
}
