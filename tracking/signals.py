"""Nudges to the right: receivers look at their own cursor for what there is to do."""

from django.dispatch import Signal

#: sent after a drain committed; argument `shard`
events_stored = Signal()
#: sent when signal weights were changed; argument `by`, a user name
taxonomy_changed = Signal()
