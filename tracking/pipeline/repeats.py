"""Rapid repeats: the same act on the same element within a moment is one act.

A visit remembers its latest KEPT acts that can be repeated, so what it must know is bounded; a
repeat that arrives after as many others is taken for an act of its own.
"""

from bisect import insort
from collections.abc import Sequence
from typing import NamedTuple
from zlib import crc32

#: Acts a visit remembers.
KEPT = 16


class Kept(NamedTuple):
    """An act that counts: what it was done on, when, and its id while its row is not written."""

    key: int
    at_ms: float
    event_id: int = 0


def element_key(*parts: str) -> int:
    """What an act was done on as a number, the same in every process.

    32 bits: it is compared with the acts of one visit within a moment only.

    >>> element_key("click", "/a", "buy") == element_key("click", "/a", "buy")
    True
    >>> element_key("click", "/a", "") == element_key("click", "", "/a")
    False
    """
    return crc32("\0".join(parts).encode())


def repeat_find(recent: Sequence[Kept], key: int, at_ms: float, within_ms: float) -> Kept | None:
    """The act that one at `at_ms` repeats, whichever came first; `recent` in order of time.

    >>> repeat_find([Kept(7, 1000.0)], 7, 1500.0, 500)
    Kept(key=7, at_ms=1000.0, event_id=0)
    >>> repeat_find([Kept(7, 1000.0)], 7, 1501.0, 500), repeat_find([Kept(7, 1000.0)], 8, 1000.0, 9)
    (None, None)
    """
    earliest, latest = at_ms - within_ms, at_ms + within_ms
    for kept in reversed(recent):
        if kept[1] < earliest:
            break
        if kept[0] == key and kept[1] <= latest:
            return kept
    return None


def recent_add(recent: list[Kept], kept: Kept) -> None:
    """Remember an act, in order of time, and forget the oldest when there are more than KEPT."""
    if recent and kept.at_ms < recent[-1].at_ms:
        insort(recent, kept, key=_at)
    else:
        recent.append(kept)
    if len(recent) > KEPT:
        del recent[0]


def _at(kept: Kept) -> float:
    return kept.at_ms
