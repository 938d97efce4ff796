"""When a visitor came into a segment and left it: one value per visitor and segment. Pure.

What is kept moves by `membership_next`, whoever evaluated the visitor, and when. What never gets
in: storage, clocks, the rule.
"""

from collections.abc import Mapping
from math import inf
from typing import Any, NamedTuple

import msgspec


class Membership(NamedTuple):
    """Since when a visitor is in a segment (`left` None), or when the visitor left it last.

    In seconds since 1970. With `was_there` the visitor was in it when it was first counted by its
    present rule: came in at `entered` or before.
    """

    entered: float
    left: float | None = None
    was_there: bool = False


#: By the segment's key.
Memberships = Mapping[str, Membership]

Kept = Membership | None


def is_in(kept: Kept) -> bool:
    """Whether the visitor is in the segment now."""
    return kept is not None and kept.left is None


def membership_next(kept: Kept, matches: bool, *, at: float, is_first: bool) -> Kept:
    """What to keep once the segment's rule was found to match the visitor, or not, at a moment.

    `is_first` is a count by a rule that is new: nobody comes or leaves by that, so who is in was
    there before, and who is not any more was never of it.

    >>> membership_next(None, True, at=5.0, is_first=False)
    Membership(entered=5.0, left=None, was_there=False)
    >>> membership_next(Membership(5.0), False, at=9.0, is_first=False).left
    9.0
    >>> membership_next(Membership(5.0), False, at=9.0, is_first=True)
    """
    if matches:
        return kept if is_in(kept) else Membership(at, None, is_first)
    if kept is None or is_first:
        return None
    return kept._replace(left=at) if is_in(kept) else kept


def entered_ago(kept: Kept, *, now: float, within: float) -> float | None:
    """Seconds since the visitor came in and stayed: infinite when not in, or longer than known.

    None, unknown, when it may have been `within` so many seconds.

    >>> entered_ago(Membership(5.0), now=9.0, within=60.0)
    4.0
    >>> entered_ago(Membership(5.0, was_there=True), now=9.0, within=60.0)
    >>> entered_ago(Membership(5.0, was_there=True), now=99.0, within=60.0)
    inf
    """
    if kept is None or not is_in(kept):
        return inf
    if kept.was_there:
        return None if now - kept.entered < within else inf
    return max(now - kept.entered, 0.0)


def left_ago(kept: Kept, *, now: float) -> float:
    """Seconds since the visitor left and stayed away: infinite when that never happened."""
    return inf if kept is None or kept.left is None else max(now - kept.left, 0.0)


# --- As bytes, for the cache ---------------------------------------------------------------------

_decode = msgspec.json.Decoder(dict[str, tuple[float, float | None, bool]]).decode


def memberships_encode(memberships: Memberships) -> bytes:
    return msgspec.json.encode(memberships)


def memberships_decode(raw: bytes) -> dict[str, Membership]:
    """Raises msgspec.DecodeError for what no `memberships_encode` has made.

    >>> memberships_decode(memberships_encode({"gardeners": Membership(5.0)}))
    {'gardeners': Membership(entered=5.0, left=None, was_there=False)}
    """
    found: dict[str, Any] = _decode(raw)
    return {key: Membership(*values) for key, values in found.items()}
