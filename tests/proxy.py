"""nginx as a caching proxy in front of the test's own server: eager, and within the standards.

It keeps everything that HTTP allows, and answers to POST besides: what says nothing of its
freshness for ten minutes, also what was asked for with a cookie, and what is stale while the server
is slow. It obeys `Cache-Control`, `Expires`, `Vary` and `Set-Cookie`, as RFC 9111 asks of a shared
cache.
"""

from __future__ import annotations

import http.client
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.waiting import wait_until

CONFIGURATION = """\
daemon off;
{user}
worker_processes 1;
pid {folder}/pid;
error_log stderr warn;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    proxy_cache_path {folder}/cache levels=1 keys_zone=pages:1m inactive=1h;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://127.0.0.1:{upstream};
            proxy_set_header Host $http_host;
            proxy_cache pages;
            proxy_cache_key $request_method$host$request_uri;
            proxy_cache_methods GET HEAD POST;
            proxy_cache_valid any 10m;
            proxy_cache_lock on;
            proxy_cache_use_stale updating error timeout;
            add_header X-Cache $upstream_cache_status always;
        }}
    }}
}}
"""


class Answer(NamedTuple):
    """What came through; `cache` is MISS, HIT, … as nginx says."""

    status: int
    headers: Mapping[str, str]
    body: str

    @property
    def cache(self) -> str:
        return self.headers.get("x-cache", "")


class Server(NamedTuple):
    """Something that answers HTTP on a port of this machine."""

    port: int

    def ask(
        self,
        path: str,
        *,
        cookie: str = "",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        sent = {"Sec-Fetch-Site": "same-origin", **({"Cookie": cookie} if cookie else {})}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            method = "GET" if body is None else "POST"
            # One name for both, so that addresses in their answers are the same.
            sent |= {"Host": "localhost", **(headers or {})}
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            named = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, named, answer.read().decode())
        finally:
            connection.close()


@contextmanager
def proxy_run(folder: Path, *, upstream: int) -> Iterator[Server]:
    """nginx before the server on port `upstream`; skips the test where nginx is not installed."""
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if program is None:
        pytest.skip("nginx is not installed (Debian, Ubuntu: apt-get install nginx-light)")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    configuration = folder / "nginx.conf"
    user = "user root;" if os.geteuid() == 0 else ""
    configuration.write_text(
        CONFIGURATION.format(folder=folder, port=port, upstream=upstream, user=user)
    )
    log = folder / "nginx.log"
    with open(log, "wb") as output:
        nginx = subprocess.Popen(
            [program, "-p", folder, "-c", configuration],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until(lambda: _listens(port) or nginx.poll() is not None)
        assert nginx.poll() is None, log.read_text()
        yield Server(port)
    finally:
        nginx.terminate()
        nginx.wait(timeout=15)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
