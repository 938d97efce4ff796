"""A user agent to what is kept of it: a device class, and whether it says it is a bot."""

import re
from functools import lru_cache
from typing import NamedTuple

from crawleruseragents import is_crawler

_TABLET = re.compile(r"iPad|Tablet|PlayBook|Silk|Android(?!.*Mobile)", re.IGNORECASE)
_PHONE = re.compile(r"Mobi|iPhone|iPod|Android", re.IGNORECASE)


#: Characters of a user agent that are looked at for its browser: real ones have half as many.
MAX_NAMED = 512
#: Families in the order they are looked for: most name those that they descend from.
_BROWSERS = (
    ("edge", re.compile(r"(?:Edg|EdgA|EdgiOS|Edge)/([0-9.]+)")),
    ("opera", re.compile(r"(?:OPR|OPT|Opera)/([0-9.]+)")),
    ("samsung", re.compile(r"SamsungBrowser/([0-9.]+)")),
    ("firefox", re.compile(r"(?:Firefox|FxiOS)/([0-9.]+)")),
    ("chrome", re.compile(r"(?:Chrome|CriOS|Chromium)/([0-9.]+)")),
    ("safari", re.compile(r"Version/([0-9.]+).* Safari/")),
)


class Agent(NamedTuple):
    """`device` is "phone", "tablet" or "desktop"."""

    device: str
    is_bot: bool


@lru_cache(maxsize=4096)
def agent_of(user_agent: str) -> Agent:
    """Classify a User-Agent header; the header itself is never stored.

    >>> agent_of("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Mobile/15E148")
    Agent(device='phone', is_bot=False)
    >>> agent_of("curl/8.5.0").is_bot
    True
    """
    if _TABLET.search(user_agent):
        device = "tablet"
    else:
        device = "phone" if _PHONE.search(user_agent) else "desktop"
    return Agent(device, not user_agent or is_crawler(user_agent))


class Browser(NamedTuple):
    """`family` is one of a few, or "other"; `version` as the browser writes it, "" unknown."""

    family: str
    version: str


@lru_cache(maxsize=4096)
def browser_of(user_agent: str) -> Browser:
    """The browser that a User-Agent header names; the header itself is never stored.

    >>> browser_of("Mozilla/5.0 (X11; Linux) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36")
    Browser(family='chrome', version='140.0.0.0')
    >>> browser_of("curl/8.5.0")
    Browser(family='other', version='')
    """
    for family, pattern in _BROWSERS:
        if found := pattern.search(user_agent[:MAX_NAMED]):
            return Browser(family, found[1].strip("."))
    return Browser("other", "")
