"""Runs programs side by side: their output with their names in front, all stopped together.

Every program gets a session of its own and carries a token in its environment. By that token
whatever is left of an earlier run (killed with -9, say) is found and ended, also what a program
left behind itself. Standard library only; ends with the process that runs it on Linux.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from config.embedded import processes

TOKEN = "ATTUNE_RUN"
#: Seconds a program has to end after each signal; the first lets it finish what it is doing.
STOP_SIGNALS = ((signal.SIGTERM, 10.0), (signal.SIGQUIT, 3.0), (signal.SIGKILL, 5.0))
COLORS = ("36", "33", "35", "32", "34")


class AlreadyRunningError(Exception):
    """Another supervisor holds this run file."""


@dataclass(frozen=True, kw_only=True)
class Program:
    """One command to keep running under a short name."""

    name: str
    argv: Sequence[str | Path]


class Supervisor:
    """The programs of one run, and the only thread that starts and stops them."""

    def __init__(self, *, run_file: Path, cwd: Path, output: TextIO) -> None:
        self.run_file = run_file
        self.cwd = cwd
        self.output = output
        self.token = secrets.token_hex(8)
        self.children: dict[str, subprocess.Popen[bytes]] = {}
        self.readers: list[threading.Thread] = []

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """Be the only run on this run file; end first what a killed run left."""
        self.run_file.parent.mkdir(parents=True, exist_ok=True)
        with open(self.run_file, "a+", encoding="ascii") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise AlreadyRunningError(str(self.run_file)) from None
            file.seek(0)
            end_leftovers(file.read())
            file.truncate(0)
            file.write(json.dumps({"token": self.token, "leaders": []}))
            file.flush()
            self._file = file
            try:
                yield
            finally:
                self.stop()
                file.truncate(0)

    def start(self, programs: Sequence[Program], *, environment: Mapping[str, str]) -> None:
        """Start all *programs*. Call before any thread exists: it forks."""
        hook = processes.parent_death_hook(signal.SIGTERM)
        for program in programs:
            self.children[program.name] = subprocess.Popen(
                [str(part) for part in program.argv],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=self.cwd,
                env={**environment, TOKEN: self.token, "PYTHONUNBUFFERED": "1"},
                start_new_session=True,
                preexec_fn=hook,  # noqa: PLW1509  no thread exists yet
            )
        self._file.truncate(0)
        leaders = [processes.fingerprint(child.pid) for child in self.children.values()]
        self._file.write(json.dumps({"token": self.token, "leaders": leaders}))
        self._file.flush()
        width = max(len(name) for name in self.children)
        for place, (name, child) in enumerate(self.children.items()):
            prefix = f"{name:<{width}} | "
            if self.output.isatty():
                prefix = f"\x1b[{COLORS[place % len(COLORS)]}m{prefix}\x1b[0m"
            reader = threading.Thread(target=self._copy_output, args=(child, prefix), daemon=True)
            reader.start()
            self.readers.append(reader)

    def find_dead(self) -> tuple[str, int] | None:
        """`(name, exit code)` of a program that ended, if one did."""
        for name, child in self.children.items():
            code = child.poll()
            if code is not None:
                return name, code
        return None

    def stop(self) -> None:
        """End every program and all it started; nothing with our token is left."""
        for number, patience in STOP_SIGNALS:
            running = [child for child in self.children.values() if child.poll() is None]
            for child in running:
                child.send_signal(number)
            if processes.wait_until(
                lambda left=running: all(child.poll() is not None for child in left),  # type: ignore[misc]
                seconds=patience,
            ):
                break
        _kill_marked(self.token)
        for reader in self.readers:
            reader.join(timeout=2)
        self.children.clear()
        self.readers.clear()

    def write_line(self, line: str) -> None:
        """A line of our own; a closed terminal must not keep the programs from being stopped."""
        with contextlib.suppress(OSError, ValueError):
            self.output.write(f"{line}\n")
            self.output.flush()

    def _copy_output(self, child: subprocess.Popen[bytes], prefix: str) -> None:
        assert child.stdout is not None
        for raw in child.stdout:
            line = raw.decode(errors="replace").rstrip()
            if line:
                self.write_line(prefix + line)


def end_leftovers(run: str) -> None:
    """End what the run described in a run file's text left behind, if anything."""
    with contextlib.suppress(ValueError, KeyError):
        left = json.loads(run)
        for leader in left["leaders"]:
            pid = int(leader.split()[0]) if leader else 0
            if leader and processes.fingerprint(pid) == leader:
                processes.end(pid, *STOP_SIGNALS, child=None)
        _kill_marked(left["token"])


def _kill_marked(token: str) -> None:
    """Kill every process that carries *token* (Linux: found through /proc)."""
    mark = f"{TOKEN}={token}".encode()

    def kill_all() -> bool:
        marked = [pid for pid in _list_pids() if pid != os.getpid() and _carries(pid, mark)]
        for pid in marked:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return not marked

    processes.wait_until(kill_all, seconds=5, pause=0.02)


def _list_pids() -> list[int]:
    with contextlib.suppress(OSError):
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]
    return []


def _carries(pid: int, mark: bytes) -> bool:
    with contextlib.suppress(OSError):
        return mark in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return False
