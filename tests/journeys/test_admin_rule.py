"""Every condition and operator in a real browser: said as the server says it, kept as it was."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.journeys.test_admin import SENTENCE, campaign, form_of, marketer, part, save, site

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ("marketer", "site")
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

GIVEN: dict[str, Any] = {
    "category": "gardening", "values": ["first one", "a $& {b}", "<i>"], "pattern": "/a*?",
    "moment": "2026-01-02T10:30", "to_moment": "2026-02-02T00:00", "date": "2026-12-24",
    "weekdays": ["mon", "tue", "sun"], "months": ["dec"], "time": "22:00", "to_time": "06:00",
    "match_case": True, "amount": 3, "zone": "America/Toronto", "length": 1,
    "campaign": "7", "model": "churn", "cluster": "daily", "experiment": "hero $&",
    "variant": "b {b}", "element": "menu", "name": "plan", "segment": "garden-fans",
}  # fmt: skip
NUMBERS = {"number": (0.25, 0.5), "integer": (1, 2), "version": ("17.5", "18.0.1-beta")}


def leaf_of(condition: Any, operator: str | None) -> dict[str, Any]:
    """A condition with its operator and something in each of its fields."""
    leaf = {"condition": condition.kind}
    for field in condition.fields_of(operator):
        if field.type in NUMBERS and field.name in ("value", "to"):
            low, high = NUMBERS[field.type]
            given: Any = low if field.name == "value" else high
            if field.type == "integer":
                given = max(given, int(field.low or 0))
        else:
            given = GIVEN.get(field.name, field.default)
            given = "AT" if given is None else given  # of the country, which has no default
        leaf[field.name] = operator if field.type == "operator" else given
    return leaf


def test_the_browser_says_and_keeps_every_condition_with_every_operator(marketer: Page) -> None:
    from personalization.models import Segment
    from personalization.rules.conditions import CONDITIONS
    from personalization.rules.tree import MAX_CONDITIONS, rule_as_json, rule_parse

    leaves = [
        leaf_of(condition, operator)
        for condition in CONDITIONS
        for operator in condition.operators or [None]
    ]
    row = campaign()
    Segment.objects.create(key="garden-fans", name="Garden fans", rule={"condition": "visits"})
    most = MAX_CONDITIONS - 2  # those of a segment count as well
    for start in range(0, len(leaves), most):
        row.rule = {"any": leaves[start : start + most], "name": "All", "note": "of it"}
        row.save()
        said = marketer.request.get(form_of(row)).text()
        marketer.goto(form_of(row))
        expect(marketer.locator("[data-rule][data-ready]")).to_have_count(1)
        parsed = marketer.evaluate(
            "html => new DOMParser().parseFromString(html, 'text/html')"
            f".querySelector('{SENTENCE}').textContent",
            said,
        )
        assert marketer.locator(SENTENCE).text_content() == parsed
        sent = "[...new FormData(document.querySelector('[data-rule]').closest('form'))].length"
        assert marketer.evaluate(sent) < 700, "Django refuses a form of more than 1,000 fields"
        save(marketer)
        row.refresh_from_db()
        assert row.rule == rule_as_json(rule_parse(row.rule))
        assert row.rule["any"] == leaves[start : start + most]
        assert (row.rule["name"], row.rule["note"]) == ("All", "of it")


def test_changing_the_kind_of_a_condition_raises_nothing_in_the_page(marketer: Page) -> None:
    raised: list[str] = []
    marketer.on("pageerror", lambda error: raised.append(error.message))
    marketer.goto("/admin/personalization/campaign/add/")
    marketer.get_by_role("button", name="Add condition").click()
    kind = part(marketer.locator("[data-rule-row]"), "condition")
    for each in ("event_count", "device", "event_did", "first_seen"):
        kind.select_option(value=each)
    expect(marketer.locator(SENTENCE)).to_contain_text("The first visit is")
    assert raised == []


def test_a_marketer_writes_lists_dates_and_names_without_codes(marketer: Page) -> None:
    page = marketer
    row = campaign()
    row.rule = {"all": [{"condition": "device"}]}
    row.save()
    page.goto(form_of(row))
    page.get_by_text("Name and note").first.click()
    page.locator("[name='rule.name']").fill("Evening readers")
    first = page.locator("[data-rule-row]").first
    part(first, "condition").select_option(label="Page address")
    expect(part(first, "value")).to_be_visible()
    expect(part(first, "values")).to_be_hidden()
    part(first, "operator").select_option(label="is one of")
    expect(part(first, "value")).to_be_hidden()
    part(first, "values").fill("/a/\n/b/\n\n/c d/")
    part(first, "match_case").check()
    page.get_by_role("button", name="Add condition").first.click()
    second = page.locator("[data-rule-row]").nth(1)
    part(second, "condition").select_option(label="Date and time now")
    second.get_by_label("Saturday").check()
    second.get_by_label("Sunday").check()
    part(second, "time").fill("18:00")
    part(second, "to_time").fill("02:00")
    part(second, "zone").fill("Europe/Vienna")
    expect(page.locator(SENTENCE)).to_have_text(
        "The page's address is one of “/a/”, “/b/” or “/c d/” in this case and the time is from"
        " 18:00 to 02:00 on a Saturday or Sunday (Europe/Vienna)."
    )
    save(page)
    row.refresh_from_db()
    assert row.rule == {
        "all": [
            {"condition": "path", "operator": "in", "values": ["/a/", "/b/", "/c d/"],
             "match_case": True},
            {"condition": "date_time", "operator": "weekly", "weekdays": ["sat", "sun"],
             "time": "18:00", "to_time": "02:00", "zone": "Europe/Vienna"},
        ],
        "name": "Evening readers",
    }  # fmt: skip


def test_a_condition_that_is_not_offered_can_be_exchanged(marketer: Page) -> None:
    page = marketer
    row = campaign()
    row.rule = {"all": [{"condition": "scroll_depth", "value": 40}]}
    row.save()
    page.goto(form_of(row))
    first = page.locator("[data-rule-row]").first
    kind = part(first, "condition")
    expect(kind).to_have_value("scroll_depth")
    expect(first).to_contain_text("No campaign can ask this yet")
    expect(page.locator(SENTENCE)).to_have_text("Scrolled at least 40 % of the page.")
    kind.select_option("device")
    expect(kind.locator("[value=scroll_depth]")).to_have_count(0)
    expect(page.locator(SENTENCE)).to_have_text("Using a phone.")
    save(page)
    row.refresh_from_db()
    assert row.rule["all"] == [{"condition": "device", "value": "phone"}]


def test_a_wrong_zone_and_an_empty_list_are_told_beside_their_fields(marketer: Page) -> None:
    page = marketer
    row = campaign()
    row.rule = {"all": [{"condition": "date_time", "weekdays": ["mon"]}]}
    row.save()
    page.goto(form_of(row))
    first = page.locator("[data-rule-row]").first
    first.get_by_label("Monday").uncheck()
    part(first, "zone").fill("Mars")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Days of the week: choose at least one.")).to_be_visible()
    expect(page.get_by_text("Time zone: there is no such time zone")).to_be_visible()
    expect(part(page.locator("[data-rule-row]").first, "zone")).to_have_value("Mars")
    assert json.loads(json.dumps(campaign().rule)) == row.rule
