"""What a count is asked with: the moment, the site, who consents; and contexts for memory."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from consent import selectors as consent_selectors
from personalization.decide import PURPOSE
from personalization.reach.leaves import Asking
from personalization.reach.projecting import basis_of
from personalization.rules.context import Context
from personalization.rules.nodes import Node, rule_features
from personalization.segments.kept import memberships_read
from personalization.segments.membership import Memberships
from profiles import selectors as profile_selectors
from profiles.baseline import Baseline
from profiles.state import State
from profiles.vector import Weights


@dataclass(frozen=True)
class Site:
    """Everything about the site at one moment that rules are asked with."""

    now: datetime
    weights: Weights
    baseline: Baseline | None
    purposes: tuple[str, ...]
    definitions: Mapping[int, frozenset[str]]

    @property
    def basis(self) -> int:
        return basis_of(self.weights)

    def asking(self, rule: Node) -> Asking:
        """What the SQL of a rule is made with."""
        keys = [feature.key for feature in rule_features(rule)]
        kept = self.definitions.items()
        return Asking(
            now=self.now.timestamp(),
            baseline=self.baseline,
            purposes=self.purposes,
            keeping={key: tuple(v for v, keys in kept if key in keys) for key in keys},
            lacking={key: tuple(v for v, keys in kept if key not in keys) for key in keys},
        )

    def context(
        self,
        state: State,
        consent: Mapping[str, str],
        memberships: Memberships | None = None,
    ) -> Context:
        """What the memory reader is asked with, of a visitor who is on no page."""
        return Context(
            now=self.now.timestamp(),
            state=state,
            weights=self.weights,
            baseline=self.baseline,
            consent=consent,
            kept=self.definitions.get(state.definition, frozenset()),
            memberships=memberships,
        )

    def consent_words(self, granted: Iterable[str], *, decided: bool) -> dict[str, str]:
        """Each active purpose's state as conditions name it."""
        undecided = "refused" if decided else "not_asked"
        allowed = set(granted)
        return {key: "granted" if key in allowed else undecided for key in self.purposes}


def site_now(now: datetime) -> Site:
    return Site(
        now,
        profile_selectors.weights_current(),
        profile_selectors.baseline_latest(),
        tuple(purpose.key for purpose in consent_selectors.purposes_active()),
        profile_selectors.definitions_keeping(),
    )


#: (visitor, purposes granted, whether every purpose was decided on), as consent's SQL gives them.
Allowing = tuple[UUID, list[str], bool]


def contexts_of(site: Site, allowing: Iterable[Allowing]) -> Iterator[tuple[UUID, Context]]:
    """The contexts of visitors who allow personalization, as far as they have a profile."""
    rows = list(allowing)
    for start in range(0, len(rows), 500):
        chunk = rows[start : start + 500]
        visitor_ids = [row[0] for row in chunk]
        states = profile_selectors.states_get(visitor_ids)
        memberships = memberships_read(visitor_ids)
        for visitor_id, granted, decided in chunk:
            if visitor_id in states:
                words = site.consent_words(granted, decided=decided)
                kept = memberships.get(visitor_id, {})
                yield visitor_id, site.context(states[visitor_id], words, kept)


def consenting(site: Site) -> tuple[str, tuple[Any, ...]]:
    """SQL for who allows personalization now."""
    return consent_selectors.granted_select(PURPOSE, now=site.now)
