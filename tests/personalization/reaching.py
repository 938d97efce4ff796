"""Visitors with profiles in PostgreSQL, and rules that ask for what they did."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from hypothesis import strategies as st

from consent.models import EffectiveConsent
from personalization.reach import store as reach_store
from personalization.reach.asking import Site
from personalization.reach.compiling import READERS
from personalization.reach.counting import Reach, rule_without_request
from personalization.reach.projected import profile_project
from personalization.rules.conditions import CONDITIONS, Condition, Field
from personalization.rules.context import Context
from personalization.rules.nodes import Node
from profiles import selectors as profile_selectors
from profiles import store as profile_store
from profiles.baseline import Baseline
from profiles.features.checks import feature_document
from profiles.features.definition import Feature
from profiles.features.events import FeatureEvent
from profiles.features.fold import feature_compile, features_add
from profiles.models import Definition, Profile
from profiles.state import DAY, Increment, State, state_add
from profiles.vector import Weight
from tests.personalization.trees import is_valid, ordered, trees_of, values

WEIGHTS = {
    "page_view": Weight(1.0),
    "click": Weight(3.0),
    "dwell": Weight(0.05),
    "scroll": Weight(1.0),
    "dismiss": Weight(3.0, negative=True),
}
TYPES = ("page_view", "page_view", "click", "dwell", "scroll", "dismiss", "purchase")
CATEGORIES = ("", "garden", "garden", "music", "bikes")
CONTENT = ("", "article", "video")
BASELINE = Baseline(
    200,
    {
        "engagement": [0.0, 0.0, 1.0, 2.5, 9.0, 40.0],
        "visits_per_week": [0.0, 0.25, 0.25, 0.5, 1.0, 3.0],
        "scroll_velocity": [0.0, 0.5, 3.0, 60.0],
    },
    {"dwell_time": 30.0, "clicks": 1.0, "visits": 0.2},
    {"garden": 0.4, "music": 0.2},
)
_versions = itertools.count(1)

# --- Histories -----------------------------------------------------------------------------------

#: Some at the same moment, some at the edge of a day, some years ago, a few ahead of the clock.
AGES = st.one_of(
    st.integers(0, 40 * 86_400_000),
    st.sampled_from([0, 1, 60_000, 86_400_000, 7 * 86_400_000, 14 * 86_400_000]),
    st.integers(0, 8).map(lambda days: days * 86_400_000),
    st.sampled_from([-5_000, 900 * 86_400_000, 3_000 * 86_400_000]),
)
EVENTS = st.tuples(
    st.sampled_from(TYPES),
    st.sampled_from(CATEGORIES),
    st.sampled_from(CONTENT),
    st.sampled_from([1.0, 1.0, 2.5, 30.0]),
    AGES,
    st.booleans(),
)
HISTORIES = st.lists(st.lists(EVENTS, max_size=12), min_size=1, max_size=5)
#: Signals with half-lives of their own.
HALF_LIVES = st.sampled_from([{}, {}, {}, {"click": (2.0 * DAY, 90.0 * DAY)}])


def state_made(
    history: Sequence[Any],
    *,
    now_ms: int,
    features: Sequence[Feature] = (),
    definition: int = 0,
    half_lives: dict[str, tuple[float, float]] | None = None,
) -> State:
    state = State(definition=definition, half_lives=dict(half_lives or {}))
    compiled = feature_compile(features)
    for number, (signal, category, content_type, amount, age, starts) in enumerate(history):
        at = float(now_ms - age)
        visit = number // 3
        event = Increment(signal, category, content_type, amount, at, True, starts, visit)
        state_add(state, event, max_topics=100)
        features_add(
            state.features,
            compiled,
            FeatureEvent(
                type=signal,
                occurred_ms=at,
                category=category,
                content_type=content_type,
                value=amount,
                amount=amount,
                medium="email",
                visit=visit,
            ),
        )
    return state


def visitors_put(
    states: Sequence[State], consent: EffectiveConsent, *, basis: int
) -> dict[UUID, State]:
    """Visitors with these profiles, who agreed to what this one did, projected."""
    Profile.objects.all().delete()
    made = {uuid4(): state for state in states}
    names = [field.attname for field in EffectiveConsent._meta.concrete_fields]
    same = {name: getattr(consent, name) for name in names if name != "visitor_id"}
    EffectiveConsent.objects.bulk_create(
        EffectiveConsent(visitor_id=visitor_id, **same) for visitor_id in made
    )
    profile_store.states_write(made, shard=0)
    rows = {
        visitor_id: profile_project(state, WEIGHTS, profile_selectors.features_of(state.definition))
        for visitor_id, state in made.items()
    }
    reach_store.rows_write(rows, basis=basis, allowed=dict.fromkeys(rows, consent.expires_at))
    return made


def definition_make(
    features: Sequence[Feature], half_lives: dict[str, tuple[float, float]] | None = None
) -> int:
    """A version of what profiles hold; returns its number."""
    version = next(_versions) * 1000
    Definition.objects.create(
        version=version,
        half_lives=half_lives or {},
        features=[feature_document(feature) for feature in features],
    )
    return version


def site_made(now_ms: int, *, baseline: Baseline | None = None) -> Site:
    return Site(
        datetime.fromtimestamp(now_ms / 1000, UTC),
        WEIGHTS,
        baseline,
        ("measurement", "personalization"),
        profile_selectors.definitions_keeping(),
    )


def reach_of(rule: Node, contexts: Iterable[Context]) -> Reach:
    """The reach by asking each: what a page view would tell stays unknown."""
    answers = [rule_without_request(rule).test(context) for context in contexts]
    return Reach(answers.count(True), answers.count(None), len(answers))


# --- Rules ---------------------------------------------------------------------------------------


def _day(ago: int) -> str:
    return f"{datetime.now(UTC) - timedelta(days=ago):%Y-%m-%d}"


WINDOWS = st.sampled_from(
    [
        {"kind": "rolling", "minutes": 14 * 1440},
        {"kind": "rolling", "minutes": 1440},
        {"kind": "lifetime"},
        {"kind": "visit"},
        {"kind": "calendar", "period": "week", "zone": "Europe/Copenhagen", "offset": -1},
        {"kind": "dates", "zone": "Europe/Copenhagen", "from": _day(10), "to": _day(1)},
        {"kind": "dates", "zone": "UTC", "from": "", "to": _day(7)},
        {"kind": "visits", "visits": 2},
        {"kind": "since", "type": "click", "category": "garden"},
    ]
)
DRAWN: dict[str, st.SearchStrategy[Any]] = {
    "category": st.sampled_from(["garden", "music", "bikes", "nobody's"]),
    "event_type": st.sampled_from(["page_view", "click", "purchase", "dismiss"]),
    "window": WINDOWS,
    "where": st.sampled_from([[], [], [{"field": "value", "operator": "gte", "values": [2]}]]),
    "event_field": st.sampled_from(["value", "category", "content_type"]),
    "purpose": st.sampled_from(["measurement", "personalization", "gone"]),
}
SMALL = st.sampled_from([0, 1, 2, 3, 5, 7, 14, 28, 30, 50, 100])


def drawn(field: Field, *, is_checked: bool) -> st.SearchStrategy[Any]:
    """A value of a field, near to what visitors did as often as not; always so where fields are
    checked together, which few values would pass."""
    if field.type == "category" and field.optional:
        return st.sampled_from(["", "garden", "music"])
    if field.type in DRAWN:
        return DRAWN[field.type]
    if field.type in ("number", "integer"):
        low, high = field.low or 0, field.high or 0
        small = SMALL.filter(lambda number: low <= number <= high)
        if is_checked and low <= 30 <= high:
            return small.filter(lambda number: number <= 30)
        return small | values(field) if high >= 1 and low <= 1 else values(field)
    return values(field)


@st.composite
def _leaf(draw: st.DrawFn, condition: Condition) -> dict[str, Any]:
    operator = draw(st.sampled_from(sorted(condition.operators))) if condition.operators else None
    leaf: dict[str, Any] = {"condition": condition.kind}
    for field in condition.fields_of(operator):
        leaf[field.name] = (
            operator
            if field.type == "operator"
            else draw(drawn(field, is_checked=condition.check is not None))
        )
    if "to_time" in leaf and leaf["time"] == leaf["to_time"]:
        leaf |= {"time": "22:00", "to_time": "06:00"}
    if isinstance(leaf.get("to"), str):
        leaf["to"] = "999"
    return ordered(leaf)


def leaves(condition: Condition) -> st.SearchStrategy[dict[str, Any]]:
    return _leaf(condition).filter(is_valid)


#: Mostly what SQL answers: what it leaves to memory compares memory with itself.
_ANSWERED = [leaves(condition) for condition in CONDITIONS if condition.kind in READERS]
_LEFT = [leaves(condition) for condition in CONDITIONS if condition.kind not in READERS]
LEAVES = st.one_of(*_ANSWERED, *_ANSWERED, *_ANSWERED, st.one_of(_LEFT))


def rules(levels: int = 3) -> st.SearchStrategy[dict[str, Any]]:
    return trees_of(LEAVES, levels)
