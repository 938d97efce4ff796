"""Typed readers for environment variables.

Every reader takes the variable's name and a default. An unset or empty variable gives the default;
without a default it is required. A value that does not parse raises `ImproperlyConfigured` naming
the variable, so a bad setting stops the start with one clear line.

`.env` in the repository root is read first (`read_dotenv`); the real environment wins over it.
"""

from __future__ import annotations

import ipaddress
import os
import re
import secrets
import zoneinfo
from collections.abc import Sequence
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

TRUE = frozenset({"1", "true", "yes", "on"})
FALSE = frozenset({"0", "false", "no", "off"})
DOTENV_LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)")

#: As browsers send it: a name is in lower case, an unusual port is said, nothing follows.
ORIGIN = re.compile(r"https?://([a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:]+\])(:[0-9]{1,5})?")


def read_dotenv(path: Path) -> None:
    """Put the `NAME=value` lines of *path* into the environment, unless already set there.

    `ENV_FILE` names another file to read instead (`/dev/null` for none).
    """
    path = Path(os.environ.get("ENV_FILE") or path)
    if not path.exists():
        return
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        match = DOTENV_LINE.fullmatch(stripped)
        if match is None:
            # The line itself stays out of the message: it may hold a secret.
            raise ImproperlyConfigured(f"{path}, line {number}: expected NAME=value.")
        os.environ.setdefault(match[1], _unquote(match[2]))


def _unquote(value: str) -> str:
    """The value without its quotes, or without a trailing ` # comment` when it has none."""
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1]
    return re.sub(r"(^|\s)#.*$", "", value).rstrip()


def env_str(name: str, default: str | None = None, *, choices: tuple[str, ...] = ()) -> str:
    """The text of *name*; one of *choices* when given."""
    value = os.environ.get(name, "").strip()
    if not value:
        if default is None:
            raise ImproperlyConfigured(f"{name} must be set.")
        return default
    if choices and value not in choices:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(choices)}; it is {value!r}.")
    return value


def env_zone(name: str, default: str) -> str:
    """The name of a time zone, such as Europe/Berlin."""
    value = env_str(name, default)
    if value not in zoneinfo.available_timezones():
        raise ImproperlyConfigured(
            f"{name} must be a time zone such as Europe/Berlin; it is {value!r}."
        )
    return value


def env_int(
    name: str, default: int | None = None, *, least: int | None = None, most: int | None = None
) -> int:
    """The whole number in *name*, within `least..most` (both inclusive) when given."""
    text = env_str(name, None if default is None else str(default))
    try:
        value = int(text)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a whole number; it is {text!r}.") from None
    if (least is not None and value < least) or (most is not None and value > most):
        bounds = f"at least {least}" if most is None else f"at most {most}"
        if least is not None and most is not None:
            bounds = f"between {least} and {most}"
        raise ImproperlyConfigured(f"{name} must be {bounds}; it is {value}.")
    return value


def env_bool(name: str, default: bool | None = None) -> bool:
    """1/true/yes/on or 0/false/no/off in *name*."""
    text = env_str(name, None if default is None else str(default)).lower()
    if text in TRUE:
        return True
    if text in FALSE:
        return False
    raise ImproperlyConfigured(
        f"{name} must be 1 or 0 (true/false, yes/no, on/off); it is {text!r}."
    )


def env_list(name: str, default: Sequence[str] = ()) -> list[str]:
    """The comma-separated words of *name*, trimmed; empty words are left out."""
    text = env_str(name, ",".join(default))
    return [word for word in (part.strip() for part in text.split(",")) if word]


def env_origins(name: str, default: Sequence[str] = ()) -> frozenset[str]:
    """The comma-separated origins of *name*. No pattern and no `*`: each acts for its visitors."""
    origins = env_list(name, default)
    for origin in origins:
        if not ORIGIN.fullmatch(origin):
            raise ImproperlyConfigured(
                f"{name} must list origins like https://www.example.com, in lower case and without "
                f"a path; one is {origin!r}."
            )
    return frozenset(origins)


def env_path(name: str, default: Path) -> Path:
    """The absolute path in *name* (`~` expanded; relative to the working directory)."""
    return Path(env_str(name, str(default))).expanduser().absolute()


def check_host(host: str, *, debug: bool) -> None:
    """Refuse to serve debug pages, which show settings and source, to a network."""
    try:
        is_loopback = ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        is_loopback = host == "localhost"
    if debug and not is_loopback:
        raise ImproperlyConfigured(
            f"HOST={host} with DEBUG=1 would show debug pages to a network: set DEBUG=0, "
            "SECRET_KEY and ALLOWED_HOSTS in the environment or .env, or HOST=127.0.0.1."
        )


def secret_key(data_dir: Path, *, debug: bool) -> str:
    """The SECRET_KEY of a place that sets none: random, made once, readable by its owner only.

    Only while developing (*debug*): in production the key belongs to the deployment.
    """
    if not debug:
        raise ImproperlyConfigured("SECRET_KEY must be set when DEBUG=0.")
    path = data_dir / "secret_key"
    if not path.exists():
        data_dir.mkdir(parents=True, exist_ok=True)
        draft = data_dir / f".secret_key.{os.getpid()}"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(48))
        try:
            # A link never replaces: of two processes starting at once, both read the first key.
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    key = path.read_text(encoding="ascii").strip()
    if len(key) < 32:
        raise ImproperlyConfigured(f"{path} is damaged: delete it, or set SECRET_KEY.")
    return key
