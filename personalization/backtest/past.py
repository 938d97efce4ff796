"""What is known of a past moment beside the visitor's events, and what is not.

A stored page view has its address without the query, its item, category, device, referring site,
medium and UTM parameters. Everything else that a rule can ask of a request was not stored: there
the answer is unknown. So is the opt-out signal, and a purpose that was not granted then: whether it
was refused or not asked is not in the event. Weights and the site's baseline are those of today.

What never gets in: clocks, settings, storage.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from personalization.backtest.history import History
from personalization.rules.conditions.segments import KIND as SEGMENT
from personalization.rules.context import PageRequest
from personalization.rules.nodes import Group, Leaf, Node, rule_conditions, rule_features
from profiles.baseline import Baseline
from profiles.definition import Definition
from profiles.features.definition import Feature
from profiles.features.fold import Compiled, feature_compile
from profiles.vector import Weight
from tracking.pipeline.blocks import Asked

#: Texts of an event that its kind tells.
KIND_FIELDS = ("category", "content_type")
UTM = tuple(f"utm_{part}" for part in ("source", "medium", "campaign", "term", "content"))
#: The facts of a page view (tracking.columns.FACTS) that each kind of condition reads.
READS: Mapping[str, tuple[str, ...]] = {
    "path": ("path",),
    "device": ("device",),
    "medium": ("medium",),
    "referrer": ("referrer_host",),
    "utm": UTM,
    "query": UTM,
    # Nothing more than what every event has.
    "page_category": (),
    "page_interest": (),
    "page_item": ("item",),
    "bot": (),
}


@dataclass(frozen=True)
class World:
    """What all moments share. `features` are those that the replayed rules read; `purposes` are the
    active ones."""

    weights: Mapping[str, Weight]
    baseline: Baseline | None
    definition: Definition
    purposes: tuple[str, ...]
    max_topics: int
    features: tuple[Feature, ...] = ()

    @property
    def half_lives(self) -> Mapping[str, tuple[float, float]]:
        return self.definition.half_lives

    @cached_property
    def compiled(self) -> Compiled:
        return feature_compile(self.features)

    @cached_property
    def asked(self) -> Asked | None:
        """The fields by which features choose events, beside what every event has."""
        fields: dict[str, None] = {}
        types: dict[str, None] = {}
        for feature in self.features:
            mine = [each.field for each in feature.where if each.field not in KIND_FIELDS]
            fields |= dict.fromkeys(mine)
            types |= dict.fromkeys([feature.type] if mine else [])
        return Asked(tuple(types), tuple(fields)) if fields else None

    @cached_property
    def kept(self) -> frozenset[str]:
        return frozenset(feature.key for feature in self.features)

    def consent_of(self, basis: str) -> dict[str, str]:
        """What was granted; the others' state is not known (None)."""
        granted = basis.split(",")
        known: dict[str, Any] = {
            name: "granted" if name in granted else None for name in self.purposes
        }
        return known


def world_for(world: World, rules: Iterable[Node]) -> World:
    """The same with the features of these rules."""
    features = {feature.key: feature for rule in rules for feature in rule_features(rule)}
    return replace(world, features=tuple(features.values()))


def rule_in_past(node: Node) -> Node:
    """The rule with every condition unknown that asks what events do not store."""
    if isinstance(node, Group):
        return replace(node, members=tuple(map(rule_in_past, node.members)))
    return node if _is_stored(node) else replace(node, is_open=True)


def _is_stored(leaf: Leaf) -> bool:
    kind = leaf.condition.kind
    if kind in ("gpc", SEGMENT):
        return False  # of a segment that is still there, it is asked when somebody came or left
    if kind == "query":
        return leaf.params["name"] in UTM
    return not leaf.condition.of_page or kind in READS


def conditions_untold(node: Node) -> list[Leaf]:
    """The conditions whose answers the past cannot tell."""
    return [leaf for leaf in rule_conditions(node) if not _is_stored(leaf)]


def facts_of(rules: Iterable[Node]) -> tuple[str, ...]:
    """The facts of page views that these rules read, each once."""
    found: dict[str, None] = {}
    for rule in rules:
        for leaf in rule_conditions(rule):
            found |= dict.fromkeys(READS.get(leaf.condition.kind, ()))
    return tuple(found)


def request_of(history: History, *, fact: int, kind: int) -> PageRequest:
    """The request of a page view, as far as it was stored; places in a history's lists."""
    texts = dict(zip(history.fact_names, history.facts[fact], strict=False))
    return PageRequest(
        path=texts.get("path", ""),
        page_category=history.kinds[kind].category,
        page_item=texts.get("item", ""),
        device=texts.get("device", ""),
        medium=texts.get("medium", ""),
        referrer_host=texts.get("referrer_host", ""),
        query={name: texts[name] for name in UTM if texts.get(name)},
        bot="no",
    )
