"""Texts and collections of texts: NFC and without regard to case, as profiles.features.values folds
them, or, of one text, to the letter.
"""

import operator as builtin
from collections.abc import Callable, Sequence
from typing import Any
from unicodedata import normalize

from personalization.rules.operators.base import (
    CONTENT,
    Operator,
    Operators,
    Params,
    Test,
    is_empty,
    is_not_set,
    is_set,
    is_unknown,
    presence,
)
from personalization.rules.wildcards import wildcard_test
from profiles.features.values import text_fold

#: text_fold keeps what it folded; of longer texts, which anybody can send, it must not.
MAX_KEPT = 200
_fold_long: Callable[[str], str] = text_fold.__wrapped__


def fold_measured(text: str) -> str:
    """A text of a request as it is compared without regard to case."""
    return text_fold(text) if len(text) <= MAX_KEPT else _fold_long(text)


def _text(
    label: str,
    field: str,
    make: Callable[[Any], Test],
    *,
    words: str = "",
    is_exact: bool = False,
) -> Operator:
    """`make` gets the field's text or texts as they are compared."""

    def test(params: Params) -> Test:
        fold = _composed if params["match_case"] else text_fold
        given = params[field]
        wanted = fold(given) if isinstance(given, str) else tuple(map(fold, given))
        compare = make(wanted)
        if params["match_case"]:
            return lambda measured: compare(_composed(measured))
        return lambda measured: compare(
            text_fold(measured) if len(measured) <= MAX_KEPT else _fold_long(measured)
        )

    def cuts(params: Params) -> Sequence[str]:
        given = params[field]
        return [text_fold(text) for text in ([given] if isinstance(given, str) else given)]

    said = words or label + (" “{value}”" if field == "value" else " {" + field + "}")
    said += "{match_case}"
    return Operator(label, said, (field, "match_case"), test, cuts=cuts if is_exact else None)


def _composed(text: str) -> str:
    return text if text.isascii() else normalize("NFC", text)


def _is_none_of(values: tuple[str, ...]) -> Test:
    known = frozenset(values)
    return lambda text: text not in known


def _length(label: str, words: str, compare: Callable[[int, int], bool]) -> Operator:
    def test(params: Params) -> Test:
        wanted = params["length"]
        return lambda measured: compare(wanted, len(measured))

    return Operator(label, words, ("length",), test)


TEXT_OPERATORS: Operators = {
    "equals": _text("is", "value", lambda value: value.__eq__, is_exact=True),
    "not_equals": _text("is not", "value", lambda value: value.__ne__, is_exact=True),
    "in": _text(
        "is one of", "values", lambda values: frozenset(values).__contains__, is_exact=True
    ),
    "not_in": _text(
        "is none of",
        "values",
        _is_none_of,
        is_exact=True,
    ),
    "contains": _text("contains", "value", lambda value: lambda text: value in text),
    "not_contains": _text(
        "does not contain", "value", lambda value: lambda text: value not in text
    ),
    "contains_any": _text(
        "contains any of",
        "values",
        lambda values: lambda text: any(value in text for value in values),
    ),
    "contains_all": _text(
        "contains all of",
        "values",
        lambda values: lambda text: all(value in text for value in values),
        words="contains {values&}",
    ),
    "starts_with": _text("starts with", "value", lambda value: lambda text: text.startswith(value)),
    "ends_with": _text("ends with", "value", lambda value: lambda text: text.endswith(value)),
    "matches": _text("matches the pattern", "pattern", wildcard_test, words="matches “{pattern}”"),
    "length_at_least": _length("is at least so long", "has at least {length}", builtin.le),
    "length_at_most": _length("is at most so long", "has at most {length}", builtin.ge),
    "length_is": _length("is exactly so long", "has exactly {length}", builtin.eq),
    **CONTENT,
}


def _collection(label: str, words: str, holds: Callable[[frozenset[str]], Test]) -> Operator:
    def test(params: Params) -> Test:
        compare = holds(frozenset(map(text_fold, params["values"])))
        return lambda measured: compare(frozenset(map(fold_measured, measured)))

    return Operator(label, words, ("values",), test)


def _size(label: str, compare: Callable[[int, int], bool]) -> Operator:
    def test(params: Params) -> Test:
        wanted = params["size"]
        return lambda measured: compare(wanted, len(measured))

    return Operator(f"number is {label}", f"are {label} {{size}}", ("size",), test)


COLLECTION_OPERATORS: Operators = {
    "any_of": _collection(
        "include any of", "include {values}", lambda wanted: lambda found: bool(wanted & found)
    ),
    "all_of": _collection(
        "include all of", "include {values&}", lambda wanted: lambda found: wanted <= found
    ),
    "none_of": _collection(
        "include none of",
        "include none of {values}",
        lambda wanted: lambda found: not wanted & found,
    ),
    "size_at_least": _size("at least", builtin.le),
    "size_at_most": _size("at most", builtin.ge),
    "size_is": _size("exactly", builtin.eq),
    "is_set": presence("are set", "are set", is_set),
    "is_not_set": presence("are not set", "are not set", is_not_set),
    "is_empty": presence("are empty", "are empty", is_empty),
    "is_unknown": presence("are unknown", "are unknown", is_unknown),
}
