"""A draft in the real page: as anybody, at any time, and without a trace."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest
from django.urls import reverse
from django.utils import timezone

from tests.personalization.admin_site import client_of
from tests.personalization.previewed import (
    DRAFTED,
    draft_made,
    frames,
    preview,
    profile_key,
    shown,
)

if TYPE_CHECKING:
    from django.test import Client

    from personalization.models import Campaign

__all__ = ("draft_made",)
pytestmark = pytest.mark.django_db


def explained(page: Any) -> str:
    return str(page.content.decode()).partition('id="why-heading"')[2]


# --- As whom --------------------------------------------------------------------------------------


def test_a_draft_is_seen_as_the_test_profile_it_is_for_with_its_reasons(
    draft: Campaign, marketer: Client
) -> None:
    gardener = {"as": profile_key("Gardener on a phone")}
    assert DRAFTED in shown(marketer, draft.pk, **gardener)
    why = explained(preview(marketer, draft.pk, **gardener))
    assert "this draft" in why
    assert "Gardening" in why
    assert "measured: 8" in why, "articles read, of a feature that no profile holds yet"
    assert "not purchased" in why


@pytest.mark.parametrize("name", ["Refused consent", "First visit", "Cyclist who buys"])
def test_whom_the_rule_does_not_mean_gets_what_pages_show(
    draft: Campaign, marketer: Client, name: str
) -> None:
    assert DRAFTED not in shown(marketer, draft.pk, **{"as": profile_key(name)})


def test_everyone_gets_the_default_and_is_asked_for_consent(
    draft: Campaign, marketer: Client
) -> None:
    page = shown(marketer, draft.pk)
    assert "Welcome to everyone" in page
    assert "data-consent-banner" in page
    refused = shown(marketer, draft.pk, **{"as": profile_key("Refused consent")})
    assert "data-consent-banner" not in refused


def test_a_profile_without_a_device_is_on_the_one_of_the_frame(
    draft: Campaign, marketer: Client
) -> None:
    from personalization.models import TestProfile

    TestProfile.objects.filter(name="Gardener on a phone").update(device="")
    gardener = {"as": profile_key("Gardener on a phone")}
    assert DRAFTED in shown(marketer, draft.pk, "phone", **gardener)
    assert DRAFTED not in shown(marketer, draft.pk, "desktop", **gardener)
    why = explained(preview(marketer, draft.pk, **gardener))
    assert "On a phone" in why
    assert "On a desktop" in why


def test_a_recent_visitor_is_seen_with_what_is_not_known_of_them_yet(
    draft: Campaign, marketer: Client
) -> None:
    from tests.personalization.test_admin_visitor import reads
    from tests.tracking.people import ana_make

    ana = ana_make()
    reads(ana)
    page = preview(marketer, draft.pk)
    assert str(ana)[:8] in page.content.decode()
    page = preview(marketer, draft.pk, **{"as": f"visitor:{ana}"})
    assert "not known yet for this visitor" in page.content.decode()
    assert DRAFTED not in shown(marketer, draft.pk, **{"as": f"visitor:{ana}"})
    draft.rule = {"condition": "top_interest", "category": "gardening", "value": 1}
    draft.save()
    assert DRAFTED in shown(marketer, draft.pk, **{"as": f"visitor:{ana}"})
    page = preview(marketer, draft.pk, **{"as": f"visitor:{ana}"})
    assert "not known yet" not in page.content.decode()


def test_a_real_visitor_is_seen_with_when_they_came_into_segments(
    draft: Campaign, marketer: Client
) -> None:
    from personalization.models import SegmentMember
    from tests.personalization.segment_people import segment_make
    from tests.personalization.test_admin_visitor import reads
    from tests.tracking.people import ana_make

    ana = ana_make()
    reads(ana)
    segment = segment_make()
    draft.rule = {"condition": "segment", "segment": "fans", "operator": "entered_within"}
    draft.save()
    assert DRAFTED not in shown(marketer, draft.pk, **{"as": f"visitor:{ana}"})
    SegmentMember.objects.create(segment=segment, visitor_id=ana, entered_at=timezone.now())
    assert DRAFTED in shown(marketer, draft.pk, **{"as": f"visitor:{ana}"})


def test_whoever_agrees_no_more_is_offered_at_no_time_of_the_preview(
    draft: Campaign, marketer: Client
) -> None:
    from consent.models import EffectiveConsent
    from tests.personalization.test_admin_visitor import reads
    from tests.tracking.people import ana_make

    ana = ana_make()
    reads(ana)
    moment = (timezone.now() - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
    asked = {"moment": moment, "zone": "UTC"}
    assert [one.key for one in offered(marketer, draft, **asked)] == [f"visitor:{ana}"]
    lapsed = timezone.now() - timedelta(minutes=1)
    EffectiveConsent.objects.filter(visitor_id=ana).update(expires_at=lapsed)
    assert offered(marketer, draft, **asked) == []


def offered(client: Client, draft: Campaign, **asked: str) -> Any:
    return preview(client, draft.pk, **asked).context_data["recent"]


def test_nothing_is_shown_of_a_visitor_who_withdrew_or_refused(
    draft: Campaign, marketer: Client
) -> None:
    from tests.personalization.test_admin_visitor import reads
    from tests.tracking.people import ana_make, ben_make, withdraw

    cleo = ana_make()
    reads(cleo)
    withdraw(cleo)
    for visitor in (cleo, ben_make()):
        page = preview(marketer, draft.pk, **{"as": f"visitor:{visitor}"})
        text = page.content.decode()
        assert "has not agreed, or not any more" in text
        assert str(visitor)[:8] not in text.replace(f"visitor:{visitor}", "")
        assert page.context_data["subject"].key == "everyone"


def test_a_visitor_takes_the_permission_to_look_at_visitors(draft: Campaign) -> None:
    from tests.personalization.test_admin_visitor import reads
    from tests.tracking.people import ana_make

    ana = ana_make()
    reads(ana)
    editor = client_of("edo", editor=True)
    page = preview(editor, draft.pk, **{"as": f"visitor:{ana}"})
    assert "You may not look at visitors" in page.content.decode()
    assert page.context_data["recent"] == []
    mara = client_of("mara", group=True)
    url = frames(preview(mara, draft.pk, **{"as": f"visitor:{ana}"}))["phone"]
    from django.contrib.auth.models import Group

    Group.objects.get(name="Marketer").permissions.remove(
        *Group.objects.get(name="Marketer").permissions.filter(codename="view_profile")
    )
    assert mara.get(url).status_code == 404, "asked again when the frame is fetched"


# --- When, and where ------------------------------------------------------------------------------


def test_the_clock_can_be_moved_to_check_the_schedule(draft: Campaign, marketer: Client) -> None:
    from datetime import datetime, timedelta
    from zoneinfo import ZoneInfo

    zone = ZoneInfo("America/Toronto")
    begins = (datetime.now(zone) + timedelta(days=3)).replace(microsecond=0)
    draft.starts_at = begins
    draft.save()
    gardener = {"as": profile_key("Gardener on a phone"), "zone": zone.key}
    assert DRAFTED not in shown(marketer, draft.pk, **gardener)
    before, after = (
        f"{(begins + timedelta(minutes=minutes)).replace(tzinfo=None).isoformat()}"
        for minutes in (-1, 1)
    )
    assert DRAFTED not in shown(marketer, draft.pk, moment=before, **gardener)
    assert DRAFTED in shown(marketer, draft.pk, moment=after, **gardener)


REFUSED = (
    ("moment", "tomorrow", "Give a date and a time"),
    ("moment", "2026-01-01T10:00+01:00", "Give a date and a time"),
    ("zone", "Mars/Olympus", "There is no such time zone"),
    ("as", "profile:999999", "There is no such test profile any more"),
    ("as", "<b>{{7*7}}", "Nobody of that kind can be previewed"),
    ("at", "https://evil.example/", "Give a page of this site by its path"),
    ("at", "//evil.example/", "Give a page of this site by its path"),
    ("at", "/\\evil.example/", "Give a page of this site by its path"),
    ("at", "/%2f/evil.example", "Give a page of this site by its path"),
    ("at", "javascript:alert(1)", "Give a page of this site by its path"),
    ("at", "/admin/", "Only pages that visitors see"),
    ("at", "/c/../%61dmin/auth/user/", "Only pages that visitors see"),
    ("at", "/api/v1/profile", "Only pages that visitors see"),
    ("at", "/no/such/page/", "There is no page at this address: the site answers 404"),
    ("at", "/c/gärtnern-中/%ff/?q=中%00", "the site answers 404"),
    ("at", "/favicon.ico", "There is no page at this address"),
)


def test_what_cannot_be_previewed_says_which_field_and_why(
    draft: Campaign, marketer: Client
) -> None:
    for field, given, said in REFUSED:
        page = preview(marketer, draft.pk, **{field: given})
        assert page.status_code == 200
        assert said in page.context_data["errors"][field], given
        assert 'aria-invalid="true"' in page.content.decode(), given
        assert "<b>{{" not in page.content.decode()


def test_links_stay_in_the_preview_and_others_lead_nowhere(
    draft: Campaign, marketer: Client
) -> None:
    from personalization.models import Variant

    Variant.objects.filter(pk=draft.variant_id).update(
        button_label="Away", button_url="https://elsewhere.example/"
    )
    gardener = profile_key("Gardener on a phone")
    page = shown(marketer, draft.pk, **{"as": gardener})
    assert 'href="https://elsewhere.example/' not in page
    assert "Not followed in the preview: https://elsewhere.example/" in page
    home = reverse("preview", args=[draft.pk])
    links = [text.partition('"')[0] for text in page.split(f'href="{home}?')[1:]]
    asked = [parse_qs(link.replace("&amp;", "&")) for link in links]
    assert ["/c/gardening/"] in [one["at"] for one in asked]
    assert {one["as"][0] for one in asked} == {gardener}
    assert 'href="/c/' not in page


def test_no_link_of_a_page_acts_as_the_marketer() -> None:
    from personalization.preview.links import links_keep

    page = (
        '<svg><a xlink:href="/x"><text>&lt;a href="/t"&gt;</text></a></svg>'
        '<link rel="Prefetch" href="/c/"><link rel="stylesheet" href="/s.css">'
        '<A HREF=\'/y"z\' ping=/p target=_blank download>y</A><!-- <a href="/c"> -->\n'
        '<script>"<a href=\\"/s\\">"</script><a href="javascript:alert(1)">j</a><a href="#b">b</a>'
    )
    kept = links_keep(page, lambda href: None if href.startswith("java") else f"/see?at={href}")
    assert kept == (
        '<svg><a href="/see?at=/x" target="_top"><text>&lt;a href="/t"&gt;</text></a></svg>'
        '<link rel="stylesheet" href="/s.css">'
        '<a href="/see?at=/y&quot;z" target="_top">y</A><!-- <a href="/c"> -->\n'
        '<script>"<a href=\\"/s\\">"</script>'
        '<a title="Not followed in the preview: javascript:alert(1)">j</a><a href="#b">b</a>'
    )


def test_a_page_without_the_slot_says_so(draft: Campaign, marketer: Client) -> None:
    said = "does not show the slot “Home: hero”"
    assert said in preview(marketer, draft.pk, at="/about/").content.decode()
    assert said not in preview(marketer, draft.pk).content.decode()


def test_a_slot_is_previewed_where_it_says(draft: Campaign, marketer: Client) -> None:
    from personalization.models import Campaign, Slot

    slot = Slot.objects.get(key="category-banner")
    banner = Campaign.objects.create(name="Guides", slot=slot, variant=draft.variant)
    page = preview(marketer, banner.pk)
    assert page.context_data["asked"].address == "/c/gardening/"
    assert page.context_data["has_slot"]


def test_a_draft_without_a_rule_is_told_and_the_page_shown_without_it(
    draft: Campaign, marketer: Client
) -> None:
    draft.rule = {}
    draft.save()
    page = preview(marketer, draft.pk, **{"as": profile_key("Gardener on a phone")})
    assert "Its rule needs at least one condition." in page.content.decode()
    assert len(frames(page)) == 2


# --- What stands in the form ----------------------------------------------------------------------


def posted(draft: Campaign, **changed: Any) -> dict[str, Any]:
    """The draft's form as a browser posts it."""
    return {
        "name": draft.name, "slot": draft.slot_id, "variant": draft.variant_id, "zone": "UTC",
        "priority": "100", "seen": draft.revision,
        "rule.kind": "all", "rule.0.condition": "device", "rule.0.value": "phone",
    } | {name.replace("__", "."): value for name, value in changed.items()}  # fmt: skip


