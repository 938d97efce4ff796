"""From rows to a plan: the published rules, the draft in them, today's weights and baseline."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings

from consent import selectors as consent_selectors
from personalization.backtest.competing import Placement
from personalization.backtest.history_backtest import Sources
from personalization.backtest.models import Backtest
from personalization.backtest.past import World, world_for
from personalization.backtest.plan import Plan, contest_of, rulesets_of
from personalization.backtest.slot_pages import MAX_SHAPES, SlotPages, slot_pages_of
from personalization.campaigns.versions import draft_payload, page_payload
from personalization.frequency.payload import limits_shown
from personalization.models import Campaign, ExclusionGroup, RuleSet
from personalization.segments.resolving import rule_resolve
from profiles import selectors as profile_selectors
from tracking import selectors as tracking_selectors
from tracking.pipeline.details import Detail

#: What limits remember of a campaign.
PLACEMENT_TYPES = ("exposure", "dismiss", "click")


class ShardSources(NamedTuple):
    through_seq: int
    sources: Sources


def draft_of(campaign: Campaign, *, now: datetime) -> dict[str, Any]:
    """The saved draft as a published version would have it, and its slot. Raises RuleError."""
    payload = draft_payload(campaign)
    payload["rule"] = rule_resolve(payload["rule"])
    groups = set(ExclusionGroup.objects.values_list("pk", flat=True))
    entry = limits_shown(page_payload(campaign.pk, payload), groups)
    entry |= {"content": payload["content"], "published": now.timestamp()}
    return {"slot": campaign.slot.key, "slot_name": campaign.slot.name, "entry": entry}


def slot_pages_now(slot: str, *, since: datetime) -> SlotPages:
    """The pages that have a slot, from what was shown in it since then."""
    # Addresses of one template are many: enough of them to see every template there is.
    return slot_pages_of(tracking_selectors.slot_paths(slot, since=since, limit=50 * MAX_SHAPES))


def plan_of(run: Backtest) -> Plan:
    """The plan of a run, the same for every shard and every time."""
    payload = RuleSet.objects.get(version=run.ruleset_version).payload
    draft = run.draft
    live, drafted = rulesets_of(
        run.ruleset_version,
        payload,
        slot=draft["slot"],
        slot_name=draft["slot_name"],
        entry=draft["entry"],
    )
    before, after = (contest_of(ruleset, draft["slot"]) for ruleset in (live, drafted))
    until = run.started_at
    return plan_make(
        draft=draft["entry"]["id"],
        contests=(before, after),
        pages=SlotPages(frozenset(run.pages or ())),
        since=until - timedelta(days=run.days),
        until=until,
    )


def plan_make(
    *, draft: int, contests: Any, pages: SlotPages, since: datetime, until: datetime
) -> Plan:
    before, after = contests
    rules = [one.rule for one in (*before.campaigns, *after.campaigns)]
    return Plan(
        draft=draft,
        before=before,
        after=after,
        world=world_for(world_now(), rules),
        pages=pages,
        since=since.timestamp(),
        until=until.timestamp(),
    )


def world_now() -> World:
    return World(
        weights=profile_selectors.weights_current(),
        baseline=profile_selectors.baseline_latest(),
        definition=profile_selectors.definition_latest(),
        purposes=tuple(purpose.key for purpose in consent_selectors.purposes_active()),
        max_topics=settings.PROFILE_MAX_TOPICS,
    )


def sources_of(plan: Plan, *, shard: int) -> ShardSources:
    """Where a shard's visitors' events come from, up to what is stored now."""
    through_seq = tracking_selectors.shard_seq(shard)
    types = list(plan.world.compiled.by_type)

    def details_of(visitor_id: UUID) -> list[Detail]:
        found = tracking_selectors.visitor_details(visitor_id, through_seq=through_seq, types=types)
        return list(found)

    def placements_of(visitor_ids: Sequence[UUID]) -> dict[UUID, list[Placement]]:
        placed: dict[UUID, list[Placement]] = {}
        for one in tracking_selectors.placements_list(
            visitor_ids, types=PLACEMENT_TYPES, through_seq=through_seq
        ):
            said = Placement(one.type, one.campaign, one.slot, one.occurred_ms)
            placed.setdefault(one.visitor_id, []).append(said)
        return placed

    return ShardSources(through_seq, Sources(details_of, placements_of))
