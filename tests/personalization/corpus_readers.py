"""Who can be asked the cases of the corpus.

A reader can be asked a case whose facts can be laid down where it reads them: for SQL a stored
profile with its consent, for a replay past events and the page view of that moment. Whether they
can is no list that somebody keeps: it is where the case's every condition says the same in memory
of the facts as told and of what would be left of them. (That memory itself is right, the answers of
the cases say.)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from personalization.backtest.past import UTM, World, request_of, rule_in_past, world_for
from personalization.backtest.standing import view_asked
from personalization.reach.counting import rule_without_request
from personalization.rules.browser import BROWSER_KINDS
from personalization.rules.context import Context, PageRequest
from personalization.rules.learned import NOTHING_LEARNED
from personalization.rules.nodes import Node, rule_conditions, rule_features
from personalization.rules.signals import NO_SIGNALS
from personalization.rules.tree import rule_parse
from profiles.definition import Definition
from profiles.features.definition import Feature
from tests.personalization.backtest_histories import Past, Row, past_of
from tests.personalization.corpus import (
    UNTOLD,
    WEIGHTS,
    Case,
    baseline_of,
    context_of,
    events_of,
    state_of,
)
from tracking.pipeline.details import Detail

PURPOSES = ("measurement", "personalization")
FACTS = ("path", "device", "medium", "referrer_host", *UTM)


def readers_of(rule: Node, facts: Mapping[str, Any]) -> list[str]:
    """The readers that can be asked the case, in the order in which cases name them."""
    readers = ["memory"]
    if all(leaf.condition.kind in BROWSER_KINDS for leaf in rule_conditions(rule)):
        readers.append("browser")
    told = context_of(facts, rule)
    kept = {
        "sql": (rule_without_request(rule), context_stored(told, rule)),
        "replay": (rule_in_past(rule), context_past(facts, rule)),
    }
    for reader, (asked, context) in kept.items():
        pairs = zip(rule_conditions(rule), rule_conditions(asked), strict=True)
        if all(leaf.ask(told) is other.ask(context) for leaf, other in pairs):
            readers.append(reader)
    return readers


def granted_in(facts: Mapping[str, Any]) -> tuple[str, ...]:
    """What the visitor grants, who is in no count and no replay without personalization."""
    said = facts.get("consent", {})
    return tuple(key for key in PURPOSES if key == "personalization" or said.get(key) == "granted")


def context_stored(told: Context, rule: Node) -> Context:
    """What is left of the facts in a profile and its consent: nobody is without a profile there,
    and nobody is on a page."""
    granted = [key for key, state in told.consent.items() if state == "granted"]
    # Who granted both decided on both; of nobody it is stored here that something was refused.
    words = dict.fromkeys(PURPOSES, "not_asked")
    return replace(
        told,
        state=state_of([], rule_features(rule)) if told.state is None else told.state,
        request=PageRequest(**UNTOLD),
        consent={**words, **dict.fromkeys((*granted, "personalization"), "granted")},
        gpc=False,
        signals=NO_SIGNALS,
        learned=NOTHING_LEARNED,
        memberships=told.memberships or {},
    )


# --- As a past -----------------------------------------------------------------------------------


def world_of(rules: Sequence[Node], facts: Mapping[str, Any]) -> World:
    world = World(WEIGHTS, baseline_of(facts), Definition(1), PURPOSES, max_topics=64)
    return world_for(world, rules)


def past_made(cases: Sequence[Mapping[str, Any]]) -> Past:
    """A visitor for each case's facts, with a page view at its moment after all that happened."""
    rows: list[Row] = []
    details: dict[UUID, list[Detail]] = {}
    for visitor, facts in enumerate(cases):
        now = facts.get("now", 0.0)
        visitor_id = UUID(int=1 + visitor)
        view = view_of(facts)._replace(visitor=visitor)
        details[visitor_id] = []
        for event, starts_visit in events_of(facts.get("events", ()), now):
            shown = (event.path, event.device, event.medium, "", *("" for _ in UTM))
            rows.append(
                Row(
                    *(visitor, event.type, event.occurred_ms, event.category, event.content_type),
                    *(event.amount, event.part, starts_visit, event.visit or 0, shown),
                    item=event.item,
                    properties=event.properties,
                )
            )
            plain = {name: getattr(event, name) for name in Detail._fields if hasattr(event, name)}
            details[visitor_id].append(Detail(visitor_id, view.basis, **plain))
        rows.append(view)
        details[visitor_id].append(view_asked(visitor_id, view.basis))
    return Past(past_of(rows, FACTS).history, details)


def view_of(facts: Mapping[str, Any]) -> Row:
    """The page view of the case's moment, as far as page views are stored."""
    request: dict[str, Any] = {key: value or "" for key, value in facts.get("request", {}).items()}
    query = request.get("query") or {}
    shown = (*(request.get(name, "") for name in FACTS[:4]), *(query.get(name, "") for name in UTM))
    return Row(
        0,
        "page_view",
        round(facts.get("now", 0.0) * 1000.0),
        request.get("page_category", ""),
        facts=shown,
        item=request.get("page_item", ""),
        basis=",".join(granted_in(facts)),
    )


def context_past(facts: Mapping[str, Any], rule: Node) -> Context:
    """What is left of the facts in a past page view and the events before it."""
    history = past_of([view_of(facts)], FACTS).history
    world = world_of([rule], facts)
    request = request_of(history, fact=int(history.fact[0]), kind=int(history.kind[0]))
    now = facts.get("now", 0.0)
    return Context(
        now=float(history.nows[0]),
        state=state_of(events_of(facts.get("events", ()), now), world.features),
        weights=WEIGHTS,
        baseline=world.baseline,
        request=request,
        consent=world.consent_of(history.bases[0]),
        kept=world.kept,
    )


def features_in(cases: Sequence[Case]) -> list[Feature]:
    """What the rules of cases read, each once."""
    found = {f.key: f for case in cases for f in rule_features(rule_parse(case.rule))}
    return list(found.values())
