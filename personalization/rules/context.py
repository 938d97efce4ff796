"""What a rule may ask about: one visitor, one request, one moment."""

from collections.abc import Collection, Mapping
from copy import copy
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from personalization.frequency.limits import NOTHING_SHOWN, VISIT_GAP_MS, Shown
from personalization.rules.learned import NOTHING_LEARNED, Learned
from personalization.rules.signals import NO_SIGNALS, Signals
from personalization.segments.membership import Memberships
from profiles.baseline import Baseline, baseline_usable
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
    topic_score,
    vector_value,
)

FEW_AFFINITIES = 4
_NOTHING = (0.0, 0.0, 0)


@dataclass(frozen=True)
class PageRequest:
    """The request's facts that conditions may use; "" where there is none, None: nobody has said.

    `page_category`, `page_type`, `page_tags` and `page_item` are of the page, `medium` is one of
    tracking's MEDIA, `browser` a family as "firefox", `viewport` one of VIEWPORTS, `authenticated`
    and `bot` are "yes" or "no", `roles` what whoever is signed in is to the site, `country` one of
    COUNTRIES, `region` a part of it. A subclass may find them out when they are asked for.
    """

    path: str | None = "/"
    page_category: str | None = ""
    page_type: str | None = ""
    page_tags: Collection[str] | None = None
    page_item: str | None = ""
    query: Mapping[str, str] | None = field(default_factory=dict)
    referrer_host: str | None = ""
    medium: str | None = ""
    language: str | None = ""
    locale: str | None = ""
    device: str | None = ""
    browser: str | None = ""
    browser_version: str | None = ""
    viewport: str | None = None
    authenticated: str | None = ""
    roles: Collection[str] | None = None
    bot: str | None = ""
    country: str | None = None
    region: str | None = None


@dataclass(frozen=True)
class Context:
    """Everything a decision is made from. `now` is in seconds since 1970 UTC.

    `state` is None when nothing may be known of the visitor; then whatever is asked of behavior is
    unknown, which is neither true nor false. `baseline` is what the site's visitors do, None
    before there is one. `consent` maps each active purpose to "granted", "refused" or
    "not_asked". `shown` is what the visitor was given of campaigns with limits, `given` what the
    counters of those with a capacity hold (frequency.capacity). `kept` are the keys of the declared
    features that the state keeps (profiles.selectors.features_kept); what asks for another one is
    unknown. `signals` are what a page knows of itself, `learned` what models and
    experiments say. `memberships` are when the visitor came into segments and left them, by key;
    None where that is not known.
    """

    now: float
    state: State | None = None
    weights: Mapping[str, Weight] = field(default_factory=dict)
    baseline: Baseline | None = None
    request: PageRequest = PageRequest()
    consent: Mapping[str, str] = field(default_factory=dict)
    gpc: bool = False
    shown: Shown = NOTHING_SHOWN
    given: Mapping[str, int] = field(default_factory=dict)
    kept: Collection[str] = frozenset()
    signals: Signals = NO_SIGNALS
    learned: Learned = NOTHING_LEARNED
    memberships: Memberships | None = None

    def with_shown(self, shown: Shown, given: Mapping[str, int] | None = None) -> "Context":
        """The same with this shown and given; what was derived so far is kept."""
        if shown is self.shown and given is None:
            return self
        other = copy(self)
        other.__dict__["shown"] = shown  # frozen for everybody else
        if given is not None:
            other.__dict__["given"] = given
        return other

    def places_given(self, key: str) -> int | None:
        return self.given.get(key)

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

    def affinity_of(self, category: str) -> tuple[float, float, int]:
        """(score, now, evidence) of one category, as `interests` has them; 0 for none.

        The first few are read alone: most pages ask for no more, and all cost ten times as much.
        """
        known = self._affinities.get(category)
        return self._affinity_read(category) if known is None else known

    def _affinity_read(self, category: str) -> tuple[float, float, int]:
        read = _NOTHING
        if "interests" in self.__dict__ or len(self._affinities) >= FEW_AFFINITIES:
            if interest := self.interest_by_category.get(category):
                read = interest.score, interest.now, interest.evidence
        elif self.state is not None:
            topic = "c:" + category
            found = topic_score(self.state, self.weights, now=self.now, topic=topic)
            read = found if found and found[0] > 0.0 else _NOTHING
        self._affinities[category] = read
        return read

    @cached_property
    def _affinities(self) -> dict[str, tuple[float, float, int]]:
        return {}

    @cached_property
    def rank_by_category(self) -> dict[str, int]:
        """The place of each category, the strongest 1."""
        return {interest.category: rank for rank, interest in enumerate(self.interests, start=1)}

    @cached_property
    def now_total(self) -> float:
        """The short scores of all categories together."""
        return sum(interest.now for interest in self.interests)

    def vector_value(self, name: str) -> Any:
        """One value of the behavioral vector, found out once; None without a profile."""
        if self.state is None:
            return None
        values = self._vector_values
        if name not in values:
            site = baseline_usable(self.baseline)
            values[name] = vector_value(name, self.state, self.weights, now=self.now, site=site)
        return values[name]

    @cached_property
    def _vector_values(self) -> dict[str, Any]:
        return {}

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
    def minutes_in_visit(self) -> float | None:
        """Since the latest visit began; 0 when its last event is more than 30 minutes ago."""
        state = self.state
        if state is None:
            return None
        now_ms = self.now * 1000.0
        if state.last is None or not state.starts or now_ms - state.last > VISIT_GAP_MS:
            return 0.0
        return max(now_ms - state.starts[-1], 0.0) / 60_000.0

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
            state = self.state
            values[feature.key] = feature_read(
                state.features.get(feature.key) if state is not None else None,
                feature,
                self.now,
                visit=self.visit,
                starts=state.starts if state is not None else (),
            )
        return values[feature.key]
