"""Whether the visitor knows the item that a page is about."""

from personalization.rules.conditions.base import DAYS, Condition, count_field, operator_field
from personalization.rules.fields import Field
from personalization.rules.item_views import ITEMS_SEEN, item_views
from personalization.rules.operators import ITEM_OPERATORS

#: As often as a rule can ask.
MAX_VIEWS = 50

ITEMS: tuple[Condition, ...] = (
    Condition(
        "page_item",
        "Page's item was seen before, or is new",
        "Behavior",
        (
            operator_field(ITEM_OPERATORS, "seen"),
            count_field(
                "At least so often", MAX_VIEWS, low=1, said=("once", "{} times"), default=1
            ),
            Field(
                *("days", "Within", "integer"), low=1, high=365, default=90, unit="days", said=DAYS
            ),
        ),
        item_views,
        "the page's item was seen at least {value} before, within {days}",
        instead=(
            ({"operator": "seen", "value": "1"}, "the page's item was seen before, within {days}"),
            ({"operator": "new"}, "the page's item is new: not seen before within {days}"),
        ),
        operators=ITEM_OPERATORS,
        of_page=True,
        features=lambda params: (ITEMS_SEEN,),
    ),
)
