"""Asking the API as a page does: its own page, or one of another site."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
from django.test import Client

from consent.cookies import COOKIE_NAME, cookie_value
from tests.tracking.people import BROWSER

DECIDE, PROFILE, CONSENT = "/api/v1/decide", "/api/v1/profile", "/api/v1/consent"
SHOP = "https://shop.example.com"
HERE = {"Sec-Fetch-Site": "same-origin", "User-Agent": BROWSER}
THERE = {"Sec-Fetch-Site": "same-site", "Origin": SHOP, "User-Agent": BROWSER}
PHONE = {
    "User-Agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1"
}


def be(client: Client, visitor_id: UUID | None) -> None:
    """Have the browser of this visitor, or of nobody."""
    client.cookies.clear()
    if visitor_id is not None:
        client.cookies[COOKIE_NAME] = cookie_value(visitor_id, datetime.now(UTC))


def ask(
    client: Client,
    *slots: str,
    visitor_id: UUID | None = None,
    headers: dict[str, str] | None = None,
    body: bytes | None = None,
    content_type: str = "application/json",
    **page: Any,
) -> Any:
    """POST /api/v1/decide for these slots of this page."""
    be(client, visitor_id)
    raw = msgspec.json.encode({"slots": slots, "page": page}) if body is None else body
    sent = HERE | (headers or {})
    return client.post(DECIDE, raw, content_type=content_type, headers=sent)


def get(
    client: Client,
    address: str,
    *,
    visitor_id: UUID | None = None,
    headers: dict[str, str] | None = None,
) -> Any:
    be(client, visitor_id)
    return client.get(address, headers=HERE | (headers or {}))
