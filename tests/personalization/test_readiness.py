"""From a rule on events to a campaign on the pages: declared, backfilled, live, let go."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from django.urls import reverse

from personalization import selectors, services
from personalization.campaigns import campaigning, readiness
from personalization.campaigns.steps import CampaignStepError
from personalization.decide import decide
from personalization.models import Campaign, RuleSet, Variant
from profiles import declaring, rebuild
from profiles import selectors as profile_selectors
from profiles.features.definition import Feature, Rolling
from profiles.signals import profiles_rebuilt
from tests.personalization.admin_site import Site, client_of
from tests.personalization.asking import ask
from tests.personalization.publishing import campaigns_publish
from tests.personalization.segment_people import segment_make
from tests.tracking.people import ana_make, drain, event_make, inbox_put

if TYPE_CHECKING:
    from django.test import Client

pytestmark = pytest.mark.django_db(transaction=True)

ARTICLE = {"field": "content_type", "operator": "eq", "values": ["article"]}
READ = {
    "condition": "event_count", "type": "page_view", "category": "gardening", "where": [ARTICLE],
    "operator": ">=", "value": 3, "window": {"kind": "rolling", "minutes": 14 * 1440},
}  # fmt: skip
NOT_BOUGHT = {
    "condition": "event_did", "answer": "did_not", "type": "purchase",
    "window": {"kind": "lifetime"},
}  # fmt: skip
RULE = {"all": [READ, NOT_BOUGHT]}


@pytest.fixture(autouse=True)
def _one_shard_and_no_worker(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.SHARDS = 1
    monkeypatch.setattr(declaring, "rebuild_nudge", lambda: None)


@pytest.fixture
def lost_nudges(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody hears of a rebuild that is done."""
    monkeypatch.setattr(profiles_rebuilt, "receivers", [])
    profiles_rebuilt.sender_receivers_cache.clear()


def campaign_make(site: Site, name: str = "Readers", rule: Any = RULE, **fields: Any) -> Campaign:
    """A published campaign; the rules are not published yet."""
    given = {"slot": site.slot, "variant": site.variant, "priority": 90} | fields
    campaign = Campaign.objects.create(name=name, rule=rule, **given)
    campaigning.campaign_publish(campaign=campaign, by="mara")
    return campaign


def entries() -> list[dict[str, Any]]:
    """Every campaign on the pages."""
    row = RuleSet.objects.first()
    assert row is not None
    return [campaign for slot in row.payload["slots"] for campaign in slot["campaigns"]]


def published() -> dict[int, Any]:
    """The rule of every campaign on the pages."""
    return {campaign["id"]: campaign["rule"] for campaign in entries()}


def read(visitor_id: UUID, times: int, **fields: Any) -> None:
    events = [
        event_make("page_view", category="gardening", content_type="article", item=f"i{n}",
                   at=int(time.time() * 1000) - n)
        | fields
        for n in range(times)
    ]  # fmt: skip
    inbox_put(visitor_id, events)
    drain(visitor_id)


def shown(visitor_id: UUID) -> int | None:
    """The campaign that the visitor gets in the slot."""
    context = selectors.visitor_context(visitor_id, now=datetime.now(UTC))
    campaign = decide(selectors.ruleset_latest(), "hero", context).campaign
    return campaign.id if campaign else None


def declared(campaign: Campaign) -> set[str]:
    return set(profile_selectors.features_needs().get(f"campaign:{campaign.pk}", {}))


def test_an_item_is_new_on_its_first_view_and_seen_after_it(site: Site, client: Client) -> None:
    ana, day = ana_make(), 86_400_000
    new = campaign_make(site, rule={"condition": "page_item", "operator": "new", "days": 30})
    services.ruleset_publish(by="mara")
    rebuild.rebuild_shard(0)
    assert new.pk in published()

    def asked(item: str, visitor: UUID = ana) -> int | None:
        answer = ask(client, "hero", visitor_id=visitor, path=f"/{item}/", item=item).json()
        found: int | None = answer["decisions"]["hero"]["campaign"]
        return found

    assert asked("beds") == new.pk
    read(ana, 1, item="beds", path="/beds/")
    assert asked("beds") == new.pk, "the same page view, folded"
    assert asked("rakes") == new.pk
    read(ana, 1, item="rakes", path="/rakes/")
    assert asked("beds") is None, "from another page back to it"
    assert asked("rakes") == new.pk
    cleo = ana_make()
    read(cleo, 1, item="beds", path="/beds/", at=int(time.time() * 1000) - 3 * day)
    assert asked("beds", cleo) is None


