"""One visitor in the admin and on the command line: the truth with consent, nothing without."""

import json
import time
from io import StringIO
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from personalization.models import Campaign
from personalization.visitor_view import visitor_report
from profiles import declaring, rebuild
from profiles import selectors as profile_selectors
from profiles.features.definition import Feature, Lifetime
from tests.personalization.admin_site import Site
from tests.personalization.publishing import campaigns_publish
from tests.tracking.people import ana_make, ben_make, drain, event_make, inbox_put, visitor_make
from tests.tracking.people import withdraw as consent_withdraw
from tracking.models import Event

EVIL = '/<script>alert(1)</script>/"onmouseover="x'
READS_GARDENING = {
    "any": [
        {"condition": "events", "type": "page_view", "category": "gardening", "value": 3},
        {"condition": "device", "value": "phone"},
    ]
}


def reads(visitor_id: UUID, count: int = 4, **fields: Any) -> None:
    """Page views of gardening in one visit, stored and folded."""
    visit = str(uuid4())
    now = time.time() * 1000
    events = [
        event_make(
            path="/items/beds/",
            category="gardening",
            content_type="article",
            visit=visit,
            at=now - 60_000 * index,
            **fields,
        )
        for index in range(count)
    ]
    inbox_put(visitor_id, events)
    drain(visitor_id)


@pytest.fixture
def ana(site: Site) -> UUID:
    campaigns_publish(Campaign.objects.all(), rule=READS_GARDENING)
    ana = ana_make()
    reads(ana)
    return ana


def page_of(client: Client, visitor_id: object) -> str:
    response = client.get(f"/admin/visitors/{visitor_id}/")
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]
    return response.content.decode()


def printed(*arguments: str) -> str:
    out = StringIO()
    call_command("visitor", *arguments, stdout=out)
    return out.getvalue()


def test_the_page_shows_interests_their_end_and_why_a_slot_shows_what(
    ana: UUID, marketer: Client
) -> None:
    page = page_of(marketer, ana)
    assert "Gardening" in page
    assert "<polyline" in page
    assert "Campaign <strong>Gardeners</strong>" in page
    assert "viewed pages in Gardening at least 3 times within 7 days" in page
    assert "measured: 4" in page
    assert "using a phone" in page
    assert "unknown" in page
    assert "/items/beds/" in page


def test_the_report_is_what_a_page_would_be_decided_by(ana: UUID) -> None:
    report = visitor_report(ana, now=timezone.now())
    (interest,) = report.interests
    assert interest.interest.score == pytest.approx(4.0, abs=0.01)
    assert interest.ends_at is None, "4 points are below 5 from the beginning"
    assert [score for _, score in interest.curve] == sorted(
        (score for _, score in interest.curve), reverse=True
    )
    assert interest.curve[-1][1] == pytest.approx(interest.curve[0][1] / 2)
    assert (report.visits_count, report.events_count, len(report.visits)) == (1, 4, 1)
    ((name, decision),) = report.decisions
    assert (name, decision.campaign and decision.campaign.name) == ("Hero", "Gardeners")


def test_an_interest_ends_where_its_curve_crosses_the_threshold(site: Site) -> None:
    ana = ana_make()
    reads(ana, count=20)
    now = timezone.now()
    (line,) = visitor_report(ana, now=now).interests
    assert line.ends_at is not None
    assert (line.ends_at - now).days == 59, "20 fall to 5 in two half-lives of 30 days"


@pytest.mark.parametrize("purposes", [(), ("measurement",)])
def test_without_consent_nothing_personal_is_shown(
    ana: UUID, marketer: Client, purposes: tuple[str, ...]
) -> None:
    other = visitor_make(*purposes)
    inbox_put(other, [event_make(path="/secret/", category="gardening")], basis="measurement")
    drain(other)
    for text in (page_of(marketer, other), printed(str(other))):
        assert "/secret/" not in text
        assert "polyline" not in text
        assert "Personalization is off" in text
        assert "Latest events" not in text


def test_who_withdrew_is_nobody_any_more(ana: UUID, marketer: Client) -> None:
    consent_withdraw(ana)
    page = page_of(marketer, ana)
    assert "No consent is in force" in page
    assert "Gardening" not in page.split("What each slot shows")[0]


def test_what_came_from_visitors_is_text_and_leads_nowhere(site: Site, marketer: Client) -> None:
    ana = ana_make()
    inbox_put(ana, [event_make(path=EVIL, category="bold")])
    drain(ana)
    page = page_of(marketer, ana)
    assert "<script>alert" not in page
    assert "onmouseover=&quot;x" in page or "&quot;onmouseover=" in page
    assert 'href="/<' not in page
    assert "onmouseover" not in page.replace("&quot;onmouseover", "")


