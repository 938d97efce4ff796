"""Putting a browser's request into the inbox: parsed, consented to, committed."""

from collections import Counter
from datetime import datetime
from uuid import UUID

from django.conf import settings

from consent import selectors as consent_selectors
from tracking import quarantine, selectors, services, store
from tracking.nudges import shard_nudge_soon
from tracking.pipeline.parse import Parsed, RequestRefused, parse_request
from tracking.pipeline.steps import Receipt
from tracking.pipeline.wire import Refusal


def request_accept(
    *, body: bytes, visitor_id: UUID | None, gpc: bool, device: str, is_bot: bool, now: float
) -> Parsed:
    """Put a browser's request into the inbox, committed, and wake a worker.

    `now` is the server's time in seconds since 1970. Raises RequestRefused when the visitor has
    not consented or no event of the body can be used; whatever is refused is counted.
    """
    receipt = Receipt(
        visitor_id=visitor_id,
        source="tracker",
        basis="",
        device=device,
        is_bot=is_bot,
        skew_ms=0,
        received_ms=now * 1000,
    )
    try:
        if visitor_id is None:
            raise _no_consent()
        parsed, receipt = _request_add(body, visitor_id, receipt, gpc=gpc)
    except RequestRefused as refused:
        services.drops_count({refused.reason: 1}, source="tracker")
        raise
    if parsed.refused or parsed.left_out:
        reasons = Counter(event.reason for event in parsed.refused)
        reasons.update(what.reason for what in parsed.left_out)
        services.drops_count(reasons, source="tracker")
        quarantine.events_add(parsed.refused, receipt)
    return parsed


def _request_add(
    body: bytes, visitor_id: UUID, receipt: Receipt, *, gpc: bool
) -> tuple[Parsed, Receipt]:
    """Commit what can be used; returns the receipt with the basis it was accepted on.

    The statement that adds is the one that asks for the consent. Whoever has not agreed is told
    just that, whatever else is wrong.
    """
    now = store.at(receipt.received_ms)
    try:
        parsed = request_parse(body, received_ms=receipt.received_ms)
    except RequestRefused:
        _basis_of(visitor_id, now, gpc=gpc)
        raise
    receipt = receipt._replace(skew_ms=parsed.skew_ms)
    if not parsed.accepted:
        return parsed, receipt._replace(basis=_basis_of(visitor_id, now, gpc=gpc))
    shard = selectors.shard_of(visitor_id)
    grant = consent_selectors.grant_select(visitor_id, now, gpc=gpc)
    basis = store.inbox_add_granted(
        shard=shard, receipt=receipt, payload=parsed.payload, grant=grant
    )
    if basis is None:  # no consent, or a record that the statement cannot judge
        receipt = receipt._replace(basis=_basis_of(visitor_id, now, gpc=gpc))
        store.inbox_add(shard=shard, receipt=receipt, payload=parsed.payload)
    else:
        receipt = receipt._replace(basis=basis)
    shard_nudge_soon(shard)
    return parsed, receipt


def _basis_of(visitor_id: UUID, now: datetime, *, gpc: bool) -> str:
    """What a visitor grants; raises RequestRefused when that is nothing."""
    granted = consent_selectors.consent_granted(visitor_id, now, gpc=gpc)
    if not granted:
        raise _no_consent()
    return ",".join(sorted(granted))


def _no_consent() -> RequestRefused:
    return RequestRefused(
        Refusal.NO_CONSENT, "This visitor has not agreed to any purpose. Send nothing."
    )


def request_parse(body: bytes, *, received_ms: float) -> Parsed:
    """What the door says of a browser's request, with the event types there are now."""
    return parse_request(
        body,
        received_ms=received_ms,
        known_types=selectors.event_schemas(),
        max_age_ms=settings.EVENT_MAX_AGE_DAYS * 86_400_000,
    )
