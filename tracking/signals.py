"""Nudges to the right: receivers look at their own cursor for what there is to do."""

from typing import Any, NamedTuple

from django.dispatch import Signal


class Consequence(NamedTuple):
    """What other weights would change, in a receiver's eyes: plain values, and the template that
    says them (as `preview`) to whoever is about to save."""

    template: str
    values: Any


#: sent after a drain committed; argument `shard`
events_stored = Signal()
#: sent after stored events of a visitor were changed, as only people do; argument `visitor_id`
events_changed = Signal()
#: sent after a visitor's events were deleted; argument `visitor_id`. A receiver that fails is
#: not forgiven: the erasure is tried again.
visitor_erased = Signal()
#: sent after events were deleted because of their age; argument `before`, a time: of what happened
#: before it something may be gone (selectors.events_complete_since tells the same at any time)
events_expired = Signal()
#: sent after a retired visitor's events became another's; arguments `from_id`, `into_id`. As with
#: an erasure, a receiver that fails has the merge tried again.
visitor_moved = Signal()
#: sent when event types were changed; arguments `by`, a user name, and `changed`, the names of the
#: fields that changed by event type; a receiver may return a sentence for whoever made the change
taxonomy_changed = Signal()
#: sent to ask the same of other half-lives; arguments `name`, an event type, and `half_lives`, its
#: short and long one in days. A receiver stores nothing and returns a Consequence, or None.
half_lives_previewed = Signal()
#: sent to ask what other weights would change, before anything is saved; argument `changes`, the
#: weights by event type. A receiver stores nothing and returns a Consequence, or None.
weights_previewed = Signal()
