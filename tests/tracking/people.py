"""Three visitors: Ana consented, Ben refused, Cleo withdrew; and what a tracker would send."""

from __future__ import annotations

import time
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import msgspec
from django.test import Client

from consent import services as consent_services
from consent.cookies import COOKIE_NAME, cookie_value
from consent.logic import Control
from tracking import selectors, services, store
from tracking.models import Event
from tracking.pipeline.steps import Receipt

BOTH = ("measurement", "personalization")
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
URL = "/api/v1/events"


def visitor_make(*purposes: str) -> UUID:
    """A visitor who decided: granted exactly these purposes."""
    outcome = consent_services.decision_record(
        visitor_id=None,
        purposes=purposes,
        control=Control.PREFERENCES,
        gpc=False,
        locale="en",
        now=datetime.now(UTC),
    )
    return outcome.visitor_id


def ana_make() -> UUID:
    return visitor_make(*BOTH)


def ben_make() -> UUID:
    return visitor_make()


def withdraw(visitor_id: UUID) -> None:
    consent_services.decision_record(
        visitor_id=visitor_id,
        purposes=(),
        control=Control.WITHDRAW,
        gpc=False,
        locale="en",
        now=datetime.now(UTC),
    )


def event_make(type: str = "page_view", **fields: Any) -> dict[str, Any]:
    """An event as the tracker sends it."""
    return {"id": str(uuid4()), "type": type, "at": int(time.time() * 1000), **fields}


def click_make(**fields: Any) -> dict[str, Any]:
    """A click that is no rapid repeat of another."""
    return event_make("click", **{"view": str(uuid4()), **fields})


def post(
    client: Client,
    body: bytes | dict[str, Any] | list[dict[str, Any]],
    *,
    visitor_id: UUID | None = None,
    content_type: str = "application/json",
    headers: dict[str, str] | None = None,
) -> Any:
    """What a page of the site would send for this visitor; a list is a list of events."""
    if visitor_id is not None:
        client.cookies[COOKIE_NAME] = cookie_value(visitor_id, datetime.now(UTC))
    if isinstance(body, list):
        body = {"sent_at": time.time() * 1000, "events": body}
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    sent = {"Sec-Fetch-Site": "same-origin", "User-Agent": BROWSER} | (headers or {})
    return client.post(URL, raw, content_type=content_type, headers=sent)


def inbox_put(
    visitor_id: UUID | None,
    events: Collection[dict[str, Any]],
    *,
    basis: str = ",".join(BOTH),
    is_bot: bool = False,
    skew_ms: int = 0,
    received_ms: float | None = None,
    source: str = "tracker",
    shard: int | None = None,
    device: str = "desktop",
) -> int:
    """An accepted request, as the API would have left it; returns its shard."""
    if shard is None:
        assert visitor_id is not None
        shard = selectors.shard_of(visitor_id)
    receipt = Receipt(
        visitor_id=visitor_id,
        source=source,
        basis=basis,
        device=device,
        is_bot=is_bot,
        skew_ms=skew_ms,
        received_ms=received_ms or time.time() * 1000,
    )
    store.inbox_add(shard=shard, receipt=receipt, payload=msgspec.json.encode(list(events)))
    return shard


def drain(visitor_id: UUID) -> int:
    return services.shard_drain(selectors.shard_of(visitor_id))


def stored(visitor_id: UUID) -> list[dict[str, Any]]:
    """The visitor's events as stored, in the order of their sequence."""
    return selectors.visitor_events(visitor_id, limit=10_000)[::-1]


def seqs_of(visitor_id: UUID) -> list[int]:
    """The sequence numbers stored in the visitor's shard, in order."""
    shard = selectors.shard_of(visitor_id)
    return list(Event.objects.filter(shard=shard).order_by("seq").values_list("seq", flat=True))