def test_a_campaign_waits_for_its_features_and_then_goes_on_the_pages_by_itself(site: Site) -> None:
    ana, buyer = ana_make(), ana_make()
    for visitor in (ana, buyer):
        read(visitor, 3)
    inbox_put(buyer, [event_make("purchase")])
    drain(buyer)
    campaign = campaign_make(site)
    services.ruleset_publish(by="mara")
    assert campaign.pk not in published()
    waiting = readiness.campaigns_waiting()[campaign.pk]
    assert waiting.problem == ""
    assert waiting.progress is not None
    assert waiting.progress.events == 0
    assert shown(ana) is None

    rebuild.rebuild_shard(0)
    assert published()[campaign.pk] == RULE
    assert readiness.campaigns_waiting() == {}
    assert shown(ana) == campaign.pk, "what happened before publishing counts"
    assert shown(buyer) is None
    latest = RuleSet.objects.first()
    assert latest is not None
    assert latest.published_by == services.BY_ITSELF


def test_an_event_counts_with_the_next_decision(site: Site) -> None:
    ana = ana_make()
    read(ana, 2)
    campaign = campaign_make(site)
    services.ruleset_publish()
    rebuild.rebuild_shard(0)
    assert shown(ana) is None
    read(ana, 1, item="one more")
    assert shown(ana) == campaign.pk


def test_a_new_visitor_without_events_is_known_to_have_done_nothing(site: Site) -> None:
    campaign = campaign_make(site, rule=NOT_BOUGHT)
    services.ruleset_publish()
    rebuild.rebuild_shard(0)
    assert shown(ana_make()) == campaign.pk


@pytest.mark.usefixtures("lost_nudges")
def test_the_schedule_publishes_what_a_lost_nudge_left(site: Site) -> None:
    campaign = campaign_make(site)
    services.ruleset_publish()
    rebuild.rebuild_shard(0)
    assert campaign.pk not in published()
    assert services.campaigns_ready_publish()
    assert campaign.pk in published()
    versions = RuleSet.objects.count()
    assert not services.campaigns_ready_publish()
    assert RuleSet.objects.count() == versions


def test_other_campaigns_answer_as_before_while_one_gets_ready(site: Site) -> None:
    ana = ana_make()
    read(ana, 3)
    first = campaign_make(site, "First", READ)
    services.ruleset_publish()
    rebuild.rebuild_shard(0)
    second = campaign_make(site, "Second", NOT_BOUGHT, priority=95)
    services.ruleset_publish()
    assert shown(ana) == first.pk
    read(ana, 1, item="meanwhile")
    assert shown(ana) == first.pk
    rebuild.rebuild_shard(0)
    assert shown(ana) == second.pk


def test_pages_follow_the_earlier_version_until_the_new_one_is_ready(site: Site) -> None:
    campaign = campaign_make(site, rule=READ)
    services.ruleset_publish()
    rebuild.rebuild_shard(0)
    stricter = READ | {"window": {"kind": "rolling", "minutes": 1440}}
    other = Variant.objects.create(name="Other", headline="Other words")
    changed = {"rule": stricter, "variant": other, "cap_count": 3, "name": "Renamed"}
    campaigns_publish(Campaign.objects.filter(pk=campaign.pk), **changed)
    assert published()[campaign.pk] == READ
    [earlier] = [each for each in entries() if each["id"] == campaign.pk]
    assert (earlier["name"], earlier["variant"]) == ("Readers", site.variant.pk), "as a whole"
    assert "frequency" not in earlier
    assert readiness.campaigns_waiting()[campaign.pk].has_earlier
    assert len(declared(campaign)) == 2
    rebuild.rebuild_shard(0)
    assert published()[campaign.pk] == stricter
    [now] = [each for each in entries() if each["id"] == campaign.pk]
    assert (now["name"], now["variant"]) == ("Renamed", other.pk)
    assert now["frequency"]["cap"]["count"] == 3
    assert now["published"] == earlier["published"], "it was on pages without a break"
    assert len(declared(campaign)) == 1, "what only the earlier rule asked is let go"


