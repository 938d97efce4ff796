"""What msgspec finds wrong, said for whoever has to mend it: which field, what it is, what to send.

Only a refusal pays for it. What never gets in: a value that was sent.
"""

import re
from collections.abc import Callable

_MESSAGE = re.compile(r"(?P<what>.*?)(?: - at (?P<key>`key` in )?`\$?\.?(?P<place>[^`]*)`)?", re.S)
_MISSING = re.compile(r"Object missing required field `(?P<field>[^`]*)`")
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<field>.*)`", re.S)
_TYPE = re.compile(r"Expected `(?P<wanted>[^`]+)`, got `(?P<got>[^`]+)`")
_PATTERN = re.compile(r"Expected `str` matching regex '(?P<pattern>.*)'", re.S)
_LENGTH = re.compile(r"Expected `(?P<of>\w+)` of length (?P<sign>[<>]=?) (?P<size>\d+)")
_RANGE = re.compile(r"Expected `\w+` (?P<sign>[<>]=?) (?P<limit>[\d.e+]+)")

#: What is wanted of a field, by the types msgspec names; what was sent, by the same.
_WANTED = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "object": "an object",
    "array": "a list",
    "uuid": "a UUID",
    "null": "null",
}
_GOT = {**_WANTED, "int": "a number"}
_SCALAR = "bool | int | float | str | null"
#: The patterns of the wire format (tracking.pipeline.wire) and of questions, in words.
PATTERNS = {
    r"^/": "begin it with /",
    r"^(/|\\Z)": "begin it with /",
    r"^[a-z][a-z0-9_]{0,39}\\Z": "use 1 to 40 of a-z 0-9 _, a letter first",
    r"^[A-Za-z0-9._:-]{1,64}\\Z": "use 1 to 64 of A-Z a-z 0-9 . _ : -",
    r"^[A-Za-z0-9._:-]{0,64}\\Z": "use at most 64 of A-Z a-z 0-9 . _ : -",
    r"^[A-Za-z0-9-]{0,35}\\Z": "use at most 35 of A-Z a-z 0-9 -",
    r"^[a-z0-9][a-z0-9-]*\\Z": "use a-z 0-9 -, not - first",
}
_SIGNS = {">=": "at least", ">": "more than", "<=": "at most", "<": "less than"}
_UUID = "019a8a3e-5f00-7000-8000-000000000001"


def mistake_said(message: str) -> str:
    """A message of msgspec as a sentence that names the field and what to do.

    >>> mistake_said("Expected `str`, got `int` - at `$.path`")
    '`path` is a number: send text.'
    >>> mistake_said("Object missing required field `at`")
    '`at` is missing: send it.'
    >>> mistake_said("Expected `str` of length <= 500 - at `$.properties[...]`")
    'A value in `properties` has more than 500 characters: shorten it.'
    """
    found = _MESSAGE.fullmatch(message)
    assert found is not None, "everything in it is optional"
    what, place, is_key = found["what"], found["place"] or "", bool(found["key"])
    for pattern, say in _SAYINGS:
        if match := pattern.fullmatch(what):
            return say(match, place, _field(place, is_key=is_key))
    return f"{_field(place, is_key=is_key)}: {what}." if place else f"{what}."


def _field(place: str, *, is_key: bool) -> str:
    """A field as the subject of a sentence."""
    if is_key:
        return f"A name in `{place}`"
    if place.endswith("[...]"):
        return f"A value in `{place.removesuffix('[...]')}`"
    return f"`{place}`" if place else "It"


def _missing(match: re.Match[str], place: str, field: str) -> str:
    return f"`{_inside(place, match['field'])}` is missing: send it."


def _unknown(match: re.Match[str], place: str, field: str) -> str:
    return f"There is no field `{_inside(place, match['field'][:80])}`: leave it out."


def _inside(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


def _type(match: re.Match[str], place: str, field: str) -> str:
    got = _GOT.get(match["got"], match["got"])
    if match["wanted"] == _SCALAR:
        return f"{field} is {got}: send text, a number, true, false or null."
    kinds = match["wanted"].split(" | ")
    wanted = " or ".join(_WANTED.get(kind, kind) for kind in kinds if kind != "null" or kinds[1:])
    return f"{field} is {got}: send {wanted}."


def _pattern(match: re.Match[str], place: str, field: str) -> str:
    words = PATTERNS.get(match["pattern"], f"it has to match {match['pattern']}")
    return f"{field} is not written as it has to be: {words}."


def _length(match: re.Match[str], place: str, field: str) -> str:
    size, things = int(match["size"]), "characters" if match["of"] == "str" else "entries"
    if match["sign"].startswith(">"):
        return f"{field} has too few {things}: send at least {size}."
    remedy = "shorten it" if match["of"] == "str" else "send fewer"
    return f"{field} has more than {size} {things}: {remedy}."


def _range(match: re.Match[str], place: str, field: str) -> str:
    return f"{field} is out of range: send {_SIGNS[match['sign']]} {float(match['limit']):,.0f}."


def _uuid(match: re.Match[str], place: str, field: str) -> str:
    return f"{field} is no UUID: send one, as {_UUID}."


def _choice(match: re.Match[str], place: str, field: str) -> str:
    return f"{field} is none of the words there are: see the schema at /api/docs/."


Say = Callable[[re.Match[str], str, str], str]
_SAYINGS: tuple[tuple[re.Pattern[str], Say], ...] = (
    (_MISSING, _missing),
    (_UNKNOWN, _unknown),
    (_TYPE, _type),
    (_PATTERN, _pattern),
    (_LENGTH, _length),
    (_RANGE, _range),
    (re.compile("Invalid UUID"), _uuid),
    (re.compile("Invalid enum value .*", re.S), _choice),
)
