"""The admin publishes whatever it saves, in words a marketer reads, and refuses what is wrong."""

from datetime import UTC, datetime
from html import unescape
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.text import capfirst

from config.navigation import admin_navigation
from personalization.models import Campaign, Category, ContentItem, RuleSet, Slot, Variant
from personalization.selectors import ruleset_current, ruleset_version
from personalization.services import ruleset_payload, ruleset_publish
from tests.personalization.admin_site import Site
from tests.personalization.publishing import campaigns_publish
from tracking.models import EventType

CAMPAIGNS = "admin:personalization_campaign_changelist"
CHANGE = "admin:personalization_campaign_change"


def said(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def save(client: Client, site: Site, **changed: Any) -> Any:
    return client.post(reverse(CHANGE, args=[site.campaign.pk]), site.posted(**changed))


def errors_of(response: Any) -> dict[str, list[str]]:
    return dict(response.context["adminform"].form.errors)


# --- Saving content is publishing --------------------------------------------------------------


def test_a_saved_variant_is_shown_at_once(site: Site, marketer: Client) -> None:
    url = reverse("admin:personalization_variant_change", args=[site.variant.pk])
    response = marketer.post(url, {"name": "Garden", "headline": "Dig deeper"})
    assert response.status_code == 302
    version = site.version + 1
    assert f"Published as version {version}: pages follow at once." in said(response)
    assert RuleSet.objects.get(version=version).published_by == "mara"
    live: Any = ruleset_current(None).slots["hero"].campaigns[0]
    assert live.content["headline"] == "Dig deeper"


def test_saving_what_changes_no_page_makes_no_version(site: Site, marketer: Client) -> None:
    url = reverse("admin:personalization_slot_change", args=[site.slot.pk])
    response = marketer.post(url, {"name": "Hero", "default": site.variant.pk})
    assert ruleset_version() == site.version
    assert f"Saved. No slot shows anything else: version {site.version} stays." in said(response)


def test_what_no_page_shows_makes_no_version(site: Site, marketer: Client) -> None:
    Variant.objects.update(items="")
    site.version = ruleset_publish(by="test")
    spare = Variant.objects.create(name="Spare", headline="Unused")
    stays = f"Saved. No slot shows anything else: version {site.version} stays."
    url = reverse("admin:personalization_variant_change", args=[spare.pk])
    response = marketer.post(url, {"name": "Spare", "headline": "Still unused"})
    assert stays in said(response)
    items = reverse("admin:personalization_contentitem_changelist")
    chosen = {"action": "unpublish", "_selected_action": [site.item.pk]}
    assert stays in said(marketer.post(items, chosen))
    assert ruleset_version() == site.version


def test_items_count_where_a_variant_shows_their_category(site: Site) -> None:
    Variant.objects.update(items="")
    assert ruleset_payload()["cards"] == {}
    Variant.objects.update(items="category", category=site.category)
    assert list(ruleset_payload()["cards"]) == ["gardening"]


@pytest.mark.parametrize(
    ("model", "change"),
    [
        ("category", {"name": "Gardens", "slug": "gardening", "hue": "120"}),
        (
            "contentitem",
            {
                "title": "Beds, raised",
                "slug": "beds",
                "summary": "s",
                "body": "b",
                "category": "",
                "content_type": "guide",
                "tags": "Soil, spring, soil",
                "is_published": "on",
                "published_at_0": "2026-01-01",
                "published_at_1": "10:00:00",
            },
        ),
        ("variant", {"name": "Garden", "headline": "Dig deeper"}),
        ("slot", {"name": "The hero", "default": ""}),
    ],
)
def test_whatever_pages_show_is_published_when_saved(
    site: Site, marketer: Client, model: str, change: dict[str, Any]
) -> None:
    rows = {
        "category": site.category,
        "contentitem": site.item,
        "variant": site.variant,
        "slot": site.slot,
    }
    filled = {
        name: {"category": site.category.pk, "default": site.variant.pk}.get(name, value)
        if value == ""
        else value
        for name, value in change.items()
    }
    url = reverse(f"admin:personalization_{model}_change", args=[rows[model].pk])
    response = marketer.post(url, filled)
    assert response.status_code == 302, errors_of(response)
    assert ruleset_version() == site.version + 1
    assert marketer.get(url).status_code == 200


def test_tags_are_typed_as_words(site: Site, marketer: Client) -> None:
    site.item.tags = ["soil", "spring"]
    site.item.save()
    url = reverse("admin:personalization_contentitem_change", args=[site.item.pk])
    assert 'value="soil, spring"' in marketer.get(url).content.decode()


def test_deleting_a_campaign_publishes(site: Site, marketer: Client) -> None:
    url = reverse("admin:personalization_campaign_delete", args=[site.campaign.pk])
    response = marketer.post(url, {"post": "yes"})
    assert f"Published as version {site.version + 1}: pages follow at once." in said(response)
    assert ruleset_current(None).slots["hero"].campaigns == ()


def test_deleting_many_publishes_once(site: Site, marketer: Client) -> None:
    chosen = {"action": "delete_selected", "_selected_action": [site.campaign.pk], "post": "yes"}
    marketer.post(reverse(CAMPAIGNS), chosen)
    assert ruleset_version() == site.version + 1
    assert not Campaign.objects.exists()


def test_a_failed_save_publishes_nothing(site: Site, marketer: Client) -> None:
    assert save(marketer, site, name="").status_code == 200
    assert ruleset_version() == site.version


def test_what_is_still_used_cannot_be_deleted(site: Site, marketer: Client) -> None:
    said_of = {}
    for model in ("category", "variant", "slot"):
        row = getattr(site, model)
        url = reverse(f"admin:personalization_{model}_delete", args=[row.pk])
        said_of[model] = unescape(marketer.post(url, {"post": "yes"}).text)
        assert f"“{row}” cannot be deleted while it is in use" in said_of[model]
    assert Category.objects.count() == Variant.objects.count() == Slot.objects.count() == 1
    where = reverse("admin:personalization_campaign_change", args=[site.campaign.pk])
    assert (
        f'“Garden” is used by the campaign <a class="at-link" href="{where}">Gardeners</a>, in its '
        "draft and in its published version: choose another variant in it and publish that, or"
    ) in said_of["variant"]
    assert "by default: choose another default in it" in said_of["variant"]
    assert "in this slot: choose another slot in it" in said_of["slot"]

    chosen = {"action": "delete_selected", "_selected_action": [site.variant.pk], "post": "yes"}
    page = marketer.post(reverse("admin:personalization_variant_changelist"), chosen)
    assert "Not all of these can be deleted: some are in use." in page.text
    assert Variant.objects.exists()


# --- The rule ----------------------------------------------------------------------------------


def test_an_error_stands_beside_its_field(site: Site, marketer: Client) -> None:
    response = save(marketer, site, rule__0__condition="visits", rule__0__value="many")
    page = response.content.decode()
    assert "The rule is not complete" in page
    assert 'id="rule.0.value-error">Visits: use a whole number.' in page
    assert 'aria-describedby="rule.0.value-error"' in page
    assert 'value="many"' in page, "what was typed is still there"


def test_a_choice_left_open_stays_open(site: Site, marketer: Client) -> None:
    changed = {"rule__0__condition": "affinity", "rule__0__category": ""}
    page = save(marketer, site, **changed).content.decode()
    select = page.split('name="rule.0.category"')[1].split("</select>")[0]
    assert "Category: choose one." in page
    assert '<option value="" selected>choose …</option>' in select
    assert 'value="gardening" selected' not in select


def test_the_rule_opens_as_fields(site: Site, marketer: Client) -> None:
    page = marketer.get(reverse(CHANGE, args=[site.campaign.pk])).content.decode()
    assert 'name="rule.0.condition"' in page
    assert 'name="rule.0.value"' in page
    assert "Using a phone." in page
    assert 'name="rule.1.condition"' in page, "one more row for browsers without JavaScript"


def test_a_rule_stored_past_the_form_opens_with_its_error(site: Site, marketer: Client) -> None:
    Campaign.objects.update(rule={"all": [{"condition": "weather", "value": 3}]})
    response = marketer.get(reverse(CHANGE, args=[site.campaign.pk]))
    assert response.status_code == 200
    assert "There is no condition &#x27;weather&#x27;." in response.content.decode()
    assert marketer.get(reverse(CAMPAIGNS)).status_code == 200


def test_a_new_campaign_opens_empty_and_is_saved_as_a_draft(site: Site, marketer: Client) -> None:
    url = reverse("admin:personalization_campaign_add")
    assert "Nobody yet: add a condition." in marketer.get(url).content.decode()
    response = marketer.post(url, site.posted(name="Second", priority="60"))
    assert response.status_code == 302
    assert Campaign.objects.get(name="Second").status == "draft"
    assert [c.name for c in ruleset_current(None).slots["hero"].campaigns] == ["Gardeners"]


def test_the_end_comes_after_the_start(site: Site, marketer: Client) -> None:
    times = {"starts_at_0": "2026-02-01", "starts_at_1": "10:00", "ends_at_0": "2026-01-01",
             "ends_at_1": "10:00"}  # fmt: skip
    response = save(marketer, site, **times)
    assert errors_of(response) == {"ends_at": ["The end must be after the start."]}


# --- The list ----------------------------------------------------------------------------------


def test_the_list_says_each_rule_in_words(site: Site, marketer: Client) -> None:
    Campaign.objects.update(rule={"all": [{"condition": "page_category", "category": "gardening"}]})
    page = marketer.get(reverse(CAMPAIGNS)).content.decode()
    assert "The page is about Gardening." in page
    assert "Hero shows Garden" in page


def test_items_are_taken_off_the_site_from_the_list(site: Site, marketer: Client) -> None:
    url = reverse("admin:personalization_contentitem_changelist")
    marketer.post(url, {"action": "unpublish", "_selected_action": [site.item.pk]})
    assert not ContentItem.objects.get().is_published
    assert ruleset_version() == site.version + 1


# --- What was published ------------------------------------------------------------------------


def test_versions_say_who_changed_what(site: Site, marketer: Client) -> None:
    rule = {"all": [{"condition": "device", "value": "tablet"}]}
    campaigns_publish(Campaign.objects.all(), priority=80, rule=rule)
    page = marketer.get(reverse("admin:personalization_ruleset_changelist")).content.decode()
    assert "“Gardeners”, priority: 50 → 80" in page
    assert "using a phone → using a tablet" in page
    assert "test" in page
    url = reverse("admin:personalization_ruleset_change", args=[site.version + 1])
    assert "“Gardeners”, priority: 50 → 80" in marketer.get(url).content.decode()


def test_a_list_of_versions_reads_only_its_own_and_the_one_before(
    site: Site, marketer: Client
) -> None:
    empty: dict[str, object] = {"slots": [], "variants": {}, "weights": {}, "cards": {}}
    for number in range(25):
        RuleSet.objects.create(payload={**empty, "number": number}, sha256=str(number))
    url = reverse("admin:personalization_ruleset_changelist")
    with CaptureQueriesContext(connection) as asked:
        rows = marketer.get(url).context["cl"].result_list
    assert [row.before["number"] for row in rows] == list(range(23, 3, -1))
    reading = [query["sql"] for query in asked if '"payload"' in query["sql"]]
    assert len(reading) == 2
    assert all("LIMIT" in sql and "LAG" not in sql for sql in reading)


@pytest.mark.parametrize("number", ["²", "0", "x", "99999999999999999999"])
def test_a_version_there_is_not_is_not_found(site: Site, marketer: Client, number: str) -> None:
    url = reverse("admin:personalization_ruleset_change", args=[number])
    assert marketer.get(url).status_code == 302


def test_signal_weights_are_edited_in_the_list_and_published(site: Site, marketer: Client) -> None:
    url = reverse("admin:tracking_eventtype_changelist")
    response = weights_save(marketer, click="4.5")
    assert response.status_code == 302
    assert EventType.objects.get(name="click").weight == 4.5
    assert f"Published as version {site.version + 1}." in said(response)
    assert ruleset_current(None).weights["click"].weight == 4.5
    assert "three full scrolls" in marketer.get(url).content.decode()


@pytest.mark.parametrize("weight", ["-1", "nan", "inf", "1001", "much", ""])
def test_a_weight_is_a_number_within_bounds(site: Site, marketer: Client, weight: str) -> None:
    assert weights_save(marketer, click=weight).status_code == 200
    assert ruleset_version() == site.version


def test_what_an_event_type_is_cannot_be_changed(site: Site, marketer: Client) -> None:
    url = reverse("admin:tracking_eventtype_change", args=["click"])
    changed = {"label": "Hit", "name": "hit", "kind": "negative", "unit": "second", "weight": "2",
               "half_life_short": "1", "half_life_long": "30", "repeat_ms": "0"}  # fmt: skip
    assert marketer.post(url, changed).status_code == 302
    click = EventType.objects.get(name="click")
    assert (click.label, click.kind, click.unit, click.weight) == ("Click", "active", "event", 2.0)


def weights_save(client: Client, **weights: str) -> Any:
    """Post the whole list, as the browser does, with some weights changed."""
    url = reverse("admin:tracking_eventtype_changelist")
    posted: dict[str, Any] = {"_save": "Save"}
    formset = client.get(url).context["cl"].formset
    for field, value in formset.management_form.initial.items():
        posted[f"form-{field}"] = value
    for form in formset:
        posted[f"{form.prefix}-name"] = form.instance.pk
        posted[f"{form.prefix}-weight"] = weights.get(form.instance.pk, form.instance.weight)
    return client.post(url, posted)


NAMED = {
    "personalization_ruleset": ("Personalize", "Published versions"),
    "profiles_profile": ("Understand", "Visitors"),
    "tracking_eventtype": (None, "Event types"),
}


@pytest.mark.parametrize("model", NAMED)
def test_a_list_is_called_as_the_sidebar_calls_it(
    site: Site, superuser: Client, model: str
) -> None:
    app, plural = NAMED[model]
    context = superuser.get(reverse(f"admin:{model}_changelist")).context
    opts = context["cl"].opts
    assert capfirst(opts.verbose_name_plural) == plural
    assert app in (None, opts.app_config.verbose_name)
    sidebar = [
        item["title"] for group in admin_navigation(context["request"]) for item in group["items"]
    ]
    assert plural in sidebar


def test_dates_are_in_one_form_with_their_zone(site: Site, marketer: Client) -> None:
    RuleSet.objects.update(published_at=datetime(2026, 11, 5, 14, 30, tzinfo=UTC))
    page = marketer.get(reverse("admin:personalization_ruleset_changelist")).content.decode()
    assert "5 Nov 2026, 14:30 UTC" in page


def test_the_weights_say_what_a_change_does(site: Site, marketer: Client) -> None:
    says = "at once to everything already recorded; nothing stored is altered."
    page = marketer.get(reverse("admin:tracking_eventtype_changelist")).content.decode()
    assert says in page
    assert str(EventType._meta.get_field("weight").help_text).endswith(says)


def test_slots_and_categories_keep_the_key_that_others_use(site: Site, marketer: Client) -> None:
    url = reverse("admin:personalization_slot_change", args=[site.slot.pk])
    marketer.post(url, {"key": "other", "name": "Hero", "default": site.variant.pk})
    assert Slot.objects.get().key == "hero"
