"""A page of the site as a subject would get it: the site's own views and templates, from inside.

The page is asked for without anybody's cookies, through every middleware, with a visitor that
decides and counts nothing. What a page writes to the database all the same is undone.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from io import BytesIO
from typing import Any
from urllib.parse import unquote, urljoin

from django.core.handlers.base import BaseHandler
from django.core.handlers.wsgi import WSGIRequest
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.encoding import iri_to_uri

from personalization.decide import Decision, RuleSet, decide
from personalization.frequency.given import given_for_preview
from personalization.frequency.limits import shown_add
from personalization.preview.addresses import address_of_link
from personalization.preview.subjects import Subject
from personalization.rules.context import Context
from personalization.selectors import consent_words
from personalization.visitor import Known, Visitor
from profiles import selectors as profile_selectors
from profiles.baseline import Baseline

MOST_REDIRECTS = 3
#: What the server says of a request, and no browser of its visitor.
KEPT_OF_REQUEST = (
    "HTTP_HOST", "HTTP_X_FORWARDED_PROTO", "REMOTE_ADDR", "SCRIPT_NAME", "SERVER_NAME",
    "SERVER_PORT", "SERVER_PROTOCOL", "wsgi.errors", "wsgi.multiprocess", "wsgi.multithread",
    "wsgi.run_once", "wsgi.url_scheme", "wsgi.version",
)  # fmt: skip
#: A browser of each kind of device.
AGENTS = {
    "phone": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15"
    " (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1",
    "tablet": "Mozilla/5.0 (iPad; CPU OS 18_0 like Mac OS X) AppleWebKit/605.1.15"
    " (KHTML, like Gecko) Version/18.0 Safari/604.1",
    "desktop": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/140.0 Safari/537.36",
}


class PageError(ValueError):
    """There is no page at the address; says what there is instead."""


@dataclass(frozen=True)
class Scene:
    """Everything a preview is made from, but the address."""

    ruleset: RuleSet
    subject: Subject
    baseline: Baseline | None
    now: datetime
    device: str


@dataclass(frozen=True)
class Previewed:
    """A page as it came: its HTML, where it is (redirects followed), what was decided on it."""

    html: str
    address: str
    decisions: list[Decision]


class PreviewVisitor(Visitor):
    """Decides as a page does, each campaign with its trace, and counts nothing."""

    def __init__(self, request: HttpRequest, scene: Scene) -> None:
        super().__init__(request)
        self._scene = scene
        self.decisions: dict[str, Decision] = {}

    @cached_property
    def known(self) -> Known:
        subject = self._scene.subject
        kept = frozenset(subject.kept)
        return Known(
            subject.consent, subject.state, self._scene.ruleset, self._scene.baseline, kept=kept
        )

    @cached_property
    def context(self) -> Context:
        subject, scene = self._scene.subject, self._scene
        return Context(
            now=scene.now.timestamp(),
            state=subject.state,
            weights=scene.ruleset.weights,
            baseline=scene.baseline,
            request=self.page,
            consent=consent_words(subject.consent),
            shown=subject.shown,
            given=given_for_preview(scene.ruleset.capacities, now=scene.now),
            kept=subject.kept,
            memberships=subject.memberships,
        )

    def decide(self, slot: str) -> Decision | None:
        self.decide_all((slot,))
        return self.decisions.get(slot)

    def decide_all(self, slots: Sequence[str]) -> None:
        """What one slot is given counts for the next, as on a page (decide.decide_page)."""
        for slot in slots:
            if slot in self.decisions or slot not in self._scene.ruleset.slots:
                continue
            decision = decide(self._scene.ruleset, slot, self.context, explain=True)
            self.decisions[slot] = decision
            if decision.campaign and decision.frequency and decision.frequency.counts:
                given = shown_add(self.context.shown, decision.campaign.id, self.context)
                self.__dict__["context"] = self.context.with_shown(given)


def scene_make(ruleset: RuleSet, subject: Subject, *, now: datetime, device: str) -> Scene:
    """A scene at `now`; a subject that has a device keeps it."""
    baseline = profile_selectors.baseline_latest() if subject.state is not None else None
    return Scene(ruleset, subject, baseline, now, subject.device or device)


def page_preview(request: HttpRequest, address: str, scene: Scene) -> Previewed:
    """The page at a checked address (preview.addresses). Raises PageError.

    `request` is the marketer's: it says the host, and nothing else of it is used.
    """
    for _ in range(MOST_REDIRECTS + 1):
        inner = _request_make(request, address, scene)
        response = _answer(inner)
        if not 300 <= response.status_code < 400:
            return _previewed(response, inner, address)
        target = urljoin(address, response.headers.get("Location", ""))
        found = address_of_link(target, page=address, host=request.get_host())
        if found is None:
            raise PageError(f"This address leads away from the site's pages, to {target[:200]}.")
        address = found
    raise PageError("This address leads from page to page without an end.")


def _request_make(request: HttpRequest, address: str, scene: Scene) -> WSGIRequest:
    path, _, query = iri_to_uri(address).partition("?")
    environ: dict[str, Any] = {
        name: request.META[name] for name in KEPT_OF_REQUEST if name in request.META
    }
    environ |= {
        "REQUEST_METHOD": "GET",
        # As WSGI has it: the bytes of the path, each as a character.
        "PATH_INFO": unquote(path, encoding="latin-1"),
        "QUERY_STRING": query,
        "HTTP_ACCEPT": "text/html",
        "HTTP_ACCEPT_LANGUAGE": scene.subject.language or "en",
        "HTTP_USER_AGENT": AGENTS.get(scene.device, AGENTS["desktop"]),
        "wsgi.input": BytesIO(),
    }
    inner = WSGIRequest(environ)
    inner.previewed = PreviewVisitor(inner, scene)  # type: ignore[attr-defined]
    return inner


@lru_cache(maxsize=1)
def _handler() -> BaseHandler:
    handler = BaseHandler()
    handler.load_middleware()
    return handler


def _answer(inner: WSGIRequest) -> HttpResponseBase:
    with transaction.atomic():
        response = _handler().get_response(inner)
        transaction.set_rollback(True)
    return response


def _previewed(response: HttpResponseBase, inner: WSGIRequest, address: str) -> Previewed:
    kind = response.headers.get("Content-Type", "").partition(";")[0]
    if response.status_code >= 400:
        answer = f"the site answers {response.status_code}"
        raise PageError(f"There is no page at this address: {answer}.")
    if not isinstance(response, HttpResponse) or kind != "text/html":
        raise PageError(f"There is no page at this address, but {kind or 'a file'}.")
    html = response.content.decode(response.charset or "utf-8", "replace")
    decisions = list(inner.previewed.decisions.values())  # type: ignore[attr-defined]
    return Previewed(html, address, decisions)


def devices_differ(one: Collection[Decision], other: Collection[Decision]) -> bool:
    """Whether two previews of a page show anything else in any slot."""
    return [(d.slot, d.campaign and d.campaign.id) for d in one] != [
        (d.slot, d.campaign and d.campaign.id) for d in other
    ]
