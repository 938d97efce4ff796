"""What models and experiments say of a visitor. As long as there is none of them nothing is known,
and no campaign can ask."""

from math import inf

from personalization.rules.conditions.base import (
    DAYS,
    NUMBERS,
    Condition,
    instead_of_presence,
    number_field,
    number_fields,
)
from personalization.rules.context import Context
from personalization.rules.fields import Field
from personalization.rules.learned import HOLDOUT
from personalization.rules.operators import Params

MODEL = Field("model", "Model", "model")
EXPERIMENT = Field("experiment", "Experiment", "model")
NO_MODEL = "There is no model named “{model}”: take the condition out."
NO_EXPERIMENT = "There is no experiment named “{experiment}”: take the condition out."


def _confidence(context: Context, params: Params) -> float | None:
    """Of being in the cluster, in percent; 0 in another one."""
    member = context.learned.clusters.get(params["model"])
    if member is None:
        return None
    return 100.0 * member.confidence if member.cluster == params["cluster"] else 0.0


def _days_since_move(context: Context, params: Params) -> float | None:
    member = context.learned.clusters.get(params["model"])
    if member is None:
        return None
    if member.before != params["cluster"]:
        return inf
    return max(context.now - member.since, 0.0) / 86_400.0


def _probability(context: Context, params: Params) -> float | None:
    found = context.learned.predictions.get(params["model"])
    return None if found is None else 100.0 * found


def _arm(context: Context, params: Params) -> str | None:
    return context.learned.experiments.get(params["experiment"])


LEARNED: tuple[Condition, ...] = (
    Condition(
        "cluster",
        "In a cluster",
        "Models",
        (
            MODEL,
            Field("cluster", "Cluster", "model"),
            number_field("Sure by at least", 100, low=1, default=50, unit="%", name="confidence"),
        ),
        _confidence,
        "in the cluster “{cluster}” of {model}, sure by at least {confidence} %",
        test=lambda confidence, params: bool(confidence >= params["confidence"]),
        awaits=NO_MODEL,
    ),
    Condition(
        "cluster_moved",
        "Moved from a cluster",
        "Models",
        (
            MODEL,
            Field("cluster", "From", "model"),
            number_field("Within", 365, low=0.01, default=30, unit="days", said=DAYS, name="days"),
        ),
        _days_since_move,
        "left the cluster “{cluster}” of {model} for another within {days}",
        test=lambda days, params: bool(days < params["days"]),
        awaits=NO_MODEL,
    ),
    Condition(
        "prediction",
        "Predicted probability",
        "Models",
        (MODEL, *number_fields(NUMBERS, "Probability", 100, default=50, unit="%")),
        _probability,
        "the probability by {model} is {test} %",
        instead=instead_of_presence("the probability by {model}"),
        operators=NUMBERS,
        unit="%",
        awaits=NO_MODEL,
    ),
    Condition(
        "experiment",
        "In a variant of an experiment",
        "Experiments",
        (EXPERIMENT, Field("variant", "Variant", "model")),
        _arm,
        "in the variant “{variant}” of the experiment “{experiment}”",
        equals="variant",
        awaits=NO_EXPERIMENT,
    ),
    Condition(
        "holdout",
        "In the holdout of an experiment",
        "Experiments",
        (
            EXPERIMENT,
            Field("value", "Is", "choice", choices={"yes": "in", "no": "not in"}, default="no"),
        ),
        _arm,
        "{value} the holdout of the experiment “{experiment}”",
        test=lambda arm, params: bool((arm == HOLDOUT) == (params["value"] == "yes")),
        awaits=NO_EXPERIMENT,
    ),
)
