"""The admin's first page: figures of the site, cheap at any size, each for whoever may see it."""

from __future__ import annotations

import doctest
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from personalization.dashboard import bars, health
from personalization.dashboard.bars import PERIODS, bar_chart
from personalization.dashboard.panels import campaign_lines, charts_make
from profiles.models import Baseline, SelfCheck
from tests.personalization.admin_site import Site, client_of
from tests.tracking.people import ana_make, ben_make, drain, event_make, inbox_put
from tracking import activity
from tracking.models import Inbox, Quarantine, SweepCursor

pytestmark = pytest.mark.django_db
DAY, MONTH = PERIODS


def home(client: Client, query: str = "") -> str:
    page = client.get(f"/admin/{query}")
    assert page.status_code == 200
    return page.content.decode()


def put(*events: dict[str, Any]) -> None:
    ana = ana_make()
    inbox_put(ana, events)
    drain(ana)
    activity.activity_count(now=datetime.now(UTC))


def answer(kind: str, campaign: int) -> dict[str, Any]:
    return event_make(kind, properties={"slot": "hero", "campaign": campaign})


def totals() -> dict[str, int]:
    return {chart.title: chart.total for chart in charts_make(DAY, now=datetime.now(UTC))}


# --- Over time -------------------------------------------------------------------------------


def test_the_examples_of_the_docstrings_run() -> None:
    for module in (bars, health):
        results = doctest.testmod(module)
        assert results.attempted
        assert not results.failed


def test_bars_stand_where_the_counts_are() -> None:
    now = datetime(2026, 3, 2, 10, 40, tzinfo=UTC)
    counts = {
        datetime(2026, 3, 2, 10, tzinfo=UTC): 3,
        datetime(2026, 3, 1, 11, tzinfo=UTC): 12,
        datetime(2026, 3, 1, 10, tzinfo=UTC): 99,  # a day ago: not of the last 24 hours
    }
    chart = bar_chart("Events", "", counts, period=DAY, now=now)
    assert (chart.total, len(chart.bars), len(chart.rows)) == (15, 2, 24)
    assert chart.rows[0] == ("2 Mar, 10:00", 3)
    assert chart.rows[-1] == ("1 Mar, 11:00", 12)
    first, last = chart.bars
    assert first.x < last.x
    assert first.height == pytest.approx(4 * last.height, rel=0.02)
    assert all(chart.left <= bar.x <= bar.x + bar.width <= chart.right for bar in chart.bars)
    assert all(bar.y + bar.height <= chart.bottom + 0.11 for bar in chart.bars)


def test_events_consents_and_exposures_are_counted_over_time(site: Site) -> None:
    put(event_make(), event_make(), answer("exposure", site.campaign.pk))
    ben_make()
    assert totals() == {"Events": 3, "Consented visitors": 1, "Exposures": 1}


def test_the_period_is_chosen_and_said(marketer: Client, site: Site) -> None:
    put(event_make())
    assert "Events, last 24 hours: 1 in all" in home(marketer)
    page = home(marketer, "?period=30d")
    assert "Events, last 30 days: 1 in all" in page
    assert '<a href="?period=30d" aria-current="true">Last 30 days</a>' in page
    assert "Events, last 24 hours" in home(marketer, "?period=<script>")


def test_every_chart_has_a_table_and_an_empty_one_says_so(marketer: Client, site: Site) -> None:
    assert home(marketer).count("None in the last 24 hours.") == 3
    put(event_make())
    page = home(marketer)
    assert "Events as a table" in page
    assert page.count("None in the last 24 hours.") == 1  # exposures


# --- Campaigns, interests --------------------------------------------------------------------


def test_live_campaigns_show_exposures_clicks_and_their_rate(site: Site, marketer: Client) -> None:
    number = site.campaign.pk
    put(*(answer("exposure", number) for _ in range(8)), answer("click", number))
    put(answer("exposure", 999), answer("dismiss", number))
    (line,) = campaign_lines(now=datetime.now(UTC))
    assert (line.name, line.exposures, line.clicks, line.rate) == ("Gardeners", 8, 1, 12.5)
    assert "12.5 %" in home(marketer)


