"""What is known of the page asked for, and of what asked for it."""

from personalization.rules import measures
from personalization.rules.conditions.base import (
    CATEGORY,
    OPTIONAL_NUMBERS,
    Condition,
    Instead,
    Measure,
    collection_fields,
    date_fields,
    instead_of_presence,
    number_fields,
    text_fields,
    version_fields,
)
from personalization.rules.fields import Field
from personalization.rules.operators import (
    COLLECTION_OPERATORS,
    DATE_OPERATORS,
    TEXT_OPERATORS,
    VERSION_OPERATORS,
    Operators,
)
from personalization.rules.typed import date_of, number_of, version_of

#: How wide the part of a browser is that shows the page, in CSS pixels.
VIEWPORTS = {
    "narrow": "narrow (under 600 pixels)",
    "medium": "of medium width (600 to 1023 pixels)",
    "wide": "wide (1024 pixels and more)",
}
#: Ways to come to a page, in words.
MEDIA = {
    "direct": "directly",
    "search": "by a search engine",
    "social": "by a social network",
    "email": "by e-mail",
    "paid": "by an advertisement",
    "referral": "by another site",
    "internal": "from another page of this site",
}
PARAMETER = Field("name", "Parameter", "text", default="utm_source")


def _condition(
    kind: str,
    label: str,
    fields: tuple[Field, ...],
    measure: Measure | str,
    sentence: str,
    *,
    operators: Operators,
    instead: Instead = (),
) -> Condition:
    """Something of the request, compared by operators."""
    return Condition(
        kind,
        label,
        "Request",
        fields,
        measure,
        sentence,
        instead=instead,
        operators=operators,
        needs="",
        of_page=True,
    )


def _text(
    kind: str, label: str, attribute: str, noun: str, *, operator: str, value: str = ""
) -> Condition:
    """A text of the request."""
    return _condition(
        kind,
        label,
        text_fields(label, operator=operator, default=value),
        measures.request_text(attribute),
        noun + " {test}",
        operators=TEXT_OPERATORS,
    )


def _choice(
    kind: str,
    label: str,
    choices: dict[str, str],
    attribute: str,
    sentence: str,
    *,
    in_page: bool = False,
) -> Condition:
    """One of a few words of the request."""
    return Condition(
        kind,
        label,
        "Request",
        (Field("value", label, "choice", choices=choices, default=next(iter(choices))),),
        measures.request_text(attribute),
        sentence,
        needs="",
        equals="value",
        of_page=True,
        in_page=in_page,
    )


REQUEST: tuple[Condition, ...] = (
    _text("path", "Page address", "path", "the page's address", operator="starts_with", value="/"),
    Condition(
        "page_category",
        "Page's category",
        "Request",
        (CATEGORY,),
        measures.request_text("page_category"),
        "the page is about {category}",
        needs="",
        equals="category",
        of_page=True,
    ),
    _text(
        "page_type",
        "Page's type",
        "page_type",
        "the page's type",
        operator="equals",
        value="article",
    ),
    _condition(
        "page_tags",
        "Page's tags",
        collection_fields("Tags, a line each"),
        "request.page_tags",
        "the page's tags {test}",
        operators=COLLECTION_OPERATORS,
    ),
    _condition(
        "query",
        "Query parameter",
        (PARAMETER, *text_fields("Value", operator="equals")),
        measures.query,
        "the address's parameter {name} {test}",
        operators=TEXT_OPERATORS,
    ),
    _condition(
        "query_number",
        "Number in a query parameter",
        (PARAMETER, *number_fields(OPTIONAL_NUMBERS, "Number", 1e12, low=-1e12, default=1)),
        number_of(measures.query),
        "the number in the address's parameter {name} is {test}",
        operators=OPTIONAL_NUMBERS,
        instead=instead_of_presence("the number in the address's parameter {name}"),
    ),
    _condition(
        "query_date",
        "Date in a query parameter",
        (PARAMETER, *date_fields(DATE_OPERATORS, operator="within_next")),
        date_of(measures.query),
        "the date in the address's parameter {name} {test} ({zone})",
        operators=DATE_OPERATORS,
    ),
    _condition(
        "query_version",
        "Version in a query parameter",
        (PARAMETER, *version_fields()),
        version_of(measures.query),
        "the version in the address's parameter {name} is {test}",
        operators=VERSION_OPERATORS,
        instead=instead_of_presence("the version in the address's parameter {name}"),
    ),
    _condition(
        "utm",
        "UTM parameter",
        (
            Field(
                "part",
                "Part",
                "choice",
                choices={
                    "source": "source",
                    "medium": "medium",
                    "campaign": "campaign",
                    "term": "term",
                    "content": "content",
                },
                default="campaign",
            ),
            *text_fields("Value", operator="equals"),
        ),
        measures.utm,
        "the link's UTM {part} {test}",
        operators=TEXT_OPERATORS,
    ),
    _text("referrer", "Came from", "referrer_host", "the referring site", operator="contains"),
    _choice(
        "medium",
        "Came by",
        MEDIA,
        "medium",
        "came to the page {value}",
    ),
    _text(
        "language",
        "Language",
        "language",
        "the browser's language",
        operator="starts_with",
        value="en",
    ),
    _text(
        "locale",
        "Site's language",
        "locale",
        "the site's language here",
        operator="starts_with",
        value="en",
    ),
    _choice(
        "device",
        "Device",
        {"phone": "a phone", "tablet": "a tablet", "desktop": "a desktop"},
        "device",
        "using {value}",
    ),
    _choice(
        "browser",
        "Browser",
        {
            "chrome": "Chrome",
            "safari": "Safari",
            "firefox": "Firefox",
            "edge": "Edge",
            "opera": "Opera",
            "samsung": "Samsung Internet",
            "other": "another browser",
        },
        "browser",
        "using {value}",
    ),
    _condition(
        "browser_version",
        "Browser's version",
        version_fields(),
        version_of(measures.request_text("browser_version")),
        "the browser's version is {test}",
        operators=VERSION_OPERATORS,
        instead=instead_of_presence("the browser's version"),
    ),
    _choice(
        "viewport",
        "Width of the page",
        VIEWPORTS,
        "viewport",
        "the page is {value}",
        in_page=True,
    ),
    _choice(
        "authenticated",
        "Signed in",
        {"yes": "signed in", "no": "not signed in"},
        "authenticated",
        "{value}",
    ),
    _condition(
        "role",
        "Roles of who is signed in",
        collection_fields("Roles, a line each"),
        "request.roles",
        "the roles {test}",
        operators=COLLECTION_OPERATORS,
    ),
    _choice("bot", "Bot", {"no": "no bot", "yes": "a bot by its own word"}, "bot", "{value}"),
)
