"""What a condition is, and what most of them are made from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from personalization.rules.costs import COSTS, Cost
from personalization.rules.dates import MONTHS, WEEKDAYS
from personalization.rules.fields import Field
from personalization.rules.operators import (
    COLLECTION_OPERATORS,
    COUNT_OPERATORS,
    NOT_SET,
    NUMBER_OPERATORS,
    PRESENCE,
    TEXT_OPERATORS,
    UNKNOWN,
    VERSION_OPERATORS,
    Answer,
    Operator,
    Operators,
    Params,
)
from personalization.rules.versions import version_text
from profiles.features.definition import Feature

if TYPE_CHECKING:
    from personalization.rules.context import Context

Measure = Callable[["Context", Params], Any]
Ask = Callable[["Context"], Answer]
#: Sentences for some values, as text: the first whose values all agree is said.
Instead = tuple[tuple[Mapping[str, str], str], ...]


@dataclass(frozen=True)
class Condition:
    """A kind of condition. `sentence` is read by marketers and by visitors ("Why am I seeing
    this?"), so it speaks of nobody: `{category}` is the word for a field, `{test}` what the chosen
    operator says. `instead` are sentences for some values.

    `measure` takes one value from the context: None where it is unknown, NOT_SET where it is known
    that there is none; or it is the path of an attribute, as "request.path", which is quicker.
    A condition with `operators` compares by them; one without is `test`, of the measured value.
    `needs` is the purpose without which it is unknown. `of_page` ones are unknown where there is
    no page view. `equals` names the field that the measured text has to be equal to, instead of a
    `test`. `features` are the declared features it reads, and `check` finds what is wrong between
    its fields: (field, message). `in_page` ones change while a page is open, or only it knows them:
    the page answers them itself. `awaits` says, over the fields, why no campaign can ask it yet:
    then it is refused when one is published, and the form does not offer it.
    """

    kind: str
    label: str
    group: str
    fields: tuple[Field, ...]
    measure: Measure | str
    sentence: str
    instead: Instead = ()
    needs: str = "personalization"
    operators: Operators | None = None
    test: Callable[[Any, Params], bool] | None = None
    unit: str = ""
    of_page: bool = False
    equals: str = ""
    features: Callable[[Params], tuple[Feature, ...]] | None = None
    check: Callable[[Params], tuple[str, str] | None] | None = None
    in_page: bool = False
    awaits: str = ""

    @property
    def cost(self) -> Cost:
        """What counting it over all profiles takes."""
        return "open" if self.of_page else COSTS.get(self.kind, "memory")

    @cached_property
    def _owned(self) -> frozenset[str]:
        """Fields that only some operators take."""
        tables = (self.operators or {}).values()
        return frozenset(name for operator in tables for name in operator.fields)

    def fields_of(self, operator: object) -> list[Field]:
        """The fields that a condition with this operator has, those of its own first to last."""
        found = self.operator_of(operator)
        taken = found.fields if found else ()
        return [
            field for field in self.fields if field.name not in self._owned or field.name in taken
        ]

    def operator_of(self, name: object) -> Operator | None:
        return self.operators.get(name) if self.operators and isinstance(name, str) else None

    @property
    def operator_default(self) -> Any:
        return next((field.default for field in self.fields if field.type == "operator"), None)

    @cached_property
    def _is_instant(self) -> bool:
        return any(operator.kind == "timed" for operator in (self.operators or {}).values())

    def shown(self, measured: Any) -> Any:
        """A measured value as people read it: an instant in UTC, a version as it is written."""
        if isinstance(measured, tuple):
            return version_text(measured)
        if self._is_instant and isinstance(measured, float):
            return f"{datetime.fromtimestamp(measured, UTC):%Y-%m-%d %H:%M} UTC"
        return measured

    def measured(self, params: Params) -> Callable[["Context"], Any]:
        """What is measured, as a function of the context alone."""
        if isinstance(self.measure, str):
            return attrgetter(self.measure)
        measure = self.measure
        return lambda context: measure(context, params)

    def ask(self, params: Params) -> Ask:
        """The condition with its parameters, made once for each rule: the only place where it is
        answered, for a page, a count, a replay and an explanation."""
        operator = self.operator_of(params.get("operator"))
        if operator is None:
            return self._ask_plain(params)
        test = operator.test(params)
        if operator.kind == "presence":
            measure = self.measured(params)
            return lambda context: test(measure(context))
        if operator.kind == "timed":
            return _ask_timed(self.measured(params), test)
        return self._ask_value(params, test)

    def _ask_plain(self, params: Params) -> Ask:
        if self.equals:
            return self._ask_value(params, params[self.equals].__eq__)
        test = self.test
        assert test is not None, self.kind
        return self._ask_value(params, lambda measured: test(measured, params))

    def _ask_value(self, params: Params, test: Callable[[Any], bool]) -> Ask:
        if isinstance(self.measure, str):
            get = attrgetter(self.measure)

            def ask_attribute(context: "Context") -> Answer:
                measured = get(context)
                return None if measured is None or measured is NOT_SET else test(measured)

            return ask_attribute
        measure = self.measure

        def ask(context: "Context") -> Answer:
            measured = measure(context, params)
            return None if measured is None or measured is NOT_SET else test(measured)

        return ask


def _ask_timed(measure: Callable[["Context"], Any], test: Callable[[float, float], bool]) -> Ask:
    def ask(context: "Context") -> Answer:
        at = measure(context)
        return None if at is None or at is NOT_SET else test(at, context.now)

    return ask


# --- Fields by type of value -------------------------------------------------------------------

DAYS = ("1 day", "{} days")
CATEGORY = Field("category", "Category", "category")
ZONE = Field("zone", "Time zone", "zone", default="UTC")
EVIDENCE = ("1 event", "{} events")


def operator_field(operators: Operators, default: str) -> Field:
    labels = {name: operator.label for name, operator in operators.items()}
    return Field("operator", "Compared", "operator", choices=labels, default=default)


def number_field(
    label: str,
    high: float,
    *,
    default: float,
    low: float = 0,
    unit: str = "",
    said: tuple[str, str] | None = None,
    name: str = "value",
) -> Field:
    return Field(name, label, "number", low=low, high=high, default=default, unit=unit, said=said)


def count_field(
    label: str,
    high: int,
    *,
    low: int = 0,
    default: int = 1,
    said: tuple[str, str] | None = None,
    name: str = "value",
) -> Field:
    return Field(name, label, "integer", low=low, high=high, default=default, said=said)


def number_fields(
    operators: Operators, label: str, high: float, *, default: float, **more: Any
) -> tuple[Field, ...]:
    """An operator with its number, or its two numbers."""
    return (
        operator_field(operators, ">="),
        number_field(label, high, default=default, **more),
        number_field("Up to", high, default=high, name="to", **more),
    )


def count_fields(
    operators: Operators, label: str, high: int, *, default: int = 1, **more: Any
) -> tuple[Field, ...]:
    """An operator with its whole number, or its two whole numbers."""
    return (
        operator_field(operators, ">="),
        count_field(label, high, default=default, **more),
        count_field("Up to", high, default=high, name="to", **more),
    )


def text_fields(label: str, *, operator: str, default: str = "") -> tuple[Field, ...]:
    """A text operator with whatever it takes."""
    return (
        operator_field(TEXT_OPERATORS, operator),
        Field("value", label, "text", default=default),
        Field("values", "One of, a line each", "texts"),
        Field("pattern", "Pattern with * and ?", "pattern"),
        Field(
            "length",
            "Characters",
            "integer",
            high=10_000,
            default=1,
            said=("1 character", "{} characters"),
        ),
        Field("match_case", "Match case", "flag", default=False, said=(" in this case", "")),
    )


def collection_fields(label: str) -> tuple[Field, ...]:
    """A collection operator with whatever it takes."""
    return (
        operator_field(COLLECTION_OPERATORS, "any_of"),
        Field("values", label, "texts"),
        Field("size", "How many", "integer", high=1000, default=1),
    )


def version_fields() -> tuple[Field, ...]:
    """A version operator with its version, or its two versions."""
    return (
        operator_field(VERSION_OPERATORS, ">="),
        Field("value", "Version", "version"),
        Field("to", "Up to", "version"),
    )


def date_fields(operators: Operators, *, operator: str) -> tuple[Field, ...]:
    """A date operator with whatever it takes, and the zone whose clocks it goes by."""
    fields = (
        Field("moment", "Day and time", "moment"),
        Field("to_moment", "Until", "moment"),
        Field("date", "Day", "date"),
        Field("amount", "How many", "integer", low=1, high=10_000, default=7),
        Field(
            "unit",
            "Unit",
            "choice",
            choices={"minutes": "minutes", "hours": "hours", "days": "days", "weeks": "weeks"},
            default="days",
        ),
        Field("weekdays", "Days of the week", "choices", choices=WEEKDAYS),
        Field("time", "From", "time", default="09:00"),
        Field("to_time", "To", "time", default="17:00"),
        Field("months", "Months", "choices", choices=MONTHS),
    )
    taken = {name for one in operators.values() for name in one.fields}
    kept = tuple(field for field in fields if field.name in taken)
    return (operator_field(operators, operator), *kept, ZONE)


# --- Sentences of their own ----------------------------------------------------------------------


def instead_of_none(sentence: str) -> Instead:
    """What is said when nothing at all is asked for."""
    return tuple(({"operator": operator, "value": "0"}, sentence) for operator in ("=", "<="))


def instead_of_never(sentence: str) -> Instead:
    """As instead_of_none, of a sentence that begins with what was done, {type}."""
    shown = f"has not been shown something personal{sentence.removeprefix('{type}')}"
    of_shown = (({"type": "exposure", **values}, shown) for values, _ in instead_of_none(sentence))
    return (*of_shown, *instead_of_none(f"has not {sentence}"))


def instead_of_presence(noun: str) -> Instead:
    """What is said when it is asked whether there is anything at all."""
    return tuple(
        ({"operator": name}, f"{noun} {words}")
        for name, words in (
            ("is_set", "is set"),
            ("is_not_set", "is not set"),
            ("is_unknown", "is unknown"),
        )
    )


#: What can be asked of a number that is there as soon as anything is known.
NUMBERS: Operators = {**NUMBER_OPERATORS, **UNKNOWN}
COUNTS: Operators = {**COUNT_OPERATORS, **UNKNOWN}
#: The same of one that can be missing.
OPTIONAL_NUMBERS: Operators = {**NUMBER_OPERATORS, **PRESENCE}