def test_the_variant_of_an_earlier_version_that_pages_show_is_taken_for_shown(site: Site) -> None:
    first = Variant.objects.create(name="First", headline="First")
    campaign = campaign_make(site, rule=READ, variant=first)
    services.ruleset_publish()
    rebuild.rebuild_shard(0)
    changed = {"rule": RULE, "variant": site.variant}
    campaigns_publish(Campaign.objects.filter(pk=campaign.pk), **changed)
    url = reverse("admin:personalization_variant_delete", args=[first.pk])
    page = client_of("mara", group=True).post(url, {"post": "yes"})
    assert "in the earlier version that pages show until its new one is ready: wait" in page.text
    assert Variant.objects.filter(pk=first.pk).exists()
    form = reverse("admin:personalization_variant_change", args=[first.pk])
    assert client_of("ed", editor=True).post(form, {"headline": "Mine"}).status_code == 403
    assert campaigning.content_record(variant=first, changes=["new words"], by="mara") == [campaign]
    rebuild.rebuild_shard(0)
    assert client_of("mia", group=True).post(url, {"post": "yes"}).status_code == 302


def test_an_earlier_version_whose_variant_was_deleted_is_shown_no_more(site: Site) -> None:
    first = Variant.objects.create(name="First", headline="First")
    campaign = campaign_make(site, rule=READ, variant=first)
    services.ruleset_publish()
    rebuild.rebuild_shard(0)
    changed = {"rule": RULE, "variant": site.variant}
    campaigns_publish(Campaign.objects.filter(pk=campaign.pk), **changed)
    assert published()[campaign.pk] == READ
    first.delete()
    services.ruleset_publish()
    assert campaign.pk not in published()
    assert not readiness.campaigns_waiting()[campaign.pk].has_earlier
    rebuild.rebuild_shard(0)
    assert published()[campaign.pk] == RULE


def test_a_draft_declares_nothing_and_archiving_lets_go(site: Site) -> None:
    campaign = campaign_make(site, rule={"condition": "events", "value": 3})
    Campaign.objects.filter(pk=campaign.pk).update(rule=RULE)
    services.ruleset_publish()
    assert declared(campaign) == set()
    campaign.refresh_from_db()
    campaigning.campaign_publish(campaign=campaign, by="mara")
    services.ruleset_publish()
    assert declared(campaign) != set()
    campaigning.campaign_archive(campaign=campaign, by="mara")
    services.ruleset_publish()
    assert declared(campaign) == set()


def test_the_last_campaign_that_needs_a_feature_lets_it_go(site: Site) -> None:
    one, other = campaign_make(site, "One", READ), campaign_make(site, "Other", READ)
    services.ruleset_publish()
    rebuild.rebuild_shard(0)
    campaigning.campaign_pause(campaign=one, by="mara")
    services.ruleset_publish()
    assert (declared(one), len(declared(other))) == (set(), 1)
    assert len(profile_selectors.features_live()) == 1
    other.delete()
    services.ruleset_publish()
    assert profile_selectors.features_declared() == {}
    assert profile_selectors.features_live() == frozenset()


def test_a_rule_on_what_profiles_hold_anyway_is_on_the_pages_at_once(site: Site) -> None:
    campaign = campaign_make(site, rule={"condition": "events", "value": 3})
    services.ruleset_publish()
    assert campaign.pk in published()
    assert profile_selectors.features_declared() == {}


