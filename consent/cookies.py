"""The one cookie: a signed pointer to the server's record. It holds no state of consent.

Set only when a visitor chooses; visiting never extends it. A forged, expired or foreign value reads
as no cookie at all.
"""

from datetime import UTC, datetime
from uuid import UUID

from django.core.signing import BadSignature, Signer
from django.http import HttpRequest, HttpResponseBase

from consent.logic import LIFETIME

COOKIE_NAME = "attune_consent"
SALT = "attune.consent.visitor"


def cookie_value(visitor_id: UUID, now: datetime) -> str:
    """The signed value `<id>.<seconds since 1970>:<signature>`."""
    return Signer(salt=SALT).sign(f"{visitor_id.hex}.{int(now.timestamp())}")


def cookie_visitor_id(value: str | None, now: datetime) -> UUID | None:
    """The visitor id in a cookie value; None if it is absent, forged or older than 180 days."""
    if not value:
        return None
    try:
        visitor_id, _, seconds = Signer(salt=SALT).unsign(value).partition(".")
        signed_at = datetime.fromtimestamp(int(seconds), UTC)
        return UUID(hex=visitor_id) if now < signed_at + LIFETIME else None
    except (BadSignature, ValueError, OverflowError):
        return None


def cookie_set(
    response: HttpResponseBase, *, request: HttpRequest, visitor_id: UUID, now: datetime
) -> None:
    """Point the browser at a record for 180 days."""
    response.set_cookie(
        COOKIE_NAME,
        cookie_value(visitor_id, now),
        max_age=int(LIFETIME.total_seconds()),
        secure=request.is_secure(),
        httponly=True,
        samesite="Lax",
    )
