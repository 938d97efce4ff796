"""A marketer asks of events in a real browser: no JSON, filters as rows, and waits for the rest."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest
from playwright.sync_api import expect

from consent.cookies import COOKIE_NAME, cookie_value
from tests.journeys.test_admin import (
    SENTENCE,
    campaign,
    form_of,
    marketer,
    ours,
    part,
    save,
    site,
)
from tests.waiting import wait_until

if TYPE_CHECKING:
    from django.test import Client
    from playwright.sync_api import Locator, Page

    from tests.conftest import StartCelery

__all__ = ("marketer", "site")
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ARTICLES = {"field": "content_type", "operator": "eq", "values": ["article"]}
FILTERS = [
    {"field": "property.price", "operator": "between", "values": [5, 12.5]},
    {"field": "property.gone", "operator": "in", "values": ["a, b", "c $& {d}"]},
    {"field": "item", "operator": "is_set", "values": []},
]


def every_event_condition() -> dict[str, Any]:
    """A rule with each of them, and with each kind of window."""
    from personalization.rules.conditions import CONDITIONS

    unknown = {"campaign": "999999"}
    given: dict[str, dict[str, Any]] = {"campaign_contact": unknown, "campaign_conversion": unknown}
    leaves: list[dict[str, Any]] = [
        {"condition": each.kind, **given.get(each.kind, {})}
        for each in CONDITIONS
        if each.features is not None
    ]
    windows: list[dict[str, Any]] = [
        {"kind": "visit"},
        {"kind": "lifetime"},
        {"kind": "rolling", "minutes": 2880},
        {"kind": "rolling", "minutes": 61},
        {"kind": "calendar", "period": "week", "zone": "Europe/Oslo", "offset": -1},
    ]
    newer: list[dict[str, Any]] = [
        {"kind": "dates", "zone": "Europe/Oslo", "from": "2026-11-01", "to": "2026-12-01"},
        {"kind": "dates", "zone": "UTC", "from": "", "to": "2026-12-01"},
        {"kind": "visits", "visits": 1},
        {"kind": "visits", "visits": 3},
        {"kind": "since", "type": "add_to_cart", "category": "gardening"},
        {"kind": "since", "type": "gone_type", "category": "gone-by"},
    ]
    more: list[dict[str, Any]] = [
        {"condition": "event_count", "operator": "between", "window": window, "where": FILTERS}
        for window in windows
    ]
    more += [{"condition": "event_did", "window": window} for window in newer]
    more += [
        {"condition": "event_did", "answer": "did_not", "type": "gone_type", "category": "gone-by"},
        {"condition": "event_count", "operator": "=", "value": 0},
        {"condition": "event_count", "operator": "=", "value": 0, "type": "exposure"},
        {"condition": "event_sequence", "without": "search", "without_category": "gardening"},
        {"condition": "event_trend", "period": "month", "value": 0.25},
        {"condition": "event_value", "field": "property.unit_price", "value": -2.5},
        {"condition": "event_stopped", "days": 1, "earlier": 1},
    ]
    return {"any": [{"all": leaves}, {"none": more}]}


def filters(row: Locator) -> Locator:
    return row.locator("[data-filter]")


def gardening_reads(visitor_id: UUID, *, articles: int, days_ago: float = 1.0) -> None:
    from tests.tracking.people import drain, event_make, inbox_put

    at = int(time.time() * 1000 - days_ago * 86_400_000)
    events = [
        event_make("page_view", category="gardening", content_type="article", item=f"read-{n}",
                   at=at - n, view=str(uuid4()))
        for n in range(articles)
    ]  # fmt: skip
    inbox_put(visitor_id, events, received_ms=at)
    drain(visitor_id)


def test_a_marketer_publishes_on_what_visitors_did_before(
    marketer: Page, client: Client, start_celery: StartCelery, tmp_path: Path
) -> None:
    from personalization.models import Campaign
    from personalization.services import ruleset_publish
    from tests.tracking.people import ana_make, drain, event_make, inbox_put

    reader, buyer, other = ana_make(), ana_make(), ana_make()
    gardening_reads(reader, articles=3)
    gardening_reads(buyer, articles=4)
    inbox_put(buyer, [event_make("purchase")])
    drain(buyer)
    gardening_reads(other, articles=2)
    Campaign.objects.update(status="draft")
    ruleset_publish()

    page = marketer
    page.goto("/admin/personalization/campaign/add/")
    page.fill("#id_name", "Readers of gardening")
    page.select_option("#id_slot", label="Home: hero")
    page.select_option("#id_variant", label="Hero: bicycle")
    page.get_by_role("button", name="Add condition").click()
    first = page.locator("[data-rule-row]").first
    part(first, "condition").select_option("event_count")
    part(first, "category").select_option(label="Gardening")
    add = first.get_by_role("button", name="Add filter")
    add.focus()
    page.keyboard.press("Enter")
    expect(part(first, "where0_field")).to_be_focused()
    part(first, "where0_field").select_option(label="content type")
    part(first, "where0_values").fill("article")
    page.get_by_role("button", name="Add condition").click()
    second = page.locator("[data-rule-row]").nth(1)
    part(second, "condition").select_option("event_did")
    part(second, "answer").select_option("did_not")
    part(second, "type").select_option("purchase")
    part(second, "window_unit").select_option("lifetime")
    expect(page.locator(SENTENCE)).to_have_text(
        "Viewed pages in Gardening where content type is “article” at least 3 times within 14 days"
        " and has not purchased so far."
    )
    page.get_by_role("button", name="Save and publish …").last.click()
    page.wait_for_url("**/step/publish/")
    page.get_by_role("button", name="Publish", exact=True).click()
    expect(
        page.get_by_text("It is getting ready, and goes on the pages by itself.")
    ).to_be_visible()

    made = campaign("Readers of gardening")
    page.goto("/admin/personalization/campaign/")
    row = page.locator("#result_list tr", has_text="Readers of gardening")
    expect(row).to_contain_text("Getting ready: ")
    assert made.rule["all"][0]["where"] == [ARTICLES]
    assert not shown(client, reader, made)
    page.goto(form_of(made))
    state = page.locator(f"[data-readiness='{made.pk}']")
    expect(state).to_contain_text("past events read")
    expect(page.locator("[data-rule-row]").first.locator("[data-filter]")).to_have_count(1)

    start_celery("worker", "--concurrency", "1", "--without-gossip", "--without-mingle")
    start_celery("beat", "--pidfile=", "--schedule", str(tmp_path / "schedule"))
    expect(state).to_have_text("Yes", timeout=60_000)
    wait_until(lambda: shown(client, reader, made))
    assert not shown(client, buyer, made), "has bought"
    assert not shown(client, other, made), "has read two"
    gardening_reads(other, articles=1, days_ago=0.0)
    wait_until(lambda: shown(client, other, made))


def shown(client: Client, visitor_id: UUID, made: Any) -> bool:
    client.cookies[COOKIE_NAME] = cookie_value(visitor_id, datetime.now(UTC))
    return made.variant.headline in client.get("/").content.decode()


def test_the_browser_says_every_event_condition_as_the_server_does(marketer: Page) -> None:
    from personalization.forms import rule_names, sentence_or_empty
    from personalization.rules.tree import rule_as_json, rule_parse

    row = campaign()
    row.status = "draft"
    row.rule = rule_as_json(rule_parse(every_event_condition()))
    row.save()
    marketer.goto(form_of(row))
    expect(marketer.locator("[data-rule][data-ready]")).to_have_count(1)
    expect(marketer.locator(SENTENCE)).to_have_text(sentence_or_empty(row.rule, rule_names()))
    save(marketer)
    before = json.dumps(row.rule, sort_keys=True)
    row.refresh_from_db()
    assert json.dumps(row.rule, sort_keys=True) == before, "opened and saved unchanged"


def test_filters_come_and_go_by_keyboard_and_never_more_than_three(marketer: Page) -> None:
    row = campaign()
    row.status = "draft"
    row.rule = {"all": [{"condition": "event_did"}, {"condition": "visits"}]}
    row.save()
    page = marketer
    page.goto(form_of(row))
    first = page.locator("[data-rule-row]").first
    add = first.locator("[data-filter-add]")
    for number in range(3):
        add.focus()
        page.keyboard.press("Enter")
        part(first, f"where{number}_field").select_option("property.price|number")
        part(first, f"where{number}_operator").select_option("gte")
        part(first, f"where{number}_values").fill(str(number))
    expect(add).to_be_disabled()
    first.locator("[data-filter-remove]").nth(1).focus()
    page.keyboard.press("Enter")
    expect(first.locator("[data-filter-remove]").nth(1)).to_be_focused()
    expect(add).to_be_enabled()
    contains = part(first, "where0_operator").locator("option[value=contains]")
    assert contains.is_disabled(), "a number contains nothing"
    part(first, "window_unit").select_option(label="since the last …")
    expect(part(first, "window_amount")).to_be_hidden()
    part(first, "window_type").select_option(label="Added to cart")
    expect(page.locator(SENTENCE)).to_contain_text("at least 2 since the last add to cart and made")
    save(page)
    row.refresh_from_db()
    assert [one["values"] for one in row.rule["all"][0]["where"]] == [[0], [2]]
    since = {"kind": "since", "type": "add_to_cart", "category": ""}
    assert row.rule["all"][0]["window"] == since


def test_a_wrong_filter_is_told_beside_the_filters(marketer: Page) -> None:
    row = campaign()
    row.rule = {"all": [{"condition": "event_did"}]}
    row.status = "draft"
    row.save()
    page = marketer
    page.goto(form_of(row))
    first = page.locator("[data-rule-row]").first
    first.get_by_role("button", name="Add filter").click()
    part(first, "where0_field").select_option("property.price|number")
    part(first, "where0_values").fill("cheap")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("filter 1: This is no number.")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_event_conditions_are_accessible_and_fit_a_phone(marketer: Page, scheme: Any) -> None:
    from personalization.rules.tree import rule_as_json, rule_parse

    row = campaign()
    row.rule = rule_as_json(rule_parse(every_event_condition()))
    row.save()
    marketer.emulate_media(color_scheme=scheme)
    for width in (1280, 390):
        marketer.set_viewport_size({"width": width, "height": 900})
        marketer.goto(form_of(row))
        marketer.wait_for_load_state("networkidle")
        assert ours(marketer) == [], width
        assert not marketer.evaluate("document.documentElement.scrollWidth > innerWidth"), width