def test_a_terminal_gets_no_control_characters(ana: UUID) -> None:
    inbox_put(ana, [event_make(path="/\x1b[31mred\x07")])
    drain(ana)
    text = printed(str(ana))
    assert "\x1b" not in text
    assert "\x07" not in text


def test_what_a_bot_did_is_listed_as_not_counted(ana: UUID, marketer: Client) -> None:
    assert "not counted" not in page_of(marketer, ana)
    Event.objects.filter(visitor_id=ana).update(is_bot=True)
    assert page_of(marketer, ana).count("not counted: bot") == 4
    assert printed(str(ana)).count("/items/beds/  (not counted: bot)") == 4


def test_a_unique_beginning_of_an_id_is_enough(ana: UUID, marketer: Client) -> None:
    response = marketer.get(f"/admin/visitors/{str(ana)[:8]}/")
    assert response["Location"] == f"/admin/visitors/{ana}/"
    assert f"Visitor {ana}" in printed(str(ana)[:8])


def test_a_beginning_of_several_lists_them(ana: UUID, marketer: Client) -> None:
    others = {ana}
    while sum(str(one)[0] == str(ana)[0] for one in others) < 2:
        others.add(ana_make())
    for one in others - {ana}:
        reads(one, count=1)
    assert "visitors begin with" in page_of(marketer, str(ana)[0])
    with pytest.raises(CommandError, match="Several visitors begin with"):
        printed(str(ana)[0])


@pytest.mark.parametrize("wrong", ["zzz", "ffffffff", "' OR 1=1", "0" * 40])
def test_an_id_of_nobody_is_told_so(site: Site, marketer: Client, wrong: str) -> None:
    response = marketer.get(f"/admin/visitors/{wrong}/")
    assert response.status_code == 404
    assert "No visitor" in response.content.decode()
    with pytest.raises(CommandError, match="No visitor with a profile begins with"):
        printed(wrong)


def test_the_command_prints_the_same_as_the_page(ana: UUID) -> None:
    text = printed(str(ana))
    for part in ("Gardening", "█", "Hero: Gardeners", "✓ viewed pages in Gardening", "? using a"):
        assert part in text
    assert str(ana) in printed("--recent")
    with pytest.raises(CommandError, match="Name a visitor"):
        printed()


def test_the_vector_is_printed_for_programs(ana: UUID) -> None:
    said = json.loads(printed(str(ana), "--json"))
    assert 0.9 < said["recency_score"] <= 1.0
    assert set(said["behavioral_trends"]) == {"dwell_time", "clicks", "visits"}
    consent_withdraw(ana)
    assert json.loads(printed(str(ana), "--json")) is None


def test_declared_features_are_shown_with_their_values(ana: UUID, superuser: Client) -> None:
    asked = Feature("page_view", "count", Lifetime())
    declaring.features_declare({"a campaign": [asked]}, reason="a test")
    for shard in range(settings.SHARDS):
        rebuild.rebuild_shard(shard)
    page = page_of(superuser, ana)
    assert "Number of page_view events, ever" in page
    state = profile_selectors.profile_get(ana)
    assert state is not None
    count = state.counts["page_view"]
    assert count > 0
    assert f"<dd>{count}</dd>" in page
    assert f"number of page_view events, ever: {count}" in printed(str(ana))


def test_the_list_shows_and_finds_visitors(ana: UUID, marketer: Client) -> None:
    url = reverse("admin:profiles_profile_changelist")
    page = marketer.get(url).content.decode()
    assert str(ana)[:8] in page
    assert "Gardening (4.0)" in page
    assert str(ana)[:8] in marketer.get(url, {"q": str(ana)[:6]}).content.decode()
    assert marketer.get(url, {"q": str(ana)})["Location"] == f"/admin/visitors/{ana}/"
    assert marketer.get(url, {"q": "zzz"}).status_code == 200
    change = reverse("admin:profiles_profile_change", args=[ana])
    assert marketer.get(change)["Location"] == f"/admin/visitors/{ana}/"
    assert marketer.get("/admin/profiles/profile/no/such/change/").status_code == 404


def test_an_empty_site_has_pages_too(db: None, superuser: Client) -> None:
    assert "Nothing is published yet" in superuser.get("/admin/").content.decode()
    assert "No slots are published yet" in page_of(superuser, ben_make())
    assert printed("--recent") == "No visitor has a profile yet.\n"
