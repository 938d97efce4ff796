"""The same event again: an id that was seen, or a growing value that is reported anew.

What never gets in: the store. It hands over what it holds as `Stored`.
"""

from typing import NamedTuple
from uuid import UUID

from msgspec import Struct

#: Growing values are kept in whole steps of their unit. The largest of rounded reports is the
#: rounded largest, so their order still does not matter, and each part is worth a row.
STEP = {"second": 0.5, "depth": 0.01}
#: Milliseconds of activity that one unit of a growing value proves.
ACTIVE_MS = {"second": 1000.0, "depth": 0.0}
#: Parts one id can have: no page view needs more, and no visitor gets more rows out of one id.
MAX_PARTS = 512


class Growing(NamedTuple):
    """How a cumulative type is measured: the largest value that counts, and the step."""

    cap: float | None
    step: float
    active_ms: float = 0.0


class Stored(Struct, gc=False):
    """What is known of an id: parts so far, their summed value, and its time.

    `amount` is the summed amount of its parts, `outlier` what they are flagged with, `visit_id` the
    visit of the first. `before` is the value before the latest report, None when that is the first.
    """

    parts: int
    total: float
    occurred_ms: float
    amount: float = 0.0
    visit_id: UUID | None = None
    outlier: str = ""
    before: float | None = None


#: An event that does not grow: that its id was seen is all there is to know.
SEEN = Stored(1, 0.0, 0.0)


def has_grown(stored: Stored, value: float, step: float) -> bool:
    """Whether a report is worth a part: half a step, because sums of parts carry rounding.

    >>> has_grown(Stored(1, 10.0, 0.0), 10.5, 0.5), has_grown(Stored(1, 10.0, 0.0), 10.0, 0.5)
    (True, False)
    """
    return value >= stored.total + step / 2
