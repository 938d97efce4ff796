"""A drain's events cleaned: what the steps must know is read at once, what they found written.

In the drain's transaction, which holds the shard.
"""

from collections import Counter
from collections.abc import Collection, Iterable
from typing import NamedTuple
from uuid import UUID

from tracking import distributions, history, selectors
from tracking.pipeline.duplicates import ACTIVE_MS, STEP, Growing
from tracking.pipeline.steps import (
    HISTORY,
    STEPS,
    Arrived,
    Batch,
    Dropped,
    Event,
    Key,
    events_clean,
)

#: What the column holds.
MAX_REPEATS = 32_767


class Cleaned(NamedTuple):
    """Events to store, events refused, and by (finding, source) how many were changed."""

    events: list[Event]
    drops: list[Dropped]
    findings: Counter[tuple[str, str]]


def arrived_clean(arrived: list[Arrived], *, shard: int, consented: frozenset[int]) -> Cleaned:
    """Run every step on the events that have arrived in a shard, and note what they teach.

    `consented` holds the ids of their visitors who agree to anything, as integers.
    """
    batch = _batch_make(arrived, consented)
    usable, drops = events_clean(arrived, batch, steps=STEPS)
    events = [event for event, _ in usable]
    months = history.months_read({event.visitor_id.int for event in events})
    batch.stored = history.events_stored_find(events, months)
    batch.visits = history.visits_find(events)
    new, repeated = events_clean(usable, batch, steps=HISTORY)
    kept = [event for event, _ in new]
    _repeats_note(kept, batch.folded)
    visits = list(batch.visits.touched())
    history.visits_write(visits)
    history.months_add(kept, months)
    distributions.bins_add(shard, {**batch.moved, **distributions.visit_moves(visits)})
    findings = Counter(
        (str(finding), event.source) for event in kept if event.found for finding in event.found
    )
    return Cleaned(kept, drops + repeated, findings)


def _batch_make(arrived: Collection[Arrived], consented: frozenset[int]) -> Batch:
    signals = selectors.signal_list()
    return Batch(
        consented=consented,
        cumulative={
            name: Growing(signal.value_cap, STEP[signal.unit], ACTIVE_MS[signal.unit])
            for name, signal in signals.items()
            if signal.unit in STEP
        },
        repeat_ms={
            name: signal.repeat_ms
            for name, signal in signals.items()
            if signal.repeat_ms and signal.unit not in STEP
        },
        fences=selectors.fences(),
        hosts=selectors.hosts_own(),
        items=selectors.items_described(
            {e.item for e, _ in arrived if e.item and not (e.category and e.content_type)}
        ),
    )


def visitors_consenting(visitor_ids: Iterable[int]) -> frozenset[int]:
    """Those who agree to any purpose now; ids as integers, in and out."""
    asked = [UUID(int=visitor_id) for visitor_id in visitor_ids]
    return frozenset(visitor.int for visitor in selectors.visitors_consenting(asked))


def _repeats_note(events: Iterable[Event], folded: Counter[Key]) -> None:
    """Put the number of repeats folded into an event on its row."""
    for event in events if folded else ():
        count = folded.get((event.visitor_id.int, event.id.int), 0)
        event.repeats += min(count, MAX_REPEATS)
