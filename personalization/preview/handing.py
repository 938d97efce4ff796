"""A preview's pages on their way from the page that asked for them to its frames.

They are made once: the page around them needs what was decided, the frames what is to be seen. They
wait in Redis for a minute, under a frame's token, and go with the first look; who looks later has
them made anew. What never gets in: who the subject is.
"""

import hashlib

import msgspec
from django.core.cache import cache

from personalization.preview.page import Previewed

SECONDS = 60
KEY = "preview:page:"


def page_hand(token: str, page: Previewed) -> None:
    """Keep a page for the frame with this token."""
    cache.set(_key(token), msgspec.json.encode((page.address, page.html)), timeout=SECONDS)


def page_take(token: str) -> tuple[str, str] | None:
    """(address, HTML) of the page for the frame with this token, once; None when there is none."""
    raw = cache.get(_key(token))
    if not isinstance(raw, bytes):
        return None
    cache.delete(_key(token))
    address, html = msgspec.json.decode(raw, type=tuple[str, str])
    return address, html


def _key(token: str) -> str:
    return KEY + hashlib.sha256(token.encode()).hexdigest()[:32]
