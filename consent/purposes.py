"""The purposes Attune asks for, as they are on the first day.

A migration copies them into the `Purpose` table; from then on their text is edited in the admin.
Each sentence is shown to visitors, so it says only what the product does.
"""

from dataclasses import dataclass

MEASUREMENT = "measurement"
PERSONALIZATION = "personalization"


@dataclass(frozen=True, slots=True)
class PurposeText:
    """One purpose in plain words; `version` counts material changes only, never corrections."""

    key: str
    title: str
    description: str
    collected: str
    retention: str
    order: int
    version: int = 1


PURPOSES = (
    PurposeText(
        key=MEASUREMENT,
        title="Measure how the site is used",
        description="We count what is read and used here, to find out what works.",
        collected=(
            "The pages you open, what you click, how long and how far you read, and what you "
            "search for on this site, under a random number instead of your name."
        ),
        retention=(
            "In use for at most 180 days after your choice. If you withdraw, it is no longer used "
            "from that moment, and it is erased within 24 hours."
        ),
        order=10,
    ),
    PurposeText(
        key=PERSONALIZATION,
        title="Adapt pages to your interests",
        description="We work out which topics interest you and show you more of them.",
        collected=(
            "A list of topics with a strength that fades over time, worked out from the same "
            "visits under the same random number. Prices and access stay the same for everyone."
        ),
        retention=(
            "In use for at most 180 days after your choice. If you withdraw, it cannot be read "
            "from that moment, and it is erased within 24 hours."
        ),
        order=20,
    ),
)

INTRODUCTION = (
    "With your permission we record what you do on this site, to measure how it is used and to "
    "adapt pages to your interests. The choice is yours, and you can change it at any time."
)
