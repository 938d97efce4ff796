"""Segments in the admin: edited without code, refused by name, published with what they change."""

from __future__ import annotations

from datetime import UTC, datetime
from html import unescape
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from personalization import selectors
from personalization.campaigns.changes import ruleset_changes
from personalization.campaigns.importing import import_plan
from personalization.campaigns.interchange_write import campaigns_export
from personalization.campaigns.steps import CampaignStepError
from personalization.decide import decide
from personalization.models import Campaign, RuleSet, Segment
from personalization.rules.inlining import rule_inline
from personalization.segments import editing
from personalization.segments.resolving import segments_in_use
from tests.personalization.admin_site import Site
from tests.personalization.examples import context, increment
from tests.personalization.publishing import campaigns_publish
from tests.personalization.segment_people import FANS, count, fan_make, reads, segment_make
from tests.tracking.people import ana_make, ben_make

pytestmark = pytest.mark.django_db
LIKES = {"condition": "affinity", "category": "gardening", "value": 2}
IN_FANS = {"condition": "segment", "segment": "fans", "operator": "in"}


def posted(**changed: Any) -> dict[str, Any]:
    """A segment's form as a browser posts it."""
    return {
        "name": "Fans", "key": "fans", "note": "", "rule.kind": "all",
        "rule.0.condition": "affinity", "rule.0.category": "gardening", "rule.0.value": "2",
    } | {name.replace("__", "."): value for name, value in changed.items()}  # fmt: skip


def uses(segment: str) -> dict[str, str]:
    return {"rule.0.condition": "segment", "rule.0.segment": segment}


def add(client: Client, **changed: Any) -> Any:
    return client.post(reverse("admin:personalization_segment_add"), posted(**changed))


def change(client: Client, segment: Segment, **changed: Any) -> Any:
    url = reverse("admin:personalization_segment_change", args=[segment.pk])
    return client.post(url, posted(name=segment.name, **changed))


def said(response: Any) -> str:
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


def refused(response: Any) -> str:
    """The page of a form that was not saved."""
    assert response.status_code == 200, "it was saved"
    return unescape(response.text)


def used(site: Site, rule: Any = IN_FANS) -> Segment:
    """A segment that a published campaign uses."""
    segment = segment_make(rule=LIKES)
    campaigns_publish(Campaign.objects.all(), rule={"all": [rule]})
    return segment


def test_a_marketer_makes_a_segment_and_a_campaign_follows_it(site: Site, marketer: Client) -> None:
    assert add(marketer).status_code == 302
    segment = Segment.objects.get(key="fans")
    assert (segment.owner, segment.updated_by) == ("mara", "mara")
    campaigns_publish(Campaign.objects.all(), rule={"all": [IN_FANS]})
    ruleset = selectors.ruleset_latest()
    fan = context(increment(), increment(), increment())
    decision = decide(ruleset, "hero", fan)
    assert decision.reasons == [
        "In the segment “Fans” because the interest in Gardening is at least 2."
    ]
    assert decide(ruleset, "hero", context()).campaign is None


def test_saving_a_segment_publishes_and_names_the_campaigns_it_changes(
    site: Site, marketer: Client
) -> None:
    segment = used(site)
    version = selectors.ruleset_version()
    page = marketer.get(reverse("admin:personalization_segment_change", args=[segment.pk]))
    assert "It decides about the campaign “Gardeners”" in page.text
    response = change(marketer, segment, rule__0__value="30")
    assert f"Published as version {version + 1}" in said(response)
    assert "It decides about “Gardeners”" in said(response)
    latest, before = RuleSet.objects.all()[:2]
    assert ruleset_changes(before.payload, latest.payload) == [
        "“Gardeners”, rule: in the segment “Fans” (the interest in Gardening is at least 2) → "
        "in the segment “Fans” (the interest in Gardening is at least 30)"
    ]
    step = site.campaign.steps.first()
    assert step is not None
    assert step.action == "segment “Fans” edited"
    assert "at least 30" in step.changes[0]
    assert change(marketer, segment, rule__0__value="30").status_code == 302
    assert selectors.ruleset_version() == version + 1


def test_the_published_version_keeps_the_rule_of_its_time(site: Site, marketer: Client) -> None:
    segment = used(site)
    row = RuleSet.objects.first()
    assert row is not None
    change(marketer, segment, rule__0__value="30")
    row.refresh_from_db()
    kept = row.payload["slots"][0]["campaigns"][0]["rule"]
    assert kept["all"][0]["all"] == [LIKES]
    latest = RuleSet.objects.first()
    assert latest is not None
    campaign = Campaign.objects.get()
    assert campaign.published is not None
    assert latest.payload["slots"][0]["campaigns"][0]["rule"] == rule_inline(
        campaign.published.payload["rule"], segments_in_use()
    )


