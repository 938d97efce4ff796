"""Invented readers, to try what signing in does. They have no passwords: this is a demonstration.

Stands for a site's own accounts: who is signed in is in the session, and consent is told.
"""

from dataclasses import dataclass

from django.http import HttpRequest

from consent.services import visitor_sign_in, visitor_sign_out

SESSION_KEY = "demo_reader"


@dataclass(frozen=True, slots=True)
class Reader:
    key: str
    name: str
    words: str


READERS = (
    Reader("ana", "Ana", "Grows tomatoes on a balcony and reads before breakfast."),
    Reader("ben", "Ben", "Commutes by bicycle, and mends it on Sundays."),
    Reader("cleo", "Cleo", "Bakes on Saturdays, plays the upright bass on Sundays."),
)
_BY_KEY = {reader.key: reader for reader in READERS}


def reader_get(key: str) -> Reader | None:
    return _BY_KEY.get(key)


def reader_current(request: HttpRequest) -> Reader | None:
    """Who is signed in; error pages may come without a session."""
    session = getattr(request, "session", None)
    return _BY_KEY.get(session.get(SESSION_KEY, "")) if session is not None else None


def reader_sign_in(request: HttpRequest, reader: Reader) -> None:
    request.session.cycle_key()
    request.session[SESSION_KEY] = reader.key
    visitor_sign_in(request, f"demo:{reader.key}")


def reader_sign_out(request: HttpRequest) -> None:
    visitor_sign_out(request)
    request.session.pop(SESSION_KEY, None)
