"""How a condition compares what it measured. The tables are the document: the form, the parser,
the sentence and the engine read them.
"""

from collections.abc import Callable
from typing import Any

NUMBER_OPERATORS = {">=": "at least", ">": "more than", "<=": "at most", "<": "less than"}
COUNT_OPERATORS = NUMBER_OPERATORS | {"<": "fewer than", "=": "exactly"}
TEXT_OPERATORS = {
    "equals": "is",
    "not_equals": "is not",
    "contains": "contains",
    "starts_with": "starts with",
}

COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    ">=": lambda a, b: a >= b,
    ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b,
    "<": lambda a, b: a < b,
    "=": lambda a, b: a == b,
    "equals": lambda a, b: a.casefold() == b.casefold(),
    "not_equals": lambda a, b: a.casefold() != b.casefold(),
    "contains": lambda a, b: b.casefold() in a.casefold(),
    "starts_with": lambda a, b: a.casefold().startswith(b.casefold()),
}
