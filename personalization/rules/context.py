"""What a rule may ask about: one visitor, one request, one moment."""

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field
from functools import cached_property

from personalization.frequency import NOTHING_SHOWN, Shown
from profiles.baseline import Baseline
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
    "not_asked". `shown` is what the visitor was given of campaigns with limits.
    """

    now: float
    state: State | None = None
    weights: Mapping[str, Weight] = field(default_factory=dict)
    baseline: Baseline | None = None
    request: PageRequest = PageRequest()
    consent: Mapping[str, str] = field(default_factory=dict)
    gpc: bool = False
    shown: Shown = NOTHING_SHOWN

    def with_shown(self, shown: Shown) -> "Context":
        """The same with this shown; what was derived so far is kept."""
        if shown is self.shown:
            return self
        other = copy(self)
        other.__dict__["shown"] = shown  # frozen for everybody else
        return other

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
