"""The backtest's pages in the admin: who may do what, and what they say."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from personalization.backtest import running
from personalization.backtest.models import Backtest
from personalization.models import Campaign
from tests.personalization.admin_site import Site, client_of
from tests.personalization.past_events import backtest_run, gardener_make
from tests.personalization.segment_people import segment_change, segment_make
from tests.personalization.test_backtests import ANYBODY, READS_GARDENING, draft_make, live_make
from tests.tracking.people import withdraw

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("few_shards")]


def page_of(campaign: Campaign, *more: object) -> str:
    return "/".join(
        map(str, ("/admin/personalization/campaign", campaign.pk, "backtest", *more, ""))
    )


def done(campaign: Campaign) -> Backtest:
    run = running.backtest_start(campaign=campaign, days=7, by="mara", now=timezone.now())
    return backtest_run(run)


def text_of(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def test_a_marketer_starts_one_and_is_led_to_its_progress(site: Site, marketer: Client) -> None:
    campaign = draft_make(site)
    assert "Start the backtest" in text_of(marketer, page_of(campaign))
    answer = marketer.post(page_of(campaign), {"days": "14", "one_of": "1"})
    run = Backtest.objects.get()
    assert (answer["Location"], run.days) == (page_of(campaign, run.pk), 14)
    assert "Waiting for a worker." in text_of(marketer, page_of(campaign, run.pk))
    progress = marketer.get(page_of(campaign, run.pk, "progress")).json()
    assert (progress["done"], "Waiting for a worker." in progress["html"]) == (False, True)


def test_cancelling_ends_it(site: Site, marketer: Client) -> None:
    campaign = draft_make(site)
    run = running.backtest_start(campaign=campaign, days=7, by="mara", now=timezone.now())
    answer = marketer.post(page_of(campaign, run.pk, "cancel"), follow=True)
    assert "Nothing was kept of it." in answer.content.decode()
    assert marketer.get(page_of(campaign, run.pk, "progress")).json()["done"]


def test_the_result_shows_numbers_rivals_conflicts_and_paths(site: Site, marketer: Client) -> None:
    ana = gardener_make()
    live_make(site, ANYBODY, priority=80)
    campaign = draft_make(site)
    said = text_of(marketer, page_of(campaign, done(campaign).pk))
    assert "Whenever the draft matches, “Live” matches too and comes first" in said
    assert str(ana)[:8] in said
    assert "it matched here" in said
    assert "page view category is gardening" not in said  # words, not a dump of data
    assert "Without the draft" in said


def test_a_result_says_when_the_draft_was_edited_since(site: Site, marketer: Client) -> None:
    gardener_make()
    campaign = draft_make(site, cap_count=2, capacity_count=1)
    address = page_of(campaign, done(campaign).pk)
    said = text_of(marketer, address)
    assert "edited since" not in said
    assert f"as if there had always been room for “{campaign.name}”." in said
    Campaign.objects.filter(pk=campaign.pk).update(priority=51)
    assert "edited since" in text_of(marketer, address)


def test_a_draft_with_a_segment_was_edited_when_the_segment_was(
    site: Site, marketer: Client
) -> None:
    gardener_make()
    segment = segment_make("gardeners", READS_GARDENING)
    campaign = draft_make(site, {"condition": "segment", "segment": "gardeners"})
    address = page_of(campaign, done(campaign).pk)
    assert "edited since" not in text_of(marketer, address)
    segment_change(segment, ANYBODY)
    assert "edited since" in text_of(marketer, address)


def test_a_published_campaign_is_compared_with_itself(site: Site, marketer: Client) -> None:
    gardener_make()
    campaign = live_make(site, ANYBODY)
    said = text_of(marketer, page_of(campaign, done(campaign).pk))
    assert "Exposures of the published version" in said
    assert "see it either way" in said


def test_a_visitor_who_withdrew_is_shown_to_nobody(site: Site, superuser: Client) -> None:
    ana = gardener_make()
    campaign = draft_make(site)
    run = done(campaign)
    withdraw(ana)
    run.samples.create(visitor_id=ana, seq=1, was_given=True)
    assert str(ana)[:8] not in text_of(superuser, page_of(campaign, run.pk))


def test_who_may_not_see_visitors_sees_numbers_alone(site: Site, editor: Client) -> None:
    ana = gardener_make()
    campaign = draft_make(site)
    said = text_of(editor, page_of(campaign, done(campaign).pk))
    assert str(ana)[:8] not in said
    assert "Whoever may see visitors" in said


def test_strangers_to_campaigns_are_kept_out(site: Site) -> None:
    campaign = draft_make(site)
    run = done(campaign)
    nobody = client_of("nils")
    for address in (page_of(campaign), page_of(campaign, run.pk)):
        assert nobody.get(address).status_code == 403
    assert nobody.post(page_of(campaign), {"days": "7", "one_of": "1"}).status_code == 403
    assert nobody.post(page_of(campaign, run.pk, "cancel")).status_code == 403


def test_a_run_is_read_under_its_own_campaign_only(site: Site, marketer: Client) -> None:
    run = done(draft_make(site))
    assert marketer.get(page_of(site.campaign, run.pk)).status_code == 404


def test_without_events_it_says_so(site: Site, marketer: Client) -> None:
    campaign = draft_make(site)
    said = text_of(marketer, page_of(campaign, done(campaign).pk))
    assert "No page view of these 7 days can be replayed." in said


def test_what_is_asked_wrongly_is_refused_in_words(site: Site, marketer: Client) -> None:
    campaign = draft_make(site)
    for posted in ({}, {"days": "9999", "one_of": "1"}, {"days": "7", "one_of": "-1"}):
        answer = marketer.post(page_of(campaign), posted, follow=True)
        assert "Choose how many days" in answer.content.decode()
    assert not Backtest.objects.exists()


def test_publishing_warns_of_the_same_rule_and_of_one_that_cannot_match(
    site: Site, marketer: Client
) -> None:
    live_make(site, READS_GARDENING)
    same = draft_make(site, {"all": [READS_GARDENING]})
    step = f"/admin/personalization/campaign/{same.pk}/step/publish/"
    assert "has the same rule" in text_of(marketer, step)
    phones = [{"condition": "device", "value": value} for value in ("phone", "desktop")]
    never = draft_make(site, {"all": phones}, name="Never")
    step = f"/admin/personalization/campaign/{never.pk}/step/publish/"
    assert "It can never match" in text_of(marketer, step)
