"""A whole installation of a test's own, every process of which the test may kill.

PostgreSQL as durable as in production, Valkey, web server, workers on "machines", the schedule.
While it lasts, this process's Django works on its database and cache.
"""

from __future__ import annotations

import http.client
import os
import random
import shutil
import signal
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from celery import Celery
from django.conf import settings
from django.core.management import call_command
from django.db import connection, connections
from django.test import override_settings

from config import embedded
from config.embedded import processes
from tests.celery_process import CeleryProcess, Process
from tests.cluster import Cluster
from tracking import selectors, store


class Installation:
    """The services, and what was started on them by name."""

    def __init__(self) -> None:
        self.cluster = Cluster(throw_away=False)
        self.home = self.cluster.services.place.home
        self.port = _free_port()
        self.running: dict[str, Process] = {}
        self.started: list[Process] = []
        self._sender = Celery(
            broker=embedded.celery_url(self.cluster.services.redis_url), set_as_current=False
        )

    def stop(self) -> None:
        self.end_all()
        self._sender.close()
        embedded.stop(self.cluster.folder)
        self.cluster.stop()

    # --- Processes ---------------------------------------------------------------------------

    def all_start(self, machines: Mapping[str, int]) -> None:
        """Web, schedule, and a worker on each machine with so many processes; all ready."""
        self.web_start()
        self.beat_start()
        self.workers_start(machines)
        self.running["web"].wait_ready()

    def workers_start(self, machines: Mapping[str, int]) -> None:
        for name, concurrency in machines.items():
            self.worker_start(name, concurrency=concurrency)
        for name in machines:
            self.running[name].wait_ready()

    def worker_start(self, name: str, *, concurrency: int) -> None:
        options = ("--concurrency", str(concurrency), "--hostname", f"{name}@%h")
        self._add(
            name,
            CeleryProcess(
                *("worker", *options, "--without-gossip", "--without-mingle"),
                log_path=self._log_path(name),
                app="tests.small_strides",
                waits=False,
            ),
        )

    def beat_start(self) -> None:
        options = ("--pidfile=", "-s", str(self.cluster.folder / "schedule"))
        log_path = self._log_path("beat")
        self._add("beat", CeleryProcess("beat", *options, log_path=log_path, waits=False))

    def web_start(self) -> None:
        """One web process with two threads, as `manage.py up` starts it."""
        argv = [
            *(sys.executable, "-m", "granian", "--interface", "wsgi", "--no-ws"),
            *("--host", "127.0.0.1", "--port", str(self.port), "--workers", "1"),
            *("--blocking-threads", "2", "config.wsgi:application"),
        ]
        production = {
            "DEBUG": "0", "SECURE_SSL_REDIRECT": "0", "ALLOWED_HOSTS": "127.0.0.1",
            "DJANGO_SETTINGS_MODULE": "config.settings",
        }  # fmt: skip
        web = Process(
            argv,
            log_path=self._log_path("web"),
            is_ready=lambda said: _answers(self.port),
            environment=production,
        )
        self._add("web", web)

    def end_all(self) -> None:
        """Kill whatever runs but the services."""
        for process in self.started:
            process.kill()

    def _add(self, name: str, process: Process) -> None:
        self.running[name] = process
        self.started.append(process)

    def _log_path(self, name: str) -> Path:
        return self.cluster.folder / f"{name}-{len(self.started)}.log"

    def send(self, task: str, *arguments: object) -> None:
        """Ask the workers for a task."""
        self._sender.send_task(task, arguments)

    # --- Killing -----------------------------------------------------------------------------

    def kill(self, kind: str, rng: random.Random, machines: Mapping[str, int]) -> str:
        """Kill -9 one of a kind, and start it again without waiting; returns its name."""
        match kind:
            case "PostgreSQL":
                self.postgres_restart()
            case "Valkey":
                self.valkey_lose()
            case "web":
                self.running["web"].kill()
                self.web_start()
            case "schedule":
                self.running["beat"].kill()
                self.beat_start()
            case "child of a worker":
                assert processes.wait_until(lambda: bool(self._children(machines)), seconds=60)
                os.kill(rng.choice(self._children(machines)), signal.SIGKILL)
            case "worker alone" | "worker with its children":
                machine = rng.choice(sorted(machines))
                worker = self.running[machine]
                if kind == "worker alone":
                    worker.process.kill()  # not waited for: its number stays its own
                else:
                    worker.kill()
                self.worker_start(machine, concurrency=machines[machine])
                return f"{kind}, {machine}"
        return kind

    def _children(self, machines: Mapping[str, int]) -> list[int]:
        """The processes that do the work."""
        return [pid for name in machines for pid in self.running[name].children()]

    # --- The services ------------------------------------------------------------------------

    def postgres_restart(self) -> None:
        """Stopped as by `pg_ctl stop -m immediate`: no farewell, recovery at the next start."""
        self._service_end("PostgreSQL", signal.SIGQUIT)
        embedded.start(self.cluster.folder, detached=True)
        connection.close()

    def valkey_lose(self) -> None:
        """Killed, and all it held gone with it."""
        self._service_end("Valkey", signal.SIGKILL)
        shutil.rmtree(self.home / "valkey")
        embedded.start(self.cluster.folder, detached=True)

    def _service_end(self, name: str, number: signal.Signals) -> None:
        pid = embedded.status(self.cluster.folder)[name]
        assert pid is not None
        os.kill(pid, number)
        child = next(one.child for one in self.cluster.services.started if one.name == name)
        assert processes.wait_until(
            lambda: child is None or child.poll() is not None or not processes.is_alive(pid),
            seconds=15,
        )

    def interrupted_transactions(self) -> int:
        """How often PostgreSQL lost whom it worked for in the midst of a transaction."""
        said = (self.home / "postgres.log").read_text(errors="replace")
        return said.count("with an open transaction")


@contextmanager
def installation_run() -> Iterator[Installation]:
    """An installation with its tables made, which this process's Django works on."""
    installation = Installation()
    try:
        services = installation.cluster.services
        with pytest.MonkeyPatch.context() as patch, _pointed_at(services, patch):
            call_command("migrate", interactive=False, verbosity=0)
            yield installation
    finally:
        installation.stop()


@contextmanager
def _pointed_at(services: embedded.Services, patch: pytest.MonkeyPatch) -> Iterator[None]:
    before = connections["default"]
    before.close()
    before.close_pool()  # type: ignore[attr-defined]
    options = {**before.settings_dict["OPTIONS"], "requirepeer": services.place.user.name}
    place = {"NAME": "attune", "USER": "attune", "HOST": str(services.place.sockets), "PORT": ""}
    patch.setitem(
        connections.settings,
        "default",
        {**before.settings_dict, **place, "PASSWORD": "", "OPTIONS": options},
    )
    patch.setenv("DATABASE_URL", services.database_url)
    connections["default"] = connections.create_connection("default")
    cache = {**settings.CACHES["default"], "LOCATION": services.redis_url}
    try:
        with override_settings(CACHES={"default": cache}, REDIS_URL=services.redis_url):
            _forget()
            yield
    finally:
        connections["default"].close()
        connections["default"].close_pool()  # type: ignore[attr-defined]
        connections["default"] = before
        _forget()


def _forget() -> None:
    """What this process remembers of another database."""
    store.partitions_forget()
    selectors.event_types_forget()
    selectors.items_forget()
    selectors._fences.cache_clear()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(port: int) -> bool:
    web = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        web.request("HEAD", "/")
        return web.getresponse().status > 0
    except (OSError, http.client.HTTPException):
        return False
    finally:
        web.close()
