"""`manage.py up`: everything Attune needs, in one terminal. `make run` calls it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from config import embedded
from config.checks import check_database
from config.env import env_int, env_str
from config.supervisor import AlreadyRunningError, Program, Supervisor

STOPPING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Command(BaseCommand):
    help = "Start the services, the web server, the worker and the schedule; stop them on Ctrl-C."
    #: The database the checks may look at does not run yet; `check_database` runs those.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--no-demo", action="store_true", help="Do not load the demo site on the first start."
        )

    def handle(self, *, no_demo: bool, **options: Any) -> None:
        for number in STOPPING_SIGNALS:
            signal.signal(number, _interrupt)
        supervisor = Supervisor(
            run_file=settings.DATA_DIR / "up.json", cwd=settings.BASE_DIR, output=sys.stdout
        )
        try:
            with supervisor.hold():
                check_port_free(settings.HOST, settings.PORT)
                with run_services(supervisor) as services:
                    try:
                        self._run(supervisor, services, loads_demo=not no_demo and settings.DEBUG)
                    except KeyboardInterrupt:
                        supervisor.write_line("Stopping …")
                    finally:
                        _ignore_signals()
                        supervisor.stop()
        except embedded.EmbeddedError as error:
            raise CommandError(str(error)) from error
        except AlreadyRunningError:
            raise CommandError(
                f"Attune already runs on {settings.DATA_DIR}: stop it, or choose another DATA_DIR."
            ) from None
        except KeyboardInterrupt:
            pass  # asked to stop before anything had started
        supervisor.write_line("Stopped.")

    def _run(
        self, supervisor: Supervisor, services: embedded.Services | None, *, loads_demo: bool
    ) -> None:
        supervisor.write_line("Bringing the database up to date …")
        settings.STATIC_ROOT.mkdir(exist_ok=True)
        if not settings.DEBUG:
            call_command("collectstatic", interactive=False, verbosity=0)
        call_command("migrate", interactive=False, verbosity=0)
        check_database()
        if loads_demo and not get_user_model().objects.exists():
            call_command("load_demo")  # a database nobody can log into is a new one
        # The pool's threads must be gone before we fork, its connections before we wait.
        connection.close_pool()  # type: ignore[attr-defined]
        supervisor.start(list_programs(), environment=child_environment())
        said_hello = False
        while True:
            dead = supervisor.find_dead()
            if dead is not None:
                raise CommandError(f"{dead[0]} ended with code {dead[1]}; everything is stopped.")
            supervisor.restart_dead(now=time.monotonic())
            dead_service = services.find_dead() if services else None
            if dead_service is not None:
                raise CommandError(f"{dead_service} ended; everything is stopped.")
            if not said_hello and is_answering(settings.HOST, settings.PORT):
                said_hello = True
                for line in list_greeting():
                    supervisor.write_line(line)
            time.sleep(0.5 if said_hello else 0.05)


def _interrupt(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt


def _ignore_signals() -> None:
    """Stopping takes seconds at most: a second Ctrl-C must not leave something half stopped."""
    for number in STOPPING_SIGNALS:
        signal.signal(number, signal.SIG_IGN)


@contextlib.contextmanager
def run_services(supervisor: Supervisor) -> Iterator[embedded.Services | None]:
    """The services whose addresses are not given, for as long as this lasts; None if both are."""
    with_postgres = not env_str("DATABASE_URL", "")
    with_valkey = not env_str("REDIS_URL", "")
    if not with_postgres and not with_valkey:
        yield None
        return
    supervisor.write_line("Starting the embedded services …")
    services = embedded.start(
        settings.DATA_DIR, with_postgres=with_postgres, with_valkey=with_valkey
    )
    try:
        yield services
    finally:
        services.stop()


def list_programs() -> list[Program]:
    """What runs beside the services: the web server, the workers, the schedule."""
    python = sys.executable
    # Celery warns about being root, which is this machine's owner's choice.
    celery = [python, "-W", "ignore::UserWarning", "-m", "celery", "--quiet", "-A", "config"]
    web_workers = env_int("WEB_WORKERS", 2, least=1)
    web_threads = env_int("WEB_THREADS", 4, least=1)
    workers = env_int("WORKERS", 2, least=0)
    slow_workers = env_int("SLOW_WORKERS", 1, least=1)
    schedule_file = settings.DATA_DIR / "beat-schedule"
    web = Program(
        name="web",
        argv=[
            *(
                python,
                "-m",
                "granian",
                "--interface",
                "wsgi",
                "--no-ws",
                "--log-level",
                "warning",
            ),
            *("--host", settings.HOST, "--port", str(settings.PORT)),
            *("--workers", str(web_workers), "--blocking-threads", str(web_threads)),
            *("--workers-kill-timeout", "5", "config.wsgi:application"),
        ],
    )
    if not workers:
        return [web]  # a machine that serves pages only; others do the work
    return [
        web,
        Program(
            name="worker",
            restarts=True,
            argv=[
                *(*celery, "worker", "--concurrency", str(workers), "--loglevel", "INFO"),
                *("--without-gossip", "--without-mingle", "--hostname", "attune@%h"),
                *("-Q", "celery"),
            ],
        ),
        Program(
            name="slow",
            restarts=True,
            argv=[
                *(*celery, "worker", "--concurrency", str(slow_workers), "--loglevel", "INFO"),
                *("--without-gossip", "--without-mingle", "--hostname", "attune-slow@%h"),
                *("-Q", "slow"),
            ],
        ),
        Program(
            name="beat",
            restarts=True,
            argv=[*celery, "beat", "--loglevel", "WARNING", "--pidfile=", "-s", schedule_file],
        ),
    ]


def child_environment() -> dict[str, str]:
    """Our environment, with the data folder spelled out: programs need not share our folder."""
    return {
        **os.environ,
        "DATA_DIR": str(settings.DATA_DIR),
        "DJANGO_SETTINGS_MODULE": os.environ.get("DJANGO_SETTINGS_MODULE", "config.settings"),
    }


# --- The address ------------------------------------------------------------------------------


def check_port_free(host: str, port: int) -> None:
    """Raise `CommandError` when *port* on *host* cannot be listened on."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise CommandError(
            f"Cannot listen on {host} port {port}: {error.strerror}. "
            "Stop what uses it, or set PORT (and HOST) to something free."
        ) from None


def address_of(host: str, port: int) -> str:
    """The address to type into a browser on this machine."""
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}.get(host, host)
    if ":" in shown and not shown.startswith("["):
        shown = f"[{shown}]"
    return f"http://{shown}:{port}/"


def is_answering(host: str, port: int) -> bool:
    """Whether the web server answers at all, with whatever status."""
    web = http.client.HTTPConnection(urlsplit(address_of(host, port)).netloc, timeout=10)
    try:
        web.request("HEAD", "/")
        return web.getresponse().status > 0
    except (OSError, http.client.HTTPException):
        return False
    finally:
        web.close()


def list_greeting() -> list[str]:
    """The addresses and the demo's logins."""
    root = address_of(settings.HOST, settings.PORT)
    lines = ["", f"  {settings.SITE_NAME}    {root}"]
    lines += [f"  Admin         {root}admin/", f"  API           {root}api/docs/"]
    for user, password in read_demo_logins(settings.DATA_DIR / "demo-logins.json").items():
        lines.append(f"  Login         {user} / {password}")
    return [*lines, f"  Data          {settings.DATA_DIR}", "  Stop          Ctrl-C", ""]


def read_demo_logins(path: Path) -> dict[str, str]:
    """`{user: password}` as `load_demo` wrote it; empty without a demo."""
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}
