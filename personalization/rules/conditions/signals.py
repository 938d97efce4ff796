"""What only an open page knows: time, scrolling, clicks. For triggers, which are decided there."""

from typing import Any

from personalization.rules.conditions.base import (
    COUNTS,
    NUMBERS,
    Condition,
    Instead,
    Measure,
    count_fields,
    instead_of_none,
    instead_of_presence,
    number_fields,
    text_fields,
)
from personalization.rules.context import Context
from personalization.rules.fields import Field
from personalization.rules.operators import NOT_SET, TEXT_OPERATORS, Operators, Params

GROUP = "In the page"
AWAITS = (
    "“{sentence}” only the open page knows, and what a slot shows is decided before: "
    "take the condition out."
)
SECONDS = ("1 second", "{} seconds")
ELEMENT = Field("element", "Element’s name", "model")
NAME = Field("name", "Value’s name", "model")
MAX_SECONDS = 86_400


def _condition(
    kind: str,
    label: str,
    fields: tuple[Field, ...],
    measure: Measure | str,
    sentence: str,
    *,
    operators: Operators | None = None,
    equals: str = "",
    instead: Instead = (),
    unit: str = "",
) -> Condition:
    return Condition(
        kind,
        label,
        GROUP,
        fields,
        measure,
        sentence,
        instead=instead,
        operators=operators,
        equals=equals,
        unit=unit,
        of_page=True,
        in_page=True,
        awaits=AWAITS,
    )


def _seconds(kind: str, label: str, sentence: str, noun: str, *, default: int) -> Condition:
    return _condition(
        kind,
        label,
        number_fields(NUMBERS, "Seconds", MAX_SECONDS, default=default, said=SECONDS),
        f"signals.{kind}",
        sentence,
        operators=NUMBERS,
        instead=instead_of_presence(noun),
    )


def _yes_no(said: bool | None) -> str | None:
    return None if said is None else "yes" if said else "no"


def _exit(context: Context, params: Params) -> str | None:
    return _yes_no(context.signals.exit_intent)


def _seen(context: Context, params: Params) -> str | None:
    seen = context.signals.seen
    return None if seen is None else _yes_no(params["element"] in seen)


def _clicks(context: Context, params: Params) -> int | None:
    clicks = context.signals.clicks
    return None if clicks is None else clicks.get(params["element"], 0)


def _given_text(context: Context, params: Params) -> Any:
    given = context.signals.given.get(params["name"])
    if given == "":
        return NOT_SET
    return given if isinstance(given, str) else None


def _given_number(context: Context, params: Params) -> Any:
    given = context.signals.given.get(params["name"])
    return given if type(given) in (int, float) else None


SIGNALS: tuple[Condition, ...] = (
    _seconds(
        "time_on_page",
        "Time on the page",
        "on the page for {test}",
        "the time on the page",
        default=30,
    ),
    _seconds(
        "active_time",
        "Time of attention on the page",
        "active on the page for {test}",
        "the time of attention on the page",
        default=20,
    ),
    _seconds(
        "idle_time",
        "Time without a sign of life",
        "idle for {test}",
        "how long it has been idle",
        default=30,
    ),
    _condition(
        "scroll_depth",
        "Scrolled so far",
        number_fields(NUMBERS, "Depth", 100, default=50, unit="%"),
        "signals.scroll_depth",
        "scrolled {test} % of the page",
        operators=NUMBERS,
        instead=instead_of_presence("how far the page was scrolled"),
        unit="%",
    ),
    _condition(
        "exit_intent",
        "About to leave",
        (
            Field(
                *("value", "Is", "choice"),
                choices={"yes": "about to leave", "no": "not about to leave"},
                default="yes",
            ),
        ),
        _exit,
        "{value} the page",
        equals="value",
    ),
    _condition(
        "element_seen",
        "Element came into view",
        (
            ELEMENT,
            Field(
                *("value", "Was", "choice"),
                choices={"yes": "in view", "no": "not in view yet"},
                default="yes",
            ),
        ),
        _seen,
        "“{element}” was {value}",
        equals="value",
    ),
    _condition(
        "element_clicks",
        "Clicks on an element",
        (ELEMENT, *count_fields(COUNTS, "Clicks", 1000, default=1, said=("once", "{} times"))),
        _clicks,
        "clicked “{element}” {test}",
        operators=COUNTS,
        instead=(
            *instead_of_none("did not click “{element}”"),
            *instead_of_presence("how often “{element}” was clicked"),
        ),
    ),
    _condition(
        "repeated_clicks",
        "Clicks again and again",
        count_fields(COUNTS, "Clicks", 1000, default=3, said=("once", "{} times")),
        "signals.repeated_clicks",
        "clicked the same thing {test} in quick succession",
        operators=COUNTS,
        instead=(
            *instead_of_none("clicked nothing"),
            *instead_of_presence("how often the same thing was clicked"),
        ),
    ),
    _condition(
        "cart_value",
        "Value of the cart",
        number_fields(NUMBERS, "Value", 1e9, default=50),
        "signals.cart_value",
        "the cart is worth {test}",
        operators=NUMBERS,
        instead=instead_of_presence("what the cart is worth"),
    ),
    _condition(
        "given_text",
        "Text that the page was given",
        (NAME, *text_fields("Text", operator="equals")),
        _given_text,
        "the page's value {name} {test}",
        operators=TEXT_OPERATORS,
    ),
    _condition(
        "given_number",
        "Number that the page was given",
        (NAME, *number_fields(NUMBERS, "Number", 1e12, low=-1e12, default=1)),
        _given_number,
        "the page's value {name} is {test}",
        operators=NUMBERS,
        instead=instead_of_presence("the page's value {name}"),
    ),
)
