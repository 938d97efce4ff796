"""Conditions as functions of an event, made once per feature.

Only a value of the condition's kind is compared: another kind, or none, never matches, whatever
the operator ("is not" included): what is not known is not said to differ.
"""

from collections.abc import Callable, Mapping
from typing import Any

from profiles.features.definition import Condition
from profiles.features.events import field_getter
from profiles.features.values import kind_of, text_fold

Test = Callable[[Any], bool]

#: operator → from the condition's values (texts already folded) to a test of one value.
_PREDICATES: Mapping[str, Callable[[Any], Test]] = {
    "eq": lambda values: frozenset(values).__contains__,
    "ne": lambda values: lambda value: value != values[0],
    "in": lambda values: frozenset(values).__contains__,
    "not_in": lambda values: lambda value: value not in values,
    "contains": lambda values: lambda value: values[0] in value,
    "starts_with": lambda values: lambda value: value.startswith(values[0]),
    "lt": lambda values: lambda value: value < values[0],
    "lte": lambda values: lambda value: value <= values[0],
    "gt": lambda values: lambda value: value > values[0],
    "gte": lambda values: lambda value: value >= values[0],
    "between": lambda values: lambda value: values[0] <= value <= values[1],
}


def condition_test(condition: Condition) -> Test:
    """The test of an event; needs a condition that profiles.features.checks has passed."""
    get = field_getter(condition.field)
    if condition.operator == "is_set":
        return lambda event: kind_of(get(event)) is not None
    kind = kind_of(condition.values[0])
    if kind == "text":
        folded = [text_fold(str(value)) for value in condition.values]
        return _text_test(get, _PREDICATES[condition.operator](folded))
    predicate = _PREDICATES[condition.operator](condition.values)

    def test(event: Any) -> bool:
        value = get(event)
        return kind_of(value) == kind and predicate(value)

    return test


def _text_test(get: Callable[[Any], Any], predicate: Test) -> Test:
    """The common one, without a call of kind_of."""

    def test(event: Any) -> bool:
        value = get(event)
        return isinstance(value, str) and value != "" and predicate(text_fold(value))

    return test
