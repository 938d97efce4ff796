"""Limits as a published payload holds them, compiled; and what has to be counted for them. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from zlib import crc32

from personalization.frequency.capacity import DAY, Capacity
from personalization.frequency.limits import Budget, Cap, Frequency, Group, Window


@dataclass(frozen=True)
class Shared:
    """What several campaigns of a payload have in common."""

    groups: Mapping[int, Group]
    budget: Budget | None


def shared_of(payload: Mapping[str, Any]) -> Shared:
    """The groups and the budget of a payload (personalization.frequency.payload)."""
    groups = {
        int(number): Group(group["name"], _window(group), frozenset(group["campaigns"]))
        for number, group in payload.get("exclusion_groups", {}).items()
    }
    budget = payload.get("pressure_budget")
    if budget is None:
        return Shared(groups, None)
    exempt = frozenset(
        campaign["id"]
        for slot in payload["slots"]
        for campaign in slot["campaigns"]
        if campaign.get("frequency", {}).get("exempt")
    )
    return Shared(groups, Budget(budget["count"], _window(budget), exempt))


def frequency_of(campaign: Mapping[str, Any], shared: Shared) -> Frequency | None:
    """The limits of a published campaign; None without any."""
    own = campaign.get("frequency", {})
    frequency = Frequency(
        cap=Cap(own["cap"]["count"], _window(own["cap"])) if "cap" in own else None,
        after_dismissal=own.get("after_dismissal", 0),
        after_click=own.get("after_click", 0),
        after_event=tuple(own["after_event"]) if "after_event" in own else None,
        group=shared.groups.get(own.get("group", 0)),
        budget=None if own.get("exempt") else shared.budget,
        capacity=capacity_of(campaign),
    )
    return frequency if frequency != Frequency() else None


def capacity_of(campaign: Mapping[str, Any]) -> Capacity | None:
    """The capacity of a campaign as a version or a payload holds it; its days are its zone's."""
    own = campaign.get("frequency", {}).get("capacity")
    if own is None:
        return None
    zone = (campaign.get("zone") or "UTC") if own["per"] == DAY else ""
    return Capacity(own["count"], own["counted"], zone)


def _window(values: Mapping[str, Any]) -> Window:
    return Window(values["unit"], values["length"])


def concerned(limits: Mapping[int, Frequency], campaigns: Collection[int]) -> set[int]:
    """Those of these campaigns of which it matters to some limit that they were shown."""
    if any(frequency.budget for frequency in limits.values()):
        return set(campaigns)
    groups = {frequency.group for frequency in limits.values() if frequency.group}
    return set(campaigns) & set(limits).union(*(group.members for group in groups))


def basis_of(frequencies: Mapping[int, Frequency]) -> str:
    """A name for what these limits make count; another one when more or less has to be."""
    counted = [
        (number, frequency.counts, frequency.budget is not None, frequency.after_click > 0)
        for number, frequency in sorted(frequencies.items())
        if frequency.remembers
    ]
    return f"{crc32(repr(counted).encode()):08x}"
