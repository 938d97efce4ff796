"""What the tests do to a page, and read from what it reported."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from tests.journeys.tracker.site import Site

if TYPE_CHECKING:
    from playwright.sync_api import Page


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


def open_with_clock(page: Page) -> None:
    """The page's clocks and timers go only when told to, so no answer may be timed by them."""
    page.clock.install(time=0)
    page.clock.pause_at(60_000)
    page.goto("/")
    page.evaluate("AbortSignal.timeout = undefined")
