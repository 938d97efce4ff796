"""What a visitor is interested in."""

from personalization.rules import measures
from personalization.rules.conditions.base import (
    CATEGORY,
    Condition,
    Field,
    count_field,
    number_field,
    operator_field,
)
from personalization.rules.operators import NUMBER_OPERATORS
from profiles.state import RECENT_EVENTS

INTERESTS: tuple[Condition, ...] = (
    Condition(
        "affinity",
        "Interest in a category",
        "Interests",
        (
            CATEGORY,
            Field(
                "horizon",
                "Counting",
                "choice",
                choices={"long": "what they like (30 days)", "short": "what they want now (1 day)"},
                default="long",
            ),
            operator_field(NUMBER_OPERATORS, ">="),
            number_field("Score", 100_000, default=5),
        ),
        measures.affinity,
        "the interest in {category} is {operator} {value}",
    ),
    Condition(
        "top_interest",
        "Category is a top interest",
        "Interests",
        (CATEGORY, count_field("Among the top", 10, low=1, default=1)),
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
            CATEGORY,
            operator_field(NUMBER_OPERATORS, ">="),
            number_field("Share", 100, default=50, unit="%"),
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
        (operator_field(NUMBER_OPERATORS, ">="), number_field("Score", 100_000, default=5)),
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
)
