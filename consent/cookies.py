"""The one cookie: a signed pointer to the server's record. It holds no state of consent.

It names a visitor id or, while somebody is signed in, the browser (`AccountBrowser`): the id of an
account's visitor is in no cookie, so none can be kept, copied or planted. Set only when a visitor
chooses or signs in; visiting never extends it. A forged, expired or foreign value reads as no
cookie at all.
"""

from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from django.core.signing import BadSignature, Signer
from django.http import HttpRequest, HttpResponseBase

from consent.logic import LIFETIME

COOKIE_NAME = "attune_consent"
SALT = "attune.consent.visitor"
#: The third part of a value that names a browser.
BROWSER = "browser"


class Pointer(NamedTuple):
    """What a cookie names: a visitor, or a browser in which somebody is signed in."""

    id: UUID
    is_browser: bool = False


def cookie_value(id: UUID, now: datetime, *, is_browser: bool = False) -> str:
    """The signed value `<id>.<seconds since 1970>:<signature>`, of a browser `<id>.<s>.browser:…`.

    The third part is signed too: a visitor id cannot be passed off as a browser, nor the reverse.
    """
    parts = [id.hex, str(int(now.timestamp())), *([BROWSER] if is_browser else [])]
    return Signer(salt=SALT).sign(".".join(parts))


def cookie_pointer(value: str | None, now: datetime) -> Pointer | None:
    """What a cookie value names; None if it is absent, forged or older than 180 days."""
    if not value:
        return None
    try:
        hexadecimal, seconds, *kind = Signer(salt=SALT).unsign(value).split(".")
        signed_at = datetime.fromtimestamp(int(seconds), UTC)
        if kind not in ([], [BROWSER]) or now >= signed_at + LIFETIME:
            return None
        return Pointer(UUID(hex=hexadecimal), kind == [BROWSER])
    except (BadSignature, ValueError, OverflowError):
        return None


def cookie_visitor_id(value: str | None, now: datetime) -> UUID | None:
    """The visitor id that a cookie value names itself; None for a browser's, too."""
    pointer = cookie_pointer(value, now)
    return None if pointer is None or pointer.is_browser else pointer.id


def cookie_set(
    response: HttpResponseBase, *, request: HttpRequest, pointer: Pointer, now: datetime
) -> None:
    """Point the browser at a record for 180 days."""
    response.set_cookie(
        COOKIE_NAME,
        cookie_value(pointer.id, now, is_browser=pointer.is_browser),
        max_age=int(LIFETIME.total_seconds()),
        secure=request.is_secure(),
        httponly=True,
        samesite="Lax",
    )


def cookie_remove(response: HttpResponseBase) -> None:
    """Leave the browser without a pointer."""
    response.delete_cookie(COOKIE_NAME, samesite="Lax")
