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
    needs: Iterable[Need], *, others: Collection[str], cumulative: Collection[str] = ()
) -> Plan:
    """Fit as many campaigns as there is room for; `others` are the keys that others declared.

    Without room for a new rule, what its earlier one needs is still kept.
    """
    used = set(others)
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
            problems[need.campaign] = _no_room(len(wanted.keys() - used), used, declared, names)
            wanted = earlier if len(used | earlier.keys()) <= MAX_FEATURES else {}
        declared[need.campaign] = wanted
        used |= wanted.keys()
    return Plan(declared, problems)


def _no_room(
    new: int,
    used: Collection[str],
    declared: Mapping[int, Mapping[str, Feature]],
    names: Mapping[int, str],
) -> str:
    most = sorted(declared, key=lambda campaign: (-len(declared[campaign]), campaign))
    using = [f"“{names[each]}” {len(declared[each])}" for each in most if declared[each]]
    by_others = set(used).difference(*declared.values())
    if by_others:
        using.append(f"others {len(by_others)}")
    return (
        f"Visitors' profiles have room for {MAX_FEATURES} things to count, and {len(used)} are in "
        f"use; this rule needs {new} more. In use by: {', '.join(using)}. Pause one of these, or "
        "ask for the same events within the same time."
    )
