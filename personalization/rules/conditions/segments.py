"""Whether a visitor is in a segment, and when that changed.

Being in it is asked of the segment's rule, which is put in its place before a rule is used
(rules.inlining): here, where it was not, it is unknown. When somebody came in or left is kept
(segments.membership), since no rule tells.
"""

from personalization.rules.conditions.base import Condition, operator_field
from personalization.rules.context import Context
from personalization.rules.fields import Field
from personalization.rules.operators import SEGMENT_OPERATORS, Params
from personalization.rules.operators.segments import DAY, UNITS, within_seconds
from personalization.segments.membership import Kept, entered_ago, left_ago

KIND = "segment"
MAX_AMOUNT = 52
#: How long it has to be kept who left, in seconds: the longest that can be asked.
LONGEST = MAX_AMOUNT * UNITS["weeks"]


def _changed_ago(context: Context, params: Params) -> float | None:
    """Days since the visitor came in, or left; None where the segment's rule says it."""
    if context.memberships is None or params["operator"] in ("in", "not_in"):
        return None
    kept: Kept = context.memberships.get(params["segment"])
    if params["operator"] == "left_within":
        return left_ago(kept, now=context.now) / DAY
    ago = entered_ago(kept, now=context.now, within=within_seconds(params))
    return None if ago is None else ago / DAY


SEGMENTS: tuple[Condition, ...] = (
    Condition(
        KIND,
        "In a segment",
        "Segment",
        (
            Field("segment", "Segment", "segment"),
            operator_field(SEGMENT_OPERATORS, "in"),
            Field("amount", "How many", "integer", low=1, high=MAX_AMOUNT, default=7),
            Field(
                "unit",
                "Unit",
                "choice",
                choices={unit: unit for unit in UNITS},
                default="days",
            ),
        ),
        _changed_ago,
        "{test}",
        operators=SEGMENT_OPERATORS,
    ),
)
