"""The hand-written corpus: a rule, what is known, what every reader has to answer, and why.

A case is `{"why", "rule", "facts", "answer", "readers"}` in tests/personalization/corpus/, the rule
with every field given. `answer` is true, false or null (unknown). `facts` are those of the
browser's reader (static/src/rules/measures.js):

    {"now", "request", "signals", "profile", "consent", "gpc"}

and, for readers with a profile, `events`, `baseline`, `segments` (when the visitor came into each,
and left) and `learned`: without `events` nothing may be known of the visitor. An event is a
FeatureEvent that happened `days_ago`, and may start a visit. What is not among the facts is
unknown. Which readers can be told the facts of a case: tests.personalization.corpus_readers.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from personalization.rules.context import Context, PageRequest
from personalization.rules.learned import Learned, Membership
from personalization.rules.signals import Signals
from personalization.rules.tree import Node, rule_features
from personalization.segments.membership import Membership as Joined
from profiles.baseline import Baseline
from profiles.features.definition import Feature
from profiles.features.events import FeatureEvent
from profiles.features.fold import feature_compile, features_add
from profiles.state import DAY, Increment, State, state_add
from profiles.vector import Weight
from tracking.taxonomy import STANDARD_TYPES

FOLDER = Path(__file__).parent / "corpus"
#: Those of a new site, so that one that stores the facts of a case counts them alike.
WEIGHTS = {each.name: Weight(each.weight, each.kind == "negative") for each in STANDARD_TYPES}
#: Every fact of a request, said by nobody.
UNTOLD: dict[str, Any] = dict.fromkeys(PageRequest.__dataclass_fields__)


@dataclass(frozen=True)
class Case:
    """One case; `name` is its file and what it shows."""

    name: str
    rule: dict[str, Any]
    facts: dict[str, Any]
    answer: bool | None
    readers: list[str]


def corpus_read(reader: str = "memory") -> list[Case]:
    """Every case that a reader has to agree with: memory, browser, sql or replay."""
    cases = []
    for path in sorted(FOLDER.glob("*.json")):
        for row in json.loads(path.read_text(encoding="utf-8")):
            name = f"{path.stem}: {row['why']}"
            if reader in row["readers"]:
                cases.append(Case(name, row["rule"], row["facts"], row["answer"], row["readers"]))
    return cases


def context_of(facts: Mapping[str, Any], rule: Node) -> Context:
    """The facts as a context whose profile keeps what the rule asks."""
    events, now = facts.get("events"), facts.get("now", 0.0)
    features = rule_features(rule)
    told = facts.get("signals", {})
    return Context(
        now,
        state=None if events is None else state_of(events_of(events, now), features),
        weights=WEIGHTS,
        baseline=baseline_of(facts),
        request=PageRequest(**{**UNTOLD, **facts.get("request", {})}),
        consent=facts.get("consent", {}),
        gpc=facts.get("gpc", False),
        kept=frozenset(feature.key for feature in features),
        signals=Signals(**told, given=facts.get("profile", {})),
        learned=_learned(facts.get("learned", {})),
        memberships=memberships_of(facts),
    )


def baseline_of(facts: Mapping[str, Any]) -> Baseline | None:
    told = facts.get("baseline")
    return None if told is None else Baseline(**told)


def memberships_of(facts: Mapping[str, Any]) -> dict[str, Joined] | None:
    """By segment; told in seconds since 1970."""
    told = facts.get("segments")
    return None if told is None else {key: Joined(**each) for key, each in told.items()}


Started = tuple[FeatureEvent, bool]


def events_of(rows: Sequence[Mapping[str, Any]], now: float) -> list[Started]:
    """The events of a case, each with whether it starts a visit."""
    return [
        (
            FeatureEvent(occurred_ms=int((now - row["days_ago"] * DAY) * 1000), **_fields(row)),
            row.get("starts_visit", False),
        )
        for row in rows
    ]


def _fields(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: row[key] for key in row.keys() - {"days_ago", "starts_visit"}}


def state_of(events: Sequence[Started], features: Sequence[Feature]) -> State:
    """The profile of these events that keeps these features."""
    state, compiled = State(definition=1), feature_compile(features)
    for event, starts_visit in events:
        state_add(state, _increment(event, starts_visit), max_topics=64)
        features_add(state.features, compiled, event)
    return state


def _increment(event: FeatureEvent, starts_visit: bool) -> Increment:
    return Increment(
        event.type,
        event.category,
        event.content_type,
        event.amount,
        event.occurred_ms,
        event.part == 0,
        starts_visit,
        event.visit or 0,
    )


def _learned(told: Mapping[str, Any]) -> Learned:
    clusters = {name: Membership(**each) for name, each in told.get("clusters", {}).items()}
    return Learned(clusters, told.get("predictions", {}), told.get("experiments", {}))
