"""Versions in the order of semantic versioning (semver.org, 2.0.0, section 11).

Missing parts are 0 ("17.5" is 17.5.0) and a fourth number, as browsers have it, is left out. A
pre-release comes before its release; what follows a "+" makes no difference.
"""

import re
from functools import lru_cache

MAX_VERSION = 40
#: No leading zeros, numbers of at most nine digits; [0-9] since \d is any script's digits.
_NUMBER = r"(?:0|[1-9][0-9]{0,8})"
_WORD = r"[0-9A-Za-z-]{1,20}"
VERSION_PATTERN = (
    rf"^{_NUMBER}(?:\.{_NUMBER}){{0,3}}(?:-{_WORD}(?:\.{_WORD})*)?(?:\+{_WORD}(?:\.{_WORD})*)?$"
)
_VERSION = re.compile(VERSION_PATTERN[1:-1])

VersionKey = tuple[tuple[int, ...], bool, tuple[tuple[bool, int, str], ...]]


@lru_cache(maxsize=4096)
def version_key(text: str) -> VersionKey | None:
    """What a version is sorted by; None for what is no version.

    >>> versions = ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-beta", "1.0.0-rc.2", "1", "1.9", "1.10"]
    >>> sorted(versions, key=version_key) == versions
    True
    >>> version_key("17.5") == version_key("17.5.0.3+build"), version_key("latest")
    (True, None)
    """
    if len(text) > MAX_VERSION or not _VERSION.fullmatch(text):
        return None
    release, _, before = text.partition("+")[0].partition("-")
    numbers = [int(number) for number in release.split(".")][:3]
    words = tuple(
        (False, int(word), "") if word.isdigit() else (True, 0, word)
        for word in before.split(".")
        if word
    )
    return (*numbers, *[0] * (3 - len(numbers))), not before, words


def version_text(key: VersionKey) -> str:
    """A version from what it is sorted by.

    >>> version_text(version_key("2.0-rc.1+build") or ((0, 0, 0), True, ()))
    '2.0.0-rc.1'
    """
    numbers, _, words = key
    before = ".".join(word if is_word else str(number) for is_word, number, word in words)
    return ".".join(map(str, numbers)) + ("-" + before if before else "")
