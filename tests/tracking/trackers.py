"""Trackers of many visitors against a real web server: they send until they are answered 202."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

from consent.cookies import COOKIE_NAME, cookie_value
from tests.tracking.made_up import Request
from tests.tracking.people import BROWSER, URL
from tests.waiting import wait_until

THREADS = 3


class Trackers:
    """Send requests side by side, those of one visitor one after the other.

    What gets no answer, or a 5xx, is sent again, as the tracker does; another answer than 202 ends
    it all. They run ahead to `limit` requests at most. `answered` counts 202s, `failed` the rest.
    """

    def __init__(self, requests: Sequence[Request], *, port: int) -> None:
        self.port = port
        self.limit = 0
        self.answered = self.failed = 0
        self.wrong: list[str] = []
        self.is_stopped = False
        self._lock = threading.Lock()
        shares: list[list[Request]] = [[] for _ in range(THREADS)]
        for request in requests:
            shares[request.visitor_id.int % THREADS].append(request)
        self._threads = [threading.Thread(target=self._work, args=(share,)) for share in shares]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join()

    def stop(self) -> None:
        self.is_stopped = True
        self.join()

    def _work(self, requests: list[Request]) -> None:
        web = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        for request in requests:
            wait_until(lambda: self.answered < self.limit or self.is_stopped, seconds=300)
            wait_until(partial(self._is_over, web, request), seconds=120)
            if self.is_stopped:
                break
        web.close()

    def _is_over(self, web: http.client.HTTPConnection, request: Request) -> bool:
        return self.is_stopped or self._is_answered(web, request)

    def _is_answered(self, web: http.client.HTTPConnection, request: Request) -> bool:
        try:
            web.request("POST", URL, _body(request), _headers(request))
            answer = web.getresponse()
            status, said = answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            web.close()
            status, said = 0, b""
        with self._lock:
            if status == 202 and not json.loads(said)["refused"]:
                self.answered += 1
                return True
            self.failed += 1
            if 0 < status < 500:
                self.wrong.append(f"{status}: {said[:300]!r}")
                self.is_stopped = True
        return False


def _body(request: Request) -> bytes:
    sent_at = time.time() * 1000 - request.behind_ms
    return json.dumps({"sent_at": sent_at, "events": request.events}).encode()


def _headers(request: Request) -> dict[str, str]:
    value = cookie_value(request.visitor_id, datetime.now(UTC))
    return {
        "Content-Type": "application/json",
        "Sec-Fetch-Site": "same-origin",
        "User-Agent": "curl/8.5.0" if request.is_bot else BROWSER,
        "Cookie": f"{COOKIE_NAME}={value}",
    }
