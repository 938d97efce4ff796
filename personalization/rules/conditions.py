"""What a rule can ask. CONDITIONS is the document: the form, the docs and the engine read it.

A condition measures one value from the context (None: unknown) and tests it. The measured value
goes into the trace, so an explanation is what was really decided by.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from personalization.rules import measures
from personalization.rules.measures import Measure, Params
from profiles.state import RECENT_EVENTS

FieldType = Literal[
    "number", "integer", "text", "category", "event_type", "purpose", "choice", "operator"
]

NUMBER_OPERATORS = {">=": "at least", ">": "more than", "<=": "at most", "<": "less than"}
COUNT_OPERATORS = NUMBER_OPERATORS | {"<": "fewer than", "=": "exactly"}
TEXT_OPERATORS = {
    "equals": "is",
    "not_equals": "is not",
    "contains": "contains",
    "starts_with": "starts with",
}

#: What somebody did, by event type; others are said by their name.
VERBS = {
    "page_view": "viewed pages",
    "click": "clicked",
    "category_click": "followed links to a category",
    "dwell": "spent time on pages",
    "scroll": "scrolled",
    "form_submit": "sent a form",
    "search": "searched",
    "video_play": "played videos",
    "add_to_cart": "added to the cart",
    "purchase": "purchased",
    "share": "shared",
    "bookmark": "bookmarked",
    "like": "liked",
    "comment": "commented",
    "follow": "followed",
    "exposure": "was shown something personal",
    "dismiss": "dismissed something",
}

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
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


@dataclass(frozen=True)
class Field:
    """One field of a condition as form and parser see it. `low`/`high` bound numbers, edges in.

    `said` is how a sentence says 1, and any other number: ("once", "{} times").
    """

    name: str
    label: str
    type: FieldType
    choices: Mapping[str, str] | None = None
    low: float | None = None
    high: float | None = None
    optional: bool = False
    default: Any = None
    unit: str = ""
    said: tuple[str, str] | None = None


@dataclass(frozen=True)
class Condition:
    """A kind of condition. `sentence` is a format string over the fields' words, read by
    marketers and by visitors ("Why am I seeing this?"), so it speaks of nobody.

    `instead` are sentences for some values, as text: the first whose values all agree is said.
    `needs` is the purpose without which it is unknown. `test` defaults to comparing the measured
    value with the field `value` by the field `operator`.
    """

    kind: str
    label: str
    group: str
    fields: tuple[Field, ...]
    measure: Measure
    sentence: str
    instead: tuple[tuple[Mapping[str, str], str], ...] = ()
    needs: str = "personalization"
    test: Callable[[Any, Params], bool] | None = None
    unit: str = ""

    def decide(self, measured: Any, params: Params) -> bool | None:
        if measured is None:
            return None
        if self.test is not None:
            return self.test(measured, params)
        return _COMPARE[params["operator"]](measured, params["value"])


def _operator(operators: Mapping[str, str], default: str) -> Field:
    return Field("operator", "Compared", "operator", choices=operators, default=default)


def _number(
    label: str,
    high: float,
    *,
    default: float,
    unit: str = "",
    said: tuple[str, str] | None = None,
) -> Field:
    return Field("value", label, "number", low=0, high=high, default=default, unit=unit, said=said)


def _count(
    label: str, high: int, *, low: int = 0, default: int = 1, said: tuple[str, str] | None = None
) -> Field:
    return Field("value", label, "integer", low=low, high=high, default=default, said=said)


def _none(sentence: str) -> tuple[tuple[Mapping[str, str], str], ...]:
    """What is said when nothing at all is asked for."""
    return tuple(({"operator": operator, "value": "0"}, sentence) for operator in ("=", "<="))


_DAYS = ("1 day", "{} days")
_CATEGORY = Field("category", "Category", "category")


CONDITIONS: tuple[Condition, ...] = (
    Condition(
        "affinity",
        "Interest in a category",
        "Interests",
        (
            _CATEGORY,
            Field(
                "horizon",
                "Counting",
                "choice",
                choices={"long": "what they like (30 days)", "short": "what they want now (1 day)"},
                default="long",
            ),
            _operator(NUMBER_OPERATORS, ">="),
            _number("Score", 100_000, default=5),
        ),
        measures.affinity,
        "the interest in {category} is {operator} {value}",
    ),
    Condition(
        "top_interest",
        "Category is a top interest",
        "Interests",
        (_CATEGORY, _count("Among the top", 10, low=1, default=1)),
        measures.rank,
        "{category} is among the top {value} interests",
        instead=(({"value": "1"}, "{category} is the top interest"),),
        test=lambda rank, params: rank <= params["value"],
    ),
    Condition(
        "interest_share",
        "Share of all interests",
        "Interests",
        (
            _CATEGORY,
            _operator(NUMBER_OPERATORS, ">="),
            _number("Share", 100, default=50, unit="%"),
            Field("evidence", "Needs events", "integer", low=1, high=RECENT_EVENTS, default=3),
        ),
        measures.share,
        "{category} is {operator} {value} % of all interests",
        unit="%",
    ),
    Condition(
        "strongest_interest",
        "Strength of the top interest",
        "Interests",
        (_operator(NUMBER_OPERATORS, ">="), _number("Score", 100_000, default=5)),
        measures.strongest,
        "the strongest interest is {operator} {value}",
    ),
    Condition(
        "preferred_content_type",
        "Preferred content type",
        "Interests",
        (
            Field(
                "value",
                "Type",
                "choice",
                choices={
                    "article": "articles",
                    "video": "videos",
                    "guide": "guides",
                    "product": "products",
                },
                default="video",
            ),
        ),
        measures.preferred_type,
        "most interested in {value}",
        test=lambda preferred, params: preferred == params["value"],
    ),
    Condition(
        "events",
        "Did something, so many times",
        "Behavior",
        (
            Field("type", "Event", "event_type", default="page_view"),
            Field("category", "In category", "category", optional=True, default=""),
            _operator(COUNT_OPERATORS, ">="),
            _count("Times", RECENT_EVENTS, default=3, said=("once", "{} times")),
            Field(
                "days", "Within", "number", low=0.01, high=365, default=7, unit="days", said=_DAYS
            ),
        ),
        measures.events,
        "{type}{category} {operator} {value} within {days}",
        instead=_none("never {type}{category} within {days}"),
    ),
    Condition(
        "engagement_level",
        "Engagement level",
        "Behavior",
        (_operator(NUMBER_OPERATORS, ">="), _number("Level, 0 to 1", 1, default=0.5)),
        measures.vector_of("engagement_level"),
        "the engagement level is {operator} {value}",
    ),
    Condition(
        "recency_score",
        "Recency score",
        "Behavior",
        (_operator(NUMBER_OPERATORS, ">="), _number("Score, 0 to 1", 1, default=0.5)),
        measures.vector_of("recency_score"),
        "the recency score is {operator} {value}",
    ),
    Condition(
        "visits",
        "Number of visits",
        "Visit",
        (
            _operator(COUNT_OPERATORS, ">="),
            _count("Visits", 10_000, default=2, said=("1 visit", "{} visits")),
        ),
        measures.visits,
        "made {operator} {value}",
        instead=_none("made no visits"),
    ),
    Condition(
        "pages_in_visit",
        "Pages in this visit",
        "Visit",
        (
            _operator(COUNT_OPERATORS, ">="),
            _count("Pages", RECENT_EVENTS, default=3, said=("1 page", "{} pages")),
        ),
        lambda context, params: context.pages_in_visit,
        "saw {operator} {value} in this visit",
        instead=_none("saw no pages in this visit"),
    ),
    Condition(
        "days_since_last_event",
        "Days since last seen",
        "Visit",
        (_operator(NUMBER_OPERATORS, ">="), _number("Days", 365, default=7, said=_DAYS)),
        measures.days_since_last,
        "last seen {operator} {value} ago",
    ),
    Condition(
        "path",
        "Page address",
        "Request",
        (_operator(TEXT_OPERATORS, "starts_with"), Field("value", "Path", "text", default="/")),
        lambda context, params: context.request.path,
        "the page's address {operator} “{value}”",
        needs="",
    ),
    Condition(
        "page_category",
        "Page's category",
        "Request",
        (_CATEGORY,),
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
            _operator(TEXT_OPERATORS, "equals"),
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
        (_operator(TEXT_OPERATORS, "contains"), Field("value", "Host", "text", default="")),
        lambda context, params: measures.known(context.request.referrer_host),
        "the referring site {operator} “{value}”",
        needs="",
    ),
    Condition(
        "language",
        "Language",
        "Request",
        (_operator(TEXT_OPERATORS, "starts_with"), Field("value", "Code", "text", default="en")),
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
    Condition(
        "consent",
        "Consent",
        "Consent",
        (
            Field("purpose", "Purpose", "purpose", default="measurement"),
            Field(
                "value",
                "Is",
                "choice",
                choices={"granted": "granted", "refused": "refused", "not_asked": "not asked yet"},
                default="granted",
            ),
        ),
        lambda context, params: context.consent.get(params["purpose"], "not_asked"),
        "{purpose} is {value}",
        needs="",
        test=lambda state, params: state == params["value"],
    ),
    Condition(
        "gpc",
        "Global Privacy Control",
        "Consent",
        (Field("value", "Signal", "choice", choices={"on": "on", "off": "off"}, default="off"),),
        lambda context, params: "on" if context.gpc else "off",
        "the opt-out signal is {value}",
        needs="",
        test=lambda measured, params: measured == params["value"],
    ),
)

BY_KIND = {condition.kind: condition for condition in CONDITIONS}
