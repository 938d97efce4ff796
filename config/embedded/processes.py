"""Starting, recognising and ending server processes. Standard library only; Linux and macOS."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

PR_SET_PDEATHSIG = 1
#: The servers get no variable of ours: a stray PGPORT or PGDATA would change what they do.
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C"}


def spawn(
    argv: Sequence[str | Path],
    *,
    log: IO[bytes],
    identity: dict[str, object],
    die_with: signal.Signals | None,
) -> subprocess.Popen[bytes]:
    """Start a server in a session of its own, its output going to *log*.

    *identity* holds the user and group to run under, as `Popen` takes them. *die_with* is the
    signal the kernel sends the server should this process vanish (Linux; None: let it live on).
    """
    return subprocess.Popen(  # type: ignore[call-overload,no-any-return]
        [str(part) for part in argv],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        cwd="/",
        env=ENVIRONMENT,
        umask=0o077,
        start_new_session=True,
        # Safe without other threads, and callers start servers before they have any.
        preexec_fn=parent_death_hook(die_with) if die_with else None,  # noqa: PLW1509
        **identity,
    )


def parent_death_hook(death_signal: signal.Signals) -> Callable[[], None] | None:
    """What a child runs before its program so that *death_signal* reaches it when we vanish."""
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None)
    parent = os.getpid()

    def follow_parent() -> None:
        libc.prctl(PR_SET_PDEATHSIG, int(death_signal))
        if os.getppid() != parent:  # the parent went before the line above took hold
            os._exit(1)

    return follow_parent


def is_alive(pid: int) -> bool:
    """Whether *pid* runs; a zombie nobody has waited for does not count."""
    return fingerprint(pid) is not None


def fingerprint(pid: int) -> str | None:
    """A text that tells *pid* from a later process with the same number; None when it is gone."""
    stat = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            return None
        return None if fields[0] in "ZX" else f"{pid} {fields[19]}"
    listing = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout.strip()
    if not listing or listing.startswith("Z"):
        return None
    return f"{pid} {listing.split(maxsplit=1)[1]}"


def command_line(pid: int) -> list[str]:
    """The words *pid* was started with; empty when it is gone or hidden."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").split("\0")
    except OSError:
        pass
    if Path("/proc/self/stat").exists():
        return []
    listing = subprocess.run(
        ["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return listing.stdout.split()


def end(
    pid: int, *signals: tuple[signal.Signals, float], child: subprocess.Popen[bytes] | None
) -> bool:
    """Send each `(signal, seconds to wait)` in turn until *pid* is gone; whether it is gone.

    *child* is its `Popen` when we started it, so that it is also waited for.
    """
    for number, patience in signals:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        if wait_until(lambda: not _still_runs(pid, child), seconds=patience):
            return True
    return False


def _still_runs(pid: int, child: subprocess.Popen[bytes] | None) -> bool:
    return child.poll() is None if child is not None else is_alive(pid)


def wait_until(condition: Callable[[], bool], *, seconds: float, pause: float = 0.005) -> bool:
    """Ask *condition* again and again for *seconds*; whether it came true."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(pause)
    return True
