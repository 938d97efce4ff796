"""A campaign's steps: what follows from what, what pages follow, and two people at once."""

from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connection
from django.db.models import ProtectedError

from personalization.campaigns import campaigning
from personalization.campaigns.duplicating import campaign_duplicate
from personalization.campaigns.steps import STEPS, CampaignStepError, steps_possible
from personalization.campaigns.versions import FIELDS, draft_differs, draft_fill, draft_payload
from personalization.frequency.models import ExclusionGroup, Limited
from personalization.models import Campaign, CampaignStep, CampaignVersion, Slot, Variant
from personalization.selectors import ruleset_latest
from personalization.services import ruleset_payload, ruleset_publish
from tests.personalization.admin_site import RULE, Site

pytestmark = pytest.mark.django_db

LIMITS = {
    "cap": {"count": 2, "unit": "visit", "length": 1}, "after_dismissal": 7, "after_click": 1,
    "after_event": ["purchase", 14], "exempt": "The law asks for it",
    "capacity": {"count": 500, "counted": "visitors", "per": "day"},
}  # fmt: skip
TABLET = {"all": [{"condition": "device", "value": "tablet"}]}


@pytest.fixture
def draft(site: Site) -> Campaign:
    return Campaign.objects.create(name="New", slot=site.slot, variant=site.variant, rule=RULE)


def fresh(campaign: Campaign) -> Campaign:
    return Campaign.objects.get(pk=campaign.pk)


def edited(campaign: Campaign, **values: Any) -> Campaign:
    row = fresh(campaign)
    for name, value in values.items():
        setattr(row, name, value)
    row.revision += 1
    row.save()
    return fresh(campaign)


def shown() -> list[str]:
    ruleset_publish()
    return [campaign.name for campaign in ruleset_latest().slots["hero"].campaigns]


def actions(campaign: Campaign) -> list[str]:
    return [step.action for step in campaign.steps.order_by("id")]


def test_a_draft_is_on_no_page_until_it_is_published(site: Site, draft: Campaign) -> None:
    assert shown() == ["Gardeners"]
    version = campaigning.campaign_publish(campaign=draft, by="mara", note="Spring")
    assert shown() == ["Gardeners", "New"]
    assert (version.number, version.state, version.made_by) == (1, "published", "mara")
    assert fresh(draft).published == version


def test_editing_what_is_published_changes_no_page(site: Site) -> None:
    before = ruleset_payload()
    campaign = edited(site.campaign, rule=TABLET, priority=90, name="Renamed")
    assert ruleset_payload() == before
    campaigning.campaign_publish(campaign=campaign, by="mara")
    [live] = ruleset_payload()["slots"][0]["campaigns"]
    assert (live["rule"], live["priority"], live["name"]) == (TABLET, 90, "Renamed")
    assert [v.state for v in campaign.versions.order_by("number")] == ["retired", "published"]


def test_a_reviewer_decides_on_what_was_submitted(site: Site, draft: Campaign) -> None:
    version = campaigning.campaign_submit(campaign=draft, by="edo", note="Please")
    assert fresh(draft).status == "review"
    campaign = edited(draft, rule=TABLET)
    campaigning.campaign_approve(campaign=campaign, version=version, by="mara")
    campaign = fresh(draft)
    assert campaign.published == version
    assert campaign.published is not None
    assert campaign.published.payload["rule"] == RULE, "as it was submitted"
    assert campaign.rule == TABLET, "the later edit stays in the draft"


def test_sent_back_is_a_draft_again_with_the_reason(site: Site, draft: Campaign) -> None:
    version = campaigning.campaign_submit(campaign=draft, by="edo")
    with pytest.raises(CampaignStepError, match="Say in the comment"):
        campaigning.campaign_return(campaign=fresh(draft), version=version, by="mara", note=" ")
    campaigning.campaign_return(
        campaign=fresh(draft), version=version, by="mara", note="Too broad."
    )
    version.refresh_from_db()
    assert (fresh(draft).status, version.state) == ("draft", "returned")
    assert draft.steps.first().comment == "Too broad."  # type: ignore[union-attr]