def test_what_stands_in_the_form_is_previewed_and_not_saved(
    draft: Campaign, marketer: Client
) -> None:
    from personalization.models import Campaign

    form = reverse("admin:campaign_preview_form", args=[draft.pk])
    sent = marketer.post(form, posted(draft, seen=-7, rule__0__value="desktop"))
    assert sent.status_code == 302
    page = marketer.get(sent["Location"], {"as": profile_key("Cyclist who buys")})
    assert "which is not saved" in page.content.decode()
    assert DRAFTED in marketer.get(frames(page)["desktop"]).content.decode()
    kept = Campaign.objects.get(pk=draft.pk)
    assert (kept.rule, kept.revision) == (draft.rule, draft.revision)
    assert client_of("otto", group=True).get(sent["Location"]).status_code == 404


def test_a_form_that_says_what_is_saved_is_previewed_as_saved(
    draft: Campaign, marketer: Client
) -> None:
    draft.rule = {"all": [{"condition": "device", "value": "phone"}]}
    draft.save()
    form = reverse("admin:campaign_preview_form", args=[draft.pk])
    sent = marketer.post(form, posted(draft))
    assert sent["Location"] == reverse("preview", args=[draft.pk])
    assert "which is not saved" not in marketer.get(sent["Location"]).content.decode()


