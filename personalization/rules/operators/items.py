"""Operators of the page's item, of how often it was viewed before."""

from collections.abc import Callable
from typing import Any

from personalization.rules.operators.base import Operator, Operators, Params


def _is_seen(params: Params) -> Callable[[Any], bool]:
    least = params["value"]
    return lambda views: bool(views >= least)


def _is_new(params: Params) -> Callable[[Any], bool]:
    return lambda views: bool(views == 0)


ITEM_OPERATORS: Operators = {
    "seen": Operator("was seen before", "seen {value} before", ("value",), _is_seen),
    "new": Operator("is new to the visitor", "new", (), _is_new),
}
