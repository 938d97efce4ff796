"""Many visitors with profiles of a usual size, made at once."""

import random
from datetime import UTC, datetime
from uuid import UUID, uuid4

from consent.models import EffectiveConsent
from profiles import store
from profiles.state import DAY, Increment, State, state_add
from tests.tracking.people import ana_make

SIGNALS = ("page_view", "page_view", "dwell", "scroll", "click", "search", "add_to_cart")
#: Whoever comes after so many is like one of them.
DIFFERENT = 200


def crowd_make(size: int, *, events: int = 100) -> None:
    """Consenting visitors with about 7 KB of profile each, seen within the last three weeks."""
    consent = EffectiveConsent.objects.get(visitor_id=ana_make())
    ids = [uuid4() for _ in range(size)]
    EffectiveConsent.objects.bulk_create(_copied(consent, visitor_id) for visitor_id in ids)
    chance, now = random.Random(1), datetime.now(UTC)
    states = [_state(chance, now.timestamp(), events) for _ in range(min(size, DIFFERENT))]
    crowd = {visitor_id: states[index % DIFFERENT] for index, visitor_id in enumerate(ids)}
    store.states_write(crowd, shard=0)


def _copied(consent: EffectiveConsent, visitor_id: UUID) -> EffectiveConsent:
    values = {
        field.attname: getattr(consent, field.attname)
        for field in consent._meta.concrete_fields
        if not (field.primary_key and field.attname != "visitor_id")
    }
    return EffectiveConsent(**values | {"visitor_id": visitor_id})


def _state(chance: random.Random, now: float, events: int) -> State:
    state = State()
    for _ in range(events):
        at = (now - chance.random() * 20 * DAY) * 1000.0
        category, content_type = f"category-{chance.randrange(8)}", chance.choice(("guide", "film"))
        signal = chance.choice(SIGNALS)
        amount = 1.0 + 3.0 * chance.random()
        event = Increment(signal, category, content_type, amount, at, True, chance.random() < 0.1)
        state_add(state, event, max_topics=64)
    return state
