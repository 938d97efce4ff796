"""What `consent` tells the apps to its right.

`consent_changed(sender, visitor_id: UUID, granted: frozenset[str], withdrawn: frozenset[str])` is
sent after commit, once per visitor id touched: with `withdrawn` non-empty for an id that was just
fenced (erase what is known of it), with `granted` for the id that now holds. It only nudges:
`selectors.visitors_to_erase` says what is to do, should a nudge be lost. Imports send none.

`visitors_merged(sender, from_id: UUID, into_id: UUID)` is sent after a sign-in committed that
retired the browser's id and continues it under the account's: what is known of `from_id` is
`into_id`'s from now on. It only nudges: `selectors.visitors_merged` says what is to do.

`request_refused(sender, reason: str, source: str)` is sent for a request of the API that is
refused, to be counted; nothing is said of who asked.
"""

from django.dispatch import Signal

consent_changed = Signal()
visitors_merged = Signal()
request_refused = Signal()
