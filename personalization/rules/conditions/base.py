"""What a condition is, and what most of them are made from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from personalization.rules.measures import Measure, Params
from personalization.rules.operators import COMPARE
from profiles.features.definition import Feature

FieldType = Literal[
    "number",
    "integer",
    "text",
    "category",
    "event_type",
    "purpose",
    "choice",
    "operator",
    "campaign",
    # Of events; what is wrong with them and how they are said: personalization.rules.event_values.
    "where",
    "window",
    "zone",
    "event_field",
]


@dataclass(frozen=True)
class Field:
    """One field of a condition as form and parser see it. `low`/`high` bound numbers, edges in.

    `said` is how a sentence says 1, and any other number: ("once", "{} times").
    """

    name: str
    label: str
    type: FieldType
    choices: Mapping[str, str] | None = None
    low: float | None = None
    high: float | None = None
    optional: bool = False
    default: Any = None
    unit: str = ""
    said: tuple[str, str] | None = None


@dataclass(frozen=True)
class Condition:
    """A kind of condition. `sentence` is a format string over the fields' words, read by
    marketers and by visitors ("Why am I seeing this?"), so it speaks of nobody.

    `instead` are sentences for some values, as text: the first whose values all agree is said.
    `needs` is the purpose without which it is unknown. `test` defaults to comparing the measured
    value with the field `value` by the field `operator`. `features` are the declared features it
    reads, and `check` finds what is wrong between fields: (field, message).
    """

    kind: str
    label: str
    group: str
    fields: tuple[Field, ...]
    measure: Measure
    sentence: str
    instead: tuple[tuple[Mapping[str, str], str], ...] = ()
    needs: str = "personalization"
    test: Callable[[Any, Params], bool] | None = None
    unit: str = ""
    features: Callable[[Params], tuple[Feature, ...]] | None = None
    check: Callable[[Params], tuple[str, str] | None] | None = None

    def decide(self, measured: Any, params: Params) -> bool | None:
        if measured is None:
            return None
        if self.test is not None:
            return self.test(measured, params)
        return COMPARE[params["operator"]](measured, params["value"])


def operator_field(operators: Mapping[str, str], default: str) -> Field:
    return Field("operator", "Compared", "operator", choices=operators, default=default)


def number_field(
    label: str,
    high: float,
    *,
    default: float,
    unit: str = "",
    said: tuple[str, str] | None = None,
) -> Field:
    return Field("value", label, "number", low=0, high=high, default=default, unit=unit, said=said)


def count_field(
    label: str, high: int, *, low: int = 0, default: int = 1, said: tuple[str, str] | None = None
) -> Field:
    return Field("value", label, "integer", low=low, high=high, default=default, said=said)


def instead_of_none(sentence: str) -> tuple[tuple[Mapping[str, str], str], ...]:
    """What is said when nothing at all is asked for."""
    return tuple(({"operator": operator, "value": "0"}, sentence) for operator in ("=", "<="))


DAYS = ("1 day", "{} days")
CATEGORY = Field("category", "Category", "category")
