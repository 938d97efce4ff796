"""Who uses a segment, and campaigns with the rules of the segments they use."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.db.models import QuerySet

from personalization.campaigns.versions import campaigns_in_force
from personalization.models import Campaign, Segment
from personalization.rules.inlining import (
    SegmentRule,
    Segments,
    rule_inline,
    segments_dated,
    segments_used,
)
from personalization.rules.tree import RuleError
from personalization.segments.resolving import segments_in_use

Payload = dict[str, Any]


def campaigns_resolved() -> Iterator[tuple[Campaign, Payload]]:
    """Every published campaign with its version, with the segments' rules of now put into its rule.

    A rule that cannot be resolved is {}, which nothing can be decided by.
    """
    segments = segments_in_use()
    for campaign, said in campaigns_in_force():
        try:
            yield campaign, {**said, "rule": rule_inline(said["rule"], segments)}
        except RuleError:
            yield campaign, {**said, "rule": {}}


def segments_counted() -> frozenset[str]:
    """The keys of segments of which it is kept who came in and left when."""
    rows = Segment.objects.filter(status=Segment.Status.ACTIVE).exclude(counted_rule="")
    return frozenset(rows.values_list("key", flat=True))


def is_counted(rule: Any, counted: frozenset[str]) -> bool:
    """Whether it is kept when visitors came into the segments of which a rule asks that."""
    return counted.issuperset(segments_dated(rule))


def segments_using(key: str) -> list[Segment]:
    """The other segments, also archived ones, whose own rule refers to one."""
    rows = Segment.objects.exclude(key=key).order_by("name")
    return [row for row in rows if key in segments_used(row.rule)]


def campaigns_using(key: str, *, with_drafts: bool = False) -> list[Campaign]:
    """The campaigns whose published version, also a paused one's, refers to a segment itself.

    With drafts also those whose draft does, if they are not archived.
    """
    return [row for row in _campaigns_kept() if key in _named(row, with_drafts)]


def users_by_segment() -> dict[str, list[str]]:
    """Who refers to each segment itself, drafts and archived segments included: names by key."""
    found: dict[str, list[str]] = {}
    for campaign in _campaigns_kept():
        for key in _named(campaign, True):
            found.setdefault(key, []).append(str(campaign))
    for segment in Segment.objects.order_by("name"):
        for key in segments_used(segment.rule):
            found.setdefault(key, []).append(str(segment))
    return found


def _campaigns_kept() -> QuerySet[Campaign]:
    rows = Campaign.objects.exclude(status=Campaign.Status.ARCHIVED)
    return rows.select_related("published", "submitted").order_by("name")


def _named(campaign: Campaign, with_drafts: bool) -> set[str]:
    versions = [campaign.published, campaign.submitted]
    rules = [version.payload["rule"] for version in versions if version is not None]
    if with_drafts:
        rules.append(campaign.rule)
    return {key for rule in rules for key in segments_used(rule)}


def users_say(key: str) -> str:
    """Who refers to a segment, in words: why it cannot go. "" for nobody."""
    said = [f"the campaign “{row}”" for row in campaigns_using(key)]
    said += [
        f"the segment “{row}”" for row in segments_using(key) if row.status == Segment.Status.ACTIVE
    ]
    return " and ".join([", ".join(said[:-1]), said[-1]] if len(said) > 1 else said)


def campaigns_changed(key: str) -> list[Campaign]:
    """The published campaigns that a segment's rule decides about, also through other segments."""
    segments = segments_in_use()
    return [
        campaign
        for campaign, said in campaigns_in_force()
        if key in segments_reached(said["rule"], segments)
    ]


def segments_reached(rule: Any, segments: Segments) -> set[str]:
    """The keys of the segments a rule uses, also through others."""
    reached: set[str] = set()
    waiting = segments_used(rule)
    while waiting:
        key = waiting.pop()
        if key not in reached:
            reached.add(key)
            waiting += segments_used(segments[key].rule) if key in segments else []
    return reached


def breaks(key: str, changed: SegmentRule) -> list[str]:
    """What could be used no longer if a segment said this, and why, in words."""
    before = segments_in_use()
    after: Mapping[str, SegmentRule] = {**before, key: changed}
    asked = [
        (f"the segment “{each.name}”", each.rule) for name, each in before.items() if name != key
    ]
    asked += [(f"the campaign “{row}”", said["rule"]) for row, said in campaigns_in_force()]
    return [
        f"{who} could be used no longer: {error}"
        for who, rule in asked
        if key in segments_reached(rule, before)
        and not _error(rule, before)
        and (error := _error(rule, after))
    ]


def _error(rule: Any, segments: Segments) -> str:
    try:
        rule_inline(rule, segments)
    except RuleError as error:
        return error.message
    return ""
