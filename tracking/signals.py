"""Nudges to the right: receivers look at their own cursor for what there is to do."""

from django.dispatch import Signal

#: sent after a drain committed; argument `shard`
events_stored = Signal()
#: sent after stored events of a visitor were changed, as only people do; argument `visitor_id`
events_changed = Signal()
#: sent after a visitor's events were deleted; argument `visitor_id`. A receiver that fails is
#: not forgiven: the erasure is tried again.
visitor_erased = Signal()
#: sent after a retired visitor's events became another's; arguments `from_id`, `into_id`. As with
#: an erasure, a receiver that fails has the merge tried again.
visitor_moved = Signal()
#: sent when signal weights were changed; argument `by`, a user name; a receiver may return a
#: sentence for whoever made the change
taxonomy_changed = Signal()
