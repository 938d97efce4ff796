"""The life of a campaign in the admin, by three people: Mara publishes, Edo edits, Vic looks."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from personalization.campaigns.steps import STEPS
from personalization.models import Campaign, CampaignVersion, Slot, Variant
from personalization.selectors import ruleset_current, ruleset_version
from tests.personalization.admin_site import Site

LIST = reverse("admin:personalization_campaign_changelist")


@pytest.fixture
def viewer(db: None) -> Client:
    """Vic, who may look at campaigns and do nothing."""
    user = User.objects.create_user("vic", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_campaign"))
    client = Client()
    client.force_login(user)
    return client


def said(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def change_url(campaign: Campaign) -> str:
    return reverse("admin:personalization_campaign_change", args=[campaign.pk])


def step_url(campaign: Campaign, name: str) -> str:
    return reverse("admin:campaign_step", args=[campaign.pk, name])


def take(client: Client, campaign: Campaign, name: str, note: str = "") -> Any:
    """Open a step's page and press its button, as a browser does."""
    page = client.get(step_url(campaign, name))
    assert page.status_code == 200
    posted = {
        "revision": Campaign.objects.get(pk=campaign.pk).revision,
        "content": page.context.get("content_seen", ""),
        "note": note,
    }
    if version := page.context["version"]:
        posted["version"] = version.pk
    return client.post(step_url(campaign, name), posted)


def act(client: Client, action: str, *campaigns: Campaign) -> Any:
    keys = [campaign.pk for campaign in campaigns]
    return client.post(LIST, {"action": action, "_selected_action": keys})


def live() -> list[str]:
    return [campaign.name for campaign in ruleset_current(None).slots["hero"].campaigns]


# --- Saving, then publishing -------------------------------------------------------------------


def test_saving_changes_the_draft_and_no_page(site: Site, marketer: Client) -> None:
    response = marketer.post(change_url(site.campaign), site.posted(rule__0__value="tablet"))
    assert response.status_code == 302
    assert ruleset_version() == site.version
    assert any("Pages still follow the published version" in text for text in said(response))
    page = marketer.get(change_url(site.campaign)).content.decode()
    assert "Saved and not published" in page
    assert "Rule: using a phone → using a tablet" in page


def test_save_and_publish_shows_what_changes_and_then_does_it(site: Site, marketer: Client) -> None:
    posted = site.posted(priority="80", _publish="1")
    response = marketer.post(change_url(site.campaign), posted)
    assert response["Location"] == step_url(site.campaign, "publish")
    page = marketer.get(response["Location"]).content.decode()
    assert "Priority: 50 → 80" in page
    assert ruleset_version() == site.version, "not before it is confirmed"
    response = take(marketer, site.campaign, "publish", note="For spring")
    version = site.version + 1
    assert said(response)[-1] == (
        f"“Gardeners” is published. Pages follow at once (version {version} of the rules)."
    )
    assert ruleset_current(None).slots["hero"].campaigns[0].priority == 80
    history = marketer.get(change_url(site.campaign).replace("change", "history")).content.decode()
    assert "“For spring”" in history
    assert "Draft edited" in history


def test_a_campaign_without_conditions_can_be_saved_and_not_published(
    site: Site, marketer: Client
) -> None:
    posted = site.posted(rule__0__condition="")
    assert marketer.post(change_url(site.campaign), posted).status_code == 302
    page = marketer.get(step_url(site.campaign, "publish")).content.decode()
    assert "Its rule needs at least one condition." in page
    response = take(marketer, site.campaign, "publish")
    assert said(response)[-1] == (
        "“Gardeners” cannot be published. Its rule needs at least one condition."
    )
    assert live() == ["Gardeners"]


def test_what_changed_after_the_page_was_opened_is_not_published(
    site: Site, marketer: Client
) -> None:
    marketer.post(change_url(site.campaign), site.posted(priority="80"))
    seen = Campaign.objects.get().revision
    marketer.post(change_url(site.campaign), site.posted(priority="90"))
    response = marketer.post(step_url(site.campaign, "publish"), {"revision": seen})
    assert "has changed since you opened it (mara: draft edited" in said(response)[-1]
    assert ruleset_version() == site.version


# --- Two people in one form ---------------------------------------------------------------------


def test_who_saves_second_is_told_and_loses_nothing(
    site: Site, marketer: Client, editor: Client
) -> None:
    mine = site.posted(name="Mine", priority="70")
    editor.post(change_url(site.campaign), site.posted(priority="60"))
    response = marketer.post(change_url(site.campaign), mine)
    assert response.status_code == 200
    page = response.content.decode()
    assert "edo saved this campaign while you had it open" in page
    assert "Priority: 60 → 70" in page
    assert 'value="Mine"' in page, "what was typed is still there"
    assert Campaign.objects.get().priority == 60, "what was saved is still there"
    mine["seen"] = response.context["adminform"].form["seen"].value()
    assert marketer.post(change_url(site.campaign), mine).status_code == 302
    assert Campaign.objects.get().name == "Mine"


