"""When it is."""

from personalization.rules.conditions.base import Condition, date_fields
from personalization.rules.operators import CALENDAR_OPERATORS

SCHEDULE: tuple[Condition, ...] = (
    Condition(
        "date_time",
        "Date and time now",
        "Schedule",
        date_fields(CALENDAR_OPERATORS, operator="weekly"),
        "now",
        "the time {test} ({zone})",
        operators=CALENDAR_OPERATORS,
        needs="",
        in_page=True,
    ),
)
