"""What an operator answers of many measured values at once, as bounds.

A value that may be off by rounding is given as the range it lies in; where the range decides
nothing, the answer stays open. What never gets in: clocks, settings, storage.
"""

from collections.abc import Callable, Mapping

import numpy as np

from personalization.backtest.bounds import (
    CODES,
    FALSE,
    TRUE,
    UNKNOWN,
    Answers,
    Bounds,
    bounds_exact,
)
from personalization.rules.nodes import Leaf
from personalization.rules.operators import NOT_SET, NotSet
from profiles.columns import Bools, Floats

_COMPARE: Mapping[str, Callable[[Floats, float], Bools]] = {
    ">=": np.greater_equal,
    ">": np.greater,
    "<=": np.less_equal,
    "<": np.less,
    "=": np.equal,
    "!=": np.not_equal,
}


def compared(
    leaf: Leaf, values: Floats, off: Floats | float = 0.0, *, missing: NotSet | None = NOT_SET
) -> Bounds:
    """What an operator answers of values that can be `off` by so much; NaN: `missing`."""
    return compared_range(leaf, values - off, values + off, missing=missing)


def compared_range(
    leaf: Leaf, least: Floats, most: Floats, *, missing: NotSet | None = NOT_SET
) -> Bounds:
    """The same of values between these.

    Operators other than those of numbers ask whether there is a value.
    """
    operator = leaf.params["operator"]
    unset = np.isnan(least)
    if operator not in _COMPARE and operator != "between":
        return bounds_exact(_presence(leaf, unset, missing))
    return where_unknown(_between(leaf, least, most), unset)


def _presence(leaf: Leaf, unset: Bools, missing: NotSet | None) -> Answers:
    operator = leaf.condition.operator_of(leaf.params["operator"])
    assert operator is not None
    test = operator.test(leaf.params)
    given, gone = CODES[test(0.0)], CODES[test(missing)]
    return np.where(unset, np.int8(gone), np.int8(given))


def _between(leaf: Leaf, least: Floats, most: Floats) -> Bounds:
    """The bounds where a value lies in [least, most]."""
    operator, params = leaf.params["operator"], leaf.params
    value = float(params["value"])
    if operator in {"=", "!="}:
        surely, maybe = (least == value) & (most == value), (least <= value) & (value <= most)
        if operator == "!=":
            surely, maybe = ~maybe, ~surely
    elif operator == "between":
        to = float(params["to"])
        surely = (value <= least) & (most <= to)
        maybe = (value <= most) & (least <= to)
    else:
        compare = _COMPARE[operator]
        one, other = compare(least, value), compare(most, value)
        surely, maybe = one & other, one | other
    return bounds_of(surely, maybe)


def bounds_of(surely: Bools, maybe: Bools) -> Bounds:
    return Bounds(
        np.where(surely, np.int8(TRUE), np.int8(FALSE)),
        np.where(maybe, np.int8(TRUE), np.int8(FALSE)),
    )


def where_unknown(bounds: Bounds, unknown: Bools) -> Bounds:
    return Bounds(*(np.where(unknown, np.int8(UNKNOWN), answers) for answers in bounds))


def where_open(bounds: Bounds, unsure: Bools) -> Bounds:
    return Bounds(
        np.where(unsure, np.int8(FALSE), bounds.low), np.where(unsure, np.int8(TRUE), bounds.high)
    )
