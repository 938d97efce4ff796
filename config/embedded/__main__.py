"""The embedded services from the command line, for the folder in `DATA_DIR` (default `data`).

python -m config.embedded start          start them and leave them running
python -m config.embedded status
python -m config.embedded stop
python -m config.embedded run CMD ...    run a command beside them; stop what this started
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from config import embedded


def main(words: list[str]) -> int:
    data_dir = Path(os.environ.get("DATA_DIR") or "data").expanduser().absolute()
    try:
        match words:
            case ["start"]:
                services = embedded.start(data_dir, detached=True)
                print(f"DATABASE_URL={services.database_url}\nREDIS_URL={services.redis_url}")
            case ["status"]:
                for name, pid in embedded.status(data_dir).items():
                    print(f"{name}: {f'running, process {pid}' if pid else 'not running'}")
            case ["stop"]:
                names = embedded.stop(data_dir)
                print(f"Stopped: {', '.join(names) or 'nothing was running'}.")
            case ["run", *command] if command:
                return _run_beside(data_dir, command)
            case _:
                print(__doc__, file=sys.stderr)
                return 2
    except embedded.EmbeddedError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _run_beside(data_dir: Path, command: list[str]) -> int:
    services = embedded.start(data_dir)
    try:
        return subprocess.run(command, check=False).returncode
    except KeyboardInterrupt:
        return 130
    finally:
        services.stop()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
