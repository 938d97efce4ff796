"""Where a request comes from, as coarsely as a server in front tells it, with consent only."""

from typing import Any

from personalization.rules.conditions.base import Condition, text_fields
from personalization.rules.context import Context
from personalization.rules.countries import COUNTRIES
from personalization.rules.fields import Field
from personalization.rules.operators import NOT_SET, TEXT_OPERATORS, Params


def _country(context: Context, params: Params) -> str | None:
    return None if context.state is None else context.request.country


def _region(context: Context, params: Params) -> Any:
    if context.state is None:
        return None
    return NOT_SET if context.request.region == "" else context.request.region


PLACE: tuple[Condition, ...] = (
    Condition(
        "country",
        "Country",
        "Place",
        (Field("value", "Country", "choice", choices=COUNTRIES),),
        _country,
        "in {value}",
        equals="value",
        of_page=True,
    ),
    Condition(
        "region",
        "Region",
        "Place",
        text_fields("Region", operator="equals"),
        _region,
        "the region {test}",
        operators=TEXT_OPERATORS,
        of_page=True,
    ),
)
