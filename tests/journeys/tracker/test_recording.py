"""The built tracker in a real Chromium: what it records."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.journeys.tracker.actions import show
from tests.journeys.tracker.site import Site

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

NO_NAVIGATION_API = "Object.defineProperty(window, 'navigation', {value: undefined})"


# --- What is recorded -------------------------------------------------------------------------


def test_a_view_tells_the_page_and_only_the_origin_it_came_from(page: Page, site: Site) -> None:
    page.goto("/?q=secret#part", referer="https://search.example/results?q=private")
    (view,) = site.wait_for("page_view")
    assert view["path"] == "/"
    assert view["referrer"] == "https://search.example/"
    assert [view[name] for name in ("item", "category", "content_type")] == [
        "raised-beds",
        "gardening",
        "article",
    ]
    assert site.requests[0].content_type == "application/json"


def test_the_view_of_a_landing_tells_its_campaign_and_nothing_else_of_the_query(
    page: Page, site: Site
) -> None:
    page.goto("/?utm_source=news&utm_medium=email&gclid=Cj0secret&q=secret")
    (view,) = site.wait_for("page_view")
    campaign = {"utm_source": "news", "utm_medium": "email", "click_id": "gclid"}
    assert (view["path"], view["properties"]) == ("/", campaign)
    page.evaluate("history.pushState(0, '', '/two?utm_source=later')")
    _, second = site.wait_for("page_view", count=2)
    assert (second["path"], second["referrer"]) == ("/two", f"{site.url}/")
    assert "properties" not in second
    assert "secret" not in str(site.requests)


def test_a_click_tells_its_element_and_section(page: Page, site: Site) -> None:
    page.goto("/")
    page.click("#inside")
    page.evaluate(
        "document.getElementById('plain').addEventListener('click', e => e.preventDefault())"
    )
    page.click("#plain")
    (click,) = site.wait_for("add_to_cart")
    assert click["element"] == {"id": "buy", "classes": ["button", "big"], "section": "hero"}
    assert click["properties"] == {"list_name": "autumn", "price": "12.50"}
    (view,) = site.events("page_view")
    assert (click["view"], click["visit"]) == (view["view"], view["visit"])
    assert click["item"] == "raised-beds"


def test_the_keyboard_clicks_too(page: Page, site: Site) -> None:
    page.goto("/")
    page.focus("#buy")
    page.keyboard.press("Enter")
    site.wait_for("add_to_cart")


def test_a_click_that_leaves_the_page_arrives_with_its_own_subject(page: Page, site: Site) -> None:
    page.goto("/")
    page.click("#next")
    page.wait_for_url("**/next")
    (click,) = site.wait_for("click")
    assert (click["path"], click["item"], click["category"]) == ("/", "tomatoes", "food")
    assert click["content_type"] == "article"
    before, after = site.wait_for("page_view", count=2)
    assert (before["visit"], after["path"]) == (after["visit"], "/next")
    assert "item" not in after


def test_forms_tell_names_and_never_values(page: Page, site: Site) -> None:
    page.goto("/")
    page.click("#send")
    (form,) = site.wait_for("form_submit")
    assert form["properties"] == {"fields": "email,message"}
    page.fill("[name=q]", "  " + "tomatoes " * 20)
    page.press("[name=q]", "Enter")
    (search,) = site.wait_for("search")
    assert search["properties"] == {"query": ("tomatoes " * 20)[:80]}
    assert "private" not in str(site.requests)
    assert "secret" not in str(site.requests)


def test_a_video_plays_once_per_view(page: Page, site: Site) -> None:
    page.goto("/")
    play = "document.getElementById('film').dispatchEvent(new Event('play'))"
    page.evaluate(f"{play}; {play}; attune.track('share')")
    site.wait_for("share")
    (video,) = site.events("video_play")
    assert video["properties"] == {"title": "Beds"}
    page.evaluate(f"history.pushState(0, '', '/two'); Promise.resolve().then(() => {play})")
    site.wait_for("video_play", count=2)


def test_a_personalized_slot_is_exposed_once_per_view(page: Page, site: Site) -> None:
    page.goto("/")
    (first,) = site.wait_for("exposure")
    assert first["properties"] == {"slot": "home-hero", "campaign": 3, "variant": 5, "version": 12}
    page.evaluate(
        """() => {
          const late = document.createElement('div');
          Object.assign(late.dataset, {attuneSlot: 'late', attuneCampaign: '4'});
          document.body.append(late);
        }"""
    )
    _, late = site.wait_for("exposure", count=2)
    assert late["properties"] == {"slot": "late", "campaign": 4}
    page.evaluate("history.pushState(0, '', '/two')")
    again = site.wait_for("exposure", count=4)[2:]
    assert {event["path"] for event in again} == {"/two"}


def test_a_click_in_a_slot_says_whose_it_is(page: Page, site: Site) -> None:
    page.goto("/")
    page.evaluate(
        "document.querySelector('[data-attune-slot=home-hero]').innerHTML ="
        " '<button id=promo data-track data-track-label=Go>Go</button>'"
    )
    page.click("#promo")
    (event,) = site.wait_for("click")
    placement = {"slot": "home-hero", "campaign": 3, "variant": 5, "version": 12}
    assert event["properties"] == {"label": "Go", **placement}


# --- Page views within a page -----------------------------------------------------------------


@pytest.mark.parametrize("script", ["", NO_NAVIGATION_API], ids=["navigation-api", "history"])
def test_only_a_new_path_or_query_is_a_view(page: Page, site: Site, script: str) -> None:
    page.add_init_script(script)
    page.goto("/")
    page.evaluate(
        """async () => {
          const pause = () => new Promise(resolve => setTimeout(resolve));
          history.replaceState({filter: 1}, '', '/');
          history.replaceState({filter: 2}, '', '#part');
          location.hash = 'other';
          await pause();
          history.pushState(0, '', '/two?page=1');
          document.body.dataset.attuneItem = 'second';
          await pause();
          history.pushState(0, '', '/moved');
          history.replaceState(0, '', '/three');
          await pause();
          history.back();
        }"""
    )
    views = site.wait_for("page_view", count=4)
    assert [view["path"] for view in views] == ["/", "/two", "/three", "/two"]
    assert [view["item"] for view in views] == ["raised-beds", "second", "second", "second"]
    assert len({view["view"] for view in views}) == 4
    assert [view["referrer"] for view in views[1:]] == [f"{site.url}/"] * 3


def test_stopping_restores_the_history_functions(page: Page, site: Site) -> None:
    page.add_init_script(NO_NAVIGATION_API)
    page.add_init_script("window.before = history.pushState")
    page.goto("/")
    assert page.evaluate("history.pushState !== before")
    page.evaluate("attune.stop()")
    assert page.evaluate("history.pushState === before")


def test_a_page_from_the_back_forward_cache_is_a_new_view(page: Page, site: Site) -> None:
    page.goto("/")
    site.wait_for("page_view")
    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    first, second = site.wait_for("page_view", count=2)
    assert first["view"] != second["view"]


def test_a_page_opened_in_the_background_is_viewed_when_it_is_seen(page: Page, site: Site) -> None:
    page.add_init_script(
        "Object.defineProperty(document, 'visibilityState', {value: 'hidden', configurable: true})"
    )
    page.goto("/")
    page.evaluate("attune.track('share')")
    site.wait_for("share")
    assert site.events("page_view", "exposure", "dwell") == []
    show(page)
    site.wait_for("page_view")
