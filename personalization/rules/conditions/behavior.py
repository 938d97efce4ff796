"""How a visitor behaves: the values of the behavioral vector."""

from personalization.rules import measures
from personalization.rules.conditions.base import Condition, number_field, operator_field
from personalization.rules.operators import NUMBER_OPERATORS

BEHAVIOR: tuple[Condition, ...] = (
    Condition(
        "engagement_level",
        "Engagement level",
        "Behavior",
        (operator_field(NUMBER_OPERATORS, ">="), number_field("Level, 0 to 1", 1, default=0.5)),
        measures.vector_of("engagement_level"),
        "the engagement level is {operator} {value}",
    ),
    Condition(
        "recency_score",
        "Recency score",
        "Behavior",
        (operator_field(NUMBER_OPERATORS, ">="), number_field("Score, 0 to 1", 1, default=0.5)),
        measures.vector_of("recency_score"),
        "the recency score is {operator} {value}",
    ),
)
