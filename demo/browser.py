"""A browser without a screen: cookies, the headers that matter, and what a page says of itself."""

import http.client
import json
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

TIMEOUT = 20.0  # seconds


class Answer(NamedTuple):
    status: int
    body: str

    def json(self) -> dict[str, Any]:
        try:
            value = json.loads(self.body)
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}


class Page(HTMLParser):
    """What the tracker would read from a page: its subject, its slots, its links."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.subject: dict[str, str] = {}
        self.slots: list[dict[str, str | int]] = []
        self.links: list[str] = []
        self.tracked = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "body":
            self._read_subject(found)
        elif tag == "script" and "data-attune-endpoint" in found:
            self.tracked = True
        elif tag == "a" and found.get("href", "").startswith("/"):
            self.links.append(found["href"])
        if "data-attune-campaign" in found:
            self._read_slot(found)

    def _read_subject(self, found: dict[str, str]) -> None:
        for name in ("item", "category", "content_type"):
            value = found.get(f"data-attune-{name.replace('_', '-')}")
            if value:
                self.subject[name] = value

    def _read_slot(self, found: dict[str, str]) -> None:
        slot: dict[str, str | int] = {"slot": found.get("data-attune-slot", "")}
        for name in ("campaign", "variant", "version"):
            value = found.get(f"data-attune-{name}", "")
            slot[name] = int(value) if value.isdecimal() else value
        self.slots.append(slot)

    def slugs(self, folder: str) -> list[str]:
        """The slugs of links like `/<folder>/<slug>/`, each once, in their order."""
        parts = (urlsplit(link).path.strip("/").split("/") for link in self.links)
        return list(dict.fromkeys(p[1] for p in parts if len(p) == 2 and p[0] == folder))


class Browser:
    """One visitor's browser: one connection kept open, its own cookies."""

    def __init__(self, *, base_url: str, user_agent: str) -> None:
        parts = urlsplit(base_url)
        self.origin = f"{parts.scheme}://{parts.netloc}"
        kind = (
            http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        )
        self._connection = kind(parts.netloc, timeout=TIMEOUT)
        self._headers = {"User-Agent": user_agent, "Accept-Language": "en"}
        self._cookies: dict[str, str] = {}
        self.requests = 0

    def get(self, path: str) -> Page:
        """Open a page. Raises ConnectionError when it is not there."""
        answer = self._send("GET", path, {"Accept": "text/html", "Sec-Fetch-Site": "none"})
        if answer.status != 200:
            raise ConnectionError(f"{self.origin}{path} answers {answer.status}")
        return Page(answer.body)

    def post_form(self, path: str, fields: list[tuple[str, str]]) -> Answer:
        kind = "application/x-www-form-urlencoded"
        headers = {"Accept": "application/json", "Content-Type": kind}
        return self._send("POST", path, headers, urlencode(fields).encode())

    def post_json(self, path: str, value: object) -> Answer:
        body = json.dumps(value, separators=(",", ":")).encode()
        return self._send("POST", path, {"Content-Type": "application/json"}, body)

    def close(self) -> None:
        self._connection.close()

    def _send(self, method: str, path: str, headers: dict[str, str], body: bytes = b"") -> Answer:
        own = {"Origin": self.origin, "Sec-Fetch-Site": "same-origin"} if method == "POST" else {}
        if self._cookies:
            own["Cookie"] = "; ".join(f"{k}={v}" for k, v in self._cookies.items())
        merged = {**self._headers, **own, **headers}
        self.requests += 1
        try:
            response = self._request(method, path, body, merged)
        except http.client.RemoteDisconnected:
            # The server closed the idle connection: as a browser, once more on a new one.
            self._connection.close()
            response = self._request(method, path, body, merged)
        text = response.read().decode("utf-8", "replace")
        self._keep_cookies(response)
        return Answer(response.status, text)

    def _request(
        self, method: str, path: str, body: bytes, headers: dict[str, str]
    ) -> http.client.HTTPResponse:
        self._connection.request(method, path, body=body or None, headers=headers)
        return self._connection.getresponse()

    def _keep_cookies(self, response: http.client.HTTPResponse) -> None:
        for line in response.headers.get_all("Set-Cookie") or ():
            for name, morsel in SimpleCookie(line).items():
                if morsel["max-age"] in ("0", 0) or not morsel.value:
                    self._cookies.pop(name, None)
                else:
                    self._cookies[name] = morsel.coded_value
