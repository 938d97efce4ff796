"""Nudges to the right: receivers look at their own cursor for what there is to do."""

from django.dispatch import Signal

#: sent after a drain committed; argument `shard`
events_stored = Signal()
#: sent after a visitor's events were deleted; argument `visitor_id`. A receiver that fails is
#: not forgiven: the erasure is tried again.
visitor_erased = Signal()
#: sent after events were deleted because of their age; argument `before`, a time: of what happened
#: before it something may be gone (selectors.events_complete_since tells the same at any time)
events_expired = Signal()
#: sent when signal weights were changed; argument `by`, a user name; a receiver may return a
#: sentence for whoever made the change
taxonomy_changed = Signal()
