"""The admin's part of how often: a fieldset, exclusion groups, the budget, and their versions."""

from html import unescape
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from personalization.campaigns.campaigning import campaign_pause, campaign_resume
from personalization.campaigns.changes import ruleset_changes
from personalization.models import Campaign, ExclusionGroup, PressureBudget, RuleSet
from personalization.selectors import befores_attach, ruleset_latest, ruleset_version
from personalization.services import ruleset_payload, ruleset_publish
from tests.personalization.admin_site import Site
from tests.personalization.publishing import campaigns_publish

CHANGE = "admin:personalization_campaign_change"
BUDGET = "admin:personalization_pressurebudget_changelist"
LIMITS = {
    "cap_count": "3", "cap_length": "7", "cap_unit": "days", "pause_dismissed_days": "7",
    "pause_event": "purchase", "pause_event_days": "14",
}  # fmt: skip


def save(client: Client, site: Site, **changed: Any) -> Any:
    return client.post(reverse(CHANGE, args=[site.campaign.pk]), site.posted(**changed))


def published(site: Site, client: Client, **changed: Any) -> None:
    """Save the draft and publish it."""
    assert save(client, site, **changed).status_code == 302
    campaigns_publish(Campaign.objects.all())


def changes() -> list[str]:
    """What the latest version changed."""
    (latest,) = befores_attach(RuleSet.objects.all()[:1])
    return ruleset_changes(latest.before, latest.payload)


def test_limits_are_saved_published_and_said(site: Site, marketer: Client) -> None:
    assert save(marketer, site, **LIMITS).status_code == 302
    assert "frequency" not in ruleset_payload()["slots"][0]["campaigns"][0], "it is a draft"
    campaigns_publish(Campaign.objects.all())
    (shown,) = ruleset_payload()["slots"][0]["campaigns"]
    assert shown["frequency"] == {
        "cap": {"count": 3, "unit": "days", "length": 7},
        "after_dismissal": 7,
        "after_event": ["purchase", 14],
    }
    sentence = (
        "At most 3 times a week, 7 days' pause after it was dismissed,"
        " 14 days' pause after “purchase”."
    )
    page = marketer.get(reverse(CHANGE, args=[site.campaign.pk])).content.decode()
    assert sentence.replace("'", "&#x27;") in page
    assert changes() == [f"“Gardeners”, how often: As often as the rule matches. → {sentence}"]


def test_limits_that_somebody_else_saved_are_not_taken_away_unseen(
    site: Site, marketer: Client
) -> None:
    posted = site.posted()
    save(marketer, site, cap_count="3")
    response = marketer.post(reverse(CHANGE, args=[site.campaign.pk]), posted)
    assert response.context["adminform"].form.conflict == [
        "How often: At most 3 times a week. → As often as the rule matches."
    ]
    assert Campaign.objects.get().cap_count == 3


def test_the_budget_names_what_is_published_as_exempt(site: Site, marketer: Client) -> None:
    campaigns_publish(Campaign.objects.all(), budget_exempt="The law asks for it.")
    Campaign.objects.update(budget_exempt="")
    page = marketer.get(reverse(BUDGET)).content.decode()
    assert "Gardeners</a>: The law asks for it." in page
    campaign_pause(campaign=Campaign.objects.get(), by="test")
    page = marketer.get(reverse(BUDGET)).content.decode()
    assert "None: every published campaign counts." in page


def test_limits_are_taken_back_from_what_a_version_holds(site: Site, marketer: Client) -> None:
    group = ExclusionGroup.objects.create(name="Sales")
    more = {"exclusion_group": group.pk, "budget_exempt": "The law.", "pause_clicked_days": "2"}
    save(marketer, site, **LIMITS | more)
    limited = Campaign.objects.get()
    other = Campaign(cap_count=9, budget_exempt="old")
    for held in (limited.frequency, {}):
        other.frequency = held
        assert other.frequency == held


def test_a_campaign_without_limits_is_published_as_before(site: Site, marketer: Client) -> None:
    published(site, marketer)
    assert ruleset_version() == site.version
    assert "frequency" not in ruleset_payload()["slots"][0]["campaigns"][0]
    page = marketer.get(reverse(CHANGE, args=[site.campaign.pk])).content.decode()
    assert "As often as the rule matches." in page


