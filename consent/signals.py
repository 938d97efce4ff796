"""What `consent` tells the apps to its right.

`consent_changed(sender, visitor_id: UUID, granted: frozenset[str], withdrawn: frozenset[str])` is
sent after commit, once per visitor id touched: with `withdrawn` non-empty for an id that was just
fenced (erase what is known of it), with `granted` for the id that now holds. It only nudges:
`selectors.visitors_to_erase` says what is to do, should a nudge be lost. Imports send none.
"""

from django.dispatch import Signal

consent_changed = Signal()