def test_a_form_that_says_not_what_it_saw_is_not_saved(site: Site, marketer: Client) -> None:
    posted = site.posted(priority="70")
    del posted["seen"]
    assert marketer.post(change_url(site.campaign), posted).status_code == 200
    assert Campaign.objects.get().priority == 50


# --- Four eyes ---------------------------------------------------------------------------------


def test_an_editor_submits_and_a_marketer_approves(
    site: Site, editor: Client, marketer: Client
) -> None:
    editor.post(change_url(site.campaign), site.posted(priority="80", _submit="1"))
    take(editor, site.campaign, "submit", note="Spring is here")
    assert ruleset_version() == site.version
    page = marketer.get(step_url(site.campaign, "approve")).content.decode()
    assert "Priority: 50 → 80" in page
    panel = marketer.get(change_url(site.campaign)).content.decode()
    assert "submitted by edo: “Spring is here”" in panel
    take(marketer, site.campaign, "approve")
    assert ruleset_current(None).slots["hero"].campaigns[0].priority == 80


def test_sent_back_with_a_comment_the_editor_sees(
    site: Site, editor: Client, marketer: Client
) -> None:
    editor.post(change_url(site.campaign), site.posted(priority="80"))
    take(editor, site.campaign, "submit")
    response = take(marketer, site.campaign, "return")
    assert said(response)[-1] == "Say in the comment what is to be done."
    take(marketer, site.campaign, "return", note="80 is\x00 too high.")
    assert "“80 is too high.”" in editor.get(change_url(site.campaign)).content.decode()
    assert Campaign.objects.get().submitted is None


def test_a_reviewer_cannot_approve_what_they_did_not_see(
    site: Site, editor: Client, marketer: Client
) -> None:
    editor.post(change_url(site.campaign), site.posted(priority="80"))
    take(editor, site.campaign, "submit")
    first = CampaignVersion.objects.get(state="review")
    take(editor, site.campaign, "withdraw")
    editor.post(change_url(site.campaign), site.posted(priority="99"))
    take(editor, site.campaign, "submit")
    posted = {"revision": Campaign.objects.get().revision, "version": first.pk}
    marketer.post(step_url(site.campaign, "approve"), posted)
    assert ruleset_version() == site.version


def test_words_edited_behind_the_reviewers_back_are_not_approved(
    site: Site, editor: Client, marketer: Client
) -> None:
    spare = Variant.objects.create(name="Spare", headline="Harmless")
    editor.post(change_url(site.campaign), site.posted(variant=spare.pk))
    take(editor, site.campaign, "submit")
    page = marketer.get(step_url(site.campaign, "approve"))
    assert "Harmless" in page.content.decode()
    url = reverse("admin:personalization_variant_change", args=[spare.pk])
    editor.post(url, {"name": "Spare", "headline": "Otherwise"})
    posted = {
        "revision": Campaign.objects.get().revision,
        "version": page.context["version"].pk,
        "content": page.context["content_seen"],
    }
    response = marketer.post(step_url(site.campaign, "approve"), posted)
    assert "“Spare” was edited since you opened this page" in said(response)[-1]
    assert ruleset_version() == site.version
    take(marketer, site.campaign, "approve")
    published = Campaign.objects.get().published
    assert published is not None
    assert (published.number, published.payload["content"]["headline"]) == (3, "Otherwise")
    states = [version.state for version in site.campaign.versions.order_by("number")]
    assert states == ["retired", "replaced", "published"]


@pytest.mark.parametrize("step", [step.name for step in STEPS])
def test_each_takes_the_steps_they_may(
    site: Site, viewer: Client, editor: Client, marketer: Client, step: str
) -> None:
    may_edit = step in ("submit", "withdraw", "restore")
    for client, expected in (
        (viewer, 403), (editor, 200 if may_edit else 403), (marketer, 200),
    ):  # fmt: skip
        assert client.get(step_url(site.campaign, step)).status_code == expected
        if expected == 403:
            assert client.post(step_url(site.campaign, step), {}).status_code == 403
    assert Campaign.objects.get().status == "published"


def test_each_does_from_the_list_what_they_may(
    site: Site, viewer: Client, editor: Client, marketer: Client
) -> None:
    for client in (viewer, editor):
        act(client, "bulk_pause", site.campaign)
        act(client, "bulk_publish", site.campaign)
        act(client, "bulk_archive", site.campaign)
        act(client, "delete_selected", site.campaign)
    assert live() == ["Gardeners"]
    act(marketer, "bulk_pause", site.campaign)
    assert live() == []
    assert viewer.post(change_url(site.campaign), site.posted(priority="1")).status_code == 403
    page = viewer.get(change_url(site.campaign)).content.decode()
    assert "Save and publish" not in page
    assert 'name="seen"' not in page


