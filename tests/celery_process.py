"""A real Celery process for the journeys: worker or beat, on the test's database and broker."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

from django.conf import settings
from django.db import connection

from config.embedded import processes
from tests.cluster import with_database_name

ROOT = Path(__file__).resolve().parent.parent
#: The line each kind prints once it does its work.
READY = {"worker": " ready.", "beat": "beat: Starting..."}


class CeleryProcess:
    """`celery -A config <kind>`; ready when the constructor returns."""

    def __init__(self, kind: str, *options: str, log_path: Path) -> None:
        self.log_path = log_path
        log_path.touch()
        with open(log_path, "ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "celery", "-A", "config", kind, "-l", "INFO", *options],
                cwd=ROOT,
                env=celery_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        ready = processes.wait_until(
            lambda: READY[kind] in self.read_log() or self.process.poll() is not None,
            seconds=60,
            pause=0.02,
        )
        if not ready or self.process.poll() is not None:
            self.kill()
            raise AssertionError(f"celery {kind} did not come up:\n{self.read_log()}")

    def read_log(self) -> str:
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def stop(self) -> None:
        """Let it finish what it is doing; kill it when that takes more than 15 seconds."""
        if self.process.poll() is None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=15)
        self.kill()

    def kill(self) -> None:
        """End it and all its children at once, as `kill -9` does."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=15)


def celery_environment() -> dict[str, str]:
    """The environment of a process that shall see what the running test sees."""
    name = str(connection.settings_dict["NAME"])
    return {
        **os.environ,
        "DATABASE_URL": with_database_name(os.environ["DATABASE_URL"], name),
        "REDIS_URL": settings.REDIS_URL,
        "PYTHONUNBUFFERED": "1",
    }
