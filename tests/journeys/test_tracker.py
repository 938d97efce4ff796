"""The built tracker in a real Chromium: what it records, and that nothing gets lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.journeys.tracked_site import Answer, Site

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

pytestmark = pytest.mark.browser

NO_NAVIGATION_API = "Object.defineProperty(window, 'navigation', {value: undefined})"
STORED = "Object.keys(localStorage).sort()"
UNAVAILABLE = Answer(503)
NO_CONSENT = Answer(403, {"reason": "no_consent"})


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as site:
        yield site


@pytest.fixture
def context(chromium: Browser, site: Site) -> Iterator[BrowserContext]:
    context = chromium.new_context(base_url=site.url, viewport={"width": 800, "height": 600})
    context.set_default_timeout(10_000)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


def turn(page: Page, state: str) -> None:
    """As if another tab came to the front, or this one; on one instant, kept in `turned`."""
    page.evaluate(
        """state => {
          const now = performance.now();
          performance.now = () => now;
          Object.defineProperty(document, 'visibilityState', {value: state, configurable: true});
          document.dispatchEvent(new Event('visibilitychange', {bubbles: true}));
          delete performance.now;
          (window.turned ??= []).push(now / 1000);
        }""",
        state,
    )


def hide(page: Page) -> None:
    turn(page, "hidden")


def show(page: Page) -> None:
    turn(page, "visible")


def track(page: Page, count: int) -> None:
    page.evaluate("n => { for (let i = 0; i < n; i++) attune.track('share', {number: i}) }", count)


def numbers(site: Site) -> Counter[int]:
    return Counter(event["properties"]["number"] for event in site.events("share"))


def latest(events: list[dict[str, Any]]) -> float:
    """What the server keeps of a growing value."""
    assert len({event["id"] for event in events}) <= 1, "one id per view"
    return max((event["value"] for event in events), default=0)


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
    assert "referrer" not in views[1]


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


# --- Dwell and scroll -------------------------------------------------------------------------


def test_a_hidden_tab_adds_no_dwell(page: Page, site: Site) -> None:
    """Within 1 % of the page's own record of when it was visible, on the real clock."""
    page.add_init_script(
        "document.addEventListener('DOMContentLoaded', () => { window.begun = performance.now() })"
    )
    page.goto("/")
    elapse(page, 300)
    hide(page)
    elapse(page, 700)
    show(page)
    elapse(page, 900)
    hide(page)
    begun, (left, back, closed) = page.evaluate("[begun / 1000, turned]")
    first, second = [event["value"] for event in site.wait_for("dwell", count=2)]
    assert first == pytest.approx(left - begun, abs=0.2), "the focus may come a little later"
    assert second - first == pytest.approx(closed - back, rel=0.01)
    assert {event["at"] for event in site.events("dwell")} == {site.events("page_view")[0]["at"]}


def open_with_clock(page: Page) -> None:
    """The page's clocks and timers go only when told to, so no answer may be timed by them."""
    page.clock.install(time=0)
    page.clock.pause_at(60_000)
    page.goto("/")
    page.evaluate("AbortSignal.timeout = undefined")


def run_until(page: Page, condition: Callable[[], bool]) -> None:
    """Let the page's timers go, a millisecond a time, while answers come in on the real clock."""
    for _ in range(2000):
        if condition():
            return
        page.clock.run_for(1)
    raise AssertionError("waited in vain")


def elapse(page: Page, milliseconds: int) -> None:
    page.evaluate("ms => { window.until = performance.now() + ms }", milliseconds)
    page.wait_for_function("performance.now() >= until")


def test_dwell_ends_30_s_after_the_last_input_and_skips_sleep(page: Page, site: Site) -> None:
    open_with_clock(page)
    page.clock.run_for(20_000)
    page.mouse.move(5, 5)
    page.clock.run_for(120_000)
    run_until(page, lambda: latest(site.events("dwell")) > 49)
    page.mouse.move(9, 9)
    page.clock.fast_forward("08:00:00")
    page.mouse.move(9, 9)
    page.clock.run_for(3_000)
    hide(page)
    site.wait(lambda: latest(site.events("dwell")) > 52)
    assert latest(site.events("dwell")) == pytest.approx(53, abs=0.5)


