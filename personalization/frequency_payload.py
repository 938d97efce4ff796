"""Limits as a published version holds them; only what is set, so that none leave no trace."""

from collections.abc import Iterable, Mapping
from typing import Any

from personalization.frequency import ENDED
from personalization.frequency_models import ExclusionGroup, Limited, PressureBudget, Unit


def campaign_frequency(campaign: Limited) -> dict[str, Any]:
    """A campaign's own limits; {} for none."""
    cap = campaign.cap_count and {
        "count": campaign.cap_count,
        **_window(campaign.cap_unit, campaign.cap_length),
    }
    after_event = campaign.pause_event and campaign.pause_event_days
    values = {
        "cap": cap,
        "after_dismissal": campaign.pause_dismissed_days,
        "after_click": campaign.pause_clicked_days,
        "after_event": [campaign.pause_event, campaign.pause_event_days] if after_event else None,
        "group": campaign.exclusion_group_id,
        "exempt": campaign.budget_exempt,
    }
    return {name: value for name, value in values.items() if value}


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
            window = _window(group.window_unit, group.window_length)
            groups[key] = {"name": group.name, **window, "campaigns": sorted([*members, *ended])}
    if groups:
        shared["exclusion_groups"] = groups
    budget = PressureBudget.objects.exclude(count=None).first()
    if budget is not None:
        shared["pressure_budget"] = {"count": budget.count, **_window(Unit.DAYS, budget.days)}
    return shared


def _window(unit: str, length: int) -> dict[str, Any]:
    return {"unit": str(unit), "length": 1 if unit in (Unit.VISIT, Unit.EVER) else length}