def test_an_editor_changes_only_variants_no_page_shows(site: Site, editor: Client) -> None:
    spare = Variant.objects.create(name="Spare", headline="Unused")
    for variant, expected in ((spare, 302), (site.variant, 403)):
        url = reverse("admin:personalization_variant_change", args=[variant.pk])
        posted = {"name": variant.name, "headline": "Changed"}
        assert editor.post(url, posted).status_code == expected
    act(editor, "bulk_archive", site.campaign)
    site.variant.refresh_from_db()
    assert site.variant.headline == "Dig in"


# --- The list ----------------------------------------------------------------------------------


def test_many_are_published_in_one_version(site: Site, marketer: Client) -> None:
    drafts = [
        Campaign.objects.create(
            name=f"C{i}", slot=site.slot, variant=site.variant, rule=site.campaign.rule
        )
        for i in range(3)
    ]
    empty = Campaign.objects.create(name="Empty", slot=site.slot, variant=site.variant)
    response = act(marketer, "bulk_publish", *drafts, empty)
    assert "Now published: “C0”, “C1”, “C2”." in said(response)
    assert "“Empty” cannot be published. Its rule needs at least one condition." in said(response)
    assert ruleset_version() == site.version + 1
    assert len(live()) == 4


def test_the_list_pauses_resumes_archives_and_restores(site: Site, marketer: Client) -> None:
    for action, word in (
        ("bulk_pause", "paused"), ("bulk_resume", "published"), ("bulk_archive", "archived"),
        ("bulk_restore", "draft"),
    ):  # fmt: skip
        act(marketer, action, site.campaign)
        assert Campaign.objects.get().status == word
    response = act(marketer, "bulk_pause", site.campaign)
    assert said(response)[-1] == "“Pause” does not go with the status of “Gardeners”: draft."


def test_a_duplicate_is_a_draft_with_a_name_of_its_own(site: Site, editor: Client) -> None:
    url = reverse("admin:campaign_duplicate", args=[site.campaign.pk])
    assert editor.get(url).status_code == 405
    for name in ("Gardeners (copy)", "Gardeners (copy 2)"):
        response = editor.post(url)
        copy = Campaign.objects.get(name=name)
        assert response["Location"] == change_url(copy)
        assert (copy.status, copy.rule) == ("draft", site.campaign.rule)
    act(editor, "bulk_duplicate", site.campaign)
    assert Campaign.objects.filter(name="Gardeners (copy 3)").exists()


# --- Content -----------------------------------------------------------------------------------


def test_editing_content_says_who_sees_it_and_stands_in_the_history(
    site: Site, marketer: Client
) -> None:
    Slot.objects.update(default=Variant.objects.create(name="Plain", headline="Plain"))
    url = reverse("admin:personalization_variant_change", args=[site.variant.pk])
    page = marketer.get(url).content.decode()
    assert "Saving here changes pages at once." in page
    assert "the campaign “Gardeners”" in page
    marketer.post(url, {"name": "Garden", "headline": "Dig deeper"})
    step = site.campaign.steps.first()
    assert step is not None
    assert (step.action, step.by) == ("content of “Garden” edited", "mara")
    assert "Headline: “Dig in” → “Dig deeper”" in step.changes


# --- History -----------------------------------------------------------------------------------


def test_any_two_versions_are_compared_in_words(site: Site, marketer: Client) -> None:
    for priority in ("80", "90"):
        marketer.post(change_url(site.campaign), site.posted(priority=priority))
        take(marketer, site.campaign, "publish")
    url = reverse("admin:personalization_campaign_history", args=[site.campaign.pk])
    page = marketer.get(url, {"from": "1", "to": "3"}).content.decode()
    assert "Priority: 50 → 90" in page
    assert "They say the same." in marketer.get(url, {"from": "3", "to": "draft"}).content.decode()
    for wrong in ("99", "²", "9" * 40, "x"):
        page = marketer.get(url, {"from": wrong, "to": "1"}).content.decode()
        assert "There is no such version." in page


def test_rolling_back_says_what_changes_before_it_does(
    site: Site, marketer: Client, editor: Client
) -> None:
    marketer.post(change_url(site.campaign), site.posted(priority="80"))
    take(marketer, site.campaign, "publish")
    Variant.objects.update(headline="New words")
    url = reverse("admin:campaign_rollback", args=[site.campaign.pk, 1])
    page = marketer.get(url).content.decode()
    assert "Priority: 80 → 50" in page
    assert "Headline: “Dig in” → “New words”" in page, "what stays as it is now"
    posted = {"revision": Campaign.objects.get().revision, "_publish": "1"}
    assert editor.post(url, posted).status_code == 403
    marketer.post(url, posted)
    assert ruleset_current(None).slots["hero"].campaigns[0].priority == 50
    assert Campaign.objects.get().published.number == 3  # type: ignore[union-attr]
    marketer.post(url, posted)
    assert Campaign.objects.get().versions.count() == 3, "what was seen then is no more"