def test_changes_of_a_published_campaign_are_reviewed_while_it_runs(site: Site) -> None:
    campaign = edited(site.campaign, priority=90)
    version = campaigning.campaign_submit(campaign=campaign, by="edo")
    assert shown() == ["Gardeners"]
    assert fresh(campaign).status == "published"
    with pytest.raises(CampaignStepError, match="waits for review"):
        campaigning.campaign_publish(campaign=fresh(campaign), by="mara")
    campaigning.campaign_withdraw(campaign=fresh(campaign), by="edo")
    with pytest.raises(CampaignStepError, match="waits for review any more"):
        campaigning.campaign_approve(campaign=fresh(campaign), version=version, by="mara")


def test_pausing_keeps_the_version_that_resumes(site: Site) -> None:
    campaigning.campaign_pause(campaign=fresh(site.campaign), by="mara")
    assert shown() == []
    campaigning.campaign_resume(campaign=fresh(site.campaign), by="mara")
    assert shown() == ["Gardeners"]
    assert fresh(site.campaign).versions.count() == 1


def test_archived_and_restored_is_a_draft(site: Site) -> None:
    campaigning.campaign_archive(campaign=fresh(site.campaign), by="mara", note="Over")
    assert shown() == []
    assert fresh(site.campaign).live_variant is None
    campaigning.campaign_restore(campaign=fresh(site.campaign), by="mara")
    campaign = fresh(site.campaign)
    assert (campaign.status, campaign.published) == ("draft", None)
    assert actions(campaign) == ["published", "archived", "restored as a draft"]


def test_a_rule_that_cannot_be_used_is_not_published(site: Site, draft: Campaign) -> None:
    for rule, why in (({}, "at least one condition"), ({"all": [{"condition": "weather"}]}, "no")):
        campaign = edited(draft, rule=rule)
        for step in (campaigning.campaign_publish, campaigning.campaign_submit):
            with pytest.raises(CampaignStepError, match=why):
                step(campaign=campaign, by="mara")
    assert fresh(draft).status == "draft"
    assert not draft.versions.exists()


def test_publishing_the_same_again_is_refused(site: Site) -> None:
    with pytest.raises(CampaignStepError, match="says what is published already"):
        campaigning.campaign_publish(campaign=fresh(site.campaign), by="mara")


def test_only_the_steps_that_are_offered_can_be_taken(site: Site, draft: Campaign) -> None:
    offered = {step.name for step in steps_possible(draft)}
    assert offered == {"publish", "submit", "archive"}
    for status in Campaign.Status.values:
        Campaign.objects.filter(pk=draft.pk).update(status=status)
        row = fresh(draft)
        for name, take in (
            ("pause", campaigning.campaign_pause),
            ("resume", campaigning.campaign_resume),
            ("restore", campaigning.campaign_restore),
            ("withdraw", campaigning.campaign_withdraw),
        ):
            if name not in {step.name for step in steps_possible(row)}:
                with pytest.raises(CampaignStepError):
                    take(campaign=row, by="mara")
        assert fresh(draft).status == status
    assert len(STEPS) == len({step.name for step in STEPS})


def test_who_comes_second_is_told_what_happened(site: Site) -> None:
    mine, theirs = fresh(site.campaign), fresh(site.campaign)
    campaigning.campaign_archive(campaign=theirs, by="mara")
    with pytest.raises(CampaignStepError, match=r"mara: archived, \d\d:\d\d UTC.* Nothing was"):
        campaigning.campaign_pause(campaign=mine, by="mia")
    assert fresh(site.campaign).status == "archived"


