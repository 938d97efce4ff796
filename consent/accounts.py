"""Accounts of the site and the browsers signed in to them. Called by services only, inside a
transaction.

An account is locked before any record of consent is: whoever changes what an account's visitor id
is, or what holds under it, takes `account_lock` first.
"""

from datetime import datetime
from uuid import UUID

from django.db import connection
from django.utils.crypto import salted_hmac

from consent.cookies import Pointer
from consent.logic import LIFETIME
from consent.models import Account, AccountBrowser

SALT = "attune.consent.account"


def account_key(account: str) -> str:
    """The keyed hash under which an account is known here: not to be undone, nor to be guessed.

    Raises ValueError for an empty identifier, which would make one person of everybody.
    """
    if not account:
        raise ValueError("an account needs an identifier")
    return salted_hmac(SALT, account, algorithm="sha256").hexdigest()


def account_lock(key: str) -> None:
    """Be the only one to change this account until the transaction ends."""
    number = int.from_bytes(bytes.fromhex(key)[:8], signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [number])


def account_visitor_id(key: str) -> UUID | None:
    """The account's visitor id; None before its first choice."""
    return Account.objects.filter(key=key).values_list("visitor_id", flat=True).first()


def account_lock_of(visitor_id: UUID | None) -> str:
    """The account whose visitor id this is, locked; "" if it is none's, or no more."""
    owned = Account.objects.filter(visitor_id=visitor_id) if visitor_id else Account.objects.none()
    key = owned.values_list("key", flat=True).first()
    if key is None:
        return ""
    account_lock(key)
    return key if owned.exists() else ""


def account_point(key: str, visitor_id: UUID) -> None:
    """Give the account another visitor id; every browser signed in to it follows."""
    Account.objects.update_or_create(key=key, defaults={"visitor_id": visitor_id})


def browser_point(key: str, pointer: Pointer | None, *, now: datetime) -> Pointer:
    """The browser's row under this account, made if it has none, as something for its cookie."""
    rows = AccountBrowser.objects.filter(account_id=key)
    if pointer and pointer.is_browser and rows.filter(id=pointer.id).update(pointed_at=now):
        return pointer
    rows.filter(pointed_at__lt=now - LIFETIME).delete()
    return Pointer(AccountBrowser.objects.create(account_id=key, pointed_at=now).id, True)


def browser_forget(pointer: Pointer | None) -> None:
    """From here on the browser's cookie, and every copy of it, names nobody."""
    if pointer and pointer.is_browser:
        AccountBrowser.objects.filter(id=pointer.id).delete()
