"""The built tracker in a real Chromium: nothing lost, nothing kept, nobody disturbed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.journeys.tracker.actions import hide, numbers, open_with_clock, track
from tests.journeys.tracker.site import Answer, Site

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

pytestmark = pytest.mark.browser

STORED = "Object.keys(localStorage).sort()"
UNAVAILABLE = Answer(503)
NO_CONSENT = Answer(403, {"reason": "no_consent"})


# --- Nothing lost -----------------------------------------------------------------------------


def test_a_burst_of_200_then_close_arrives(page: Page, site: Site) -> None:
    page.goto("/")
    track(page, 200)
    page.close()
    site.wait(lambda: len(numbers(site)) == 200)
    assert set(numbers(site).values()) == {1}
    assert len(site.requests) <= 6
    assert max(request.size for request in site.requests) <= 60_000


def test_events_survive_leaving_the_page_at_once(page: Page, site: Site) -> None:
    page.goto("/")
    page.evaluate(
        "for (let i = 0; i < 20; i++) attune.track('share', {number: i}); location = '/next'"
    )
    page.wait_for_url("**/next")
    site.wait(lambda: len(numbers(site)) == 20)
    assert "text/plain" in {request.content_type for request in site.requests}


def test_offline_then_online_delivers_all(context: BrowserContext, page: Page, site: Site) -> None:
    page.goto("/")
    site.wait_for("page_view")
    context.set_offline(True)
    track(page, 5)
    page.wait_for_function("Object.keys(localStorage).some(key => key.startsWith('attune.queue.'))")
    assert numbers(site) == {}
    context.set_offline(False)
    site.wait(lambda: len(numbers(site)) == 5)
    assert set(numbers(site).values()) == {1}
    page.wait_for_function("Object.keys(localStorage).join() === 'attune.visit'")


def test_what_two_offline_tabs_leave_behind_arrives_once(
    context: BrowserContext, page: Page, site: Site
) -> None:
    pages = [page, context.new_page()]
    for tab in pages:
        tab.goto("/")
    site.wait_for("page_view", count=2)
    context.set_offline(True)
    for offset, tab in zip((0, 100), pages, strict=True):
        tab.evaluate(
            "o => { for (let i = 0; i < 5; i++) attune.track('share', {number: o + i}) }", offset
        )
        hide(tab)
        tab.close()
    context.set_offline(False)
    context.new_page().goto("/next")
    site.wait(lambda: len(numbers(site)) == 10)
    assert len({event["id"] for event in site.events("share")}) == 10
    assert {event["path"] for event in site.events("share")} == {"/"}


def test_a_living_tab_keeps_its_own_queue(context: BrowserContext, page: Page, site: Site) -> None:
    page.goto("/")
    site.wait_for("page_view")
    site.answer = UNAVAILABLE
    track(page, 3)
    page.wait_for_function("Object.keys(localStorage).some(key => key.startsWith('attune.queue.'))")
    site.answer = Answer()
    context.new_page().goto("/next")
    site.wait(lambda: len(numbers(site)) == 3)
    assert set(numbers(site).values()) == {1}


def test_a_server_in_trouble_gets_everything_later(page: Page, site: Site) -> None:
    site.answer = UNAVAILABLE
    page.goto("/")
    track(page, 5)
    site.wait(lambda: site.requests)
    site.answer = Answer()
    site.wait(lambda: len(numbers(site)) == 5)
    assert set(numbers(site).values()) == {1}


def test_a_busy_server_is_left_alone_as_long_as_it_asks(page: Page, site: Site) -> None:
    site.answer = Answer(429, headers={"Retry-After": "120"})
    open_with_clock(page)
    page.clock.run_for(500)
    site.wait(lambda: site.requests)
    site.answer = Answer()
    page.wait_for_function("Object.keys(localStorage).some(key => key.startsWith('attune.queue.'))")
    page.clock.run_for(100_000)
    assert len(site.requests) == 1
    page.clock.run_for(25_000)
    site.wait_for("page_view")


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_refused_batch_is_not_tried_again(page: Page, site: Site, status: int) -> None:
    site.answer = Answer(status, {"reason": "invalid_envelope"})
    page.goto("/")
    track(page, 1)
    site.wait(lambda: any(e["type"] == "share" for r in site.requests for e in r.events))
    site.answer = Answer()
    page.evaluate("attune.track('like')")
    site.wait_for("like")
    assert numbers(site) == {}


# --- Consent ----------------------------------------------------------------------------------


def withdraw(page: Page) -> None:
    page.evaluate("document.dispatchEvent(new CustomEvent('attune:withdraw'))")


def test_only_its_own_keys_are_stored(context: BrowserContext, page: Page, site: Site) -> None:
    page.goto("/")
    site.wait_for("page_view")
    assert page.evaluate(STORED) == ["attune.visit"]
    assert page.evaluate("sessionStorage.length + document.cookie.length") == 0
    assert context.cookies() == []


def test_no_consent_stops_the_tracker_and_clears_its_storage(page: Page, site: Site) -> None:
    page.goto("/")
    site.wait_for("page_view")
    page.evaluate("localStorage.setItem('shop.basket', '1')")
    site.answer = NO_CONSENT
    track(page, 3)
    page.wait_for_function("!window.attune")
    assert page.evaluate(STORED) == ["shop.basket"]
    asked = len(site.requests)
    page.click("#buy")
    page.goto("/untracked")
    assert len(site.requests) == asked


@pytest.mark.parametrize("end", [withdraw, lambda page: page.evaluate("attune.stop()")])
def test_withdrawing_ends_every_tab_and_leaves_nothing(
    context: BrowserContext, page: Page, site: Site, end: Callable[[Page], None]
) -> None:
    other = context.new_page()
    for tab in (page, other):
        tab.goto("/")
    site.wait_for("page_view", count=2)
    page.evaluate("window.kept = attune")
    end(page)
    other.wait_for_function("!window.attune")
    page.evaluate("kept.track('share'); kept.stop()")
    page.click("#buy")
    for tab in (page, other):
        assert tab.evaluate(STORED) == []
        assert tab.evaluate("document.querySelectorAll('attune-rail').length") == 0
        tab.goto("/untracked")
    assert {event["type"] for event in site.events()} <= {"page_view", "exposure", "scroll"}
    assert page.evaluate(STORED) == []


def test_a_new_consent_starts_a_new_visit(page: Page, site: Site) -> None:
    page.goto("/")
    site.wait_for("page_view")
    withdraw(page)
    page.goto("/")
    first, second = site.wait_for("page_view", count=2)
    assert first["visit"] != second["visit"]


# --- A guest on the page ----------------------------------------------------------------------


def test_including_it_twice_does_nothing_more(page: Page, site: Site) -> None:
    page.goto("/twice")
    page.evaluate("attune.track('share')")
    site.wait_for("share")
    assert len(site.events("page_view")) == 1


def test_it_works_without_storage(page: Page, site: Site) -> None:
    page.add_init_script(
        """Object.defineProperty(window, 'localStorage', {
          get() { throw new DOMException('no', 'SecurityError') }
        })"""
    )
    page.goto("/")
    page.click("#buy")
    (click,) = site.wait_for("add_to_cart")
    (view,) = site.events("page_view")
    assert click["visit"] == view["visit"]


def test_it_never_throws_into_the_page(page: Page, site: Site) -> None:
    errors: list[object] = []

    def note(error: object) -> None:
        errors.append(error)

    page.on("pageerror", note)
    page.goto("/")
    page.evaluate(
        """() => {
          const loop = {}; loop.self = loop;
          attune.track(); attune.track(null, 5); attune.track('share', loop);
          attune.track({toString() { throw 1 }});
          attune.track('like', {get broken() { throw 1 }});
          for (const type of ['click', 'submit', 'play', 'timeupdate'])
            document.dispatchEvent(new Event(type));
          document.body.remove();
          history.pushState(0, '', '/two');
        }"""
    )
    site.wait_for("share")
    hide(page)
    assert errors == []
