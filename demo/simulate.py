"""Invented visitors live on the real site: they open pages, decide, and report events over HTTP.

Everything goes through the front door, so what they leave behind is what browsers leave behind.
"""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any
from uuid import UUID

from demo.behaviors import (
    VISIT_SECONDS,
    Behavior,
    VisitorPlan,
    VisitPlan,
    favourite_of,
    uuid7,
)
from demo.browser import Browser, Page

EVENTS_PATH = "/api/v1/events"
CONSENT_FIELDS = {
    "accept": [("choice", "accept")],
    "reject": [("choice", "reject")],
    "measure": [("choice", "save"), ("purpose", "measurement")],
}
WORDS = ("beginner", "repair", "weekend", "tools", "light", "how to")

Event = dict[str, Any]


class SiteUnreachable(Exception):
    """Nobody answers there, or not as this site does; the message says what to do."""


@dataclass
class Tally:
    """What came of some visitors."""

    visitors: int = 0
    visits: int = 0
    pages: int = 0
    requests: int = 0
    accepted: int = 0
    refused: int = 0
    failed: int = 0  # visitors cut short by a broken connection

    def add(self, other: "Tally") -> None:
        for name in vars(self):
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass
class Shelf:
    """The items of the site as a visitor finds them on category pages."""

    categories: list[str]
    items: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    def pick(self, category: str, content_type: str, dice: random.Random) -> str | None:
        slugs = self.items.get((category, content_type)) or self.items.get((category, ""))
        return dice.choice(slugs) if slugs else None


def shelf_read(*, base_url: str, content_types: Sequence[str]) -> Shelf:
    """Look around the site once. Raises SiteUnreachable."""
    browser = Browser(base_url=base_url, user_agent="Mozilla/5.0 (X11; Linux x86_64)")
    try:
        shelf = Shelf(browser.get("/").slugs("c"))
        for category in shelf.categories:
            for kind in ("", *content_types):
                query = f"?type={kind}" if kind else ""
                found = browser.get(f"/c/{category}/{query}").slugs("items")
                shelf.items[category, kind] = found
    except (OSError, HTTPException) as error:
        raise SiteUnreachable(
            f"No site at {base_url} ({error}). Start it with `make run`, "
            "or say where it is with --base-url."
        ) from error
    finally:
        browser.close()
    if not any(shelf.items.values()):
        raise SiteUnreachable(
            f"The site at {base_url} has no items. Load the demo with `manage.py load_demo`."
        )
    return shelf


def visitors_run(
    *,
    plans: Sequence[VisitorPlan],
    base_url: str,
    shelf: Shelf,
    threads: int,
    on_visit: Callable[[], object],
) -> dict[str, Tally]:
    """Let all visitors live, some at the same time; what came of them, by behavior."""
    tallies: dict[str, Tally] = {}
    with ThreadPoolExecutor(max_workers=threads) as pool:
        running = {
            pool.submit(Visitor(plan, base_url, shelf).run, on_visit): plan for plan in plans
        }
        for done in as_completed(running):
            name = running[done].behavior.name
            tallies.setdefault(name, Tally()).add(done.result())
    return tallies


class Visitor:
    """One invented visitor with a browser."""

    def __init__(self, plan: VisitorPlan, base_url: str, shelf: Shelf) -> None:
        self.plan = plan
        self.shelf = shelf
        self.dice = random.Random(plan.seed)
        self.browser = Browser(base_url=base_url, user_agent=plan.user_agent)
        self.favourite = favourite_of(plan.behavior, shelf.categories, self.dice)
        self.tally = Tally(visitors=1)

    def run(self, on_visit: Callable[[], object]) -> Tally:
        """Decide, then visit after visit. A broken connection ends it early, and is counted."""
        try:
            self.browser.get("/")
            self.browser.post_form("/consent/", CONSENT_FIELDS[self.plan.behavior.choice])
            for visit in self.plan.visits:
                self._visit(visit)
                on_visit()
        except (OSError, HTTPException):
            self.tally.failed = 1
        finally:
            self.browser.close()
        self.tally.requests = self.browser.requests
        return self.tally

    def _visit(self, visit: VisitPlan) -> None:
        at = visit.starts_at
        self.tally.visits += 1
        for path in self._paths(visit.pages):
            page = self.browser.get(path)
            dwell = self.dice.uniform(*self.plan.behavior.dwell)
            events = list(page_events(
                page, path=path, at=at, dwell=dwell, visit=visit.id,
                behavior=self.plan.behavior, dice=self.dice,
            ))  # fmt: skip
            self.tally.pages += 1
            if page.tracked:  # the tracker is in the page only after consent
                self._report(events)
            at += dwell + self.dice.uniform(1, 6)
            if at > visit.starts_at + VISIT_SECONDS:
                return

    def _paths(self, pages: int) -> Iterator[str]:
        """Where a visit leads: home, perhaps a search, a category, then items."""
        behavior = self.plan.behavior
        yield "/"
        if pages == 1:
            return
        if self.dice.random() < behavior.searches:
            yield f"/search/?q={self.dice.choice(WORDS).replace(' ', '+')}"
        yield f"/c/{self.favourite}/"
        for _ in range(pages):
            loyal = self.dice.random() < behavior.loyalty
            category = self.favourite if loyal else self.dice.choice(self.shelf.categories)
            slug = self.shelf.pick(category, self.dice.choice(behavior.content_types), self.dice)
            if slug:
                yield f"/items/{slug}/"

    def _report(self, events: list[Event]) -> None:
        batch = {"sent_at": int(time.time() * 1000), "events": events}
        answer = self.browser.post_json(EVENTS_PATH, batch)
        accepted = int(answer.json().get("accepted", 0)) if answer.status == 202 else 0
        self.tally.accepted += accepted
        self.tally.refused += len(events) - accepted


def page_events(
    page: Page,
    *,
    path: str,
    at: float,
    dwell: float,
    visit: UUID,
    behavior: Behavior,
    dice: random.Random,
) -> Iterator[Event]:
    """What the tracker would report of one page view that begins `at` (seconds since 1970)."""
    view = str(uuid7(at, dice))
    address, _, query = path.partition("?")

    def event(kind: str, after: float = 0.0, **more: object) -> Event:
        when = at + after
        base = {"id": str(uuid7(when, dice)), "type": kind, "at": int(when * 1000)}
        return {**base, "visit": str(visit), "view": view, "path": address, **page.subject, **more}

    yield event("page_view")
    for slot in page.slots:
        yield event("exposure", 0.3, properties=slot)
    if query:
        properties = {"query": query.removeprefix("q=").replace("+", " ")}
        yield event("search", 0.1, properties=properties)
    if address.startswith("/c/"):
        yield event("category_click", 0.1, element={"classes": ["tab"], "section": "navigation"})
    elif "item" in page.subject:
        for kind in _actions(page, behavior, dice):
            yield event(kind, dice.uniform(0.2, 0.9) * dwell, element={"section": "actions"})
    yield event("scroll", value=round(dice.uniform(*behavior.scroll), 3))
    yield event("dwell", value=round(dwell, 1))


def _actions(page: Page, behavior: Behavior, dice: random.Random) -> list[str]:
    """What a visitor does on an item, as far as its page has a button for it."""
    only = {"video_play": "video", "add_to_cart": "product", "purchase": "product"}
    kind = page.subject.get("content_type")
    return [
        action
        for action, chance in behavior.actions.items()
        if only.get(action, kind) == kind and dice.random() < chance
    ]
