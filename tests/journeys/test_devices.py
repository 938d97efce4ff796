"""Two devices of one reader in real browsers: what was read on the first follows to the second."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from consent.models import Account
from profiles.models import Profile
from tests.journeys.test_main import browser_storage, hero_headline, pages_folded, read_items, site
from tests.waiting import wait_until
from tracking.models import Event

__all__ = ["site"]
pytestmark = pytest.mark.django_db(transaction=True)

#: The next event of a page that is still open.
EVENT = """async () => {
  const event = {id: crypto.randomUUID(), type: "page_view", at: Date.now(), path: "/"};
  const answer = await fetch("/api/v1/events", {method: "POST",
    body: JSON.stringify({events: [event]}), headers: {"Content-Type": "application/json"}});
  return answer.status;
}"""
SIZES = {"desktop": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 780}}


@pytest.fixture
def laptop(chromium: Browser, live_server: object) -> Iterator[BrowserContext]:
    """A second device: another profile of the browser."""
    context = chromium.new_context(base_url=str(live_server))
    context.set_default_timeout(10_000)
    yield context
    context.close()


def borrow(page: Page, name: str) -> None:
    page.goto("/sign-in/")
    page.get_by_role("button", name=f"Sign in as {name}").click()
    expect(page.get_by_role("link", name=f"Signed in as {name}")).to_be_visible()


@pytest.mark.usefixtures("site", "celery_worker_process")
def test_a_reader_is_known_on_a_second_device_until_signing_out(
    browser_page: Page, laptop: BrowserContext
) -> None:
    phone, page = browser_page, laptop.new_page()
    default = hero_headline(page)
    phone.goto("/")
    phone.get_by_role("button", name="Accept all").click()
    expect(phone.locator("[data-consent-on]")).to_be_visible()
    read_items(phone, category="gardening", count=3)
    wait_until(pages_folded(3))
    before = Profile.objects.get().visitor_id

    borrow(phone, "Ana")
    account = Account.objects.get().visitor_id
    assert account != before
    wait_until(lambda: not Event.objects.filter(visitor_id=before).exists())
    wait_until(lambda: [row.visitor_id for row in Profile.objects.all()] == [account])
    wait_until(pages_folded(3))
    personal = hero_headline(phone)
    assert personal != default

    borrow(page, "Ana")
    expect(page.locator("[data-consent-banner]")).to_have_count(0)
    assert hero_headline(page) == personal
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("link", name="Sign in", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Accept all")).to_be_visible()
    assert hero_headline(page) == default
    assert browser_storage(page) == []
    names = [cookie["name"] for cookie in laptop.cookies()]
    assert "attune_consent" not in names
    assert hero_headline(phone) == personal

    borrow(page, "Ana")
    phone.get_by_role("button", name="Withdraw").click()
    expect(phone.locator("[data-consent-on]")).to_be_hidden()
    assert page.evaluate(EVENT) == 403
    assert hero_headline(page) == hero_headline(phone) == default
    expect(page.locator("[data-consent-banner]")).to_have_count(0)
    wait_until(lambda: not Event.objects.exists() and not Profile.objects.exists())


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_the_sign_in_page_fits_and_is_accessible(
    chromium: Browser, live_server: object, size: str, scheme: str
) -> None:
    """Pictures go to the folder named in SHOTS, for whoever wants to look."""
    context = chromium.new_context(
        base_url=str(live_server),
        viewport=SIZES[size],  # type: ignore[arg-type]
        color_scheme=scheme,  # type: ignore[arg-type]
    )
    page, folder = context.new_page(), os.environ.get("SHOTS")
    problems: list[str] = []
    page.on("console", lambda line: problems.extend([line.text] if line.type == "error" else []))
    page.goto("/sign-in/")
    page.get_by_role("button", name="Reject all").click()
    expect(page.locator("[data-consent-banner]")).to_have_count(0)
    for name in ("sign-in", "signed-in", "home"):
        if name == "signed-in":
            borrow(page, "Cleo")
            page.goto("/sign-in/")
        elif name == "home":
            page.goto("/")
        if folder:
            page.screenshot(path=Path(folder) / f"{name}-{size}-{scheme}.png")
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= SIZES[size]["width"]
        tags = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag22aa"]}}
        found = Axe().run(page, options=tags).response["violations"]
        assert [one["id"] for one in found] == []
    page.goto("/sign-in/")
    page.get_by_role("main").get_by_role("button", name="Sign out").press("Enter")
    expect(page.get_by_role("link", name="Sign in", exact=True)).to_be_visible()
    assert problems == []
    context.close()