@pytest.mark.parametrize("what", ["archive", "delete"])
def test_a_segment_in_use_cannot_go_and_says_who_uses_it(
    site: Site, superuser: Client, what: str
) -> None:
    segment = used(site)
    segment_make("nested", {"all": [IN_FANS, LIKES]})
    name = "segment_archive" if what == "archive" else "personalization_segment_delete"
    response = superuser.post(reverse(f"admin:{name}", args=[segment.pk]), {"post": "yes"})
    assert "used by the campaign “Gardeners” and the segment “Nested”" in said(response)
    segment.refresh_from_db()
    assert segment.status == "active"


def test_what_nobody_uses_is_archived_restored_and_deleted(site: Site, marketer: Client) -> None:
    segment = segment_make(rule=LIKES)
    marketer.post(reverse("admin:segment_archive", args=[segment.pk]))
    assert segments_in_use() == {}
    segment.refresh_from_db()
    page = marketer.get(reverse("admin:personalization_segment_change", args=[segment.pk]))
    assert "Restore" in page.text
    assert change(marketer, segment).status_code == 403
    marketer.post(reverse("admin:segment_restore", args=[segment.pk]))
    assert list(segments_in_use()) == ["fans"]
    url = reverse("admin:personalization_segment_delete", args=[segment.pk])
    marketer.post(url, {"post": "yes"})
    assert not Segment.objects.exists()


def test_a_loop_is_refused_and_named(site: Site, marketer: Client) -> None:
    segment = segment_make(rule=LIKES)
    segment_make("nested", {"all": [IN_FANS]})
    text = refused(change(marketer, segment, **uses("nested")))
    assert "round in a circle: “Nested”, which uses “Fans”, which uses “Nested”." in text
    assert text.count("round in a circle") == 1, "it is said where it can be mended"
    assert "round in a circle: “Fans”" in refused(change(marketer, segment, **uses("fans")))
    segment.refresh_from_db()
    assert segment.rule == LIKES


def test_a_rule_that_would_break_its_users_is_refused(site: Site, marketer: Client) -> None:
    segment = used(site, {"any": [{"any": [{"any": [IN_FANS]}]}]})
    rows = {
        "rule.0.kind": "any", "rule.0.0.kind": "all", "rule.0.0.0.condition": "device",
        "rule.0.0.0.value": "phone",
    }  # fmt: skip
    form = {key: value for key, value in posted().items() if not key.startswith("rule.0")} | rows
    url = reverse("admin:personalization_segment_change", args=[segment.pk])
    text = refused(marketer.post(url, form))
    assert "the campaign “Gardeners” could be used no longer" in text
    empty = {key: value for key, value in posted().items() if not key.startswith("rule.0")}
    assert "it is used by the campaign “Gardeners”" in refused(marketer.post(url, empty))


def test_a_missing_segment_is_refused_where_it_is_chosen_and_at_publishing(
    site: Site, marketer: Client
) -> None:
    form = site.posted(**uses("gone"))
    url = reverse("admin:personalization_campaign_change", args=[site.campaign.pk])
    assert "no segment “gone” in use" in marketer.post(url, form).text
    with pytest.raises(CampaignStepError, match="no segment “gone” in use"):
        campaigns_publish(Campaign.objects.all(), rule={**IN_FANS, "segment": "gone"})


