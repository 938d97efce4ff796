"""Numbers, counts, versions (semantic versioning). Edges of `between` are in it."""

import operator as builtin
from collections.abc import Callable
from functools import partial
from typing import Any

from personalization.rules.operators.base import PRESENCE, Operator, Operators, Params, Test
from personalization.rules.versions import version_key


def _number(label: str, compare: Callable[[Any, Any], bool]) -> Operator:
    """`compare` has the rule's value first: a call that stays in C."""
    return Operator(
        label,
        label + " {value}",
        ("value",),
        lambda params: partial(compare, params["value"]),
        cuts=lambda params: (params["value"],),
    )


def _between(params: Params) -> Test:
    low, high = params["value"], params["to"]
    return lambda measured: bool(low <= measured <= high)


NUMBER_OPERATORS: Operators = {
    ">=": _number("at least", builtin.le),
    ">": _number("more than", builtin.lt),
    "<=": _number("at most", builtin.ge),
    "<": _number("less than", builtin.gt),
    "=": _number("exactly", builtin.eq),
    "!=": _number("anything but", builtin.ne),
    "between": Operator(
        "between",
        "between {value#} and {to}",
        ("value", "to"),
        _between,
        cuts=lambda params: (params["value"], params["to"]),
    ),
}
COUNT_OPERATORS: Operators = {**NUMBER_OPERATORS, "<": _number("fewer than", builtin.gt)}


def _version(label: str, compare: Callable[[Any, Any], bool]) -> Operator:
    return Operator(
        label,
        label + " {value}",
        ("value",),
        lambda params: partial(compare, version_key(params["value"])),
    )


def _version_between(params: Params) -> Test:
    low, high = version_key(params["value"]), version_key(params["to"])
    return lambda measured: bool(low <= measured <= high)


VERSION_OPERATORS: Operators = {
    ">=": _version("at least", builtin.le),
    ">": _version("later than", builtin.lt),
    "<=": _version("at most", builtin.ge),
    "<": _version("before", builtin.gt),
    "=": _version("exactly", builtin.eq),
    "!=": _version("anything but", builtin.ne),
    "between": Operator("between", "between {value} and {to}", ("value", "to"), _version_between),
    **PRESENCE,
}
