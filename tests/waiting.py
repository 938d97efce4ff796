"""Waiting for a condition, as every test here does instead of sleeping for a time."""

import time
from collections.abc import Callable


def wait_until(condition: Callable[[], bool], *, seconds: float = 15.0) -> None:
    """Return once the condition holds; fail when it does not within the time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {condition}"
        time.sleep(0.02)
