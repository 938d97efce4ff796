"""What models and experiments say of a visitor, by their names; what none says is unknown.

What never gets in: models, requests, storage.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

#: The arm of an experiment that is shown nothing of it.
HOLDOUT = "holdout"


@dataclass(frozen=True)
class Membership:
    """The cluster a visitor is in: `confidence` 0 to 1, `since` in seconds since 1970 UTC, and
    the cluster `before` it, "" where this is the first."""

    cluster: str
    confidence: float
    since: float
    before: str = ""


@dataclass(frozen=True)
class Learned:
    """`clusters` and `predictions` (probabilities, 0 to 1) are by model, `experiments` the arm the
    visitor is in by experiment, HOLDOUT among them."""

    clusters: Mapping[str, Membership] = field(default_factory=dict)
    predictions: Mapping[str, float] = field(default_factory=dict)
    experiments: Mapping[str, str] = field(default_factory=dict)


NOTHING_LEARNED = Learned()
