"""Patterns with wildcards: `*` is any text, also none, `?` is any one character (code point).

Nothing else is special and nothing can be escaped, so SQL's LIKE (`%`, `_`) and a few lines of
JavaScript read a pattern the same way. A match takes time linear in the text, whatever the pattern
(at most MAX_PATTERN characters): the set of places in the pattern that the text read so far can
have reached is one number, a bit each, moved on by each character. There is no going back over the
text, which is what makes patterns explode. Source: Baeza-Yates and Gonnet, A new approach to text
searching, CACM 1992 (shift-and).
"""

from collections.abc import Callable
from functools import lru_cache

MAX_PATTERN = 100


@lru_cache(maxsize=4096)
def wildcard_test(pattern: str) -> Callable[[str], bool]:
    """The test of whether a whole text matches.

    >>> matches = wildcard_test("/blog/*/page-?")
    >>> matches("/blog/2026/may/page-3"), matches("/blog/page-3"), matches("/blog/a/page-12")
    (True, False, False)
    """
    if "?" not in pattern:
        return _pieces_test(pattern.split("*"))
    places: dict[str, int] = {}
    anything = stays = 0
    length = 0
    for character in pattern:
        bit = 1 << length
        if character == "*":
            stays |= bit
            continue
        if character == "?":
            anything |= bit
        else:
            places[character] = places.get(character, 0) | bit
        length += 1
    end = 1 << length

    def test(text: str) -> bool:
        reached = 1
        for character in text:
            onward = reached & (places.get(character, 0) | anything)
            reached = (onward << 1) | (reached & stays)
            if not reached:
                return False
        return bool(reached & end)

    return test


def _pieces_test(pieces: list[str]) -> Callable[[str], bool]:
    """Without `?`: the pieces between the stars, each found after the one before."""
    first, *middle = pieces
    if not middle:
        return first.__eq__
    last = middle.pop()
    least = len(first) + len(last)

    def test(text: str) -> bool:
        if len(text) < least or not text.startswith(first) or not text.endswith(last):
            return False
        at, end = len(first), len(text) - len(last)
        for piece in middle:
            found = text.find(piece, at, end)
            if found < 0:
                return False
            at = found + len(piece)
        return True

    return test
