"""`manage.py up` as an operator meets it: starts, answers, says what is wrong, leaves nothing."""

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from config.embedded import locate, processes

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow


class Up:
    """One `manage.py up` and what it has printed so far."""

    def __init__(self, data_dir: Path, port: int) -> None:
        self.data_dir = data_dir
        self.port = port
        self.log = data_dir.with_name(f"up-{port}-{len(list(data_dir.parent.iterdir()))}.log")
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "up", "--no-demo"],
                cwd=ROOT,
                env={
                    **os.environ,
                    "DJANGO_SETTINGS_MODULE": "config.settings",
                    "DATABASE_URL": "",
                    "REDIS_URL": "",
                    "DATA_DIR": str(data_dir),
                    "PORT": str(port),
                    "WEB_WORKERS": "1",
                    "WORKERS": "1",
                },
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def wait_for_greeting(self) -> None:
        processes.wait_until(
            lambda: "Ctrl-C" in self.said or self.process.poll() is not None, seconds=90, pause=0.05
        )
        assert "Ctrl-C" in self.said, self.said

    def end_with(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout=60)


@pytest.fixture
def start_up(data_dir: Path) -> Iterator[Callable[..., Up]]:
    """`start_up(data_dir=…, port=…)`; ended after the test, whatever happened."""
    started: list[Up] = []

    def start(folder: Path = data_dir, port: int = 0) -> Up:
        started.append(Up(folder, port or find_free_port()))
        return started[-1]

    yield start
    for up in started:
        if up.process.poll() is None:
            up.end_with(signal.SIGTERM)


def find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def list_processes_of(data_dir: Path) -> dict[int, str]:
    """Every process with the data folder or its sockets in its words or its environment."""
    marks = [os.fsencode(data_dir), os.fsencode(locate(data_dir).sockets)]
    found = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit() or int(folder.name) == os.getpid():
            continue
        try:
            words = (folder / "cmdline").read_bytes()
            text = words + (folder / "environ").read_bytes()
        except OSError:
            continue
        if any(mark in text for mark in marks) and processes.is_alive(int(folder.name)):
            found[int(folder.name)] = words.replace(b"\0", b" ").decode(errors="replace")
    return found


def find_programs(data_dir: Path, word: str) -> set[int]:
    return {pid for pid, words in list_processes_of(data_dir).items() if word in words}


def test_up_answers_refuses_a_second_and_leaves_nothing_after_ctrl_c(start_up, data_dir):
    up = start_up()
    up.wait_for_greeting()
    with urllib.request.urlopen(f"http://127.0.0.1:{up.port}/", timeout=10) as page:
        assert page.status == 200
    assert f"http://127.0.0.1:{up.port}/admin/" in up.said

    same_folder = start_up()
    assert same_folder.process.wait(timeout=60) == 1
    assert same_folder.said.strip() == (
        f"CommandError: Attune already runs on {data_dir}: stop it, or choose another DATA_DIR."
    )
    busy_port = start_up(data_dir.with_name("other"), up.port)
    assert busy_port.process.wait(timeout=60) == 1
    assert busy_port.said.strip() == (
        f"CommandError: Cannot listen on 127.0.0.1 port {up.port}: Address already in use. "
        "Stop what uses it, or set PORT (and HOST) to something free."
    )
    assert not (data_dir.with_name("other") / "services").exists()

    assert up.end_with(signal.SIGINT) == 0, up.said
    assert up.said.rstrip().endswith("Stopped.")
    assert list_processes_of(data_dir) == {}


def test_start_after_kill_9_cleans_up_then_a_dead_worker_comes_back_and_a_dead_web_ends_all(
    start_up, data_dir
):
    killed = start_up()
    killed.wait_for_greeting()
    assert killed.end_with(signal.SIGKILL) == -signal.SIGKILL
    up = start_up(data_dir, killed.port)
    up.wait_for_greeting()
    processes.wait_until(lambda: up.said.count(" ready.") == 2, seconds=60, pause=0.05)
    workers = find_programs(data_dir, "attune@")
    os.kill(min(workers), signal.SIGKILL)  # the parent of the others
    processes.wait_until(lambda: up.said.count(" ready.") == 3, seconds=60, pause=0.05)
    assert "worker ended with code -9; starting it again in 1 s." in up.said
    assert up.said.count(" ready.") == 3, up.said
    assert not workers & find_programs(data_dir, "attune@")
    os.kill(min(find_programs(data_dir, " granian ")), signal.SIGKILL)
    assert up.process.wait(timeout=60) == 1
    assert "web ended with code -9; everything is stopped." in up.said
    assert list_processes_of(data_dir) == {}
