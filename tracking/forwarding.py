"""Requests of a retired visitor go to the shard of the visitor who continues it."""

from collections.abc import Collection, Sequence
from uuid import UUID

import msgspec

from consent import selectors as consent_selectors
from tracking import selectors, store
from tracking.pipeline.steps import Receipt
from tracking.pipeline.wire import AcceptedEvent

Sent = tuple[AcceptedEvent, Receipt]


def visitor_of(sent: Sent) -> UUID | None:
    """Whose event it is; None for one that names nobody."""
    return sent[1].visitor_id or sent[0].visitor


def retired_forward(
    sent: Sequence[Sent], consented: Collection[int]
) -> tuple[list[Sent], set[int]]:
    """Put events of retired visitors back into the inbox, as their successors'.

    `consented` are the visitors, as integers, who agree: a retired one does not, so for the others
    nothing is asked. It is to be read first: who is retired stays so. Returns the events that
    stay, and the shards that have something new waiting.
    """
    asked = {
        visitor_id
        for visitor_id in map(visitor_of, sent)
        if visitor_id is not None and visitor_id.int not in consented
    }
    successors = consent_selectors.visitors_successors(asked) if asked else {}
    if not successors:
        return list(sent), set()
    requests: dict[tuple[int, Receipt], list[AcceptedEvent]] = {}
    stay = []
    for event, receipt in sent:
        into = successors.get(receipt.visitor_id or event.visitor or UUID(int=0))
        if into is None:
            stay.append((event, receipt))
            continue
        shard = selectors.shard_of(into)
        if receipt.visitor_id:
            requests.setdefault((shard, receipt._replace(visitor_id=into)), []).append(event)
        else:
            named = msgspec.structs.replace(event, visitor=into)
            requests.setdefault((shard, receipt), []).append(named)
    store.inbox_add_many(
        (shard, receipt, msgspec.json.encode(events))
        for (shard, receipt), events in requests.items()
    )
    return stay, {shard for shard, _ in requests}
