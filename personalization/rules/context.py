"""What a rule may ask about: one visitor, one request, one moment."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from profiles.baseline import Baseline
from profiles.features.definition import Feature
from profiles.features.fold import feature_read
from profiles.features.values import Value
from profiles.state import State
from profiles.vector import (
    Interest,
    Vector,
    Weight,
    behavioral_vector,
    interest_list,
)

VISIT_GAP_MS = 30 * 60 * 1000


@dataclass(frozen=True)
class PageRequest:
    """The request's facts that conditions may use; empty where unknown."""

    path: str = "/"
    page_category: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    referrer_host: str = ""
    language: str = ""
    device: str = ""


@dataclass(frozen=True)
class Context:
    """Everything a decision is made from. `now` is in seconds since 1970 UTC.

    `state` is None when nothing may be known of the visitor; then whatever is asked of behavior is
    unknown, which is neither true nor false. `baseline` is what the site's visitors do, None
    before there is one. `consent` maps each active purpose to "granted", "refused" or
    "not_asked". `kept` are the keys of the declared features that the state keeps
    (profiles.selectors.features_kept); what asks for another one is unknown.
    """

    now: float
    state: State | None = None
    weights: Mapping[str, Weight] = field(default_factory=dict)
    baseline: Baseline | None = None
    request: PageRequest = PageRequest()
    consent: Mapping[str, str] = field(default_factory=dict)
    gpc: bool = False
    kept: Collection[str] = frozenset()

    @cached_property
    def interests(self) -> list[Interest]:
        """The visitor's categories, strongest first; none that has decayed away."""
        if self.state is None:
            return []
        interests = interest_list(self.state, self.weights, now=self.now, baseline=self.baseline)
        return [interest for interest in interests if interest.score > 0.0]

    @cached_property
    def interest_by_category(self) -> dict[str, Interest]:
        return {interest.category: interest for interest in self.interests}

    @cached_property
    def vector(self) -> Vector | None:
        if self.state is None:
            return None
        return behavioral_vector(self.state, self.weights, now=self.now, baseline=self.baseline)

    @cached_property
    def pages_in_visit(self) -> int | None:
        """Page views since the last gap of 30 minutes; 0 when the last one is longer ago."""
        if self.state is None:
            return None
        later = self.now * 1000.0
        pages = 0
        for when in reversed(self.state.recent.get("page_view|", ())):
            if later - when > VISIT_GAP_MS:
                break
            pages, later = pages + 1, when
        return pages

    @cached_property
    def visit(self) -> int | None:
        """The visit that goes on: the latest event's, unless it was too long ago."""
        state = self.state
        if state is None or state.last is None:
            return None
        return state.visit if self.now * 1000.0 - state.last <= VISIT_GAP_MS else None

    @cached_property
    def _feature_values(self) -> dict[str, Value | None]:
        return {}

    def feature_value(self, feature: Feature) -> Value | None:
        """What the state says of a feature now, read once for all rules; None for nothing.

        That the state keeps the feature is the caller's to ask.
        """
        values = self._feature_values
        if feature.key not in values:
            kept = self.state.features.get(feature.key) if self.state is not None else None
            values[feature.key] = feature_read(kept, feature, self.now, visit=self.visit)
        return values[feature.key]
