"""Texts of a request read as another type; unknown (None) where they are none of that type."""

import re
from collections.abc import Callable
from typing import Any

from personalization.rules.context import Context
from personalization.rules.dates import instant_of
from personalization.rules.operators import NOT_SET, Params
from personalization.rules.versions import MAX_VERSION, version_key

Measure = Callable[[Context, Params], Any]

#: What is longer is no moment. It is not even tried, for what was tried is kept for a while.
MAX_MOMENT = 16
_NUMBER = re.compile(r"[+-]?[0-9]{1,15}(?:\.[0-9]{1,15})?")


def number_of(measure: Measure) -> Measure:
    """A plain decimal number, as "12.50"."""

    def read(context: Context, params: Params) -> Any:
        text = measure(context, params)
        if text is None or text is NOT_SET:
            return text
        return float(text) if _NUMBER.fullmatch(text) else None

    return read


def date_of(measure: Measure) -> Measure:
    """The instant of a day (its midnight) or moment by the clocks of the condition's zone."""

    def read(context: Context, params: Params) -> Any:
        text = measure(context, params)
        if text is None or text is NOT_SET:
            return text
        return instant_of(text, params["zone"]) if len(text) <= MAX_MOMENT else None

    return read


def version_of(measure: Measure) -> Measure:
    """What a version is sorted by."""

    def read(context: Context, params: Params) -> Any:
        text = measure(context, params)
        if text is None or text is NOT_SET:
            return text
        return version_key(text) if len(text) <= MAX_VERSION else None

    return read