def test_a_campaign_that_was_never_saved_is_previewed_even_without_a_name(
    draft: Campaign, marketer: Client
) -> None:
    from personalization.models import Campaign

    form = reverse("admin:campaign_preview_form", args=[0])
    assert form in marketer.get(reverse("admin:personalization_campaign_add")).content.decode()
    sent = marketer.post(form, posted(draft, name=""))
    page = marketer.get(sent["Location"], {"as": profile_key("Gardener on a phone")})
    assert DRAFTED in marketer.get(frames(page)["phone"]).content.decode()
    assert Campaign.objects.count() == 1


def test_a_form_that_is_not_complete_says_what_is_missing(
    draft: Campaign, marketer: Client
) -> None:
    form = reverse("admin:campaign_preview_form", args=[draft.pk])
    answer = marketer.post(form, posted(draft, slot="", rule__0__value="toaster"))
    assert answer.status_code == 422
    text = answer.content.decode()
    assert "Slot: This field is required." in text
    assert "Rule: Kind: choose one of" in text or "Rule: " in text


def test_a_kept_form_that_is_gone_says_what_to_do(draft: Campaign, marketer: Client) -> None:
    gone = preview(marketer, "form-0123456789abcdef")
    assert gone.status_code == 404
    assert "press “Preview” again" in gone.content.decode()
    assert preview(marketer, 999999).status_code == 404
