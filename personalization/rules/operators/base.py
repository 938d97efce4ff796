"""What an operator is, and those that ask whether there is anything at all."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal

Params = Mapping[str, Any]
Answer = bool | None
Test = Callable[[Any], bool]


class NotSet(Enum):
    """What is measured where it is known that there is nothing."""

    NOT_SET = "not set"

    def __str__(self) -> str:
        return self.value


NOT_SET = NotSet.NOT_SET


@dataclass(frozen=True)
class Operator:
    """One way to compare. `words` says it in a sentence, over the condition's fields.

    `fields` are the fields it takes. `test` makes, once for each rule, the test of a measured
    value; of a `timed` one it takes (value, now). A `presence` one gets None and NOT_SET too, and
    may answer None. `cuts` are the values at which the answer can change, in the order of numbers
    or as folded texts: what personalization.rules.index sorts rules by.
    """

    label: str
    words: str
    fields: tuple[str, ...]
    test: Callable[[Params], Callable[..., Any]]
    kind: Literal["value", "timed", "presence"] = "value"
    cuts: Callable[[Params], Sequence[Any]] | None = None


Operators = Mapping[str, Operator]


def is_set(measured: Any) -> Answer:
    return None if measured is None else measured is not NOT_SET


def is_not_set(measured: Any) -> Answer:
    return None if measured is None else measured is NOT_SET


def is_empty(measured: Any) -> Answer:
    return None if measured is None else measured is not NOT_SET and len(measured) == 0


def is_unknown(measured: Any) -> Answer:
    return measured is None


def presence(label: str, words: str, answer: Callable[[Any], Answer]) -> Operator:
    return Operator(label, words, (), lambda params: answer, "presence")


IS_SET = presence("is set", "is set", is_set)
IS_NOT_SET = presence("is not set", "is not set", is_not_set)
IS_EMPTY = presence("is empty", "is empty", is_empty)
IS_UNKNOWN = presence("is unknown", "is unknown", is_unknown)

UNKNOWN: Operators = {"is_unknown": IS_UNKNOWN}
PRESENCE: Operators = {"is_set": IS_SET, "is_not_set": IS_NOT_SET, **UNKNOWN}
CONTENT: Operators = {**PRESENCE, "is_empty": IS_EMPTY}
