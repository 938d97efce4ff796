"""Take the pictures of README and docs from the running product.

    make run                                             # in one terminal
    .venv/bin/python manage.py simulate --visitors 40    # in another, for somebody to look at
    .venv/bin/python scripts/tour.py [--data-dir data] [--only admin]

Drives the demo as a visitor and as a marketer, and writes docs/images/. The editor, the preview and
the dashboard are taken at 1280 and at 390 pixels, as WebP.
"""

import argparse
import base64
import json
import sys
import time
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from tests.browser import FLAGS, find_chromium  # noqa: E402

IMAGES = ROOT / "docs" / "images"
#: How much of a long page its picture has, in pixels, and how good it is.
HIGHEST, QUALITY = 2200, 78
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


def shoot_whole(page: Page, name: str, *, highest: int = HIGHEST) -> None:
    """A page from its top as far as it goes, as WebP: the window is as high, bars at its end."""
    page.wait_for_load_state("networkidle")
    width = page.viewport_size["width"]
    page.set_viewport_size({"width": width, "height": 900})
    height = min(page.evaluate("document.documentElement.scrollHeight"), highest)
    page.set_viewport_size({"width": width, "height": height})
    page.wait_for_load_state("networkidle")
    session = page.context.new_cdp_session(page)
    picture = {"format": "webp", "quality": QUALITY}
    data = session.send("Page.captureScreenshot", picture)["data"]
    (IMAGES / f"{name}.webp").write_bytes(base64.b64decode(data))
    print(f"docs/images/{name}.webp, {len(data) * 3 // 4096} KB")


def log_in(page: Page, password: str) -> None:
    page.goto("/admin/")
    page.get_by_label("Username").fill("marketer")
    page.get_by_label("Password").fill(password)
    page.keyboard.press("Enter")
    page.wait_for_url("**/admin/")


def marketer_tour(browser: Browser, url: str, password: str, *, phone: bool, suffix: str) -> None:
    """The dashboard, the campaign form with its rule, and a draft in the real page."""
    page = new_page(browser, url, phone=phone)
    log_in(page, password)
    shoot_whole(page, f"admin-overview{suffix}")
    page.goto("/admin/personalization/campaign/")
    page.get_by_role("link", name="Welcome back").click()
    page.wait_for_url("**/change/")
    page.locator("[data-rule][data-ready]").wait_for()
    shoot_whole(page, f"campaign-form{suffix}")
    with page.expect_popup() as opened:
        page.get_by_role("button", name="Preview in the page").click()
    preview = opened.value
    preview.set_viewport_size(page.viewport_size)
    preview.get_by_label("See it as").select_option(label="Gardener on a phone")
    preview.get_by_text("Gardener on a phone.", exact=True).wait_for()
    shoot_whole(preview, f"preview{suffix}")
    if not phone:
        page.set_viewport_size({"width": 1280, "height": 1480})
        page.goto("/admin/profiles/profile/")
        # Not the two visitors of this tour, who came last and have hardly begun.
        page.locator("#result_list tbody tr").nth(3).locator("a").first.click()
        shoot(page, "visitor-view")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--data-dir", default=str(ROOT / "data"), type=Path)
    parser.add_argument("--only", choices=("visitor", "admin"), help="one half of the tour")
    options = parser.parse_args()
    logins = json.loads((Path(options.data_dir) / "demo-logins.json").read_text())
    IMAGES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        for phone, suffix in ((False, ""), (True, "-phone")):
            if options.only != "admin":
                shade = f"{suffix}-dark" if phone else ""
                visitor_tour(browser, options.url, phone=phone, dark=phone, suffix=shade)
            if options.only != "visitor":
                marketer_tour(browser, options.url, logins["marketer"], phone=phone, suffix=suffix)
        browser.close()


if __name__ == "__main__":
    main()
