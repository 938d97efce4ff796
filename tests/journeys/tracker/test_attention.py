"""The built tracker in a real Chromium: dwell and scroll."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.journeys.tracker.actions import hide, latest, open_with_clock, show
from tests.journeys.tracker.site import Site

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser


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
    # It begins somewhere between the page and its being ready; the focus may come a little later.
    assert left - begun - 0.2 <= first <= left
    assert second - first == pytest.approx(closed - back, rel=0.01)
    assert {event["at"] for event in site.events("dwell")} == {site.events("page_view")[0]["at"]}


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
