"""Finds a Chromium the tests can drive, or installs one.

In this order: `$CHROMIUM`, one on the PATH, Playwright's own, the one inside the npm package
`@sparticuz/chromium` (unpacked under `.cache/`, outside git). `python -m tests.browser` prints
the path it settles on.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache" / "chromium"
ON_PATH = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
NPM_PACKAGE = "@sparticuz/chromium@153.0.0"
#: A browser that says it is headless is a bot to the pipeline, and rightly so. Set for the whole
#: browser: a context's own user agent does not reach its beacons.
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36"
FLAGS = [
    f"--user-agent={AGENT}",
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
#: Unpacks the browser that the npm package carries compressed and prints where it is.
UNPACK = (
    "import('@sparticuz/chromium').then(async (m) => console.log(await m.default.executablePath()))"
)
START_SCRIPT = """\
#!/bin/sh
here="$(dirname "$0")"
export LD_LIBRARY_PATH="$here/al2023/lib:$LD_LIBRARY_PATH"
[ -e /etc/fonts/fonts.conf ] || export FONTCONFIG_PATH="$here/fonts"
exec "$here/chromium.bin" "$@"
"""


class NoBrowserError(Exception):
    """No Chromium here and none to be had; the message lists what was tried."""


def find_chromium(*, installs: bool = True) -> Path:
    """The program of a Chromium that starts; installs one when *installs* and none is there."""
    sources: list[Callable[[], Path | None]] = [_from_environment, _from_path, _from_playwright]
    if installs:
        sources += [_install_playwright, _install_npm]
    tried = []
    for source in sources:
        program = source()
        if program is not None and _starts(program):
            return program
        tried.append(
            source.__name__.strip("_").replace("_", " ") + (f" ({program})" if program else "")
        )
    raise NoBrowserError(
        f"No Chromium that starts; tried {', '.join(tried)}. Install one (Debian, Ubuntu: "
        "apt-get install chromium), or name one in CHROMIUM."
    )


def _starts(program: Path) -> bool:
    try:
        shown = subprocess.run(
            [program, "--version", "--no-sandbox"], capture_output=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return shown.returncode == 0


def _from_environment() -> Path | None:
    named = os.environ.get("CHROMIUM")
    return Path(named) if named else None


def _from_path() -> Path | None:
    found = next(filter(None, map(shutil.which, ON_PATH)), None)
    return Path(found) if found else None


def _from_playwright() -> Path | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        program = Path(playwright.chromium.executable_path)
    return program if program.exists() else None


def _install_playwright() -> Path | None:
    installed = subprocess.run(
        [sys.executable, "-m", "playwright", "install", "chromium"],
        stdout=sys.stderr,
        timeout=600,
        check=False,
    )
    return _from_playwright() if installed.returncode == 0 else None


def _install_npm() -> Path | None:
    """The npm package's Chromium. Its libraries come along: it also runs where apt has none."""
    program = CACHE / "chromium"
    if program.exists():
        return program
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        return None
    CACHE.mkdir(parents=True, exist_ok=True)
    install: list[str | Path] = [
        npm,
        "install",
        "--no-save",
        "--no-fund",
        "--no-audit",
        "--prefix",
        CACHE,
        NPM_PACKAGE,
    ]
    done = subprocess.run(install, stdout=sys.stderr, timeout=600, check=False)
    if done.returncode != 0:
        return None
    # TMPDIR: the package unpacks there; AWS_...: which of its bundled libraries to unpack.
    environment = {**os.environ, "TMPDIR": str(CACHE), "AWS_EXECUTION_ENV": "AWS_Lambda_nodejs20.x"}
    unpacked = subprocess.run(
        [node, "-e", UNPACK],
        cwd=CACHE,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if unpacked.returncode != 0:
        print(unpacked.stderr, file=sys.stderr)
        return None
    return _wrap(Path(unpacked.stdout.strip().splitlines()[-1]))


def _wrap(binary: Path) -> Path:
    """A script in *binary*'s place that starts it with the libraries and fonts it came with."""
    binary.rename(binary.with_name("chromium.bin"))
    binary.write_text(START_SCRIPT, encoding="utf-8")
    binary.chmod(0o755)
    return binary


if __name__ == "__main__":
    print(find_chromium())
