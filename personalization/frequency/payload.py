"""What campaigns have in common of their limits, as a published version holds it."""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from personalization.frequency.limits import ENDED
from personalization.frequency.models import ExclusionGroup, PressureBudget, Unit, window_values


def limits_shown(entry: Mapping[str, Any], groups: AbstractSet[int]) -> dict[str, Any]:
    """A campaign of a payload, without its exclusion group if that is none of `groups` any more."""
    shown = dict(entry)
    own = shown.pop("frequency", {})
    kept = {name: v for name, v in own.items() if name != "group" or v in groups}
    return {**shown, **({"frequency": kept} if kept else {})}


def shared_limits(slots: Iterable[Mapping[str, Any]], before: Mapping[str, Any]) -> dict[str, Any]:
    """What campaigns have in common: `exclusion_groups` by id, and the `pressure_budget`.

    `slots` are the payload's, `before` is the payload they follow: a group goes on naming campaigns
    that are not published any more, for who saw one of them yesterday, saw it.
    """
    group_of = {
        campaign["id"]: campaign.get("frequency", {}).get("group")
        for slot in slots
        for campaign in slot["campaigns"]
    }
    shared: dict[str, Any] = {}
    groups = {}
    for group in ExclusionGroup.objects.order_by("pk"):
        key = str(group.pk)
        members = {one for one, number in group_of.items() if number == group.pk}
        listed = before.get("exclusion_groups", {}).get(key, {}).get("campaigns", ())
        ended = sorted(set(listed) - group_of.keys())[-ENDED:]
        if members or ended:
            window = window_values(group.window_unit, group.window_length)
            groups[key] = {"name": group.name, **window, "campaigns": sorted([*members, *ended])}
    if groups:
        shared["exclusion_groups"] = groups
    budget = PressureBudget.objects.exclude(count=None).first()
    if budget is not None:
        shared["pressure_budget"] = {"count": budget.count, **window_values(Unit.DAYS, budget.days)}
    return shared
