"""From a rule to a campaign on the pages: its features declared, backfilled, live.

Everything is derived: which campaigns are to be on pages, what is declared and what is live say
what is to do, so a process that dies anywhere leaves the rest to the next publication or the
schedule's sweep. The rule of a campaign is that of its published version. While that is getting
ready, pages go on with the whole of the earlier version they show, if its features are live.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from personalization.campaigns.feature_plan import Need, Plan, features_plan
from personalization.campaigns.versions import page_payload, problems_of
from personalization.models import Campaign, RuleSet, Slot, Variant
from personalization.rules.inlining import segments_dated
from personalization.rules.tree import RuleError, rule_features, rule_parse
from personalization.segments.declaring import needs_named, uncountable
from personalization.segments.resolving import rule_resolve
from personalization.segments.using import campaigns_resolved, is_counted, segments_counted
from profiles import selectors as profile_selectors
from profiles import services as profile_services
from profiles.features.definition import Feature
from profiles.selectors import Progress
from tracking import selectors as tracking_selectors

PREFIX = "campaign:"


class Wanted(NamedTuple):
    """A campaign that is to be on pages, with the rule it is to follow."""

    campaign: int
    name: str
    rule: Any


@dataclass(frozen=True)
class Waiting:
    """Why a campaign is not on pages by its published version yet.

    `problem` says what only people can change; without one, `progress` is how far the events are
    read, None until that begins. `has_earlier` is whether pages follow an earlier version.
    """

    campaign: int
    name: str
    problem: str
    progress: Progress | None
    has_earlier: bool


def campaigns_wanted() -> list[Wanted]:
    """The campaigns that are to be on pages: published, with a rule that can be used, in which
    segments stand by their rules of now."""
    wanted = [Wanted(row.pk, said["name"], said["rule"]) for row, said in campaigns_resolved()]
    return [each for each in wanted if features_of(each.rule) is not None]


def features_of(rule: Any) -> tuple[Feature, ...] | None:
    """What a rule with its segments put in asks of events; None for one that cannot be used."""
    try:
        return rule_features(rule_parse(rule, is_inlined=True))
    except RuleError:
        return None


class Shown(NamedTuple):
    """What pages show of a campaign: the slot's key and the payload's entry (page_payload)."""

    slot: str
    entry: dict[str, Any]


class Situation(NamedTuple):
    """Everything that readiness is derived from. `before`: what pages show, by campaign."""

    wanted: list[Wanted]
    before: Mapping[int, Shown]
    live: frozenset[str]
    needs: Mapping[str, Mapping[str, Feature]]
    counted: frozenset[str] = frozenset()


def situation_now() -> Situation:
    return Situation(
        campaigns_wanted(),
        shown_now(),
        profile_selectors.features_live(),
        profile_selectors.features_needs(),
        segments_counted(),
    )


def shown_now() -> dict[int, Shown]:
    """What pages show at present and still could, by campaign."""
    row = RuleSet.objects.only("payload").first()
    listed = row.payload["slots"] if row is not None else ()
    shown = {each["id"]: Shown(slot["key"], each) for slot in listed for each in slot["campaigns"]}
    slots = set(Slot.objects.values_list("key", flat=True))
    used = {entry["variant"] for _, entry in shown.values()}
    variants = set(Variant.objects.filter(pk__in=used).values_list("pk", flat=True))
    return {
        campaign: each
        for campaign, each in shown.items()
        if each.slot in slots and each.entry["variant"] in variants
    }


def _rule_before(situation: Situation, campaign: int) -> Any:
    shown = situation.before.get(campaign)
    return shown.entry["rule"] if shown else None


def _is_live(rule: Any, live: frozenset[str], counted: frozenset[str]) -> bool:
    """Whether everything a rule asks is kept: features, and who came into segments when."""
    features = features_of(rule)
    is_kept = features is not None and all(feature.key in live for feature in features)
    return is_kept and is_counted(rule, counted)


def rules_in_force(situation: Situation) -> dict[int, Any]:
    """The rule pages are to follow now, by campaign: the published one as soon as it is ready."""
    rules = {}
    for campaign, _, rule in situation.wanted:
        before = _rule_before(situation, campaign)
        if _is_live(rule, situation.live, situation.counted):
            rules[campaign] = rule
        elif before is not None and _is_live(before, situation.live, situation.counted):
            rules[campaign] = before
    return rules


def campaigns_on_pages() -> Iterator[Shown]:
    """What pages are to show now: of each campaign its published version as soon as it is ready.

    Until then the earlier one, whole.
    """
    situation = situation_now()
    rules = rules_in_force(situation)
    slots = dict(Slot.objects.values_list("pk", "key"))
    for campaign, said in campaigns_resolved():
        rule = rules.get(campaign.pk)
        if rule is None:
            continue  # getting ready, or a rule written past the form, which refuses it
        if rule == said["rule"]:
            yield Shown(slots[said["slot"]], page_payload(campaign.pk, said))
        else:
            yield situation.before[campaign.pk]


def plan_of(situation: Situation) -> Plan:
    """What is to be declared for the campaigns, as far as there is room."""
    in_force = rules_in_force(situation)
    others = {
        who: features.keys()
        for who, features in situation.needs.items()
        if not who.startswith(PREFIX)
    }
    return features_plan(
        [
            Need(
                campaign,
                name,
                features_of(rule) or (),
                features_of(in_force.get(campaign)) or (),
                is_declared=f"{PREFIX}{campaign}" in situation.needs,
            )
            for campaign, name, rule in situation.wanted
        ],
        others=needs_named(others),
        cumulative=tracking_selectors.cumulative_types(),
    )


def features_declare() -> None:
    """Declare what the campaigns need and let go of the rest; call it while publishing.

    Locks the folds only when something changes.
    """
    situation = situation_now()
    planned = {f"{PREFIX}{who}": dict(each) for who, each in plan_of(situation).declared.items()}
    gone: dict[str, dict[str, Feature]] = {
        who: {} for who in situation.needs if who.startswith(PREFIX) and who not in planned
    }
    changed = {
        who: features
        for who, features in {**planned, **gone}.items()
        if features.keys() != situation.needs.get(who, {}).keys()
    }
    if changed:
        names = {f"{PREFIX}{each.campaign}": each.name for each in situation.wanted}
        said = ", ".join(f"“{names[who]}”" for who in changed if who in names)
        profile_services.features_need(
            {who: features.values() for who, features in changed.items()},
            reason=f"Needed by {said}" if said else "No longer needed by campaigns",
        )


def campaigns_waiting() -> dict[int, Waiting]:
    """The campaigns that are to be on pages and are not yet, by id."""
    situation = situation_now()
    late = [
        each
        for each in situation.wanted
        if not _is_live(each.rule, situation.live, situation.counted)
    ]
    if not late:
        return {}
    problems = plan_of(situation).problems
    in_force = rules_in_force(situation)
    progress = profile_selectors.rebuild_progress()
    return {
        campaign: Waiting(
            campaign, name, problems.get(campaign, ""), progress, campaign in in_force
        )
        for campaign, name, _ in late
    }


def is_behind() -> bool:
    """Whether publishing again would change what is declared, or which rules pages follow."""
    situation = situation_now()
    declared = {
        f"{PREFIX}{who}": each.keys() for who, each in plan_of(situation).declared.items() if each
    }
    needed = {who: f.keys() for who, f in situation.needs.items() if who.startswith(PREFIX)}
    asking = {
        each.campaign
        for each in situation.wanted
        if features_of(each.rule) or segments_dated(each.rule)
    }
    in_force = rules_in_force(situation)
    return declared != needed or any(
        _rule_before(situation, campaign) != rule
        for campaign, rule in in_force.items()
        if campaign in asking
    )


def publish_problems(campaign: Campaign, payload: Mapping[str, Any]) -> list[str]:
    """Why a version cannot be published, each with what to do; nothing when it can."""
    problems = problems_of(payload)
    if not problems:
        room = rule_problem(payload["rule"], campaign=campaign.pk, name=payload["name"])
        asked = segments_dated(rule_resolve(payload["rule"]))  # also through other segments
        problems = [room] if room else uncountable(asked)
    return problems


def rule_problem(rule: Any, *, campaign: int | None, name: str) -> str | None:
    """Why a rule cannot become ready, asked before its campaign is switched on; None if it can.

    Raises RuleError for one that cannot be used.
    """
    situation = situation_now()
    new = campaign or 0
    wanted = [each for each in situation.wanted if each.campaign != new]
    rule = rule_resolve(rule)
    if not features_of(rule):
        return None
    plan = plan_of(situation._replace(wanted=[*wanted, Wanted(new, name, rule)]))
    return plan.problems.get(new)
