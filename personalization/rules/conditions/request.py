"""What is known of the page asked for, and of what asked for it."""

from personalization.rules import measures
from personalization.rules.conditions.base import CATEGORY, Condition, Field, operator_field
from personalization.rules.operators import TEXT_OPERATORS

REQUEST: tuple[Condition, ...] = (
    Condition(
        "path",
        "Page address",
        "Request",
        (
            operator_field(TEXT_OPERATORS, "starts_with"),
            Field("value", "Path", "text", default="/"),
        ),
        lambda context, params: context.request.path,
        "the page's address {operator} “{value}”",
        needs="",
    ),
    Condition(
        "page_category",
        "Page's category",
        "Request",
        (CATEGORY,),
        lambda context, params: context.request.page_category,
        "the page is about {category}",
        needs="",
        test=lambda measured, params: measured == params["category"],
    ),
    Condition(
        "query",
        "Query parameter",
        "Request",
        (
            Field("name", "Parameter", "text", default="utm_source"),
            operator_field(TEXT_OPERATORS, "equals"),
            Field("value", "Value", "text", default=""),
        ),
        lambda context, params: context.request.query.get(params["name"]),
        "the address's parameter {name} {operator} “{value}”",
        needs="",
    ),
    Condition(
        "referrer",
        "Came from",
        "Request",
        (operator_field(TEXT_OPERATORS, "contains"), Field("value", "Host", "text", default="")),
        lambda context, params: measures.known(context.request.referrer_host),
        "the referring site {operator} “{value}”",
        needs="",
    ),
    Condition(
        "language",
        "Language",
        "Request",
        (
            operator_field(TEXT_OPERATORS, "starts_with"),
            Field("value", "Code", "text", default="en"),
        ),
        lambda context, params: measures.known(context.request.language),
        "the browser's language {operator} “{value}”",
        needs="",
    ),
    Condition(
        "device",
        "Device",
        "Request",
        (
            Field(
                "value",
                "Device",
                "choice",
                choices={"phone": "a phone", "tablet": "a tablet", "desktop": "a desktop"},
                default="phone",
            ),
        ),
        lambda context, params: measures.known(context.request.device),
        "using {value}",
        needs="",
        test=lambda device, params: device == params["value"],
    ),
)
