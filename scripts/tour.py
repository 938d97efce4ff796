"""Take the README's pictures from the running product.

    make run                                             # in one terminal
    .venv/bin/python manage.py simulate --visitors 12    # in another, for somebody to look at
    .venv/bin/python scripts/tour.py [--data-dir data]

Drives the demo as a visitor and as a marketer, and writes docs/images/*.png.
"""

import argparse
import json
import sys
import time
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from tests.browser import FLAGS, find_chromium  # noqa: E402

IMAGES = ROOT / "docs" / "images"
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 780}


def new_page(browser: Browser, url: str, *, phone: bool = False, dark: bool = False) -> Page:
    context = browser.new_context(
        base_url=url,
        viewport=PHONE if phone else DESKTOP,
        color_scheme="dark" if dark else "light",
        reduced_motion="reduce",
    )
    context.set_default_timeout(15_000)
    return context.new_page()


def shoot(page: Page, name: str, *, full: bool = False) -> None:
    page.wait_for_load_state("networkidle")
    page.screenshot(path=IMAGES / f"{name}.png", full_page=full)
    print(f"docs/images/{name}.png")


def visitor_tour(browser: Browser, url: str, *, phone: bool, dark: bool, suffix: str) -> Page:
    """Home before, three gardening items, home after with its reason, preferences."""
    page = new_page(browser, url, phone=phone, dark=dark)
    page.goto("/")
    shoot(page, f"home-before{suffix}")
    page.get_by_role("button", name="Accept all").click()
    page.goto("/c/gardening/")
    links = page.locator("main a[href^='/items/']").evaluate_all(
        "links => [...new Set(links.map(link => link.getAttribute('href')))].slice(0, 3)"
    )
    for link in links:
        with page.expect_response("**/api/v1/events"):
            page.goto(link)
    deadline = time.monotonic() + 15
    page.goto("/")
    while not page.locator("[data-attune-slot='home-hero'][data-attune-campaign]").count():
        assert time.monotonic() < deadline, "the home page never followed"
        page.goto("/")
    page.get_by_text("Why am I seeing this?").first.click()
    page.evaluate("window.scrollTo(0, 0)")
    shoot(page, f"home-after{suffix}")
    page.goto("/preferences/")
    shoot(page, f"preferences{suffix}")
    return page


def marketer_tour(browser: Browser, url: str, password: str) -> None:
    """The campaign form, and one visitor."""
    page = new_page(browser, url)
    page.set_viewport_size({"width": 1280, "height": 1480})  # the save bar sticks to the bottom
    page.goto("/admin/")
    page.get_by_label("Username").fill("marketer")
    page.get_by_label("Password").fill(password)
    page.keyboard.press("Enter")
    page.wait_for_url("**/admin/")
    shoot(page, "admin-overview")
    page.goto("/admin/personalization/campaign/")
    page.get_by_role("link", name="Gardening readers").click()
    page.wait_for_url("**/change/")
    shoot(page, "campaign-form", full=True)
    page.goto("/admin/profiles/profile/")
    # Not the two visitors of this tour, who came last and have hardly begun.
    page.locator("#result_list tbody tr").nth(3).locator("a").first.click()
    shoot(page, "visitor-view")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--data-dir", default=str(ROOT / "data"), type=Path)
    options = parser.parse_args()
    logins = json.loads((Path(options.data_dir) / "demo-logins.json").read_text())
    IMAGES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        visitor_tour(browser, options.url, phone=False, dark=False, suffix="")
        visitor_tour(browser, options.url, phone=True, dark=True, suffix="-phone-dark")
        marketer_tour(browser, options.url, logins["marketer"])
        browser.close()


if __name__ == "__main__":
    main()
