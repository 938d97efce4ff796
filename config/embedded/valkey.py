"""The embedded Valkey (speaks Redis): broker, cache and rate limiter. Losing it loses no event."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
from pathlib import Path

from config.embedded import processes
from config.embedded.place import EmbeddedError, Place, make_private

NAME = "Valkey"
STOP_SIGNALS = ((signal.SIGTERM, 20.0), (signal.SIGKILL, 5.0))


def redis_url(place: Place) -> str:
    """How to connect."""
    return f"unix://{_socket(place)}?db=0"


def running_pid(place: Place) -> int | None:
    """The server of *place*, when it runs and its folder is still the one it was started on."""
    pid = _answering_pid(place)
    return pid if pid is not None and pid == _written_pid(place) else None


def start(
    place: Place, program: Path, *, throw_away: bool, die_with_us: bool
) -> subprocess.Popen[bytes]:
    """Start the server and return once its data is loaded."""
    orphan = _answering_pid(place)
    if orphan is not None:  # its folder was deleted under it, and it still holds our socket
        processes.end(orphan, *STOP_SIGNALS, child=None)
    folder = place.home / "valkey"
    make_private(folder, place.user)
    argv = [
        *(program, "--port", "0", "--unixsocket", _socket(place), "--unixsocketperm", "700"),
        *("--dir", folder, "--pidfile", _pid_file(place), "--databases", "64", "--save", ""),
        *("--appendonly", "no" if throw_away else "yes", "--daemonize", "no"),
    ]
    log_path = place.home / "valkey.log"
    with open(log_path, "ab") as log:
        before = log.tell()
        child = processes.spawn(
            argv,
            log=log,
            identity=place.identity,
            die_with=signal.SIGTERM if die_with_us else None,
        )
    ready = processes.wait_until(
        lambda: child.poll() is not None or _ask(place, "PING").startswith("+PONG"), seconds=120
    )
    if not ready or child.poll() is not None:
        processes.end(child.pid, *STOP_SIGNALS, child=child)
        raise EmbeddedError(
            f"Valkey did not start on {folder}: {_reason(log_path, before)}. It holds only queue "
            f"and cache, so the folder may be deleted (log: {log_path})."
        )
    return child


def _socket(place: Place) -> Path:
    return place.sockets / "valkey.sock"


def _pid_file(place: Place) -> Path:
    return place.home / "valkey.pid"


def _written_pid(place: Place) -> int | None:
    with contextlib.suppress(OSError, ValueError):
        return int(_pid_file(place).read_text(encoding="ascii"))
    return None


def _answering_pid(place: Place) -> int | None:
    for line in _ask(place, "INFO server").splitlines():
        name, _, value = line.partition(":")
        if name == "process_id":
            return int(value)
    return None


def _ask(place: Place, command: str) -> str:
    """One inline command and its (short) answer; empty when nobody answers."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        connection.connect(str(_socket(place)))
        connection.sendall(f"{command}\r\nQUIT\r\n".encode())
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
        return answer.decode(errors="replace")
    return ""


def _reason(log_path: Path, offset: int) -> str:
    """The last line the server wrote before it gave up, without its prefix of pid and time."""
    with open(log_path, "rb") as file:
        file.seek(offset)
        lines = [
            line for line in file.read().decode(errors="replace").splitlines() if " # " in line
        ]
    return lines[-1].partition(" # ")[2].rstrip(".") if lines else "it said nothing"