def test_limits_are_said_while_they_are_edited(site: Site, marketer: Client) -> None:
    url = reverse("admin:campaign_frequency")
    said = unescape(
        marketer.post(url, site.posted(**LIMITS | {"cap_unit": "visit"})).content.decode()
    )
    assert said.startswith("At most 3 times a visit, 7 days' pause after it was dismissed, 14 days")
    page = marketer.post(url, site.posted(budget_exempt="<script>alert(1)</script>"))
    assert b"<script" not in page.content
    assert b"outside the pressure budget (&lt;script&gt;" in page.content.replace(b"O", b"o")
    wrong = marketer.post(url, site.posted(**LIMITS | {"cap_count": "<b>"})).content.decode()
    assert wrong == "Not complete yet: At most. Enter a whole number."
    assert not Campaign.objects.get().cap_count


@pytest.mark.parametrize(
    ("changed", "field", "says"),
    [
        ({"cap_count": "51"}, "cap_count", "Ensure this value is less than or equal to 50."),
        ({"cap_count": "0"}, "cap_count", "Ensure this value is greater than or equal to 1."),
        ({"capacity_count": "0"}, "capacity_count", "greater than or equal to 1."),
        ({"capacity_counted": "hearts"}, "capacity_counted", "Select a valid choice."),
        ({"cap_length": "400"}, "cap_length", "Ensure this value is less than or equal to 365."),
        ({"cap_unit": "years"}, "cap_unit", "Select a valid choice."),
        ({"pause_event_days": ""}, "pause_event_days", "Say for how many days it pauses."),
        ({"pause_event": ""}, "pause_event", "Choose what it pauses after"),
        ({"pause_event": "gone"}, "pause_event", "Select a valid choice."),
        ({"exclusion_group": "99"}, "exclusion_group", "Select a valid choice."),
    ],
)
def test_what_is_wrong_is_said_at_its_field(
    site: Site, marketer: Client, changed: dict[str, str], field: str, says: str
) -> None:
    response = save(marketer, site, **LIMITS | changed)
    errors = response.context["adminform"].form.errors
    assert list(errors) == [field]
    assert says in errors[field][0]
    assert ruleset_version() == site.version


def test_how_full_it_is_stands_in_the_form_the_list_and_the_calendar(
    site: Site, marketer: Client
) -> None:
    published(site, marketer, capacity_count="500", capacity_per="day", zone="Europe/Berlin")
    words = "For the first 500 visitors of each day."
    assert changes()[-1] == f"“Gardeners”, how often: As often as the rule matches. → {words}"
    capacity = ruleset_latest().capacities[site.campaign.pk]
    key = capacity.key(site.campaign.pk, capacity.day(int(timezone.now().timestamp() * 1000)))
    pages = {
        name: reverse(f"admin:{name}", args=[site.campaign.pk] if "change" in name[-7:] else [])
        for name in ("personalization_campaign_change", "personalization_campaign_changelist")
    } | {"calendar": reverse("admin:campaign_calendar")}
    for given, said in ((412, "given to 412 of 500"), (500, "full: given to 500 of 500")):
        cache.set(key, given)
        for name, url in pages.items():
            page = marketer.get(url).content.decode()
            assert f"{said} visitors today" in page.lower(), name
            assert (f'value="{given}" max="500"' in page) == (name != "calendar")
    form = marketer.get(pages["personalization_campaign_change"]).content.decode()
    assert words in form
    assert "<strong>Full: given to 500 of 500 visitors today.</strong>" in form


