"""Rule sets whose campaigns have limits, for the tests of how often."""

from typing import Any

from personalization.decide import RuleSet, ruleset_compile
from personalization.frequency.limits import DAY_MS, Shown
from personalization.rules.context import Context
from tests.personalization.examples import NOW, campaign, context, variant

ALWAYS = {"condition": "gpc", "value": "off"}
NOW_MS = int(NOW * 1000)
HOUR_MS = 3_600_000


def limited(number: int, **frequency: Any) -> dict[str, Any]:
    """A campaign for everybody, with these limits; the lower the number, the higher."""
    return campaign(number, ALWAYS, priority=100 - number, frequency=frequency)


def cap(count: int, unit: str = "days", length: int = 7) -> dict[str, Any]:
    return {"count": count, "unit": unit, "length": length}


def rules_of(*slots: list[dict[str, Any]], **shared: Any) -> RuleSet:
    """Slots "slot-0", "slot-1" … with these campaigns each."""
    numbers = [one["id"] for campaigns in slots for one in campaigns]
    return ruleset_compile(
        7,
        {
            "slots": [
                {"key": f"slot-{place}", "name": f"Slot {place}", "default": 0, "campaigns": own}
                for place, own in enumerate(slots)
            ],
            "variants": {str(number): variant(f"Variant {number}") for number in [0, *numbers]},
            "weights": {},
            "cards": {},
            **shared,
        },
    )


def after(shown: Shown, *, days: float = 0.0, **facts: Any) -> Context:
    """Ana's context so many days after NOW, having been shown this."""
    return context(now=NOW + days * DAY_MS / 1000, shown=shown, **facts)
