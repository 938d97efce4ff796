"""Asking workers to drain. Whoever accepts a request leaves that to a thread and answers.

A lost nudge costs seconds: the sweep finds what lies in the inbox.
"""

import logging
import time
from collections.abc import Callable
from queue import SimpleQueue
from threading import Lock, Thread

from celery import current_app
from django.core.cache import cache

log = logging.getLogger(__name__)

#: Seconds for which a nudge holds, should no worker take it.
NUDGE_SECONDS = 2
#: Seconds in which nudges of one process are gathered, after one that went out at once.
PAUSE = 0.02


def shard_nudge(shard: int) -> None:
    """Ask a worker to drain a shard, once until one begins. A lost nudge costs seconds."""
    try:
        if cache.add(_key(shard), 1, timeout=NUDGE_SECONDS):
            current_app.send_task("tracking.tasks.shard_drain_task", (shard,))
    except Exception:  # Redis away: accepted is accepted, the sweep will find the row
        log.warning("no nudge for shard %s: Redis is not reachable", shard)


def shards_nudge(shards: set[int]) -> None:
    """The same for many; those that a worker has been asked for already cost one round trip."""
    pending = cache.get_many(map(_key, shards))
    for shard in sorted(shards):
        if _key(shard) not in pending:
            shard_nudge(shard)


def nudge_taken(shard: int) -> None:
    """From here on a new request must nudge again."""
    cache.delete(_key(shard))


def _key(shard: int) -> str:
    return f"nudge:{shard}"


class Nudger:
    """Nudges from a thread of its own: the first at once, those that follow together.

    No request waits for Redis, and a process that accepts a thousand requests a second asks for
    each shard a few times. The thread starts when it is first needed, also after a fork.
    """

    def __init__(self, nudge: Callable[[set[int]], None], *, pause: float) -> None:
        self._nudge = nudge
        self._pause = pause
        self._asked: SimpleQueue[int] = SimpleQueue()
        self._thread = Thread()
        self._starting = Lock()

    def ask(self, shard: int) -> None:
        """Have a shard drained soon; never waits. Ask after what is to be drained is committed."""
        self._asked.put(shard)
        if not self._thread.is_alive():
            with self._starting:
                if not self._thread.is_alive():
                    self._thread = Thread(target=self._work, name="nudges", daemon=True)
                    self._thread.start()

    def _work(self) -> None:
        while True:
            shards = {self._asked.get()}
            while not self._asked.empty():
                shards.add(self._asked.get())
            try:
                self._nudge(shards)
            except Exception:
                log.exception("no nudge for shards %s", shards)
            time.sleep(self._pause)


#: The process's own.
shard_nudge_soon = Nudger(shards_nudge, pause=PAUSE).ask
