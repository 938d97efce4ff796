"""What other campaigns already showed a visitor, and what came of it.

The tracker says with every exposure, and with a click or a dismissal inside a personalized slot,
which campaign it was.
"""

from personalization.rules.conditions.base import (
    COUNTS,
    Condition,
    Instead,
    count_fields,
    instead_of_none,
    instead_of_presence,
)
from personalization.rules.conditions.event_features import (
    MAX_TIMES,
    WINDOW,
    days_field,
    event_condition,
    last_days,
)
from personalization.rules.event_reading import first, followed
from personalization.rules.event_values import window_of
from personalization.rules.fields import Field
from personalization.rules.operators import Params
from profiles.features.definition import TIME, Feature, Lifetime
from profiles.features.definition import Condition as Filter

CONTACT_WORDS = {
    "exposure": "was shown",
    "view": "saw",
    "click": "clicked in",
    "dismiss": "dismissed",
}
#: The same after "has not".
_PERFECT = {**CONTACT_WORDS, "exposure": "been shown", "view": "seen"}


def _instead_of_never() -> Instead:
    return tuple(
        ({"what": what, **values}, sentence)
        for what, words in _PERFECT.items()
        for values, sentence in instead_of_none(f"has not {words} “{{campaign}}” {{window}}")
    )


def _contacts(params: Params) -> tuple[Feature, ...]:
    return (Feature(params["what"], "count", window_of(params["window"]), where=_of(params)),)


def _of(params: Params) -> tuple[Filter, ...]:
    return (Filter("property.campaign", "eq", (int(params["campaign"]),)),)


def _shown_and_goal(params: Params) -> tuple[Feature, ...]:
    """When it was shown first within these days, and when the goal was reached last."""
    shown = Feature("exposure", "min", last_days(params["days"]), TIME, _of(params))
    return shown, Feature(params["then"], "max", Lifetime(), TIME)


CONTACTS: tuple[Condition, ...] = (
    event_condition(
        "campaign_contact",
        "Another campaign was shown, clicked or dismissed",
        (
            Field("what", "Visitor", "choice", choices=CONTACT_WORDS, default="exposure"),
            Field("campaign", "Campaign", "campaign"),
            *count_fields(COUNTS, "Times", MAX_TIMES, default=1, said=("once", "{} times")),
            WINDOW,
        ),
        features=_contacts,
        read=first,
        sentence="{what} “{campaign}” {test} {window}",
        instead=(
            *_instead_of_never(),
            *instead_of_presence("how often somebody {what} “{campaign}” {window}"),
        ),
        operators=COUNTS,
    ),
    event_condition(
        "campaign_conversion",
        "Another campaign led to a goal",
        (
            Field("campaign", "Campaign", "campaign"),
            Field("then", "Goal", "event_type", default="purchase"),
            Field(
                *("value", "Was", "choice"),
                choices={"yes": "reached after it", "no": "not reached after it"},
                default="yes",
            ),
            days_field("days", "Both within", default=30),
        ),
        features=_shown_and_goal,
        read=followed,
        sentence="was shown “{campaign}” and after that {then}, both within {days}",
        instead=(
            (
                {"value": "no"},
                "was not shown “{campaign}” within {days}, or not {then} after that",
            ),
        ),
        test=lambda reached, params: bool(reached == (params["value"] == "yes")),
    ),
)
