"""Programs side by side: named output, one stop for all, nothing left behind."""

import doctest
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import config.supervisor
from config.embedded import processes
from config.supervisor import AlreadyRunningError, Program, Supervisor

#: Starts a process in a session of its own, says its number, then sleeps.
LEAVES_A_CHILD = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"],
                         start_new_session=True)
print("child", child.pid, flush=True)
time.sleep(600)
"""


def make_supervisor(folder: Path) -> Supervisor:
    return Supervisor(run_file=folder / "run.json", cwd=folder, output=io.StringIO())


def start(supervisor: Supervisor, **sources: str) -> None:
    programs = [
        Program(name=name, argv=[sys.executable, "-c", source]) for name, source in sources.items()
    ]
    supervisor.start(programs, environment=dict(os.environ))


def wait_for_output(supervisor: Supervisor, words: str) -> str:
    output = supervisor.output
    assert isinstance(output, io.StringIO)
    assert processes.wait_until(lambda: words in output.getvalue(), seconds=20)
    return output.getvalue()


def test_output_carries_the_names_in_line(tmp_path):
    supervisor = make_supervisor(tmp_path)
    with supervisor.hold():
        start(supervisor, web="print('hello')", worker="print('ready', flush=True)")
        assert "web    | hello\n" in wait_for_output(supervisor, "hello")
        assert "worker | ready\n" in wait_for_output(supervisor, "ready")


def test_program_that_ends_is_named_with_its_code(tmp_path):
    supervisor = make_supervisor(tmp_path)
    with supervisor.hold():
        start(supervisor, lasting="import time; time.sleep(600)", brief="raise SystemExit(3)")
        assert processes.wait_until(lambda: supervisor.find_dead() is not None, seconds=20)
        assert supervisor.find_dead() == ("brief", 3)


def test_program_that_restarts_comes_back_later_each_time_without_what_it_left(tmp_path):
    supervisor = make_supervisor(tmp_path)
    with supervisor.hold():
        lasting = Program(name="web", argv=[sys.executable, "-c", "import time; time.sleep(600)"])
        parent = Program(name="parent", argv=[sys.executable, "-c", LEAVES_A_CHILD], restarts=True)
        supervisor.start([lasting, parent], environment=dict(os.environ))
        left = int(wait_for_output(supervisor, "child").split()[-1])
        for now, delay in ((10.0, 1), (20.0, 2), (30.0, 4), (20_000.0, 1)):
            child = supervisor.children["parent"]
            child.kill()
            child.wait(timeout=5)
            assert supervisor.find_dead() is None
            supervisor.restart_dead(now=now)
            line = f"parent ended with code -9; starting it again in {delay} s.\n"
            assert isinstance(supervisor.output, io.StringIO)
            assert supervisor.output.getvalue().endswith(line)
            supervisor.restart_dead(now=now + delay - 0.1)
            assert supervisor.children["parent"] is child
            supervisor.restart_dead(now=now + delay)
            assert supervisor.children["parent"].poll() is None
        assert not processes.is_alive(left)
        run = json.loads((tmp_path / "run.json").read_text())
        pids = [str(child.pid) for child in supervisor.children.values()]
        assert [leader.split()[0] for leader in run["leaders"]] == pids
        assert supervisor.children["web"].poll() is None


def test_the_delays_are_those_of_the_docstring():
    assert doctest.testmod(config.supervisor) == (0, 1)


def test_stop_ends_what_programs_started_in_sessions_of_their_own(tmp_path):
    supervisor = make_supervisor(tmp_path)
    with supervisor.hold():
        start(supervisor, parent=LEAVES_A_CHILD)
        child = int(wait_for_output(supervisor, "child").split()[-1])
        assert processes.is_alive(child)
    assert not processes.is_alive(child)


def test_second_run_on_the_same_file_is_refused(tmp_path):
    with make_supervisor(tmp_path).hold():
        with pytest.raises(AlreadyRunningError), make_supervisor(tmp_path).hold():
            pass


def test_start_ends_what_a_killed_run_left(tmp_path):
    token = "0123456789abcdef"
    left = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(600)"],
        env={**os.environ, "ATTUNE_RUN": token},
    )
    assert processes.wait_until(
        lambda: f"ATTUNE_RUN={token}" in Path(f"/proc/{left.pid}/environ").read_text(),
        seconds=5,
    )
    (tmp_path / "run.json").write_text(json.dumps({"token": token, "leaders": []}))
    with make_supervisor(tmp_path).hold():
        assert left.wait(timeout=5) == -9