def test_an_exclusion_group_is_made_lists_its_campaigns_and_is_published(
    site: Site, marketer: Client
) -> None:
    add = reverse("admin:personalization_exclusiongroup_add")
    marketer.post(add, {"name": "Sales", "window_length": "7", "window_unit": "days"})
    group = ExclusionGroup.objects.get()
    assert ruleset_version() == site.version, "a group of nobody changes no page"
    published(site, marketer, exclusion_group=group.pk)
    says = "Whoever was shown one of them is shown no other within a week."
    assert changes() == [
        "“Gardeners”, how often: As often as the rule matches. → Never with another of “Sales”.",
        f"Exclusion group “Sales” added. {says}",
    ]
    listed = marketer.get(reverse("admin:personalization_exclusiongroup_changelist"))
    assert says in listed.content.decode()
    url = reverse("admin:personalization_exclusiongroup_change", args=[group.pk])
    assert "Gardeners</a>, published, in Hero" in marketer.get(url).content.decode()
    marketer.post(url, {"name": "Sales", "window_length": "1", "window_unit": "visit"})
    assert changes() == [
        "Exclusion group “Sales” changed. "
        "Whoever was shown one of them is shown no other in the same visit."
    ]
    delete = reverse("admin:personalization_exclusiongroup_delete", args=[group.pk])
    asked = marketer.get(delete).content.decode()
    assert "cannot be deleted while it is in use" in asked
    assert "Gardeners</a>, in its published version: choose another group in it" in asked
    marketer.post(delete, {"post": "yes"})
    bulk = {"action": "delete_selected", "_selected_action": [group.pk], "post": "yes"}
    marketer.post(reverse("admin:personalization_exclusiongroup_changelist"), bulk)
    assert ExclusionGroup.objects.exists()
    published(site, marketer, exclusion_group="")
    marketer.post(delete, {"post": "yes"})
    assert not ExclusionGroup.objects.exists()
    assert "exclusion_groups" not in ruleset_payload()
    assert "frequency" not in ruleset_payload()["slots"][0]["campaigns"][0]
    assert Campaign.objects.get().exclusion_group is None


def test_the_budget_is_one_form_and_a_version(site: Site, marketer: Client) -> None:
    page = marketer.get(reverse(BUDGET)).content.decode()
    assert "No budget: every campaign is shown as often as its own limits say." in page
    marketer.post(reverse(BUDGET), {"count": "5", "days": "7"})
    assert PressureBudget.objects.get().count == 5
    assert changes() == ["Pressure budget of a visitor: no budget → at most 5 times a week"]
    marketer.post(reverse(BUDGET), {"count": "2", "days": "1"})
    assert PressureBudget.objects.get().days == 1
    campaigns_publish(Campaign.objects.all(), budget_exempt="The law asks for it.")
    page = marketer.get(reverse(BUDGET)).content.decode()
    assert "at most twice a day, in all tabs and slots together" in page
    assert "Gardeners</a>: The law asks for it." in page
    marketer.post(reverse(BUDGET), {"count": "", "days": "1"})
    assert "pressure_budget" not in ruleset_payload()


def test_there_is_no_second_budget(site: Site, superuser: Client) -> None:
    assert superuser.get(reverse("admin:personalization_pressurebudget_add")).status_code == 403
    url = reverse("admin:personalization_pressurebudget_change", args=[2])
    assert superuser.get(url).status_code == 302


def test_the_order_of_a_version_is_priority_then_publication_then_id(
    site: Site, marketer: Client
) -> None:
    older = Campaign.objects.create(
        name="Older id", slot=site.slot, variant=site.variant, rule=site.campaign.rule
    )
    newer = Campaign.objects.create(
        name="Newer id", slot=site.slot, variant=site.variant, rule=site.campaign.rule
    )
    campaigns_publish(Campaign.objects.filter(pk=newer.pk))
    campaigns_publish(Campaign.objects.filter(pk=older.pk))
    campaigns_publish(Campaign.objects.filter(pk=newer.pk), zone="Europe/Berlin")
    names = [one["name"] for one in ruleset_payload()["slots"][0]["campaigns"]]
    assert names == ["Gardeners", "Newer id", "Older id"]
    newer.refresh_from_db()
    campaign_pause(campaign=newer, by="test")
    ruleset_publish(by="test")
    campaign_resume(campaign=newer, by="test")
    ruleset_publish(by="test")
    names = [one["name"] for one in ruleset_payload()["slots"][0]["campaigns"]]
    assert names == ["Gardeners", "Older id", "Newer id"], "a pause ends a publication"
