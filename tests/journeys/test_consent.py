"""The banner and the preference page in a real browser, in a fresh profile each time.

Own doubles only where needed: what the server does is what runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.sync_playwright import Axe

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page, Request

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

BANNER = "[data-consent-banner]"
ACCEPT = f"{BANNER} button[value=accept]"
REJECT = f"{BANNER} button[value=reject]"
WITHDRAW = "[data-consent-on] button[value=withdraw]"
TRACKER = "script[data-attune-endpoint]"
PAGES = ("/", "/about/", "/preferences/")
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
STORED = """async () => ({
  cookies: document.cookie,
  local: Object.keys(localStorage),
  session: Object.keys(sessionStorage),
  databases: (await indexedDB.databases()).map(({ name }) => name),
  caches: window.caches ? await caches.keys() : [],
  workers: (await navigator.serviceWorker?.getRegistrations() ?? []).length,
})"""
NOTHING: dict[str, Any] = {
    "cookies": "",
    "local": [],
    "session": [],
    "databases": [],
    "caches": [],
    "workers": 0,
}


@pytest.fixture
def requests(browser_context: BrowserContext) -> list[Request]:
    """Every request of the profile, in order."""
    seen: list[Request] = []
    browser_context.on("request", lambda one: seen.extend([one]))
    return seen


def context_of(chromium: Browser, live_server: object, **options: Any) -> BrowserContext:
    context = chromium.new_context(base_url=str(live_server), **options)
    context.set_default_timeout(10_000)
    return context


def box(page: Page, selector: str) -> dict[str, float]:
    found = page.locator(selector).bounding_box()
    assert found is not None
    return {name: float(found[name]) for name in ("x", "y", "width", "height")}


def tab_stops(page: Page) -> list[str]:
    """What Tab reaches, in order, until it leaves the page; buttons by their value."""
    stops: list[str] = []
    for _ in range(400):
        page.keyboard.press("Tab")
        stop = page.evaluate(
            "() => { const e = document.activeElement;"
            " return e === document.body ? '' : `${e.tagName}:${e.value ?? e.textContent.trim()}` }"
        )
        if not stop:
            break
        stops.append(stop)
    return stops


def violations(page: Page) -> list[str]:
    found = Axe().run(page, options={"runOnly": {"type": "tag", "values": AXE_TAGS}})
    return [f"{one['id']}: {one['nodes'][0]['html']}" for one in found.response["violations"]]


# --- A. Before any choice ---------------------------------------------------------------------


def test_before_a_choice_nothing_is_stored_and_nobody_is_told(
    browser_context: BrowserContext, browser_page: Page, requests: list[Request], live_server: Any
) -> None:
    """A1, A2, A3, A5: three pages, scrolling, Esc, navigating."""
    for path in PAGES:
        browser_page.goto(path)
        browser_page.mouse.wheel(0, 4000)
        browser_page.keyboard.press("Escape")
        browser_page.wait_for_timeout(200)
        assert browser_page.locator(TRACKER).count() == 0
        assert browser_page.evaluate(STORED) == NOTHING
    assert browser_context.cookies() == []
    urls = [request.url for request in requests]
    assert urls
    assert all(url.startswith(live_server.url) for url in urls)
    assert not [url for url in urls if "/api/" in url or "tracker" in url]
    assert {request.method for request in requests} == {"GET"}


def test_the_page_can_be_read_and_scrolled_without_a_choice(browser_page: Page) -> None:
    """A7, B4: no wall, no lock, no trap, nothing stolen from the keyboard."""
    browser_page.set_viewport_size({"width": 320, "height": 640})
    browser_page.goto("/")
    assert browser_page.evaluate("document.activeElement === document.body")
    browser_page.mouse.wheel(0, 300)
    browser_page.wait_for_function("scrollY > 0 || document.body.scrollHeight <= innerHeight")
    banner = browser_page.get_by_role("region", name="May this site learn from your visit?")
    assert banner.is_visible()
    assert banner.get_attribute("aria-modal") is None
    stops = tab_stops(browser_page)
    outside = [stop for stop in stops if not stop.startswith("BUTTON:")]
    assert len(outside) >= 2


def test_escape_hides_the_banner_for_this_page_and_is_no_consent(
    browser_context: BrowserContext, browser_page: Page
) -> None:
    """A5, B4."""
    browser_page.goto("/")
    browser_page.keyboard.press("Escape")
    assert browser_page.locator(BANNER).is_hidden()
    assert browser_context.cookies() == []
    browser_page.goto("/")
    assert browser_page.locator(BANNER).is_visible()


# --- B. The banner ----------------------------------------------------------------------------


@pytest.mark.parametrize("gpc", [False, True], ids=["plain", "signal"])
@pytest.mark.parametrize("size", [(320, 640), (1280, 800), (320, 200)], ids=str)
def test_both_buttons_are_in_view_and_equal(
    browser_page: Page, size: tuple[int, int], gpc: bool
) -> None:
    """B1, B3, B10; 320×200 is 1280×800 at 400 % zoom."""
    width, height = size
    browser_page.set_extra_http_headers({"Sec-GPC": "1"} if gpc else {})
    browser_page.set_viewport_size({"width": width, "height": height})
    browser_page.goto("/")
    accept, reject = box(browser_page, ACCEPT), box(browser_page, REJECT)
    for side in ("width", "height"):
        assert abs(accept[side] - reject[side]) <= 0.02 * accept[side]
        assert accept[side] >= 44
    for button in (accept, reject):
        assert button["x"] >= 0
        assert button["x"] + button["width"] <= width
        assert button["y"] >= 0
        assert button["y"] + button["height"] <= height
    if height >= 640:
        assert box(browser_page, BANNER)["height"] <= 0.5 * height
    style = (
        "(e) => { const s = getComputedStyle(e); return [s.color, s.backgroundColor, s.font,"
        " s.border, s.opacity, e.parentElement.className].join() }"
    )
    assert browser_page.eval_on_selector(ACCEPT, style) == browser_page.eval_on_selector(
        REJECT, style
    )
    assert browser_page.evaluate("document.documentElement.scrollWidth") <= width
    assert ("Opt-out signal honoured" in browser_page.locator(BANNER).inner_text()) is gpc


def test_accept_and_reject_are_one_tab_apart(browser_page: Page) -> None:
    """B2."""
    browser_page.goto("/")
    stops = tab_stops(browser_page)
    assert abs(stops.index("BUTTON:accept") - stops.index("BUTTON:reject")) == 1


def test_nothing_that_has_the_focus_is_hidden_behind_the_banner(browser_page: Page) -> None:
    """B4."""
    browser_page.set_viewport_size({"width": 320, "height": 640})
    browser_page.goto("/about/")
    for _ in range(60):
        browser_page.keyboard.press("Tab")
        covered = browser_page.evaluate(
            """() => {
              const e = document.activeElement;
              const banner = document.querySelector("[data-consent-banner]");
              if (e === document.body || banner.contains(e)) return null;
              const top = banner.getBoundingClientRect().top, box = e.getBoundingClientRect();
              return box.top >= top - 1 ? e.outerHTML.slice(0, 90) : null;
            }"""
        )
        assert covered is None, covered


@pytest.mark.parametrize(
    ("scheme", "forced", "direction"),
    [
        ("light", "none", "ltr"),
        ("dark", "none", "ltr"),
        ("light", "none", "rtl"),
        ("light", "active", "ltr"),
        ("dark", "active", "rtl"),
    ],
)
def test_no_accessibility_violation(
    chromium: Browser, live_server: object, scheme: Any, forced: Any, direction: str
) -> None:
    """B3, B6: banner, preference page before and after a choice."""
    context = context_of(chromium, live_server, color_scheme=scheme, forced_colors=forced)
    page = context.new_page()

    def look(path: str) -> None:
        page.goto(path)
        page.evaluate("(dir) => { document.documentElement.dir = dir }", direction)
        assert violations(page) == []

    look("/")
    look("/preferences/")
    page.check("input[name=purpose][value=measurement]")
    page.click("button[value=save]")
    page.wait_for_url("**/preferences/?saved=1")
    look("/preferences/?saved=1")
    context.close()


def test_the_focus_ring_stands_out(browser_page: Page) -> None:
    """B3: at least 3:1 against the banner, and at least 2 px."""
    for scheme in ("light", "dark"):
        browser_page.emulate_media(color_scheme=scheme)
        browser_page.goto("/")
        browser_page.locator(ACCEPT).focus()
        browser_page.keyboard.press("Tab")
        ring, ground, width = browser_page.evaluate(
            """() => {
              const style = getComputedStyle(document.activeElement);
              const ground = getComputedStyle(document.querySelector("[data-consent-banner]"));
              return [style.outlineColor, ground.backgroundColor, parseFloat(style.outlineWidth)];
            }"""
        )
        assert width >= 2
        assert contrast(ring, ground) >= 3


def contrast(one: str, other: str) -> float:
    """WCAG 2 contrast of two computed `rgb(…)` colors."""
    lights = sorted(map(luminance, (one, other)), reverse=True)
    return (lights[0] + 0.05) / (lights[1] + 0.05)


def luminance(color: str) -> float:
    parts = [float(part) / 255 for part in color[color.index("(") + 1 : -1].split(",")[:3]]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("choice", ["accept", "reject"])
def test_everything_works_without_javascript(
    chromium: Browser, live_server: object, choice: str
) -> None:
    """A6, B2, B9: one click, also for a refusal; toggles start off."""
    context = context_of(chromium, live_server, java_script_enabled=False)
    page = context.new_page()
    page.goto("/preferences/")
    assert page.locator("input[name=purpose]").count() == 2
    assert page.locator("input[name=purpose]:checked").count() == 0
    page.goto("/")
    page.click(f"{BANNER} button[value={choice}]")
    assert page.url.rstrip("/") == str(live_server)
    assert page.locator(BANNER).count() == 0
    assert page.locator(TRACKER).count() == (1 if choice == "accept" else 0)
    [cookie] = context.cookies()
    assert (cookie["name"], cookie["httpOnly"], cookie["sameSite"]) == (
        "attune_consent",
        True,
        "Lax",
    )
    if choice == "accept":
        page.click(WITHDRAW)
        assert page.locator(TRACKER).count() == 0
    context.close()


# --- C. Grant and withdraw with the script ----------------------------------------------------


def test_accepting_starts_the_tracker_without_a_reload(browser_page: Page) -> None:
    """A3, C1."""
    browser_page.goto("/")
    browser_page.evaluate("window.same = true")
    browser_page.click(ACCEPT)
    browser_page.wait_for_selector(TRACKER, state="attached")
    assert browser_page.evaluate("window.same")
    assert browser_page.locator(BANNER).count() == 0
    assert browser_page.locator(WITHDRAW).is_visible()
    assert "Saved" in browser_page.get_by_role("status").inner_text()
    browser_page.wait_for_function("() => window.attune?.track")


def test_rejecting_leaves_only_the_memory_of_the_refusal(
    browser_context: BrowserContext, browser_page: Page, requests: list[Request]
) -> None:
    """C7."""
    browser_page.goto("/")
    with browser_page.expect_navigation():
        browser_page.click(REJECT)
    assert browser_page.locator(BANNER).count() == 0
    assert browser_page.evaluate(STORED) == NOTHING
    assert [cookie["name"] for cookie in browser_context.cookies()] == ["attune_consent"]
    assert not [request.url for request in requests if "/api/" in request.url]


def test_withdrawing_stops_this_tab_and_the_others_and_clears_storage(
    browser_context: BrowserContext, browser_page: Page
) -> None:
    """C1, C3, C4, C6: one click; the other tab stops at once."""
    browser_page.goto("/")
    browser_page.click(ACCEPT)
    browser_page.wait_for_function("() => window.attune?.track")
    other = browser_context.new_page()
    other.goto("/about/")
    other.wait_for_function("() => window.attune?.track")
    browser_page.evaluate("localStorage.setItem('attune.probe', '1')")
    browser_page.evaluate("localStorage.setItem('foreign', '1')")
    old = browser_context.cookies()[0]["value"]
    with browser_page.expect_navigation():
        browser_page.click(WITHDRAW)
    assert browser_page.locator(TRACKER).count() == 0
    other.wait_for_function("() => !window.attune")
    assert browser_page.evaluate("Object.keys(localStorage)") == ["foreign"]
    assert browser_context.cookies()[0]["value"] != old


def test_saving_one_purpose_leaves_the_other_off(browser_page: Page) -> None:
    """B8."""
    browser_page.goto("/preferences/")
    browser_page.check("input[value=measurement]")
    browser_page.click("button[value=save]")
    browser_page.wait_for_url("**/preferences/?saved=1")
    assert browser_page.locator("input[value=measurement]").is_checked()
    assert not browser_page.locator("input[value=personalization]").is_checked()
    assert "Saved." in browser_page.locator("main").inner_text()
    browser_page.click("button:has-text('Withdraw everything')")
    browser_page.wait_for_selector("input[value=measurement]:not(:checked)")


def test_a_failing_request_falls_back_to_the_plain_form(browser_page: Page) -> None:
    """B9: the choice is not lost when fetch fails."""
    browser_page.goto("/")
    browser_page.evaluate("() => { window.fetch = () => Promise.reject(new Error('offline')) }")
    with browser_page.expect_navigation():
        browser_page.click(ACCEPT)
    assert browser_page.locator(TRACKER).count() == 1


def test_a_foreign_page_cannot_choose_for_the_visitor(
    browser_context: BrowserContext, browser_page: Page, live_server: Any
) -> None:
    """Threat 3, from a real foreign origin: same machine, other host name."""
    foreign = live_server.url.replace("localhost", "127.0.0.1")
    assert foreign != live_server.url
    browser_page.route(
        f"{foreign}/evil",
        lambda route: route.fulfill(
            content_type="text/html",
            body=f"<form method=post action='{live_server.url}/consent/'>"
            "<button name=choice value=accept>x</button></form>",
        ),
    )
    browser_page.goto(f"{foreign}/evil")
    with browser_page.expect_navigation() as answer:
        browser_page.click("button")
    assert answer.value is not None
    assert answer.value.status == 403
    assert browser_context.cookies() == []


@pytest.mark.parametrize("path", PAGES)
def test_no_page_breaks_its_content_security_policy(
    browser_context: BrowserContext, browser_page: Page, path: str
) -> None:
    """B9: banner shown, accepted, withdrawn, without a violation."""
    problems: list[str] = []
    browser_page.on("console", lambda message: problems.append(message.text))
    browser_page.on("pageerror", lambda error: problems.append(f"Security Policy? {error}"))
    browser_page.goto("/")
    browser_page.click(ACCEPT)
    browser_page.wait_for_selector(WITHDRAW)
    browser_page.goto(path)
    with browser_page.expect_navigation():
        browser_page.click(WITHDRAW)
    assert [text for text in problems if "Security Policy" in text] == []
