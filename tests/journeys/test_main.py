"""The main job in a real browser: consent, reading, a page that follows, and taking it all back."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from django.core.cache import cache
from playwright.sync_api import BrowserContext, Page, expect

from demo.loader import demo_load
from personalization.models import Campaign, ContentItem
from profiles.models import Profile
from profiles.selectors import profile_cache_key
from profiles.state import state_decode
from tests.personalization.publishing import campaigns_publish
from tests.waiting import wait_until
from tracking import selectors
from tracking.models import Event, Inbox

pytestmark = pytest.mark.django_db(transaction=True)

#: Three page views of one category within a week, and nothing else.
RULE = {
    "all": [
        {
            "condition": "events",
            "type": "page_view",
            "category": "gardening",
            "operator": ">=",
            "value": 3,
            "days": 7,
        }
    ]
}


@pytest.fixture
def site(tmp_path: Path) -> None:
    """The demo with one live campaign on the home page's hero."""
    demo_load(logins_path=tmp_path / "logins.json")
    Campaign.objects.exclude(slot__key="home-hero").update(status="draft")
    hero = Campaign.objects.filter(slot__key="home-hero")
    chosen = hero.order_by("pk")[0]
    hero.exclude(pk=chosen.pk).update(status="draft")
    campaigns_publish(Campaign.objects.filter(pk=chosen.pk), rule=RULE)


def hero_headline(page: Page) -> str:
    page.goto("/")
    return page.locator('[data-attune-slot="home-hero"] h2').first.inner_text()


def read_items(page: Page, *, category: str, count: int) -> None:
    """Open items and read them until each page view has arrived."""
    items = ContentItem.objects.filter(category__slug=category, is_published=True)
    for item in list(items)[:count]:
        with page.expect_response("**/api/v1/events") as sent:
            page.goto(item.get_absolute_url())
        assert sent.value.status == 202


def browser_storage(page: Page) -> list[str]:
    return page.evaluate("() => [...Object.keys(localStorage), ...Object.keys(sessionStorage)]")


def pages_folded(count: int) -> Callable[[], bool]:
    """Whether some profile has folded this many gardening page views."""

    def folded() -> bool:
        return any(
            len(state_decode(profile.state).recent.get("page_view|gardening", ())) >= count
            for profile in Profile.objects.all()
        )

    return folded


@pytest.mark.usefixtures("site", "celery_worker_process")
def test_a_visitor_refuses_then_agrees_reads_is_answered_and_takes_it_back(
    browser_page: Page, browser_context: BrowserContext
) -> None:
    page, requests = browser_page, []
    page.on("request", lambda request: requests.append(request.url))

    default = hero_headline(page)
    assert browser_context.cookies() == []
    page.get_by_role("button", name="Reject all").click()
    expect(page.get_by_role("button", name="Reject all")).to_have_count(0)
    assert hero_headline(page) == default
    page.goto("/c/gardening/")
    assert [url for url in requests if "/api/" in url or "tracker.js" in url] == []
    assert browser_storage(page) == []
    assert [cookie["name"] for cookie in browser_context.cookies()] == ["attune_consent"]
    assert (Event.objects.count(), Inbox.objects.count(), Profile.objects.count()) == (0, 0, 0)

    page.goto("/preferences/")
    page.locator("#purpose-personalization").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved")).to_be_visible()
    read_items(page, category="gardening", count=3)
    wait_until(pages_folded(3))
    visitor_id = Profile.objects.get().visitor_id
    assert cache.get(profile_cache_key(visitor_id)) is not None
    personal = hero_headline(page)
    assert personal != default
    page.get_by_text("Why am I seeing this?").first.click()
    expect(page.get_by_text("at least 3 times within 7 days").first).to_be_visible()

    old = browser_context.cookies()
    page.get_by_role("button", name="Withdraw").click()
    expect(page.locator("[data-consent-on]")).to_be_hidden()
    assert hero_headline(page) == default
    assert browser_storage(page) == []
    browser_context.clear_cookies()
    browser_context.add_cookies(cast(Any, old))
    answer = page.evaluate(
        """async () => {
          const body = JSON.stringify({events: [{id: crypto.randomUUID(), type: "page_view",
            at: Date.now(), path: "/"}]});
          const answer = await fetch("/api/v1/events", {method: "POST", body,
            headers: {"Content-Type": "application/json"}});
          return [answer.status, await answer.json()];
        }"""
    )
    assert (answer[0], answer[1]["reason"]) == (403, "no_consent"), json.dumps(answer)
    assert selectors.drop_counts()["no_consent"] == 1
    wait_until(lambda: not Event.objects.exists() and not Profile.objects.exists())
    assert cache.get(profile_cache_key(visitor_id)) is None
