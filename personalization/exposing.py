"""Giving a visitor what was decided, counted before it is given.

What counts is an exposure: a campaign with limits in a page or in an answer of the API. It is
counted, and takes its place where the campaign has a capacity, by one step in Redis
(frequency.shown) when such a campaign would win, and only then: other pages write nothing.
Explanations, previews and counts of reach call `decide`, never this.

Where nothing can be counted (Redis away, events unreadable, consent changed meanwhile), what has
limits is not shown: a cap is a promise, a campaign is not.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from django.core.cache import cache
from django.db import Error as DatabaseError
from redis.exceptions import RedisError

from personalization.decide import Decision, RuleSet, decide_page
from personalization.frequency.limits import (
    NOTHING_SHOWN,
    UNCOUNTABLE,
    Shown,
    place_needed,
    shown_bound,
    shown_join,
)
from personalization.frequency.shown import (
    ConsentChangedError,
    ShownCopy,
    shown_cache_key,
    shown_rebuild,
)
from personalization.rules.context import Context

log = logging.getLogger(__name__)

#: Refusals after which a request gives up. Each means that another exposure of the same visitor
#: was counted meanwhile, and a cap or budget refuses long before.
ATTEMPTS = 100
#: What a visitor can say of a campaign, and the field of Shown that remembers it.
OUTCOMES = {"dismiss": "dismissed", "click": "clicked"}


def decide_and_reserve(
    ruleset: RuleSet, slots: Sequence[str], context: Context, copy: ShownCopy | None
) -> list[Decision]:
    """Decide slots in this order and count what they are given, in at most one round trip.

    `context.shown` is taken from `copy`, which afterwards holds what is stored; None is for a
    visitor of whom nothing may be known. When another request was faster, everything is decided
    again on what is known then. Raises KeyError for a slot that was never published.
    """
    if copy is None or not ruleset.limited:
        return decide_page(ruleset, slots, context)[0]
    try:
        for _ in range(ATTEMPTS):
            decisions = _attempt(ruleset, slots, context, copy)
            if decisions is not None:
                return decisions
        log.warning("too many requests at once of one visitor, showing what has no limits")
    except (RedisError, OSError, DatabaseError) as error:
        log.warning("exposures cannot be counted: %s", type(error).__name__)
    except ConsentChangedError:
        pass  # what the visitor has just decided goes
    return decide_page(ruleset, slots, context.with_shown(UNCOUNTABLE))[0]


def _attempt(
    ruleset: RuleSet, slots: Sequence[str], context: Context, copy: ShownCopy
) -> list[Decision] | None:
    """The decisions, counted; None when another request was faster."""
    shown = copy.shown
    context = context.with_shown(shown, copy.given)
    decisions, after = decide_page(ruleset, slots, context)
    if not _asks_shown(ruleset, decisions, context):
        return decisions
    if shown.basis != ruleset.frequency_basis:
        shown = shown_rebuild(copy.visitor_id, shown, ruleset)
        context = context.with_shown(shown)
        decisions, after = decide_page(ruleset, slots, context)
    if after == copy.shown:
        return decisions
    places = _places(decisions, context)
    return decisions if copy.swap(shown_bound(after, ruleset.limited.keys()), places) else None


def _asks_shown(ruleset: RuleSet, decisions: Sequence[Decision], context: Context) -> bool:
    """Whether it matters what the visitor was shown: to what is given, or to what is full, where
    who had a place goes on having it."""
    limits = [decision.frequency for decision in decisions if decision.frequency]
    if any(frequency.remembers for frequency in limits):
        return True
    if not ruleset.capacities or context.shown.basis == ruleset.frequency_basis:
        return False
    has_past = context.state is not None and context.state.last is not None
    return has_past and any(decision.passed for decision in decisions)


def _places(decisions: Sequence[Decision], context: Context) -> list[tuple[str, int]]:
    """The counters of which these decisions take a place each, with what they hold at most."""
    given = [
        (decision.campaign.id, decision.frequency.capacity)
        for decision in decisions
        if decision.campaign and decision.frequency and decision.frequency.capacity
    ]
    needed = [(place_needed(campaign, one, context), one.count) for campaign, one in given]
    return [(key, count) for key, count in needed if key]


def outcome_record(
    *, visitor_id: UUID, campaign: int, outcome: str, consent_raw: object = None, now: datetime
) -> None:
    """Remember that a visitor dismissed or clicked a campaign (OUTCOMES): the next page knows.

    Raises ConsentChangedError, and RedisError or OSError where Redis does not answer.
    """
    name, at = OUTCOMES[outcome], int(now.timestamp() * 1000)

    def with_outcome(shown: Shown) -> Shown:
        return msgspec.structs.replace(shown, **{name: {**getattr(shown, name), campaign: at}})

    _change(visitor_id, with_outcome, consent_raw=consent_raw)


def shown_inherit(*, from_id: UUID, into_id: UUID) -> None:
    """Go on under the successor's id with what the retired one was shown; repeating adds nothing.

    The successor's is counted anew at the next chance: its own events may say more.
    """
    moved = shown_forget(visitor_id=from_id)
    _change(into_id, lambda shown: shown_join(shown, moved))


def shown_forget(*, visitor_id: UUID) -> Shown:
    """Forget what a visitor was shown, and say what it was: of several at once, to one.

    Raises RedisError or OSError where Redis does not answer.
    """
    return _change(visitor_id, lambda shown: NOTHING_SHOWN)


def _change(
    visitor_id: UUID, change: Callable[[Shown], Shown], *, consent_raw: object = None
) -> Shown:
    """Replace what is stored, and return it, however many do so at once.

    It ends: each refusal is another's success.
    """
    copy = ShownCopy(visitor_id, cache.get(shown_cache_key(visitor_id)), consent_raw)
    before = copy.shown
    while not copy.swap(change(before)):
        before = copy.shown
    return before
