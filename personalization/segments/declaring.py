"""What segments ask of events is declared as campaigns' rules do, so that they can be counted.

There is one room for campaigns and segments, and who is in keeps the place. A campaign that uses a
segment declares what that asks, too: so what is published at once goes in first as the campaigns'.
A segment without room is not counted.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from personalization import selectors
from personalization.campaigns.feature_plan import Need, features_plan
from personalization.models import Segment
from personalization.rules.inlining import rule_compile
from personalization.rules.nodes import Node
from personalization.rules.tree import RuleError, rule_features
from personalization.segments.resolving import segment_names, segments_in_use
from profiles import selectors as profile_selectors
from profiles import services as profile_services
from profiles.features.definition import Feature
from tracking import selectors as tracking_selectors

PREFIX = "segment:"
Needs = Mapping[str, Mapping[str, Feature]]


class Compiled(NamedTuple):
    """A segment in use with its rule, the segments in it put in."""

    segment: Segment
    rule: Node


def segments_compiled() -> list[Compiled]:
    """The segments that can be counted: in use, with a rule."""
    segments = segments_in_use()
    found = []
    for row in Segment.objects.filter(status=Segment.Status.ACTIVE).order_by("pk"):
        try:
            found.append(Compiled(row, rule_compile(row.rule, segments)))
        except RuleError:
            continue  # not finished
    return found


def features_declare() -> None:
    """Declare what the segments in use ask, and let go of the rest; call it while publishing."""
    needs = profile_selectors.features_needs()
    planned = {who: features for who, (features, _) in _plan(needs).items()}
    gone: dict[str, dict[str, Feature]] = {
        who: {} for who in needs if who.startswith(PREFIX) and who not in planned
    }
    changed = {
        who: features
        for who, features in {**planned, **gone}.items()
        if features.keys() != needs.get(who, {}).keys()
    }
    if changed:
        profile_services.features_need(
            {who: features.values() for who, features in changed.items()},
            reason=f"{'Needed' if any(changed.values()) else 'No longer needed'} by segments",
        )


def feature_problems() -> dict[int, str]:
    """Why segments cannot be counted, by id: no room for what they ask."""
    plan = _plan(profile_selectors.features_needs())
    rows = {f"{PREFIX}{key}": pk for pk, key in Segment.objects.values_list("pk", "key")}
    return {rows[who]: problem for who, (_, problem) in plan.items() if problem and who in rows}


def uncountable(keys: Collection[str]) -> list[str]:
    """Why it cannot be kept who comes into these segments, in words; nothing where it can."""
    if not keys:
        return []
    problems = feature_problems()
    rows = Segment.objects.filter(key__in=keys, pk__in=problems).order_by("name")
    return [f"The segment “{row}” cannot be counted: {problems[row.pk]}" for row in rows]


def needs_named(needs: Mapping[str, Collection[str]]) -> dict[str, Collection[str]]:
    """The keys of features by who needs them, as people call those."""
    segments = {f"{PREFIX}{key}": name for key, name in segment_names().items()}
    campaigns = {f"campaign:{number}": name for number, name in selectors.campaign_names()}
    named = {who: f"the segment “{name}”" for who, name in segments.items()}
    named |= {who: f"“{name}”" for who, name in campaigns.items()}
    found: dict[str, set[str]] = {}
    for who, keys in needs.items():
        found.setdefault(named.get(who, "others"), set()).update(keys)
    return dict(found)


def _plan(needs: Needs) -> dict[str, tuple[dict[str, Feature], str]]:
    """By who needs it: the features to declare, and why they cannot be."""
    compiled = segments_compiled()
    others = {who: each.keys() for who, each in needs.items() if not who.startswith(PREFIX)}
    plan = features_plan(
        [
            Need(
                each.segment.pk,
                each.segment.name,
                rule_features(each.rule),
                is_declared=f"{PREFIX}{each.segment.key}" in needs,
            )
            for each in compiled
        ],
        others=needs_named(others),
        cumulative=tracking_selectors.cumulative_types(),
    )
    return {
        f"{PREFIX}{each.segment.key}": (
            dict(plan.declared.get(each.segment.pk, {})),
            plan.problems.get(each.segment.pk, ""),
        )
        for each in compiled
    }
