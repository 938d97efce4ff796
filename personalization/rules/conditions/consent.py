"""What a visitor has agreed to."""

from personalization.rules.conditions.base import Condition
from personalization.rules.fields import Field

CONSENT: tuple[Condition, ...] = (
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
        equals="value",
    ),
    Condition(
        "gpc",
        "Global Privacy Control",
        "Consent",
        (Field("value", "Signal", "choice", choices={"on": "on", "off": "off"}, default="off"),),
        lambda context, params: "on" if context.gpc else "off",
        "the opt-out signal is {value}",
        needs="",
        equals="value",
    ),
)
