"""The embedded PostgreSQL: made by `initdb`, run as `postgres`, told to stop by signal."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from config.embedded import processes
from config.embedded.place import EmbeddedError, Place

NAME = "PostgreSQL"
#: Fast shutdown (sessions are cut, a checkpoint is written), then immediate, then none.
STOP_SIGNALS = ((signal.SIGINT, 60.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 5.0))
#: Written to postgresql.conf once; an operator may change it there.
FIRST_SETTINGS = {
    "shared_buffers": "192MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
}
#: For clusters that are thrown away after the tests: no write needs to survive a power cut.
THROW_AWAY_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum_naptime": "10min",
    "max_connections": "200",
}
#: `attune` owns its database and may create others (the tests do); it is no superuser.
FIRST_SQL = """\
CREATE ROLE attune LOGIN CREATEDB IN ROLE pg_monitor;
CREATE DATABASE attune OWNER attune;
"""
#: The private socket folder is the lock: who may enter it may connect.
ACCESS = "local all all trust\nlocal replication all trust\n"
#: What PostgreSQL says while the last backends of a killed server are still leaving.
STILL_LEAVING = ("pre-existing shared memory block", "is another postmaster")


def database_url(place: Place) -> str:
    """How to connect; libpq checks that the server runs under the user we started it as."""
    return f"postgresql://attune@/attune?host={place.sockets}&requirepeer={place.user.name}"


def running_pid(place: Place) -> int | None:
    """The server of *place*, when it runs."""
    lines = _read_lines(_folder(place) / "postmaster.pid")
    pid = _first_number(lines)
    if pid is None or not _serves(pid, _folder(place)):
        return None
    if len(lines) > 4 and lines[4] and lines[4] != str(place.sockets):
        raise EmbeddedError(
            f"PostgreSQL already runs on {_folder(place)} for another user or an older path "
            f"(process {pid}, sockets in {lines[4]}): stop it first."
        )
    return pid


def start(
    place: Place, programs: Path, *, throw_away: bool, die_with_us: bool
) -> subprocess.Popen[bytes]:
    """Make the cluster if it is new, start it, return once it accepts connections."""
    folder = _folder(place)
    _check_or_create(place, programs, throw_away=throw_away)
    _end_orphan(place)
    # Not running (the caller asked), so a pid file is stale. Its number may by now belong to
    # somebody else's process, which would keep PostgreSQL from starting.
    (folder / "postmaster.pid").unlink(missing_ok=True)
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": str(place.sockets),
        "unix_socket_permissions": "0700",
        "port": "5432",
        **(THROW_AWAY_SETTINGS if throw_away else {}),
    }
    argv: list[str | Path] = [programs / "postgres", "-D", folder, *_options(settings)]
    log_path = place.home / "postgres.log"
    child: subprocess.Popen[bytes] | None = None
    said = ""

    def came_up() -> bool:
        nonlocal child, said
        with open(log_path, "ab") as log:
            before = log.tell()
            child = processes.spawn(
                argv,
                log=log,
                identity=place.identity,
                die_with=signal.SIGINT if die_with_us else None,
            )
        if processes.wait_until(lambda: _is_ready(child, folder), seconds=300):
            if child.poll() is None:
                return True
        else:
            processes.end(child.pid, *STOP_SIGNALS[1:], child=child)
        said = _read_text_from(log_path, before)
        return not any(phrase in said for phrase in STILL_LEAVING)

    processes.wait_until(came_up, seconds=15, pause=0.2)
    if child is None or child.poll() is not None:
        raise EmbeddedError(
            f"PostgreSQL did not start on {folder}: {_reason(said)}. Repair the folder, or move it "
            f"away to begin with an empty one (log: {log_path})."
        )
    return child


def _is_ready(child: subprocess.Popen[bytes], folder: Path) -> bool:
    """Whether waiting is over: the server said so in its pid file, or it is gone."""
    if child.poll() is not None:
        return True
    lines = _read_lines(folder / "postmaster.pid")
    return len(lines) > 7 and lines[7].strip() == "ready" and lines[0] == str(child.pid)


# --- The folder -------------------------------------------------------------------------------


def _folder(place: Place) -> Path:
    return place.home / "postgres"


def _check_or_create(place: Place, programs: Path, *, throw_away: bool) -> None:
    folder = _folder(place)
    major = _run([programs / "postgres", "--version"], place).split()[-1].partition(".")[0]
    if not folder.exists():
        _create(place, programs, throw_away=throw_away)
        return
    found = "".join(_read_lines(folder / "PG_VERSION")).strip()
    if not found or not (folder / "global" / "pg_control").exists():
        raise EmbeddedError(
            f"{folder} is not a whole PostgreSQL data folder: restore it from a backup, or move it "
            "away to begin with an empty one."
        )
    if found != major:
        raise EmbeddedError(
            f"{folder} was written by PostgreSQL {found}, installed is {major}: dump it with "
            f"{found} and load it here, or move it away to begin with an empty one."
        )


def _create(place: Place, programs: Path, *, throw_away: bool) -> None:
    """Make the cluster beside its final name, so that a half-made one is never taken for whole."""
    folder = _folder(place)
    draft = folder.with_name("postgres.new")
    shutil.rmtree(draft, ignore_errors=True)
    argv: list[str | Path] = [
        *(programs / "initdb", "-D", draft, "-U", "postgres", "-A", "trust", "-E", "UTF8"),
        *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"),
        *("--no-instructions", *(["--no-sync"] if throw_away else [])),
        *_options(FIRST_SETTINGS),
    ]
    _run(argv, place)
    (draft / "pg_hba.conf").write_text(ACCESS, encoding="ascii")
    fsync = _options({"fsync": "off"}) if throw_away else []
    _run([programs / "postgres", "--single", "-D", draft, *fsync, "postgres"], place, FIRST_SQL)
    draft.rename(folder)


def _run(argv: Sequence[str | Path], place: Place, text: str | None = None) -> str:
    """Run one of PostgreSQL's programs to its end as the service user; its output."""
    done = subprocess.run(  # type: ignore[call-overload]
        [str(part) for part in argv],
        input=text,
        capture_output=True,
        text=True,
        cwd="/",
        env=processes.ENVIRONMENT,
        umask=0o077,
        check=False,
        **place.identity,
    )
    if done.returncode != 0 or "FATAL:" in done.stderr or "ERROR:" in done.stderr:
        raise EmbeddedError(
            f"PostgreSQL's {Path(argv[0]).name} failed in {place.home}: {_reason(done.stderr)}."
        )
    return str(done.stdout)


