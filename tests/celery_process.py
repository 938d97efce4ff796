"""Real processes on the test's database and broker: a Celery worker, the schedule, any program."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from django.conf import settings
from django.db import connection

from config.embedded import processes
from tests.cluster import with_database_name

ROOT = Path(__file__).resolve().parent.parent
#: The line each kind prints once it does its work.
READY = {"worker": " ready.", "beat": "beat: Starting..."}


class Process:
    """A program in a session of its own, its output in a file; `is_ready` says when it is up."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        log_path: Path,
        is_ready: Callable[[str], bool] = lambda said: True,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.log_path = log_path
        self.is_ready = is_ready
        self.is_killed = False
        log_path.touch()
        with open(log_path, "ab") as log:
            self.process = subprocess.Popen(
                list(argv),
                cwd=ROOT,
                env={**celery_environment(), **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_ready(self) -> None:
        ready = processes.wait_until(
            lambda: self.is_ready(self.read_log()) or self.process.poll() is not None,
            seconds=60,
            pause=0.02,
        )
        if not ready or self.process.poll() is not None:
            self.kill()
            raise AssertionError(f"{self.process.args!r} did not come up:\n{self.read_log()}")

    def read_log(self) -> str:
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def children(self) -> list[int]:
        """The processes it has started itself and that still run."""
        pid = self.process.pid
        with contextlib.suppress(OSError):
            return [int(n) for n in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        pairs = subprocess.run(
            ["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True
        ).stdout.splitlines()
        return [int(pair.split()[0]) for pair in pairs if pair.split()[1] == str(pid)]

    def stop(self) -> None:
        """Let it finish what it is doing; kill it when that takes more than 15 seconds."""
        if self.process.poll() is None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=15)
        self.kill()

    def kill(self) -> None:
        """End it and all its children at once, as `kill -9` does."""
        if self.is_killed:
            return  # its number may be somebody else's by now
        self.is_killed = True
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=15)


class CeleryProcess(Process):
    """`celery -A config <kind>`; ready when the constructor returns, unless it `waits` not.

    `app` is another module that holds the application.
    """

    def __init__(
        self, kind: str, *options: str, log_path: Path, app: str = "config", waits: bool = True
    ) -> None:
        super().__init__(
            [sys.executable, "-m", "celery", "-A", app, kind, "-l", "INFO", *options],
            log_path=log_path,
            is_ready=lambda said: READY[kind] in said,
        )
        if waits:
            self.wait_ready()


def celery_environment() -> dict[str, str]:
    """The environment of a process that shall see what the running test sees."""
    name = str(connection.settings_dict["NAME"])
    return {
        **os.environ,
        "DATABASE_URL": with_database_name(os.environ["DATABASE_URL"], name),
        "REDIS_URL": settings.REDIS_URL,
        "PYTHONUNBUFFERED": "1",
    }
