"""A backtest over stored events: what it counts, how it competes, how it ends."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from celery import current_app
from django.core.exceptions import ValidationError
from django.utils import timezone

from bench.backtest import DRAFT
from personalization.backtest import running
from personalization.backtest.models import Backtest, BacktestSample, BacktestShard
from personalization.backtest.past import conditions_untold
from personalization.models import Campaign, ExclusionGroup, Slot
from personalization.rules.tree import rule_parse
from tests.personalization.admin_site import Site
from tests.personalization.past_events import (
    backtest_run,
    exposure_make,
    gardener_make,
    past_make,
    view_make,
)
from tests.personalization.publishing import campaigns_publish
from tests.personalization.segment_people import segment_make
from tests.tracking.people import withdraw
from tracking import services as tracking_services

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("few_shards")]

READS_GARDENING = {
    "condition": "event_count", "type": "page_view", "category": "gardening", "where": [],
    "operator": ">=", "value": 3, "window": {"kind": "rolling", "minutes": 14 * 1440},
}  # fmt: skip
ANYBODY = {"condition": "visits", "operator": ">=", "value": 0}


def draft_make(site: Site, rule: dict[str, Any] = READS_GARDENING, **values: Any) -> Campaign:
    values = {"name": "Draft", "priority": 50, "variant": site.variant, **values}
    return Campaign.objects.create(slot=site.slot, rule=rule, **values)


def started(campaign: Campaign, **values: Any) -> Backtest:
    asked: dict[str, Any] = {"days": 7, "by": "mara", "now": timezone.now(), **values}
    return running.backtest_start(campaign=campaign, **asked)


def result_of(campaign: Campaign, **values: Any) -> dict[str, Any]:
    run = backtest_run(started(campaign, **values))
    assert run.failed == ""
    assert run.result is not None
    return dict(run.result)


def live_make(site: Site, rule: dict[str, Any] = ANYBODY, **values: Any) -> Campaign:
    """A published campaign in the same slot."""
    values = {"name": "Live", "variant": site.variant, **values}
    campaign = Campaign.objects.create(slot=site.slot, rule=rule, **values)
    campaigns_publish(Campaign.objects.filter(pk=campaign.pk))
    campaign.refresh_from_db()
    return campaign


def test_a_rule_matches_at_the_moments_when_it_did_and_not_before(site: Site) -> None:
    gardener_make(reads=3)
    gardener_make(reads=2)
    result = result_of(draft_make(site))
    # Of the first the page after the third article; the articles themselves came too early.
    assert (result["views"], result["visitors"]) == (7, 2)
    assert (result["matched_views"], result["matched_visitors"]) == (1, 1)
    assert (result["exposures"], result["gained"], result["lost"]) == (1, 1, 0)


def test_only_the_last_days_are_asked_and_all_of_the_past_is_known(site: Site) -> None:
    gardener_make(reads=3, days=8.5)  # comes home a day later, 7.5 days ago
    views = [view_make(8 + n, category="gardening") for n in range(3)]
    past_make(*views, view_make(2))
    result = result_of(draft_make(site))
    assert (result["views"], result["matched_views"]) == (1, 1)


def test_who_withdrew_is_in_no_number(site: Site) -> None:
    cleo = gardener_make()
    gardener_make()
    withdraw(cleo)
    result = result_of(draft_make(site))
    assert (result["visitors"], result["matched_visitors"]) == (1, 1)


def test_a_campaign_that_comes_first_keeps_its_exposures(site: Site) -> None:
    gardener_make()
    live = live_make(site, priority=80)
    result = result_of(draft_make(site))
    assert (result["matched_views"], result["exposures"]) == (1, 0)
    assert result["lost_to"] == {str(live.pk): 1}
    assert result["campaigns"][str(live.pk)]["exposures_after"] == 4


def test_a_campaign_that_comes_later_loses_what_the_draft_gets(site: Site) -> None:
    gardener_make()
    live = live_make(site, priority=20)
    result = result_of(draft_make(site))
    counts = result["campaigns"][str(live.pk)]
    assert (counts["exposures_before"], counts["exposures_after"], counts["both"]) == (4, 3, 1)
    assert result["exposures"] == 1


def test_a_cap_is_counted_from_page_to_page(site: Site) -> None:
    past_make(*(view_make(days) for days in (5, 4.5, 4, 3)))
    capped = draft_make(site, ANYBODY, cap_count=1, cap_length=1, cap_unit="days")
    result = result_of(capped)
    # Half a day after each exposure it is seen often enough.
    assert (result["matched_views"], result["exposures"], result["held_back"]) == (4, 3, 1)


def test_what_another_slot_gave_counts_for_the_group(site: Site) -> None:
    group = ExclusionGroup.objects.create(name="One a day", window_unit="days", window_length=1)
    other = Slot.objects.create(key="strip", name="Strip", default=site.variant)
    rival = Campaign.objects.create(
        name="Rival", slot=other, variant=site.variant, rule=ANYBODY, exclusion_group=group
    )
    campaigns_publish(Campaign.objects.filter(pk=rival.pk))
    first, second = view_make(5), view_make(3)
    past_make(first, exposure_make(first, rival), view_make(4.5), second)
    result = result_of(draft_make(site, ANYBODY, exclusion_group=group))
    assert (result["exposures"], result["held_back"]) == (2, 1)


def test_what_the_draft_gives_holds_back_the_others_of_its_group(site: Site) -> None:
    group = ExclusionGroup.objects.create(name="One a day", window_unit="days", window_length=1)
    live = live_make(site, ANYBODY, priority=20, exclusion_group=group)
    past_make(view_make(5, category="gardening"), view_make(4.5), view_make(3))
    rule = {"condition": "page_category", "category": "gardening"}
    counts = result_of(draft_make(site, rule, exclusion_group=group))["campaigns"][str(live.pk)]
    # Half a day after the draft was given the other waits.
    assert (counts["exposures_before"], counts["exposures_after"]) == (3, 1)


def test_a_usual_rule_is_replayed_in_columns(site: Site) -> None:
    gardener_make()
    result = result_of(draft_make(site, DRAFT))
    assert (result["views"], result["exact_views"]) == (4, 0)
    # So are filters by what only the events in full have, and a behavior.
    paths = [{"field": "path", "operator": "starts_with", "values": ["/items/"]}]
    shown = {"condition": "campaign_contact", "what": "exposure", "campaign": "7", "operator": "="}
    window = {"kind": "calendar", "period": "month", "zone": "UTC", "offset": 0}
    rule = {
        "all": [
            {**READS_GARDENING, "where": paths},
            {**shown, "value": 0, "window": window},
            {"condition": "engagement_level", "operator": ">=", "value": 0},
        ]
    }
    result = result_of(draft_make(site, rule, name="Filtered"))
    assert (result["matched_views"], result["exact_views"]) == (1, 0)
    # What has no form for columns is asked only where the rest has not decided.
    types = {"condition": "preferred_content_type", "value": "article"}
    result = result_of(draft_make(site, {"all": [READS_GARDENING, types]}, name="Articles"))
    assert (result["matched_views"], result["exact_views"]) == (1, 1)


def test_against_its_published_version_visitors_are_gained_lost_or_kept(site: Site) -> None:
    gardening, cooking = view_make(3, category="gardening"), view_make(3, category="cooking")
    both = [view_make(2, category="gardening"), view_make(2.5, category="cooking")]
    past_make(gardening)
    past_make(cooking)
    past_make(*both)
    campaign = live_make(site, {"condition": "page_category", "category": "gardening"})
    campaign.rule = {"condition": "page_category", "category": "cooking"}
    campaign.save()
    result = result_of(campaign)
    assert (result["gained"], result["lost"], result["unchanged"]) == (1, 1, 1)
    assert (result["exposures_before"], result["exposures"]) == (2, 2)


def test_exposures_are_counted_on_pages_like_those_that_had_the_slot(site: Site) -> None:
    live = live_make(site, priority=20)
    first = view_make(4, path="/items/tomatoes/")
    past_make(first, exposure_make(first, live), view_make(3, path="/items/beans/"), view_make(2))
    result = result_of(draft_make(site, ANYBODY))
    assert (result["matched_views"], result["views_with_slot"], result["exposures"]) == (3, 2, 2)
    assert result["matched_without_slot"] == 1


def test_what_events_do_not_store_is_unknown_and_said(site: Site) -> None:
    gardener_make()
    result = result_of(draft_make(site, {"condition": "gpc", "value": "off"}))
    assert (result["matched_views"], result["untold_views"]) == (0, 4)


def test_of_past_moments_it_is_not_known_when_somebody_came_into_a_segment(site: Site) -> None:
    segment_make("gardeners", READS_GARDENING)
    gardener_make()
    inside = {"condition": "segment", "segment": "gardeners"}
    result = result_of(draft_make(site, inside))
    assert (result["matched_views"], result["untold_views"]) == (1, 0)
    came = {**inside, "operator": "entered_within", "amount": 7, "unit": "days"}
    result = result_of(draft_make(site, came, name="Came"))
    assert (result["matched_views"], result["untold_views"]) == (0, 4)
    assert [leaf.condition.kind for leaf in conditions_untold(rule_parse(came))] == ["segment"]


def test_a_tenth_of_the_visitors_is_a_tenth_of_the_ids(site: Site) -> None:
    visitors = [gardener_make() for _ in range(6)]
    expected = sum(visitor.int < 2**128 // 10 for visitor in visitors)
    result = result_of(draft_make(site), one_of=10)
    assert result.get("visitors", 0) == expected


# --- Its life ------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_samples_name_whom_to_look_at_until_they_withdraw(site: Site) -> None:
    ana, cleo = gardener_make(), gardener_make()
    run = backtest_run(started(draft_make(site)))
    assert {one.visitor_id for one in run.samples.all()} == {ana, cleo}
    withdraw(cleo)
    assert {one.visitor_id for one in run.samples.all()} == {ana}
    BacktestSample.objects.create(backtest=run, visitor_id=cleo, seq=1, was_given=True)
    tracking_services.visitor_erase(visitor_id=cleo)
    assert {one.visitor_id for one in run.samples.all()} == {ana}


def test_a_cancelled_run_stops_and_says_nothing(site: Site) -> None:
    gardener_make()
    run = started(draft_make(site))
    first, *others = BacktestShard.objects.filter(backtest=run)
    running.shard_backtest(first.pk)
    assert running.backtest_cancel(run=run, now=timezone.now())
    for shard in others:
        running.shard_backtest(shard.pk)
    run.refresh_from_db()
    assert run.result is None
    assert not run.is_open
    assert not run.samples.exists()
    assert not running.backtest_cancel(run=run, now=timezone.now())


def test_a_shard_that_died_is_done_again_and_counts_once(site: Site) -> None:
    gardener_make()
    run = started(draft_make(site))
    BacktestShard.objects.filter(backtest=run).update(events=123, attempts=1)
    for _ in range(2):  # asked for twice over, as nudges and the sweep may
        backtest_run(run)
    assert run.result is not None
    assert (run.result["visitors"], run.samples.count()) == (1, 1)


def test_a_shard_whose_worker_is_killed_each_time_is_given_up_in_the_end(site: Site) -> None:
    gardener_make()
    run = started(draft_make(site))
    BacktestShard.objects.filter(backtest=run).update(attempts=running.BEGINNINGS)
    backtest_run(run)
    assert (run.is_open, run.result) == (False, None)
    assert "one visitor of ten" in run.failed


@pytest.mark.parametrize("name", ["backtest_shard_task", "readers_check_task"])
def test_no_event_waits_behind_what_takes_minutes(name: str) -> None:
    routed = current_app.amqp.router.route({}, f"personalization.tasks.{name}")
    assert routed["queue"].name == "slow"


def test_a_second_run_of_a_campaign_waits_for_the_first(site: Site) -> None:
    campaign = draft_make(site)
    run = started(campaign)
    with pytest.raises(ValidationError, match="is running: wait, or cancel it"):
        started(campaign)
    running.backtest_cancel(run=run, now=timezone.now())
    assert started(campaign).is_open


def test_a_rule_without_conditions_is_refused_with_what_to_do(site: Site) -> None:
    with pytest.raises(ValidationError, match="needs at least one condition"):
        started(draft_make(site, {}))
    with pytest.raises(ValidationError, match="Choose how many days"):
        started(draft_make(site, name="Other"), days=400)


def test_old_results_go(site: Site) -> None:
    run = backtest_run(started(draft_make(site)))
    Backtest.objects.filter(pk=run.pk).update(started_at=timezone.now() - timedelta(days=31))
    running.backtests_sweep(now=timezone.now())
    assert not Backtest.objects.exists()
