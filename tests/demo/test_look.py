"""In a real browser: accessible, fitting every width, and answering its buttons."""

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from demo.loader import demo_load

pytestmark = pytest.mark.django_db(transaction=True)

PATHS = (
    "/",
    "/c/gardening/",
    "/items/raised-beds-in-a-weekend/",
    "/items/cedar-seed-tray/",
    "/items/video-sharpening-a-hoe/",
    "/search/?q=zzzz",
    "/about/",
    "/nowhere/",
)
WIDTHS = (320, 390, 768, 1280)
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@pytest.fixture(autouse=True)
def _site(logins_path: Path) -> None:
    demo_load(logins_path=logins_path)


def test_axe_finds_nothing_in_light_and_dark(chromium: Browser, live_server: object) -> None:
    found = []
    for scheme in ("light", "dark"):
        context = chromium.new_context(
            base_url=str(live_server),
            color_scheme=scheme,
            reduced_motion="reduce",
            viewport={"width": 1280, "height": 900},
        )
        page = context.new_page()
        for path in PATHS:
            page.goto(path)
            violations = Axe().run(page, options=RULES).response["violations"]
            found += [(scheme, path, row["id"], row["nodes"][0]["target"]) for row in violations]
        context.close()
    assert found == []


def test_pages_fit_every_width_and_break_no_policy(browser_page: Page) -> None:
    said: list[str] = []
    browser_page.on("console", lambda message: said.append(message.text))
    for path in PATHS:
        browser_page.goto(path)
        for width in WIDTHS:
            browser_page.set_viewport_size({"width": width, "height": 800})
            beyond = browser_page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert beyond <= 0, (path, width)
    assert [text for text in said if "Content Security Policy" in text] == []


def test_buttons_answer_without_a_server_and_store_nothing(browser_page: Page) -> None:
    browser_page.goto("/items/cedar-seed-tray/")
    for name in ("Like", "Bookmark"):
        toggle = browser_page.get_by_role("button", name=name)
        toggle.click()
        expect(toggle).to_have_attribute("aria-pressed", "true")
    browser_page.get_by_role("button", name="Add to basket").click()
    expect(browser_page.get_by_text("In your basket.")).to_be_visible()
    browser_page.goto("/items/video-sharpening-a-hoe/")
    browser_page.get_by_role("button", name="Play").click()
    expect(browser_page.get_by_text("Imagine the film")).to_be_visible()
    kept = browser_page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]")
    assert kept == [0, 0, ""]
