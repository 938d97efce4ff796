"""How a condition compares what it measured: one table for each type of value.

The tables are the document: the form, the parser, the sentence, the schema and the engine read
them. A comparison is of a value there is; where nothing is known (None) or nothing is set
(NOT_SET) it answers unknown. Only presence operators answer for those.
"""

from personalization.rules.operators.base import (
    CONTENT,
    NOT_SET,
    PRESENCE,
    UNKNOWN,
    Answer,
    NotSet,
    Operator,
    Operators,
    Params,
)
from personalization.rules.operators.items import ITEM_OPERATORS
from personalization.rules.operators.moments import CALENDAR_OPERATORS, DATE_OPERATORS
from personalization.rules.operators.numbers import (
    COUNT_OPERATORS,
    NUMBER_OPERATORS,
    VERSION_OPERATORS,
)
from personalization.rules.operators.segments import SEGMENT_OPERATORS
from personalization.rules.operators.texts import COLLECTION_OPERATORS, TEXT_OPERATORS

__all__ = (
    "CALENDAR_OPERATORS",
    "COLLECTION_OPERATORS",
    "CONTENT",
    "COUNT_OPERATORS",
    "DATE_OPERATORS",
    "ITEM_OPERATORS",
    "NOT_SET",
    "NUMBER_OPERATORS",
    "OPERATORS",
    "PRESENCE",
    "SEGMENT_OPERATORS",
    "TEXT_OPERATORS",
    "UNKNOWN",
    "VERSION_OPERATORS",
    "Answer",
    "NotSet",
    "Operator",
    "Operators",
    "Params",
)

#: Every table, by the type of value it compares.
OPERATORS = {
    "number": NUMBER_OPERATORS,
    "count": COUNT_OPERATORS,
    "text": TEXT_OPERATORS,
    "collection": COLLECTION_OPERATORS,
    "version": VERSION_OPERATORS,
    "date and time": DATE_OPERATORS,
    "segment": SEGMENT_OPERATORS,
    "item": ITEM_OPERATORS,
    "presence": CONTENT,
}
