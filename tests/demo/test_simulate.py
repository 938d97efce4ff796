"""Invented visitors: planned purely, living over HTTP on the real site."""

import io
import random
import re
from itertools import pairwise
from pathlib import Path
from uuid import UUID

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from demo.behaviors import BEHAVIORS, VISIT_SECONDS, uuid7, visitor_plans
from demo.browser import Page
from demo.loader import demo_load
from demo.simulate import page_events
from personalization.models import Category
from tracking.models import Inbox

NOW = 1_800_000_000.0
DAY = 86_400.0


def test_the_same_seed_plans_the_same_visitors() -> None:
    first = visitor_plans(count=30, days=6, now=NOW, seed=7)
    assert first == visitor_plans(count=30, days=6, now=NOW, seed=7)
    assert first != visitor_plans(count=30, days=6, now=NOW, seed=8)


def test_a_few_visitors_already_show_several_behaviors() -> None:
    plans = visitor_plans(count=8, days=6, now=NOW, seed=1)
    assert len({plan.behavior.name for plan in plans}) >= 5


@pytest.mark.parametrize("days", [0.01, 1, 6, 30])
def test_visits_lie_in_the_past_apart_and_young_enough(days: float) -> None:
    for plan in visitor_plans(count=60, days=days, now=NOW, seed=3):
        starts = [visit.starts_at for visit in plan.visits]
        assert all(NOW - 6.5 * DAY < start <= NOW - VISIT_SECONDS for start in starts)
        gaps = [later - earlier for earlier, later in pairwise(starts)]
        assert all(gap >= 2 * VISIT_SECONDS - 1 for gap in gaps)


def test_event_ids_are_version_7_and_carry_their_time() -> None:
    made = uuid7(NOW, random.Random(1))
    assert made.version == 7
    assert made.int >> 80 == int(NOW * 1000)


def test_a_page_is_read_as_the_tracker_reads_it() -> None:
    page = Page(
        '<body data-attune-item="a" data-attune-category="gardening"'
        ' data-attune-content-type="product"><a href="/c/gardening/?x=1">c</a>'
        '<a href="/items/b/">b</a><a href="/items/b/">b</a><a href="https://x.example/">x</a>'
        '<div data-attune-slot="s" data-attune-campaign="3" data-attune-variant="5"'
        ' data-attune-version="12"></div>'
    )
    assert page.subject == {"item": "a", "category": "gardening", "content_type": "product"}
    assert page.slots == [{"slot": "s", "campaign": 3, "variant": 5, "version": 12}]
    assert page.slugs("c") == ["gardening"]
    assert page.slugs("items") == ["b"]
    assert not page.tracked


def test_a_page_view_brings_the_events_a_browser_would_send() -> None:
    buyer = next(row for row in BEHAVIORS if "purchase" in row.actions)
    page = Page(
        '<body data-attune-item="a" data-attune-category="cycling"'
        ' data-attune-content-type="product">'
    )
    dice = random.Random(5)
    events = [
        event
        for _ in range(30)
        for event in page_events(
            page, path="/items/a/", at=NOW, dwell=60.0, visit=UUID(int=1), behavior=buyer, dice=dice
        )
    ]
    kinds = {event["type"] for event in events}
    assert kinds == {"page_view", "dwell", "scroll", "add_to_cart", "purchase"}
    assert all(event["category"] == "cycling" for event in events)
    assert all(NOW * 1000 <= event["at"] <= (NOW + 60) * 1000 for event in events)
    assert len({event["id"] for event in events}) == len(events)


@pytest.mark.django_db(transaction=True)
def test_visitors_live_on_the_real_site(live_server: object, logins_path: Path) -> None:
    demo_load(logins_path=logins_path)
    output = io.StringIO()
    call_command(
        "simulate",
        visitors=8,
        days=3,
        threads=2,
        base_url=str(live_server),
        stdout=output,
        stderr=io.StringIO(),
    )
    table = output.getvalue()
    whole = re.search(r"^all +(\d+) +(\d+) +(\d+) +(\d+) +(\d+)$", table, re.MULTILINE)
    assert whole is not None, table
    visitors, _, pages, accepted, refused = map(int, whole.groups())
    assert visitors == 8
    assert accepted > 2 * pages > 0
    assert refused == 0
    refuser = re.search(r"^refuser +\d+ +\d+ +\d+ +(\d+) +(\d+)$", table, re.MULTILINE)
    assert refuser is not None
    assert refuser.groups() == ("0", "0")
    assert "per second" in table
    assert "cut short" not in table
    assert Inbox.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_site_without_content_is_told_so(live_server: object) -> None:
    assert not Category.objects.exists()
    with pytest.raises(CommandError, match="load_demo"):
        call_command("simulate", base_url=str(live_server))


def test_a_server_that_is_not_there_is_one_clear_line() -> None:
    with pytest.raises(CommandError, match=r"No site at http://127\.0\.0\.1:9 .*make run"):
        call_command("simulate", base_url="http://127.0.0.1:9")
    with pytest.raises(CommandError, match="must begin with http"):
        call_command("simulate", base_url="127.0.0.1:9")
