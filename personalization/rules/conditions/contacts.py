"""What other campaigns already showed a visitor, and what came of it.

The tracker says with every exposure, and with a click or a dismissal inside a personalized slot,
which campaign it was.
"""

from personalization.rules.conditions.base import (
    COUNTS,
    Condition,
    count_fields,
    instead_of_none,
    instead_of_presence,
)
from personalization.rules.conditions.event_features import MAX_TIMES, WINDOW, event_condition
from personalization.rules.event_reading import first
from personalization.rules.event_values import window_of
from personalization.rules.fields import Field
from personalization.rules.operators import Params
from profiles.features.definition import Condition as Filter
from profiles.features.definition import Feature

CONTACT_WORDS = {
    "exposure": "was shown",
    "view": "saw",
    "click": "clicked in",
    "dismiss": "dismissed",
}


def _contacts(params: Params) -> tuple[Feature, ...]:
    campaign = Filter("property.campaign", "eq", (int(params["campaign"]),))
    return (Feature(params["what"], "count", window_of(params["window"]), where=(campaign,)),)


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
            *instead_of_none("never {what} “{campaign}” {window}"),
            *instead_of_presence("how often somebody {what} “{campaign}” {window}"),
        ),
        operators=COUNTS,
    ),
)
