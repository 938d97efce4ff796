"""Whose declared features fit: a plan over all campaigns, so that one too many stops no other.

What never gets in: storage, requests.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from profiles.features.checks import MAX_FEATURES, FeatureError, features_check
from profiles.features.definition import Feature


@dataclass(frozen=True)
class Need:
    """What a campaign's rule asks for, and what the earlier rule does that pages follow until then.

    A campaign that `is_declared` already keeps its place before those that come new.
    """

    campaign: int
    name: str
    features: tuple[Feature, ...]
    earlier: tuple[Feature, ...] = ()
    is_declared: bool = False


@dataclass(frozen=True)
class Plan:
    """What to declare by campaign, and why, by campaign, something cannot be."""

    declared: Mapping[int, Mapping[str, Feature]]
    problems: Mapping[int, str]


def features_plan(
    needs: Iterable[Need],
    *,
    others: Mapping[str, Collection[str]],
    cumulative: Collection[str] = (),
) -> Plan:
    """Fit as many campaigns as there is room for; `others` are the keys that others declared, by
    what these are called.

    Without room for a new rule, what its earlier one needs is still kept.
    """
    used = set().union(*others.values())
    declared: dict[int, dict[str, Feature]] = {}
    problems: dict[int, str] = {}
    names: dict[int, str] = {}
    for need in sorted(needs, key=lambda need: (not need.is_declared, need.campaign)):
        earlier = {feature.key: feature for feature in need.earlier}
        wanted = {feature.key: feature for feature in need.features} | earlier
        names[need.campaign] = need.name
        try:
            features_check(wanted.values(), cumulative=cumulative)
        except FeatureError as error:
            problems[need.campaign] = f"What it asks of events cannot be kept: {error.message}"
            wanted = earlier
        if len(used | wanted.keys()) > MAX_FEATURES:
            problems[need.campaign] = _no_room(
                len(wanted.keys() - used), used, _using(declared, names, others)
            )
            wanted = earlier if len(used | earlier.keys()) <= MAX_FEATURES else {}
        declared[need.campaign] = wanted
        used |= wanted.keys()
    return Plan(declared, problems)


def _using(
    declared: Mapping[int, Mapping[str, Feature]],
    names: Mapping[int, str],
    others: Mapping[str, Collection[str]],
) -> list[tuple[str, int]]:
    """Who needs how many, most first; of what several need, each."""
    using = [(f"“{names[each]}”", len(features)) for each, features in declared.items()]
    using += [(name, len(keys)) for name, keys in others.items()]
    return sorted((each for each in using if each[1]), key=lambda each: -each[1])


def _no_room(new: int, used: Collection[str], using: Iterable[tuple[str, int]]) -> str:
    said = ", ".join(f"{name} {count}" for name, count in using)
    return (
        f"Visitors' profiles have room for {MAX_FEATURES} things to count, and {len(used)} are in "
        f"use; this rule needs {new} more. In use by: {said}. Pause or archive one of these, or "
        "ask for the same events within the same time."
    )
