"""A whole Attune in a throw-away folder, with production settings, on loopback."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from types import TracebackType

from config.collector import collector_tune

ROOT = Path(__file__).resolve().parent.parent


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Instance:
    """`manage.py up` as a context manager; `environment` adds to its environment.

    Inside, this process's own Django is set up on the same services.
    """

    def __init__(self, *, workers: int = 1, environment: dict[str, str] | None = None) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="attune-bench-")
        os.chmod(self._folder.name, 0o711)
        self.port = free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        os.environ |= {
            "ENV_FILE": os.devnull,
            "DATA_DIR": self._folder.name,
            "PORT": str(self.port),
            "DEBUG": "0",
            "SECRET_KEY": secrets.token_urlsafe(48),
            "ALLOWED_HOSTS": "127.0.0.1,testserver",
            "SECURE_SSL_REDIRECT": "0",
            "LOG_LEVEL": "ERROR",
            "WORKERS": str(workers),
            "CONSENT_CHOICES_PER_MINUTE": "1000000",  # all visitors share one address here
            "DJANGO_SETTINGS_MODULE": "config.settings",
            **(environment or {}),
        }

    def __enter__(self) -> "Instance":
        self._log = open(Path(self._folder.name) / "up.log", "w+")
        self._process = subprocess.Popen(
            [sys.executable, "manage.py", "up"],
            cwd=ROOT,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        deadline = time.monotonic() + 120
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self._log.seek(0)
                self._process.send_signal(signal.SIGINT)
                raise SystemExit(f"Attune did not start:\n{self._log.read()}")
            time.sleep(0.1)
        self._manage("load_demo")
        import django

        django.setup()
        collector_tune()  # as the web's processes are
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.send_signal(signal.SIGINT)
        self._process.wait(timeout=30)
        self._log.close()
        self._folder.cleanup()

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.base_url}/api/schema/", timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False

    def _manage(self, *words: str) -> None:
        done = subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(done.stderr)
