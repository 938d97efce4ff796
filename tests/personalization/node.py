"""The browser's reader in a Node process: a rule and what the page is told, a line each."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).resolve().parents[1] / "js" / "rule_reader.mjs"


class BrowserReader:
    """`kinds` are the conditions it knows."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.kinds: list[str] = self._read()

    def answer(self, rule: Any, facts: Any) -> bool | None:
        assert self._process.stdin is not None
        # As ASCII, so that no text can end the line.
        self._process.stdin.write(json.dumps([rule, facts]) + "\n")
        self._process.stdin.flush()
        answer: bool | None = self._read()
        return answer

    def _read(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the reader has ended: see its error above"
        return json.loads(line)


@contextmanager
def browser_reader() -> Iterator[BrowserReader]:
    """One process, ended at the end."""
    command = ["node", str(SCRIPT)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        try:
            yield BrowserReader(process)
        finally:
            process.kill()