def test_publishing_in_the_admin_shows_how_far_it_is(site: Site, marketer: Client) -> None:
    campaign = campaign_make(site)
    campaigning.campaign_pause(campaign=campaign, by="mara")
    services.ruleset_publish()
    assert declared(campaign) == set()
    changelist = "/admin/personalization/campaign/"
    posted = {"action": "bulk_resume", "_selected_action": campaign.pk}
    assert "Getting ready: " in marketer.post(changelist, posted, follow=True).content.decode()
    form = marketer.get(f"{changelist}{campaign.pk}/change/").content.decode()
    assert "past events read" in form
    assert "Getting ready: version 1 of" in form
    assert "&lt;progress" not in form
    asked = marketer.get(f"{changelist}readiness/", {"id": campaign.pk}).json()
    assert "Getting ready" in asked[str(campaign.pk)]
    rebuild.rebuild_shard(0)
    assert marketer.get(f"{changelist}readiness/", {"id": campaign.pk}).json() == {
        str(campaign.pk): "Yes"
    }
    stranger = client_of("stan")
    assert stranger.get(f"{changelist}readiness/", {"id": campaign.pk}).status_code == 403


def many(number: int, start: int = 0) -> list[Feature]:
    return [Feature("click", "count", Rolling(start + n + 1)) for n in range(number)]


def posted_for(site: Site, **more: Any) -> dict[str, Any]:
    return site.posted(
        name="Late", **{"rule__0__condition": "event_did", "rule__0__type": "purchase"}, **more
    )


def test_without_room_publishing_says_who_uses_it(site: Site, marketer: Client) -> None:
    big = campaign_make(site, "Big", READ)
    services.ruleset_publish()
    declaring.features_declare({"model:intent": many(63)}, reason="a test")
    marketer.post("/admin/personalization/campaign/add/", posted_for(site))
    late = Campaign.objects.get(name="Late")
    with pytest.raises(CampaignStepError, match="room for 64"):
        campaigning.campaign_publish(campaign=late, by="mara")
    step = f"/admin/personalization/campaign/{late.pk}/step/publish/"
    page = marketer.get(step).content.decode()
    assert "room for 64 things to count, and 64 are in use; this rule needs 1 more" in page
    assert "others 63, “Big” 1" in page
    late.refresh_from_db()
    assert (late.status, late.published) == ("draft", None), "the draft is saved all the same"
    assert declared(big)


def test_without_room_for_a_segment_publishing_says_so_also_through_another(site: Site) -> None:
    declaring.features_declare({"model:intent": many(64)}, reason="a test")
    segment_make("readers", READ)
    came = {"condition": "segment", "segment": "readers", "operator": "entered_within"}
    segment_make("back", came)
    with pytest.raises(CampaignStepError, match=r"“Readers” cannot be counted: .*room for 64"):
        campaign_make(site, rule={"condition": "segment", "segment": "back"})


def test_a_campaign_there_is_no_room_for_stops_no_other(site: Site) -> None:
    one = campaign_make(site, "One", READ)
    late = campaign_make(site, "Late", NOT_BOUGHT)
    declaring.features_declare({"model:intent": many(63)}, reason="a test")  # in that moment
    services.ruleset_publish()
    rebuild.rebuild_shard(0)
    assert one.pk in published()
    assert late.pk not in published()
    assert "room for 64" in readiness.campaigns_waiting()[late.pk].problem
    campaigning.campaign_pause(campaign=one, by="mara")
    services.ruleset_publish()
    rebuild.rebuild_shard(0)
    assert late.pk in published()


def test_what_arrives_in_parts_is_refused_by_its_reason(site: Site) -> None:
    from tracking.models import EventType

    rule = {"condition": "event_value", "aggregation": "max", "type": "purchase"}
    campaign = campaign_make(site, rule=rule)
    EventType.objects.filter(name="purchase").update(unit="second")
    with pytest.raises(CampaignStepError, match="arrives in parts"):
        campaign_make(site, "Late", rule=rule)
    services.ruleset_publish()
    problem = readiness.campaigns_waiting()[campaign.pk].problem
    assert "arrives in parts" in problem
