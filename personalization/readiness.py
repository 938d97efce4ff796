"""From a rule to a campaign on the pages: its features declared, backfilled, live.

Everything is derived: which campaigns are to be on pages, what is declared and what is live say
what is to do, so a process that dies anywhere leaves the rest to the next publication or the
schedule's sweep. While a campaign's new rule is getting ready, pages follow its earlier one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from personalization.feature_plan import Need, Plan, features_plan
from personalization.models import Campaign, RuleSet
from personalization.rules.tree import RuleError, rule_features, rule_parse
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
    """Why a campaign is not on pages by its present rule yet.

    `problem` says what only people can change; without one, `progress` is how far the events are
    read, None until that begins. `has_earlier` is whether pages follow the rule it had before.
    """

    campaign: int
    name: str
    problem: str
    progress: Progress | None
    has_earlier: bool


def campaigns_wanted() -> list[Wanted]:
    """The campaigns that are to be on pages: switched on, with a rule that can be used."""
    rows = Campaign.objects.filter(status=Campaign.Status.LIVE).order_by("-priority", "id")
    wanted = [Wanted(*row) for row in rows.values_list("pk", "name", "rule")]
    return [each for each in wanted if features_of(each.rule) is not None]


def features_of(rule: Any) -> tuple[Feature, ...] | None:
    """What a stored rule asks of events; None for one that cannot be used."""
    try:
        return rule_features(rule_parse(rule))
    except RuleError:
        return None


class Situation(NamedTuple):
    """Everything that readiness is derived from."""

    wanted: list[Wanted]
    before: Mapping[int, Any]
    live: frozenset[str]
    needs: Mapping[str, Mapping[str, Feature]]


def situation_now() -> Situation:
    return Situation(
        campaigns_wanted(),
        _rules_published(),
        profile_selectors.features_live(),
        profile_selectors.features_needs(),
    )


def _rules_published() -> dict[int, Any]:
    """The rules of the published version, by campaign."""
    row = RuleSet.objects.only("payload").first()
    slots = row.payload["slots"] if row is not None else ()
    return {each["id"]: each["rule"] for slot in slots for each in slot["campaigns"]}


def is_ready(rule: Any) -> bool:
    """Whether profiles hold everything that a rule asks of events."""
    return _is_live(rule, profile_selectors.features_live())


def _is_live(rule: Any, live: frozenset[str]) -> bool:
    features = features_of(rule)
    return features is not None and all(feature.key in live for feature in features)


def rules_in_force(situation: Situation) -> dict[int, Any]:
    """The rule pages are to follow now, by campaign: the present one as soon as it is ready."""
    rules = {}
    for campaign, _, rule in situation.wanted:
        before = situation.before.get(campaign)
        if _is_live(rule, situation.live):
            rules[campaign] = rule
        elif before is not None and _is_live(before, situation.live):
            rules[campaign] = before
    return rules


def plan_of(situation: Situation) -> Plan:
    """What is to be declared for the campaigns, as far as there is room."""
    in_force = rules_in_force(situation)
    others = [features for who, features in situation.needs.items() if not who.startswith(PREFIX)]
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
        others=set().union(*others),
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
    late = [each for each in situation.wanted if not _is_live(each.rule, situation.live)]
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
    asking = {each.campaign for each in situation.wanted if features_of(each.rule)}
    in_force = rules_in_force(situation)
    return declared != needed or any(
        situation.before.get(campaign) != rule
        for campaign, rule in in_force.items()
        if campaign in asking
    )


def rule_problem(rule: Any, *, campaign: int | None, name: str) -> str | None:
    """Why a rule cannot become ready, asked before its campaign is switched on; None if it can."""
    situation = situation_now()
    new = campaign or 0
    wanted = [each for each in situation.wanted if each.campaign != new]
    if not features_of(rule):
        return None
    plan = plan_of(situation._replace(wanted=[*wanted, Wanted(new, name, rule)]))
    return plan.problems.get(new)
