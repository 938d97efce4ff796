"""Load: prepared requests over kept connections, with as little of our own work as possible."""

import json
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

USER_AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36"
CATEGORIES = ("gardening", "cooking", "cycling", "photography", "woodworking", "music")
TYPES = ("article", "video", "guide", "product")


class Connection:
    """One kept HTTP/1.1 connection."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""

    def send(self, request: bytes) -> tuple[int, bytes, bytes]:
        """(status, head, body) of the answer."""
        self._socket.sendall(request)
        buffer = self._buffer
        while (end := buffer.find(b"\r\n\r\n")) < 0:
            buffer += self._receive()
        head, buffer = buffer[:end], buffer[end + 4 :]
        length = _content_length(head)
        while len(buffer) < length:
            buffer += self._receive()
        self._buffer = buffer[length:]
        return int(head[9:12]), head, buffer[:length]

    def _receive(self) -> bytes:
        data = self._socket.recv(65536)
        if not data:
            raise ConnectionError("the server closed the connection")
        return data


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        if line[:15].lower() == b"content-length:":
            return int(line[15:])
    return 0


def request_bytes(
    method: str, path: str, *, port: int, body: bytes = b"", cookie: str = "", **headers: str
) -> bytes:
    lines = [
        f"{method} {path} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        f"User-Agent: {USER_AGENT}",
        f"Origin: http://127.0.0.1:{port}",
        "Accept-Language: en",
        *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()),
    ]
    if cookie:
        lines.append(f"Cookie: {cookie}")
    if method == "POST":
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def visitor_consent(port: int) -> str:
    """Agree to everything as a browser would; returns the cookie."""
    request = request_bytes(
        "POST",
        "/consent/",
        port=port,
        body=b"choice=accept",
        Content_Type="application/x-www-form-urlencoded",
        Accept="application/json",
    )
    status, head, _ = Connection(port).send(request)
    assert status == 200, head
    for line in head.decode().split("\r\n"):
        name, _, value = line.partition(":")
        if name.lower() == "set-cookie" and "attune_consent" in value:
            return value.split(";")[0].strip()
    raise AssertionError(head)


def uuid7(now_ms: float) -> str:
    value = (int(now_ms) << 80) | (7 << 76) | (uuid.uuid4().int & ((1 << 76) - 1))
    return str(uuid.UUID(int=value & ~(0xC << 60) | (0x8 << 60)))


def batch_body(*, events: int, visit: str, number: int = 0, now: float | None = None) -> bytes:
    """A batch as the tracker sends it: a mix of types, page context, an element for clicks."""
    now_ms = (time.time() if now is None else now) * 1000
    category = CATEGORIES[number % len(CATEGORIES)]
    rows = []
    for index in range(events):
        kind = ("page_view", "click", "dwell", "scroll", "category_click")[index % 5]
        row: dict[str, object] = {
            "id": uuid7(now_ms),
            "type": kind,
            "at": int(now_ms) - 1000 + index,
            "visit": visit,
            "view": uuid7(now_ms),
            "path": f"/items/{category}-{index}/",
            "item": f"{category}-{index}",
            "category": category,
            "content_type": TYPES[(number + index) % len(TYPES)],
        }
        if kind in ("dwell", "scroll"):
            row["value"] = 12.5 if kind == "dwell" else 0.75
        if kind == "click":
            row["element"] = {"id": "buy", "classes": ["button", "wide"], "section": "hero"}
        rows.append(row)
    return json.dumps({"sent_at": int(now_ms), "events": rows}).encode()


@dataclass
class Load:
    """What a load run saw: answers by status, and each answer's seconds."""

    seconds: float
    statuses: dict[int, int]
    latencies: list[float]

    @property
    def rate(self) -> float:
        return sum(self.statuses.values()) / self.seconds


def run_load(
    port: int, requests: Sequence[Iterable[bytes]], *, pause: Callable[[], float] = lambda: 0.0
) -> Load:
    """Send each iterable's requests over a connection of its own, all at once."""
    statuses: dict[int, int] = {}
    latencies: list[float] = []
    lock = threading.Lock()

    def work(mine: Iterator[bytes]) -> None:
        connection = Connection(port)
        seen: dict[int, int] = {}
        times: list[float] = []
        for request in mine:
            start = time.perf_counter()
            status, _, _ = connection.send(request)
            times.append(time.perf_counter() - start)
            seen[status] = seen.get(status, 0) + 1
            if (wait := pause()) > 0:
                time.sleep(wait)
        with lock:
            latencies.extend(times)
            for status, count in seen.items():
                statuses[status] = statuses.get(status, 0) + count

    threads = [threading.Thread(target=work, args=(iter(mine),)) for mine in requests]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Load(time.perf_counter() - start, statuses, latencies)