def test_one_segment_too_many_is_refused_in_the_form(
    site: Site, marketer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(editing, "MAX_SEGMENTS", 1)
    segment_make(rule=LIKES)
    assert "delete one first" in refused(add(marketer, name="Others", key="others"))
    assert Segment.objects.count() == 1


def test_the_key_of_a_segment_stays(site: Site, marketer: Client) -> None:
    segment = segment_make(rule=LIKES)
    assert change(marketer, segment, key="others").status_code == 302
    segment.refresh_from_db()
    assert segment.key == "fans"
    assert "Use lowercase letters" in refused(add(marketer, name="Other", key="__class__"))


def test_an_editor_looks_and_changes_nothing_that_pages_follow(site: Site, editor: Client) -> None:
    segment = used(site)
    url = reverse("admin:personalization_segment_change", args=[segment.pk])
    assert editor.get(url).status_code == 200
    assert change(editor, segment, rule__0__value="9").status_code == 403
    assert editor.post(reverse("admin:segment_archive", args=[segment.pk])).status_code == 403
    assert editor.get(reverse("admin:segment_members", args=[segment.pk])).status_code == 403


def test_size_members_and_series_are_shown_with_the_list(site: Site, marketer: Client) -> None:
    fan, stranger = fan_make(), ana_make()
    reads(stranger, 1)
    ben_make()
    segment = segment_make()
    address = reverse("admin:personalization_segment_change", args=[segment.pk])
    assert "counted in a moment" in marketer.get(address).text
    count()
    reads(stranger, 3)
    count()
    page = marketer.get(address).text
    assert "2 visitors now" in page
    assert "Came in, last 30 days: 1 in all" in page
    listed = marketer.get(reverse("admin:personalization_segment_changelist"))
    assert next(iter(listed.context["cl"].result_list)).line.size == 2
    shown = marketer.get(reverse("admin:segment_members", args=[segment.pk]))
    members = shown.context["members"]
    assert [member.visitor_id for member in members] == [stranger, fan]
    assert [member.since_before for member in members] == [False, True]
    assert reverse("visitor", args=[fan]) in shown.text
    visitor = marketer.get(reverse("visitor", args=[fan])).text
    assert "in it since before" in visitor
    far = "00001" + "0" * 40
    beside = marketer.get(reverse("admin:segment_members", args=[segment.pk]), {"page": far})
    assert beside.context["page"] == 1, "no page has such a number"


def test_the_list_says_who_uses_a_segment_with_drafts_however_many_there_are(
    site: Site, marketer: Client, django_assert_max_num_queries: Any
) -> None:
    segment_make()
    for n in range(12):
        segment_make(f"nested{n}", {"all": [IN_FANS]})
    Campaign.objects.update(rule=IN_FANS)
    with django_assert_max_num_queries(40):
        listed = marketer.get(reverse("admin:personalization_segment_changelist"))
    users = {row.key: row.users for row in listed.context["cl"].result_list}
    assert users["fans"][:2] == ["Gardeners", "Nested0"]
    assert len(users["fans"]) == 13
    assert users["nested3"] == []


def test_reach_is_counted_among_a_segment(site: Site, marketer: Client) -> None:
    for times in (1, 3, 5):
        reads(ana_make(), times)
    segment_make()
    url = reverse("admin:campaign_reach")
    rule = {"rule.kind": "all", "rule.0.condition": "events", "rule.0.type": "page_view",
            "rule.0.category": "gardening", "rule.0.value": "4", "rule.0.days": "2"}  # fmt: skip
    assert marketer.post(url, rule).json()["text"] == "1 of 3 visitors"
    among = marketer.post(url, rule | {"among": "fans"}).json()
    assert among["text"] == "1 of 2 visitors, all in “Fans”"
    within = {"rule.kind": "all", **uses("fans")}
    assert marketer.post(url, within).json()["text"] == "2 of 3 visitors"


def test_a_campaign_waits_until_its_segment_is_counted(site: Site) -> None:
    segment_make()
    came = {"condition": "segment", "segment": "fans", "operator": "entered_within"}
    campaigns_publish(Campaign.objects.all(), rule={"all": [came]})
    row = RuleSet.objects.first()
    assert row is not None
    assert [c["rule"] for c in row.payload["slots"][0]["campaigns"]] != [{"all": [came]}]
    count(datetime.now(UTC))
    campaigns_publish(Campaign.objects.all())
    assert selectors.ruleset_latest().asks_memberships


def test_the_sentence_and_the_picker_name_segments(site: Site, marketer: Client) -> None:
    segment_make(rule=FANS)
    Campaign.objects.update(rule={"all": [IN_FANS]})
    page = marketer.get(
        reverse("admin:personalization_campaign_change", args=[site.campaign.pk])
    ).text
    assert "In the segment “Fans”." in page
    assert '<option value="fans" selected>Fans</option>' in page


def test_a_file_names_segments_by_their_keys_and_a_missing_one_is_refused(site: Site) -> None:
    used(site)
    exported = campaigns_export(Campaign.objects.select_related("slot", "variant__category"))
    assert '"segment": "fans"' in exported
    again = import_plan(exported.replace("Gardeners", "Again").encode())
    assert [(one.verdict, one.campaign.rule) for one in again.planned if one.campaign] == [
        ("make", {"all": [IN_FANS]})
    ]
    missing = import_plan(exported.replace('"segment": "fans"', '"segment": "gone"').encode())
    assert [one.verdict for one in missing.planned] == ["refuse"]
    assert dict(missing.planned[0].lines)["rule"] == (
        "all[0].segment: There is no segment “gone” in use: choose another. There are: fans."
    )