@pytest.mark.django_db(transaction=True)
def test_of_two_at_once_one_publishes_and_one_is_told(transactional_db: None) -> None:
    site = Site()
    campaign = edited(site.campaign, priority=90)
    together, told = Barrier(2), []

    def publish(by: str) -> None:
        row = fresh(campaign)
        together.wait(timeout=10)
        try:
            campaigning.campaign_publish(campaign=row, by=by)
            told.append("published")
        except CampaignStepError as error:
            told.append(error.messages[0])
        finally:
            connection.close()

    threads = [Thread(target=publish, args=(by,)) for by in ("mara", "mia")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    assert sorted(text[:9] for text in told) == sorted(["published", "“Gardener"])
    assert campaign.versions.count() == 2


def test_back_to_a_version_is_a_new_one_and_loses_no_draft(site: Site) -> None:
    campaigning.campaign_publish(campaign=edited(site.campaign, priority=90), by="mara")
    campaign = edited(site.campaign, rule=TABLET)
    first = campaign.versions.get(number=1)
    made = campaigning.campaign_rollback(campaign=campaign, version=first, by="mara", note="Oops")
    assert made is not None
    campaign = fresh(campaign)
    assert (made.number, campaign.priority, campaign.rule) == (4, 50, RULE)
    kept = campaign.versions.get(number=3)
    assert (kept.state, kept.payload["rule"]) == ("kept", TABLET)
    assert campaign.published == made
    assert campaign.versions.get(number=2).state == "retired"
    step = campaign.steps.first()
    assert step is not None
    assert (step.action, step.changes) == ("rolled back to version 1", ["Priority: 90 → 50"])


def test_a_version_can_be_taken_into_the_draft_alone(site: Site) -> None:
    campaigning.campaign_publish(campaign=edited(site.campaign, priority=90), by="mara")
    campaign = fresh(site.campaign)
    before = ruleset_payload()
    version = campaign.versions.get(number=1)
    campaigning.campaign_rollback(campaign=campaign, version=version, by="edo", publish=False)
    assert fresh(campaign).priority == 50
    assert ruleset_payload() == before


def test_a_version_whose_variant_is_gone_cannot_come_back(site: Site) -> None:
    other = Variant.objects.create(name="Other", headline="Other")
    Slot.objects.update(default=other)
    campaign = edited(site.campaign, variant=other)
    with pytest.raises(ProtectedError):
        site.variant.delete()  # pages show it still
    campaigning.campaign_publish(campaign=campaign, by="mara")
    site.variant.delete()
    campaign = fresh(campaign)
    with pytest.raises(CampaignStepError, match="variant “Garden” was deleted: choose another"):
        campaigning.campaign_rollback(
            campaign=campaign, version=campaign.versions.get(number=1), by="mara"
        )


def test_a_rule_that_is_only_spelled_out_is_no_change(site: Site) -> None:
    """Saved again in the form, a rule gets the fields that conditions have since it was stored."""
    short, full = {"condition": "visits", "value": 3}, {"condition": "visits", "operator": ">="}
    campaign = edited(site.campaign, rule={"all": [short]})
    campaigning.campaign_publish(campaign=campaign, by="mara")
    assert not draft_differs(edited(fresh(campaign), rule={"all": [{**full, "value": 3}]}))
    assert draft_differs(edited(fresh(campaign), rule={"all": [{**full, "value": 4}]}))


def test_limits_are_published_compared_and_rolled_back(site: Site) -> None:
    group = ExclusionGroup.objects.create(name="Sales")
    limits = LIMITS | {"group": group.pk}
    campaign = edited(site.campaign, frequency=limits)
    assert draft_differs(campaign)
    assert "frequency" not in ruleset_payload()["slots"][0]["campaigns"][0]
    version = campaigning.campaign_publish(campaign=campaign, by="mara")
    assert ruleset_payload()["slots"][0]["campaigns"][0]["frequency"] == limits
    step = campaign.steps.first()
    assert step is not None
    assert step.changes == [
        "How often: As often as the rule matches. → At most twice a visit, 7 days' pause after it "
        "was dismissed, 1 day's pause after it was clicked, 14 days' pause after “purchase”, never "
        "with another of “Sales”, for the first 500 visitors of each day, outside the pressure "
        "budget (The law asks for it)."
    ]
    campaigning.campaign_publish(campaign=edited(campaign, frequency={}), by="mara")
    assert "frequency" not in ruleset_payload()["slots"][0]["campaigns"][0]
    campaigning.campaign_rollback(campaign=fresh(campaign), version=version, by="mara")
    assert fresh(campaign).frequency == limits
    copy = campaign_duplicate(campaign=fresh(campaign), by="mara")
    assert copy.frequency == limits
    group.delete()
    with pytest.raises(CampaignStepError, match="exclusion group “Sales” was deleted: choose"):
        campaigning.campaign_rollback(campaign=fresh(campaign), version=version, by="mara")
    shown_now = ruleset_payload()["slots"][0]["campaigns"][0]["frequency"]
    assert shown_now == {key: value for key, value in limits.items() if key != "group"}


def test_a_draft_set_aside_without_a_rule_is_not_published_by_going_back(site: Site) -> None:
    campaign = edited(site.campaign, rule={})
    first = campaign.versions.get(number=1)
    campaigning.campaign_rollback(campaign=campaign, version=first, by="mara")
    kept = campaign.versions.get(state="kept")
    with pytest.raises(CampaignStepError, match="at least one condition"):
        campaigning.campaign_rollback(campaign=fresh(campaign), version=kept, by="mara")
    campaigning.campaign_rollback(campaign=fresh(campaign), version=kept, by="mara", publish=False)
    assert fresh(campaign).rule == {}


def test_a_version_never_changes_with_what_it_was_made_of(site: Site) -> None:
    version = CampaignVersion.objects.get(campaign=site.campaign)
    assert version.payload["content"]["headline"] == "Dig in"
    Variant.objects.update(headline="Other")
    edited(site.campaign, priority=1)
    version.refresh_from_db()
    assert version.payload["content"]["headline"] == "Dig in"
    assert version.payload["priority"] == 50
    [shown_now] = [v["headline"] for v in ruleset_payload()["variants"].values()]
    assert shown_now == "Other", "content publishes by itself"


def test_every_field_goes_from_row_to_version_and_back(site: Site) -> None:
    start = datetime(2026, 3, 1, 8, tzinfo=UTC)
    limits = LIMITS | {"group": ExclusionGroup.objects.create(name="Sales").pk}
    campaign = edited(
        site.campaign, starts_at=start, ends_at=start + timedelta(days=1), zone="Asia/Tokyo",
        frequency=limits,
    )  # fmt: skip
    said = draft_payload(campaign)
    copy = Campaign()
    draft_fill(copy, said)
    assert draft_payload(copy) == said
    assert said["frequency"] == copy.frequency == limits
    limited = {field.attname for field in Limited._meta.concrete_fields}
    assert [getattr(copy, name) for name in limited] == [getattr(campaign, n) for n in limited]
    filled = ({field.attribute for field in FIELDS} - {"frequency"}) | limited
    own = {"id", "status", "revision", "created_at", "updated_at", "published_id",
           "submitted_id", "live_slot_id", "live_variant_id"}  # fmt: skip
    assert {field.attname for field in Campaign._meta.concrete_fields} == filled | own


def test_an_edit_is_written_down_in_words(site: Site) -> None:
    before = draft_payload(site.campaign)
    campaign = edited(site.campaign, priority=60)
    said = campaigning.draft_record(campaign=campaign, before=before, by="edo")
    assert said == ["Priority: 50 → 60"]
    again = campaigning.draft_record(campaign=campaign, before=draft_payload(campaign), by="edo")
    assert again == []
    assert CampaignStep.objects.filter(action="draft edited").count() == 1