def _options(settings: dict[str, str]) -> list[str]:
    return [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]


# --- What is left of an earlier server --------------------------------------------------------


def _serves(pid: int, folder: Path) -> bool:
    """Whether process *pid* is a PostgreSQL server working in *folder*."""
    words = processes.command_line(pid)
    if not processes.is_alive(pid) or not words or Path(words[0]).name != "postgres":
        return False
    try:
        return os.path.samefile(f"/proc/{pid}/cwd", folder)
    except OSError:
        return str(folder) in " ".join(words)


def _end_orphan(place: Place) -> None:
    """Stop a server whose data folder was deleted under it: it still holds our socket."""
    pid = _first_number(_read_lines(place.sockets / ".s.PGSQL.5432.lock"))
    if pid is None:
        return
    words = processes.command_line(pid)
    if words and Path(words[0]).name == "postgres" and str(place.sockets) in " ".join(words):
        processes.end(pid, *STOP_SIGNALS[1:], child=None)
    for name in (".s.PGSQL.5432", ".s.PGSQL.5432.lock"):
        (place.sockets / name).unlink(missing_ok=True)


def _read_lines(path: Path) -> list[str]:
    with contextlib.suppress(OSError):
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    return []


def _first_number(lines: list[str]) -> int | None:
    # A negative number marks a single-user server.
    return int(lines[0]) if lines and lines[0].strip().isdigit() else None


def _read_text_from(path: Path, offset: int) -> str:
    with open(path, "rb") as file:
        file.seek(offset)
        return file.read().decode(errors="replace")


def _reason(said: str) -> str:
    """The most telling line of what a program said."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    for mark in ("PANIC:", "FATAL:", "ERROR:", "error:"):
        for line in lines:
            if mark in line:
                return line.partition(mark)[2].strip().rstrip(".")
    return lines[-1].rstrip(".") if lines else "it said nothing"