def test_an_unfocused_page_adds_no_dwell(page: Page, site: Site) -> None:
    open_with_clock(page)
    page.clock.run_for(4_000)
    page.evaluate("document.hasFocus = () => false; dispatchEvent(new Event('blur'))")
    page.clock.run_for(9_000)
    hide(page)
    assert latest(site.wait_for("dwell")) == pytest.approx(4, abs=0.2)


def test_dwell_is_reported_every_10_s_and_starts_again_with_a_view(page: Page, site: Site) -> None:
    open_with_clock(page)
    page.clock.run_for(10_500)
    run_until(page, lambda: len(site.events("dwell")) > 0)
    (beat,) = site.events("dwell")
    assert beat["value"] == pytest.approx(10, abs=0.2)
    page.evaluate("history.pushState(0, '', '/two')")
    page.clock.run_for(2_000)
    hide(page)
    reports = site.wait_for("dwell", count=3)
    assert {report["id"] for report in reports if report["path"] == "/"} == {beat["id"]}
    (second,) = [report for report in reports if report["path"] == "/two"]
    assert second["value"] == pytest.approx(2, abs=0.2)


def test_scroll_is_the_deepest_fraction_seen(page: Page, site: Site) -> None:
    page.goto("/")
    height = page.evaluate("document.documentElement.scrollHeight")
    page.evaluate("scrollTo(0, 2000); new Promise(r => requestAnimationFrame(r))")
    page.evaluate("scrollTo(0, 0); new Promise(r => requestAnimationFrame(r))")
    until_seen(page)
    hide(page)
    assert latest(site.wait_for("scroll")) == pytest.approx(2600 / height, abs=0.051)


def until_seen(page: Page) -> None:
    """Two frames: the observer has told what the first one showed."""
    page.evaluate(
        "() => new Promise(r => requestAnimationFrame(() => requestAnimationFrame(() => r())))"
    )


def test_a_short_page_is_seen_whole(page: Page, site: Site) -> None:
    page.goto("/short")
    until_seen(page)
    hide(page)
    assert latest(site.wait_for("scroll")) == 1


def test_a_growing_page_was_not_seen_whole(page: Page, site: Site) -> None:
    page.goto("/short")
    until_seen(page)
    page.evaluate("document.body.style.height = '5000px'")
    page.wait_for_function("document.querySelector('attune-rail').scrollHeight > 5000")
    until_seen(page)
    hide(page)
    assert latest(site.wait_for("scroll")) == pytest.approx(600 / 5000, abs=0.051)


def test_scroll_of_an_inner_element(page: Page, site: Site) -> None:
    page.goto("/untracked")
    page.evaluate(
        """() => {
          document.body.innerHTML = `<div data-attune-scroll-root
            style="position:relative;overflow:auto;height:400px"><p style="height:4000px"></div>`;
          const script = document.createElement('script');
          Object.assign(script, {src: '/tracker.js'}).dataset.attuneEndpoint = '/collect';
          document.head.append(script);
        }"""
    )
    site.wait_for("page_view")
    page.evaluate("document.querySelector('[data-attune-scroll-root]').scrollTop = 1600")
    until_seen(page)
    hide(page)
    assert latest(site.wait_for("scroll")) == pytest.approx(2000 / 4016, abs=0.051)


def test_the_marks_leave_no_trace_in_the_layout(page: Page, site: Site) -> None:
    page.goto("/untracked")
    measure = "[document.documentElement.scrollHeight, document.documentElement.scrollWidth]"
    page.goto("/")
    with_tracker = page.evaluate(measure)
    assert page.evaluate("document.querySelectorAll('attune-mark').length") >= 20
    page.evaluate("attune.stop()")
    assert page.evaluate("document.querySelectorAll('attune-rail').length") == 0
    assert page.evaluate(measure) == with_tracker


def test_the_marks_let_a_page_shrink(page: Page, site: Site) -> None:
    page.goto("/")
    page.evaluate("document.querySelector('div[style]').remove()")
    page.wait_for_function("document.documentElement.scrollHeight < 1000")


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
