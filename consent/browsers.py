"""Whose browser sends a request, and what its cookie is to say afterwards.

The cookie decides. The session only remembers who signed in: for a choice that the person makes
after the sign-in, when there was no record yet that a cookie could have pointed at.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.http import HttpRequest, HttpResponseBase

from consent.cookies import (
    COOKIE_NAME,
    Pointer,
    cookie_pointer,
    cookie_remove,
    cookie_set,
    cookie_value,
)
from consent.models import AccountBrowser

SESSION_KEY = "attune_account"


@dataclass(frozen=True, slots=True)
class Browser:
    """The visitor and the account ("" for nobody signed in) that a request's browser stands for."""

    pointer: Pointer | None
    visitor_id: UUID | None
    account: str


def browser_of(request: HttpRequest, *, now: datetime) -> Browser:
    """Straight from PostgreSQL. A cookie that was signed out names no visitor."""
    pointer = cookie_pointer(request.COOKIES.get(COOKIE_NAME), now)
    if pointer is None or not pointer.is_browser:
        return Browser(pointer, pointer.id if pointer else None, account_remembered(request))
    row = AccountBrowser.objects.select_related("account").filter(id=pointer.id).first()
    if row is None:
        return Browser(None, None, account_remembered(request))
    return Browser(pointer, row.account.visitor_id, row.account_id)


def account_remembered(request: HttpRequest) -> str:
    session = getattr(request, "session", None)
    return "" if session is None else session.get(SESSION_KEY, "")


def account_remember(request: HttpRequest, key: str) -> None:
    """In the session, where there is one; "" forgets."""
    session = getattr(request, "session", None)
    if session is None:
        return
    if key:
        session[SESSION_KEY] = key
    else:
        session.pop(SESSION_KEY, None)


def pointer_answer(request: HttpRequest, pointer: Pointer | None, *, now: datetime) -> None:
    """Have consent's middleware point the browser elsewhere, None for nowhere.

    What still asks for the cookie in this request reads the new one.
    """
    request.consent_answer = (pointer, now)  # type: ignore[attr-defined]
    if pointer is None:
        request.COOKIES.pop(COOKIE_NAME, None)
    else:
        value = cookie_value(pointer.id, now, is_browser=pointer.is_browser)
        request.COOKIES[COOKIE_NAME] = value


def answer_apply(request: HttpRequest, response: HttpResponseBase) -> bool:
    """Set or remove the cookie as the request's handling decided; False if it decided nothing."""
    answer = getattr(request, "consent_answer", None)
    if answer is None:
        return False
    pointer, now = answer
    if pointer is None:
        cookie_remove(response)
    else:
        cookie_set(response, request=request, pointer=pointer, now=now)
    return True
