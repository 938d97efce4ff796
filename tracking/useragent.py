"""A user agent to what is kept of it: a device class, and whether it says it is a bot."""

import re
from functools import lru_cache
from typing import NamedTuple

from crawleruseragents import is_crawler

_TABLET = re.compile(r"iPad|Tablet|PlayBook|Silk|Android(?!.*Mobile)", re.IGNORECASE)
_PHONE = re.compile(r"Mobi|iPhone|iPod|Android", re.IGNORECASE)


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
