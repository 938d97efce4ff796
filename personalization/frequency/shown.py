"""What each visitor was shown, counted in Redis; rebuilt from the stored events when it is gone.

One small value per visitor, replaced by compare-and-swap: whoever wants to count an exposure says
which value it was decided on, and is refused when another request was faster. So the law is in
Python alone (personalization.frequency.limits), and holds under any number of requests at once.

A withdrawal deletes the value, and the swap refuses a page that had read the consent before: it
looks at the cached consent in the same step. What slips through while that is not cached is
deleted when the events are erased.
"""

import logging
from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec
from django.core.cache import cache

from consent import selectors as consent_selectors
from personalization.decide import RuleSet
from personalization.frequency.compile import concerned
from personalization.frequency.given import NO_COUNTERS, given_read
from personalization.frequency.limits import KEPT, NOTHING_SHOWN, Shown, shown_complete
from tracking import selectors as tracking_selectors

#: Since the last change of it. What is forgotten then is read from the events, if need be.
SHOWN_SECONDS = 30 * 24 * 3600
#: The latest events that a rebuild looks at, in one read of one visitor's.
REBUILD_EVENTS = 2000
REBUILD_TYPES = ("exposure", "dismiss", "click")

log = logging.getLogger(__name__)


class ConsentChangedError(Exception):
    """What may be done for the visitor has changed since this request looked."""


def shown_cache_key(visitor_id: UUID) -> str:
    return f"shown:{visitor_id}"


class ShownCopy:
    """What one request knows of what its visitor was shown.

    `raw` is what the cache held, b"" for nothing; `consent_raw` the cached consent that the
    request goes by, b"" where it was read from elsewhere. `given` is what the counters of
    capacities held (frequency.given).
    """

    def __init__(
        self,
        visitor_id: UUID,
        raw: object = None,
        consent_raw: object = None,
        given: Mapping[str, int] = NO_COUNTERS,
    ) -> None:
        self.visitor_id = visitor_id
        self.given = given
        self._consent_raw = consent_raw if isinstance(consent_raw, bytes) else b""
        self._hold(raw if isinstance(raw, bytes) else b"")

    def _hold(self, raw: bytes) -> None:
        self._raw = raw
        self.shown = _decode(raw)

    def swap(self, shown: Shown, places: Sequence[tuple[str, int]] = ()) -> bool:
        """Store what was shown, if nobody was faster; else hold what is stored now.

        `places` are counters with their capacities, of which it takes one each: all of them and
        what was shown, or nothing.

        Raises ConsentChangedError, and RedisError or OSError where Redis does not answer.
        """
        new = msgspec.json.encode(shown) if shown != NOTHING_SHOWN else b""
        done, raw = cache.swap(  # type: ignore[attr-defined]
            shown_cache_key(self.visitor_id),
            self._raw,
            new,
            seconds=SHOWN_SECONDS,
            guard=(consent_selectors.consent_cache_key(self.visitor_id), self._consent_raw),
            counters=places,
        )
        if done == -1:
            raise ConsentChangedError
        self._hold(raw)
        if done == -2:  # one was full, or not there
            keys = [key for key, _ in places]
            others = {key: count for key, count in self.given.items() if key not in keys}
            self.given = others | given_read(keys)
        return bool(done == 1)


def _decode(raw: bytes) -> Shown:
    """What a cached value says; garbage is taken for nothing, and so made anew."""
    if not raw:
        return NOTHING_SHOWN
    try:
        return msgspec.json.decode(raw, type=Shown)
    except msgspec.DecodeError:
        log.warning("unreadable exposures in the cache, counted anew from the events")
        return NOTHING_SHOWN


def shown_rebuild(visitor_id: UUID, held: Shown, ruleset: RuleSet) -> Shown:
    """What is held, completed by what the stored events say of campaigns that limits concern.

    What the browser has not reported, or no worker has stored yet, is not in the events.
    """
    stored: dict[str, dict[int, list[int]]] = {name: {} for name in REBUILD_TYPES}
    for name, campaign, at in tracking_selectors.visitor_placements(
        visitor_id, types=REBUILD_TYPES, limit=REBUILD_EVENTS
    ):
        stored[name].setdefault(campaign, []).append(int(at.timestamp() * 1000))
    limited, given = ruleset.limited, stored["exposure"]
    from_events = Shown(
        exposures={one: sorted(given[one])[-KEPT:] for one in concerned(limited, given)},
        dismissed={one: max(at) for one, at in stored["dismiss"].items() if one in limited},
        clicked={one: max(at) for one, at in stored["click"].items() if one in limited},
    )
    complete = shown_complete(held, from_events)
    return msgspec.structs.replace(complete, basis=ruleset.frequency_basis)


def shown_read(visitor_id: UUID, ruleset: RuleSet) -> Shown:
    """What a visitor was shown, for people to read: nothing is counted and nothing kept."""
    if not ruleset.limited:
        return NOTHING_SHOWN
    held = ShownCopy(visitor_id, cache.get(shown_cache_key(visitor_id))).shown
    if held.basis == ruleset.frequency_basis:
        return held
    return shown_rebuild(visitor_id, held, ruleset)
