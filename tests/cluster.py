"""The services the tests run against: a throw-away cluster, or the ones the environment names.

The controlling pytest process starts one PostgreSQL and one Valkey; the workers of pytest-xdist
inherit the addresses, and each has a test database and a Redis database of its own.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from config import embedded
from config.embedded import processes

PREFIX = "attune-test-"


class Cluster:
    """Both services in a folder of their own, gone with everything in it after `stop`.

    Unless `throw_away`, what PostgreSQL has committed outlives its being killed, as in production.
    """

    def __init__(self, *, throw_away: bool = True) -> None:
        sweep()
        self.folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
        # As root the servers run as somebody else, who must be able to pass.
        self.folder.chmod(0o711)
        (self.folder / "static").mkdir()  # WhiteNoise warns when it is missing
        self.services = embedded.start(self.folder, throw_away=throw_away)

    def stop(self) -> None:
        self.services.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.rmtree(self.services.place.sockets, ignore_errors=True)


def sweep() -> None:
    """Remove what test runs left that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*-*"):
        pid = folder.name.removeprefix(PREFIX).partition("-")[0]
        if pid.isdigit() and not processes.is_alive(int(pid)) and os.access(folder, os.W_OK):
            sockets = embedded.locate(folder).sockets
            embedded.stop(folder)
            shutil.rmtree(folder, ignore_errors=True)
            shutil.rmtree(sockets, ignore_errors=True)


def with_redis_database(url: str, number: int) -> str:
    """*url* pointing at Redis database *number* of the same server."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return f"unix://{parts.path}?{urlencode({**dict(parse_qsl(parts.query)), 'db': number})}"
    return urlunsplit(parts._replace(path=f"/{number}"))


def with_database_name(url: str, name: str) -> str:
    """*url* pointing at database *name* of the same server."""
    # By hand: for schemes it does not know, urlunsplit drops the "//" of an empty host.
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}/{name}" + (f"?{parts.query}" if parts.query else "")
