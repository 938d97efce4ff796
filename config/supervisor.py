"""Runs programs side by side: their output with their names in front, all stopped together.

A program that may be missing for a while is started again when it ends, later each time.

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
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from config.embedded import processes

TOKEN = "ATTUNE_RUN"
PROGRAM = "ATTUNE_PROGRAM"
#: Seconds a program has to end after each signal; the first lets it finish what it is doing.
STOP_SIGNALS = ((signal.SIGTERM, 10.0), (signal.SIGQUIT, 3.0), (signal.SIGKILL, 5.0))
COLORS = ("36", "33", "35", "32", "34")
#: Seconds a program must have run to count as healthy: what ends it then is a new trouble.
HEALTHY_AFTER = 60.0
LONGEST_DELAY = 30.0


class AlreadyRunningError(Exception):
    """Another supervisor holds this run file."""


@dataclass(frozen=True, kw_only=True)
class Program:
    """One command to keep running under a short name.

    `restarts`: start it again when it ends, instead of naming it in `find_dead`.
    """

    name: str
    argv: Sequence[str | Path]
    restarts: bool = False


@dataclass
class Life:
    """How one program is doing; times are those of the monotonic clock."""

    started_at: float
    ends: int = 0  # without a healthy life between them
    due_at: float | None = None  # when to start it again


def restart_delay(ends: int) -> float:
    """Seconds to wait after so many ends in a row.

    >>> [restart_delay(ends) for ends in (1, 2, 3, 5, 6, 2000)]
    [1.0, 2.0, 4.0, 16.0, 30.0, 30.0]
    """
    return LONGEST_DELAY if ends > 5 else 2.0 ** (ends - 1)


class Supervisor:
    """The programs of one run, and the only thread that starts and stops them."""

    def __init__(self, *, run_file: Path, cwd: Path, output: TextIO) -> None:
        self.run_file = run_file
        self.cwd = cwd
        self.output = output
        self.token = secrets.token_hex(8)
        self.children: dict[str, subprocess.Popen[bytes]] = {}
        self.lives: dict[str, Life] = {}
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
        """Start all *programs*. Call before any thread of the caller's exists: it forks."""
        self.programs = {program.name: program for program in programs}
        self.environment = dict(environment)
        self._hook = processes.parent_death_hook(signal.SIGTERM)
        for program in programs:
            self._launch(program)
        self._note_leaders()
        for name in self.programs:
            self._follow_output(name)

    def find_dead(self) -> tuple[str, int] | None:
        """`(name, exit code)` of a program that ended and is not started again, if one did."""
        for name, child in self.children.items():
            if not self.programs[name].restarts and (code := child.poll()) is not None:
                return name, code
        return None

    def restart_dead(self, *, now: float) -> None:
        """Start again what ended and may be, each when its time has come."""
        for name, life in self.lives.items():
            code = self.children[name].poll()
            if not self.programs[name].restarts or code is None:
                continue
            if life.due_at is None:
                life.ends = 1 if now - life.started_at >= HEALTHY_AFTER else life.ends + 1
                delay = restart_delay(life.ends)
                life.due_at = now + delay
                self.write_line(f"{name} ended with code {code}; starting it again in {delay:g} s.")
            elif now >= life.due_at:
                # What it started itself would work beside the new one.
                _kill_marked(f"{PROGRAM}={self._mark(name)}")
                self._launch(self.programs[name])
                life.started_at, life.due_at = now, None
                self._note_leaders()
                self._follow_output(name)

    def _launch(self, program: Program) -> None:
        self.lives.setdefault(program.name, Life(started_at=time.monotonic()))
        self.children[program.name] = subprocess.Popen(
            [str(part) for part in program.argv],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=self.cwd,
            env={
                **self.environment,
                TOKEN: self.token,
                PROGRAM: self._mark(program.name),
                "PYTHONUNBUFFERED": "1",
            },
            start_new_session=True,
            # Safe beside our readers: the hook imports nothing and takes no lock.
            preexec_fn=self._hook,  # noqa: PLW1509
        )

    def _mark(self, name: str) -> str:
        return f"{name}-{self.token}"

    def _note_leaders(self) -> None:
        """Write down what runs, for the run after a kill -9."""
        self._file.truncate(0)
        leaders = [processes.fingerprint(child.pid) for child in self.children.values()]
        self._file.write(json.dumps({"token": self.token, "leaders": leaders}))
        self._file.flush()

    def _follow_output(self, name: str) -> None:
        place, width = list(self.programs).index(name), max(map(len, self.programs))
        prefix = f"{name:<{width}} | "
        if self.output.isatty():
            prefix = f"\x1b[{COLORS[place % len(COLORS)]}m{prefix}\x1b[0m"
        reader = threading.Thread(
            target=self._copy_output, args=(self.children[name], prefix), daemon=True
        )
        reader.start()
        self.readers = [old for old in self.readers if old.is_alive()] + [reader]

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
        _kill_marked(f"{TOKEN}={self.token}")
        for reader in self.readers:
            reader.join(timeout=2)
        self.children.clear()
        self.lives.clear()
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
        _kill_marked(f"{TOKEN}={left['token']}")


def _kill_marked(variable: str) -> None:
    """Kill every process with `NAME=value` in its environment (Linux: found through /proc)."""
    mark = variable.encode()

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
