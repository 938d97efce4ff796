"""The example shop of the docs, on another origin: asks after consent, follows, degrades, ends."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.waiting import wait_until

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SHOP = Path(__file__).resolve().parents[2] / "docs" / "embed-example"
#: Attune's origin as the example writes it.
WRITTEN = "http://127.0.0.1:8000"
SLOT = '[data-attune-slot="home-hero"]'
ACCEPT = "[data-consent-banner] button[value=accept]"
HEADLINE = "For people who dig"
DEFAULT = "Tools that last"


class Shop(SimpleHTTPRequestHandler):
    """The example's files; any other address is the one page, as single-page sites are served."""

    def __init__(self, *args: Any, attune: str, **options: Any) -> None:
        self.attune = attune
        super().__init__(*args, directory=str(SHOP), **options)

    def do_GET(self) -> None:
        if (SHOP / urlsplit(self.path).path.lstrip("/")).is_file():
            return super().do_GET()
        body = (SHOP / "index.html").read_text().replace(WRITTEN, self.attune)
        body = body.replace('="shop.', '="/shop.')
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(body.encode())
        return None

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def shop(live_server: Any, settings: Any, tmp_path: Path) -> Iterator[str]:
    """The shop's address; Attune has one campaign, for its pages about gardening."""
    from demo.loader import demo_load
    from personalization.models import Campaign, Slot, Variant
    from tests.personalization.publishing import campaigns_publish

    demo_load(logins_path=tmp_path / "logins.json")
    Campaign.objects.update(status="draft")
    variant = Variant.objects.create(
        name="Diggers", headline=HEADLINE, text="<b>Not markup</b>", image="gardening-hero.svg",
        button_label="Read on", button_url="/c/gardening/",
    )  # fmt: skip
    Campaign.objects.create(
        name="Diggers", slot=Slot.objects.get(key="home-hero"), variant=variant,
        rule={"all": [{"condition": "page_category", "category": "gardening"}]},
    )  # fmt: skip
    campaigns_publish(Campaign.objects.filter(name="Diggers"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Shop, attune=str(live_server)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    host = urlsplit(str(live_server)).hostname
    origin = f"http://{host}:{server.server_port}"
    settings.EMBED_ORIGINS = frozenset({origin})
    yield origin
    server.shutdown()
    thread.join()


@pytest.fixture
def asked(browser_context: BrowserContext) -> list[str]:
    """Every address of the API that was asked, in order."""
    seen: list[str] = []
    browser_context.on(
        "request",
        lambda one: seen.append(urlsplit(one.url).path) if "/api/v1/" in one.url else None,
    )
    return seen


def agree(context: BrowserContext, live_server: Any) -> None:
    page = context.new_page()
    page.goto(str(live_server))
    page.locator(ACCEPT).click()
    expect(page.locator("[data-consent-banner]")).to_have_count(0)
    page.close()


def place_of(page: Page, selector: str) -> float:
    """How far down the page it is, however far that is scrolled."""
    found = page.locator(selector).evaluate("it => it.getBoundingClientRect().y + scrollY")
    return round(float(found), 1)


def test_before_a_choice_the_shop_asks_for_consent_alone(
    shop: str, browser_context: BrowserContext, browser_page: Page, asked: list[str]
) -> None:
    said: list[str] = []
    browser_page.on("console", lambda message: said.append(message.text))
    with browser_page.expect_response("**/api/v1/consent"):
        browser_page.goto(shop)
    browser_page.get_by_role("link", name="Spades").click()
    expect(browser_page.locator("#title")).to_have_text("Spades")
    expect(browser_page.locator(SLOT)).to_contain_text(DEFAULT)
    assert set(asked) == {"/api/v1/consent"}
    assert browser_context.cookies() == []
    assert browser_page.evaluate("[localStorage.length, sessionStorage.length]") == [0, 0]
    assert browser_page.locator("script[data-attune-endpoint]").count() == 0
    assert [text for text in said if "Content Security Policy" in text] == []


def test_after_a_grant_slots_follow_the_page_and_report_what_they_showed(
    shop: str, live_server: Any, browser_context: BrowserContext, browser_page: Page,
    asked: list[str],
) -> None:  # fmt: skip
    from tracking.models import Inbox

    said: list[str] = []
    browser_page.on("console", lambda message: said.append(message.text))
    agree(browser_context, live_server)
    page = browser_page
    with page.expect_response("**/api/v1/decide"):
        page.goto(shop)
    slot = page.locator(SLOT)
    expect(slot).to_contain_text(DEFAULT)
    title_at = place_of(page, "#title")
    page.evaluate("document.body.dataset.attuneItem = 'spade'")
    with page.expect_request("**/api/v1/decide") as question:
        page.get_by_role("link", name="Spades").click()
    about = json.loads(question.value.post_data or "")["page"]
    assert (about["category"], about["item"]) == ("gardening", "spade")
    expect(slot.get_by_role("heading", name=HEADLINE)).to_be_visible()
    expect(slot).to_contain_text("<b>Not markup</b>")  # words, not markup
    expect(slot.get_by_role("link", name="Read on")).to_have_attribute(
        "href", f"{live_server}/c/gardening/"
    )
    assert slot.locator("img").evaluate("image => image.decode().then(() => image.naturalWidth)")
    assert place_of(page, "#title") == title_at
    slot.get_by_text("Why am I seeing this?").click()
    expect(slot).to_contain_text("The page is about Gardening.")

    def reported() -> list[dict[str, Any]]:
        return [event for row in Inbox.objects.all() for event in json.loads(bytes(row.payload))]

    wait_until(lambda: any(event["type"] == "exposure" for event in reported()))
    (shown,) = [event["properties"] for event in reported() if event["type"] == "exposure"]
    assert shown["slot"] == "home-hero"
    assert set(shown) == {"slot", "campaign", "variant", "version"}
    assert any(event.get("category") == "gardening" for event in reported())

    page.get_by_role("link", name="Knives").click()
    expect(slot).to_contain_text(DEFAULT)
    expect(slot).not_to_have_attribute("data-attune-campaign", str(shown["campaign"]))
    assert place_of(page, "#title") == title_at
    page.go_back()
    expect(slot.get_by_role("heading", name=HEADLINE)).to_be_visible()
    assert "/api/v1/events" in asked
    assert [text for text in said if "Content Security Policy" in text] == []
    assert [text for text in said if "CORS" in text] == []
    assert Axe().run(page).response["violations"] == []


@pytest.mark.parametrize("failure", ["unreachable", "error", "nonsense", "slow"])
def test_on_any_failure_the_page_keeps_its_default(
    shop: str, live_server: Any, browser_context: BrowserContext, browser_page: Page, failure: str
) -> None:
    agree(browser_context, live_server)
    page = browser_page
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    answers = {
        "unreachable": lambda route: route.abort(),
        "error": lambda route: route.fulfill(status=500, body="{}"),
        "nonsense": lambda route: route.fulfill(
            body='{"decisions": {"home-hero": {"exposure": 1}}}'
        ),
        "slow": lambda route: None,
    }
    page.route("**/api/v1/decide", answers[failure])
    with page.expect_request("**/api/v1/decide"):
        page.goto(f"{shop}/spades")
    page.get_by_role("link", name="Knives").click()
    expect(page.locator("#title")).to_have_text("Knives")
    expect(page.locator(SLOT)).to_contain_text(DEFAULT)
    page.unroute("**/api/v1/decide")
    page.get_by_role("link", name="Spades").click()
    expect(page.locator(SLOT)).to_contain_text(HEADLINE)
    assert errors == []


def test_a_withdrawal_elsewhere_ends_it_here(
    shop: str, live_server: Any, browser_context: BrowserContext, browser_page: Page,
    asked: list[str],
) -> None:  # fmt: skip
    agree(browser_context, live_server)
    page = browser_page
    page.goto(shop)
    page.get_by_role("link", name="Spades").click()
    expect(page.locator(SLOT)).to_contain_text(HEADLINE)
    wait_until(lambda: page.evaluate("window.attune !== undefined"))
    other = browser_context.new_page()
    other.goto(f"{live_server}/preferences/")
    other.get_by_role("button", name="Withdraw everything").click()
    other.wait_for_load_state()
    expect(other.get_by_text("Saved.")).to_be_visible()
    other.close()
    page.evaluate("attuneEmbed.refresh()")  # what coming back to the tab does
    expect(page.locator(SLOT)).to_contain_text(DEFAULT)
    assert page.evaluate("window.attune === undefined")
    assert page.evaluate("Object.keys(localStorage)") == []
    asked.clear()
    page.get_by_role("link", name="Knives").click()
    expect(page.locator("#title")).to_have_text("Knives")
    expect(page.locator(SLOT)).to_contain_text(DEFAULT)
    assert asked == []
