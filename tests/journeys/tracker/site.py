"""A tiny site with the built tracker and a collector that remembers, for the tracker's own tests.

It knows nothing of Django: what is seen here is the tracker's doing alone.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

BUNDLE = Path(__file__).resolve().parents[3] / "static" / "dist" / "tracker.js"
SCRIPT = '<script defer src="/tracker.js" data-attune-endpoint="/collect"></script>'
PATIENCE = 10.0

HOME = """\
<body data-attune-item="raised-beds" data-attune-category="gardening"
      data-attune-content-type="article">
<section data-section="hero">
  <button id="buy" class="button big" data-track="add_to_cart" data-track-list-name="autumn"
          data-track-price="12.50"><b id="inside">Buy</b></button>
  <a id="next" href="/next" data-track data-item="tomatoes" data-category="food">Next</a>
  <a id="plain" href="/next">Not tracked</a>
</section>
<form id="search" data-track="search" data-track-field="q" onsubmit="return false">
  <input name="q"><input type="hidden" name="token" value="secret"></form>
<form id="contact" data-track onsubmit="return false">
  <input name="email" value="ana@example.org"><textarea name="message">private</textarea>
  <input type="hidden" name="token" value="secret"><button id="send">Send</button></form>
<video id="film" data-track data-track-title="Beds"></video>
<div data-attune-slot="home-hero" data-attune-campaign="3" data-attune-variant="5"
     data-attune-version="12"></div>
<div data-attune-slot="aside"></div>
<div style="height: 4000px"></div>
"""
PAGES = {
    "/": HOME,
    "/next": "<body><p>Next</p>",
    "/short": "<body><p>Short</p>",
    "/twice": "<body><p>Included twice</p>" + SCRIPT,
    "/untracked": None,
}


@dataclass
class Answer:
    status: int = 202
    body: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Request:
    content_type: str
    size: int
    events: list[dict[str, Any]]
    status: int


class Site:
    """Serves the pages; `requests` holds what reached the collector, `answer` what it says."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.answer = Answer()
        self._news = threading.Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )
        self.url = f"http://localhost:{self._server.server_port}"

    def __enter__(self) -> Site:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def collect(self, body: bytes, content_type: str) -> Answer:
        with self._news:
            events = json.loads(body)["events"]
            self.requests.append(Request(content_type, len(body), events, self.answer.status))
            self._news.notify_all()
            return self.answer

    def events(self, *types: str) -> list[dict[str, Any]]:
        """Every event that was accepted, in order of arrival, duplicates too."""
        accepted = [e for r in list(self.requests) if r.status == 202 for e in r.events]
        return [event for event in accepted if not types or event["type"] in types]

    def wait(self, condition: Callable[[], Any]) -> Any:
        """The condition's value once it is truthy; looked at whenever a request has come in."""
        with self._news:
            met = self._news.wait_for(condition, PATIENCE)
        types = [(r.status, [(e["type"], e.get("value")) for e in r.events]) for r in self.requests]
        assert met, f"waited in vain; arrived: {types}"
        return met

    def wait_for(self, *types: str, count: int = 1) -> list[dict[str, Any]]:
        """The accepted events of these types, once there are `count`."""
        self.wait(lambda: len(self.events(*types)) >= count)
        return self.events(*types)

    def _handler(site) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                path = urlsplit(self.path).path
                if path == "/tracker.js":
                    return self._send(200, "text/javascript", BUNDLE.read_bytes())
                if path not in PAGES:
                    return self._send(404, "text/plain", b"")
                body = PAGES[path]
                head = f'<!doctype html><html lang="en"><title>{path}</title>'
                page = head + (SCRIPT + body if body is not None else "<body>")
                return self._send(200, "text/html; charset=utf-8", page.encode())

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answer = site.collect(body, self.headers["Content-Type"])
                kind = "application/problem+json"
                self._send(answer.status, kind, json.dumps(answer.body).encode(), answer.headers)

            def _send(
                self, status: int, kind: str, body: bytes, more: dict[str, str] | None = None
            ) -> None:
                self.send_response(status)
                headers = {"Content-Type": kind, "Content-Length": str(len(body)), **(more or {})}
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None: ...

        return Handler