def test_a_campaign_nobody_was_shown_has_no_rate(site: Site, marketer: Client) -> None:
    (line,) = campaign_lines(now=datetime.now(UTC))
    assert (line.exposures, line.rate) == (0, None)
    assert "not shown yet" in home(marketer)


def test_without_a_live_campaign_it_says_what_to_do(marketer: Client) -> None:
    assert "No campaign is on the pages." in home(marketer)


def test_top_interests_are_the_sites_and_named(site: Site, marketer: Client) -> None:
    assert "There are none yet." in home(marketer)
    shares = {"gardening": 0.75, "music": 0.25}
    Baseline.objects.create(computed_at=datetime.now(UTC), n=80, shares=shares)
    page = home(marketer)
    assert page.index("<span>Gardening</span>") < page.index("<span>music</span>")
    assert "75 %" in page


# --- Health ----------------------------------------------------------------------------------


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


@pytest.mark.parametrize(
    ("age", "state", "says"),
    [(1, "good", "1 second"), (30, "watch", "30 seconds"), (600, "act", "Is a worker running?")],
)
def test_the_inbox_is_judged_by_who_waits_longest(
    now: datetime, age: int, state: str, says: str
) -> None:
    assert health.inbox_health(now).state == "good"
    inbox_put(ana_make(), [event_make()])
    Inbox.objects.update(received_at=now - timedelta(seconds=age))
    line = health.inbox_health(now)
    assert line.state == state
    assert says in line.text


def test_quarantine_self_check_and_schedule_are_judged(now: datetime) -> None:
    assert health.quarantine_health(now).state == "good"
    Quarantine.objects.create(source="tracker", reason="invalid_event", payload="{}")
    assert "1 waits to be mended" in health.quarantine_health(now).text
    assert health.check_health(now).state == "good"
    check = SelfCheck.objects.create(started_at=now, finished_at=now - timedelta(hours=40))
    assert health.check_health(now).state == "watch"
    SelfCheck.objects.filter(pk=check.pk).update(finished_at=now, checked=9, differing=1)
    assert (health.check_health(now).state, health.check_health(now).word) == ("act", "Act now")
    SweepCursor.objects.all().delete()
    assert health.schedule_health(now).state == "watch"
    cursor = SweepCursor.objects.create(name="erasure", at=now)
    assert health.schedule_health(now).state == "good"
    SweepCursor.objects.filter(pk=cursor.pk).update(at=now - timedelta(hours=2))
    line = health.schedule_health(now)
    assert line.state == "act"
    assert "erasing who withdrew (2 hours ago)" in line.text


def test_shards_that_are_behind_are_named(now: datetime) -> None:
    assert health.folds_health(now).state == "good"
    from tracking.models import Shard

    Shard.objects.update_or_create(id=3, defaults={"last_seq": 5})
    assert health.folds_health(now).text.startswith("1 shard has events")


# --- Who sees what, and what it costs ------------------------------------------------------------


def test_every_part_is_for_whoever_may_see_what_is_behind_it(site: Site) -> None:
    put(event_make(), answer("exposure", site.campaign.pk))
    parts = {
        "personalization.view_campaign": ("Live campaigns",),
        "profiles.view_profile": ("Over time", "Top interests", "The oldest", "Everything accept"),
        "tracking.view_quarantine": ("Nothing waits to be mended",),
        "profiles.view_selfcheck": ("Comes every night",),
    }
    for number, permission in enumerate(parts):
        client = client_of(f"person{number}")
        app, _, codename = permission.partition(".")
        user = User.objects.get(username=f"person{number}")
        user.user_permissions.add(
            Permission.objects.get(content_type__app_label=app, codename=codename)
        )
        page = home(client)
        for other, words in parts.items():
            assert any(word in page for word in words) == (other == permission), (permission, other)


def test_it_reads_no_event_and_asks_as_much_of_a_large_site(site: Site, marketer: Client) -> None:
    home(marketer)  # what a process reads once is read
    counts = []
    for number in (1, 40):
        put(*(answer("exposure", site.campaign.pk) for _ in range(number)))
        with CaptureQueriesContext(connection) as asked:
            home(marketer)
        counts.append(len(asked))
        assert not [one["sql"] for one in asked if "tracking_event " in one["sql"]]
        assert not [one["sql"] for one in asked if 'FROM "tracking_event"' in one["sql"]]
    assert counts[0] == counts[1]
