"""Nudges from a thread: the first at once, the others together, none after a failure is missed."""

from __future__ import annotations

import os
import threading
from typing import Any

from tests.waiting import wait_until
from tracking.nudges import Nudger, nudge_taken, shard_nudge, shards_nudge


def asked(redis_server: Any) -> list[str]:
    """The messages that wait for workers, the newest first."""
    return [str(message, "ascii") for message in redis_server.lrange("celery", 0, -1)]


def test_a_shard_is_asked_for_once_until_a_worker_begins(redis_server: Any) -> None:
    shard_nudge(3)
    shards_nudge({3, 4})
    shards_nudge({3, 4})
    assert len(asked(redis_server)) == 2
    nudge_taken(3)
    shards_nudge({3, 4})
    assert len(asked(redis_server)) == 3


def test_what_is_asked_for_meanwhile_goes_together() -> None:
    sent: list[set[int]] = []
    begun, go_on = threading.Event(), threading.Event()

    def nudge(shards: set[int]) -> None:
        sent.append(shards)
        begun.set()
        assert go_on.wait(10)

    nudger = Nudger(nudge, pause=0)
    nudger.ask(1)
    assert begun.wait(10)
    for shard in (2, 3, 2, 2):
        nudger.ask(shard)
    go_on.set()
    wait_until(lambda: len(sent) == 2)
    assert sent == [{1}, {2, 3}]


def test_a_nudge_that_fails_stops_none_after_it() -> None:
    sent: list[set[int]] = []

    def nudge(shards: set[int]) -> None:
        sent.append(shards)
        raise ConnectionError

    nudger = Nudger(nudge, pause=0)
    for shard in (1, 2):
        nudger.ask(shard)
        wait_until(lambda: {shard} in sent)  # noqa: B023


def test_a_forked_process_has_a_thread_of_its_own() -> None:
    reader, writer = os.pipe()

    def nudge(shards: set[int]) -> None:
        os.write(writer, bytes(shards))

    nudger = Nudger(nudge, pause=0)
    nudger.ask(1)
    assert os.read(reader, 1) == b"\1"
    pid = os.fork()
    if pid == 0:
        nudger.ask(2)
        threading.Event().wait(10)
        os._exit(0)
    assert os.read(reader, 1) == b"\2"
    os.kill(pid, 9)
    os.waitpid(pid, 0)
